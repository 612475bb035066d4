"""A diagnosis, printed."""

from datetime import datetime, timedelta

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from .cause import Finding
from .causes import NO_MODEL, findings
from .observed import Observed
from .phases import ASLEEP, DONE, PAUSED, READY, UNREAD, Phase, phase

LONGEST = 600
"""Characters of somebody's words that are shown."""
PAGE = "docs/troubleshooting.md"


def ago(since: datetime, now: datetime) -> str:
    """How long something lasts, without fractions of seconds."""
    return str(timedelta(seconds=max(int((now - since).total_seconds()), 0)))


def shortened(text: str) -> str:
    """Words in one line, the end of them if they are long."""
    whole = " ".join(text.split())
    return whole if len(whole) <= LONGEST else f"...{whole[-LONGEST:]}"


def _told(finding: Finding, now: datetime) -> list[tuple[str, str]]:
    """What is said of a cause: label and text."""
    sign = finding.sign
    since = f"{sign.since:%Y-%m-%d %H:%M:%S %Z}, for {ago(sign.since, now)}" if sign.since else ""
    rows = [
        ("of", sign.what),
        ("says", shortened(sign.said)),
        ("", sign.more),
        ("since", since),
        ("next", finding.next),
    ]
    return [(label, text) for label, text in [*rows, ("more", f'{PAGE}, "{finding.cause.entry}"')] if text]


def show(found: list[Finding], now: datetime, to: Console) -> None:
    """Print causes, each with whose words these are, since when, and what to do."""
    for finding in found:
        style = "yellow" if finding.cause.passing else "red"
        to.print(Text.assemble("  ", (finding.cause.name, f"bold {style}")))
        for label, text in _told(finding, now):
            to.print(Padding(Text(f"{label:<6}{text}"), (0, 0, 0, 4)), soft_wrap=True)


def called(model: str, now: Phase) -> str:
    """A model by its name, or that there is none."""
    if model != NO_MODEL:
        return model
    return "no model that is known" if now.name == UNREAD else "no model yet"


def _state(now: Phase) -> str:
    if now.name == UNREAD:
        return f"{UNREAD}, {now.detail}"
    return {READY: "Ready", PAUSED: PAUSED, ASLEEP: ASLEEP}.get(now.name, f"not Ready, phase {now.name}")


def report(seen: Observed, to: Console) -> bool | None:
    """Print how each model stands, and why. Whether all are Ready, paused or asleep, with nothing wrong around them;
    None if none is known not to be, and not all could be read."""
    wrong, unread = False, not seen.whole("models")
    for model in seen.places() or [NO_MODEL]:
        found, now = findings(seen, model), phase(seen, model)
        to.print(Text.assemble((called(model, now), "bold"), f": {_state(now)}"))
        show(found, seen.at, to)
        wrong |= now.name not in (*DONE, UNREAD) or not all(finding.cause.passing for finding in found)
        unread |= now.name == UNREAD
    well = False if wrong else None if unread else True
    if well:
        to.print("all is well; python -m ops smoke asks as a client does")
    for line in dict.fromkeys(seen.left_out):
        to.print(Text(f"left out: {line}"), soft_wrap=True)
    to.print("left out: what Google Cloud alone knows, such as the project's TPU quota", style="dim")
    return well
