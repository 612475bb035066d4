"""How many requests are lost while something fails or is changed, of a stack that is asked all the time."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.table import Table

from sandbox.engine.lifecycle import line

from .faults import Fault, census, settled
from .traffic import SECONDS, Outcome, Traffic, outcome
from .up import Up

AFTER = 3.0
"""Seconds for which what was done may still show, once everything is there again."""
CONFIG = {"requestsPerMinute": None}
"""Settings besides the stack file's: one key asks all the time here."""


class Result(NamedTuple):
    """What came of a fault."""

    fault: Fault
    outcome: Outcome

    @property
    def missed(self) -> bool:
        """Whether more was lost than may be."""
        return self.fault.goal is not None and self.outcome.lost > self.fault.goal


def tried(up: Up, traffic: Traffic, faults: Iterable[Fault]) -> Iterator[Result]:
    """Each fault, one after the other, with what was lost by it."""
    for fault in faults:
        before, since = census(up), time.monotonic()
        fault.do(up)
        settled(up, before)
        time.sleep(AFTER)
        found = Result(fault, outcome(traffic.requests, since, time.monotonic()))
        line(fault.name[:16], since, f"{found.outcome.lost} of {found.outcome.sent} requests lost")
        yield found


def run(up: Up, faults: Sequence[Fault]) -> list[Result]:
    """Ask, and let everything happen meanwhile."""
    with Traffic(lambda: up.client(SECONDS), up.outputs["model"]).flowing() as traffic:
        time.sleep(AFTER)
        return list(tried(up, traffic, faults))


def table(results: Sequence[Result]) -> Table:
    """Every fault, what was lost, and what may be."""
    shown = Table(title="Requests lost", title_justify="left")
    shown.add_column("while")
    for head in ("sent", "lost", "for", "may be lost"):
        shown.add_column(head, justify="right")
    shown.add_column("with")
    for fault, (sent, lost, seconds, got) in results:
        goal = "all meanwhile" if fault.goal is None else str(fault.goal)
        mark = "[red]" if fault.goal is not None and lost > fault.goal else ""
        why = ", ".join(f"{count} x {what}" for what, count in got.items())
        shown.add_row(fault.name, str(sent), f"{mark}{lost}", f"{seconds:.1f} s" if lost else "-", goal, why)
    return shown
