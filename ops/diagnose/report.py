"""A diagnosis, printed."""

from datetime import datetime, timedelta

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from .cause import Finding
from .causes import NO_MODEL, findings
from .observed import Observed
from .phases import ASLEEP, DONE, PAUSED, READY, phase

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


def report(seen: Observed, to: Console) -> bool:
    """Print how each model stands, and why. Whether all are Ready, paused or asleep, with nothing wrong around them."""
    models, well = seen.places() or [NO_MODEL], True
    for model in models:
        found, now = findings(seen, model), phase(seen, model)
        state = {READY: "Ready", PAUSED: PAUSED, ASLEEP: ASLEEP}.get(now.name, f"not Ready, phase {now.name}")
        to.print(Text.assemble((model if model != NO_MODEL else "no model yet", "bold"), f": {state}"))
        show(found, seen.at, to)
        well &= now.name in DONE and all(finding.cause.passing for finding in found)
    if well:
        to.print("all is well; python -m ops smoke asks as a client does")
    for line in dict.fromkeys(seen.left_out):
        to.print(Text(f"left out: {line}"), soft_wrap=True)
    to.print("left out: what Google Cloud alone knows, such as the project's TPU quota", style="dim")
    return well
