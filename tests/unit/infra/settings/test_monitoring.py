"""Whether a stack is watched, who is told, and the line that each mistake gets."""

from typing import Any

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, problems, refused, stack

ON: Values = {"monitoring": True}
CHANNEL = "projects/my-project/notificationChannels/1234567890"
NO_ADDRESS = "which is no mail address. Use one like team@example.com."
NO_CHANNEL = (
    "which is no name of a channel. Use one like projects/PROJECT/notificationChannels/NUMBER: `gcloud beta monitoring "
    "channels list --format='value(name)'` shows them."
)
OFF = (
    "is for the alerts of `monitoring`, which is false, so nobody would be told. Run `pulumi config set monitoring "
    "true`, or remove it."
)
TOO_MANY = (
    "are too many: an alert goes to 16 at most, those of `alertEmails` and `alertChannels` together. Remove some, or "
    "use the address of a group."
)
SILENT = (
    "alertEmails: is empty, and so is `alertChannels`: an alert opens an incident in the console and nobody is told. "
    "Run `pulumi config set --path 'alertEmails[0]' ADDRESS` (docs/monitoring.md)."
)


def emails(count: int) -> list[str]:
    return [f"a{i}@example.com" for i in range(count)]


BAD: dict[str, tuple[Values, str]] = {
    "address without a domain": (
        ON | {"alertEmails": ["team"]},
        f"alertEmails: [\"team\"] contains 'team', {NO_ADDRESS}",
    ),
    "address of a host without a dot": (
        ON | {"alertEmails": ["team@localhost"]},
        f"alertEmails: [\"team@localhost\"] contains 'team@localhost', {NO_ADDRESS}",
    ),
    "address with more behind it": (
        ON | {"alertEmails": ["a@example.com b@example.com"]},
        f"alertEmails: [\"a@example.com b@example.com\"] contains 'a@example.com b@example.com', {NO_ADDRESS}",
    ),
    "address twice": (
        ON | {"alertEmails": ["a@example.com", "a@example.com"]},
        'alertEmails: ["a@example.com", "a@example.com"] contains a@example.com twice. Remove one.',
    ),
    "address alone": (
        ON | {"alertEmails": "a@example.com"},
        'alertEmails: "a@example.com" is not a list. Write one, even for a single value.',
    ),
    "channel by its number alone": (
        ON | {"alertChannels": ["1234567890"]},
        f"alertChannels: [\"1234567890\"] contains '1234567890', {NO_CHANNEL}",
    ),
    "channel with more behind it": (
        ON | {"alertChannels": [f"{CHANNEL}/x"]},
        f"alertChannels: [\"{CHANNEL}/x\"] contains '{CHANNEL}/x', {NO_CHANNEL}",
    ),
    "channel of another project": (
        ON | {"alertChannels": ["projects/other-project/notificationChannels/1"]},
        'alertChannels: ["projects/other-project/notificationChannels/1"] contains '
        "'projects/other-project/notificationChannels/1', and an alert goes to channels of its own project alone, "
        "my-project. Make one there.",
    ),
    "channel twice": (
        ON | {"alertChannels": [CHANNEL, CHANNEL]},
        f'alertChannels: ["{CHANNEL}", "{CHANNEL}"] contains {CHANNEL} twice. Remove one.',
    ),
    "address without monitoring": ({"alertEmails": ["a@example.com"]}, f'alertEmails: ["a@example.com"] {OFF}'),
    "channel without monitoring": ({"alertChannels": [CHANNEL]}, f'alertChannels: ["{CHANNEL}"] {OFF}'),
    "neither on nor off": ({"monitoring": "on"}, 'monitoring: "on" is neither true nor false. Use one of them.'),
}

test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(
    {
        "nobody is told": ON,
        "addresses and channels": ON | {"alertEmails": ["a.b+c@x.example.com"], "alertChannels": [CHANNEL]},
        "channel by its project's number": ON | {"alertChannels": ["projects/123456/notificationChannels/1"]},
        "as many as there may be": ON | {"alertEmails": emails(15), "alertChannels": [CHANNEL]},
        "off, and no one to tell": {"monitoring": False, "alertEmails": [], "alertChannels": []},
    }
)


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"alertEmails": emails(17)}, "alertEmails"),
        ({"alertEmails": emails(16), "alertChannels": [CHANNEL]}, "alertChannels"),
    ],
)
def test_more_channels_than_an_alert_takes_are_refused(changes: dict[str, Any], setting: str) -> None:
    [said] = problems(stack(ON | changes))
    assert said.startswith(f"{setting}: ")
    assert said.endswith(TOO_MANY)


def test_stack_is_not_watched_unless_it_says_so() -> None:
    settings = parse(stack())
    assert (settings.monitoring, settings.scraped) == (False, False)
    assert (settings.alert_emails, settings.alert_channels) == ((), ())
    assert parse(stack(ON)).scraped is True


def test_alerts_that_reach_nobody_are_told() -> None:
    assert parse(stack(ON)).warnings == [SILENT]
    assert parse(stack(ON | {"alertEmails": emails(1)})).warnings == []
    assert parse(stack(ON | {"alertChannels": [CHANNEL]})).warnings == []
    assert parse(stack()).warnings == []
