"""IDs of projects."""

from tests.support.stack_settings import REMOVED, Values, accepted, refused

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


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)
