"""Whether the stack is watched, and who is told of what goes wrong."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from .explain import refuse

MOST_TOLD = 16
"""Notification channels of an alerting policy (https://cloud.google.com/monitoring/alerts#limits)."""


def _told(entries: tuple[str, ...], info: ValidationInfo) -> None:
    """What is wrong with whom alerts go to, of either kind."""
    if entries and info.data.get("monitoring") is False:
        raise ValueError(
            "is for the alerts of `monitoring`, which is false, so nobody would be told. Run `pulumi config set "
            "monitoring true`, or remove it."
        )
    twice = sorted({entry for entry in entries if entries.count(entry) > 1})
    refuse(f"contains {entry} twice. Remove one." for entry in twice)
    if len(entries) + len(info.data.get("alert_emails", ())) > MOST_TOLD:
        raise ValueError(
            f"are too many: an alert goes to {MOST_TOLD} at most, those of `alertEmails` and `alertChannels` together. "
            "Remove some, or use the address of a group."
        )


def _emails(emails: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    wrong = [email for email in emails if not re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", email)]
    refuse(f"contains {email!r}, which is no mail address. Use one like team@example.com." for email in wrong)
    _told(emails, info)
    return emails


def _channels(channels: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    wrong = [name for name in channels if not re.fullmatch(r"projects/[^/\s]+/notificationChannels/[0-9]+", name)]
    refuse(
        f"contains {name!r}, which is no name of a channel. Use one like projects/PROJECT/notificationChannels/NUMBER: "
        "`gcloud beta monitoring channels list --format='value(name)'` shows them."
        for name in wrong
    )
    project = info.data.get("project")
    refuse(
        f"contains {name!r}, and an alert goes to channels of its own project alone, {project}. Make one there."
        for name, theirs in [(name, name.split("/")[1]) for name in channels]
        # A name may have the project's number as well, which nothing here knows.
        if project and not theirs.isdecimal() and theirs != project
    )
    _told(channels, info)
    return channels


AlertEmails = Annotated[tuple[str, ...], AfterValidator(_emails)]
AlertChannels = Annotated[tuple[str, ...], AfterValidator(_channels)]


def warnings(emails: Sequence[str], channels: Sequence[str], *, monitoring: bool) -> Iterator[str]:
    """Whether alerts reach nobody."""
    if monitoring and not emails and not channels:
        yield (
            "alertEmails: is empty, and so is `alertChannels`: an alert opens an incident in the console and nobody is "
            "told. Run `pulumi config set --path 'alertEmails[0]' ADDRESS` (docs/monitoring.md)."
        )
