"""IDs of projects."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import REMOVED, Values, problems, stack

NO_PROJECT = "is not a project ID (not its name or number). `gcloud projects list` shows the IDs."

BAD: dict[str, tuple[Values, str]] = {
    "no project": (
        {"gcp:project": REMOVED},
        "gcp:project: is not set. Run `pulumi config set gcp:project PROJECT_ID` with the project to deploy to.",
    ),
    "a project's name": ({"gcp:project": "My Project"}, f'gcp:project: "My Project" {NO_PROJECT}'),
    "a project's number": ({"gcp:project": "123456789012"}, f'gcp:project: "123456789012" {NO_PROJECT}'),
}

GOOD: dict[str, Values] = {
    "project of a domain": {"gcp:project": "example.com:my-project"},
}


@pytest.mark.parametrize(("changes", "line"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_this_line_and_no_other(changes: Values, line: str) -> None:
    assert problems(stack(changes)) == [line]


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_good_input_is_accepted(changes: Values) -> None:
    parse(stack(changes))
