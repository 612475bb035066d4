"""What the two commands do."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ops.console import console
from ops.refusal import refuse

from .causes import NO_MODEL
from .cluster import ClusterError
from .look import Look
from .observed import Observed
from .report import ago, called, report, shortened, show
from .state import NoClusterError, StateError
from .watching import Step, Watching, after

EVERY = 5.0
"""Seconds between two looks."""
CODES = {True: 0, False: 1, None: 2}
"""Exit codes: all is well, something is not, it cannot be told."""


def diagnose(look: Look, stack: str) -> int:
    """Look once, print; the exit code."""
    try:
        seen = look()
    except (StateError, ClusterError) as error:
        refuse(f"stack {stack}: {error}" if stack else str(error))
    return CODES[report(seen, console())]


def table(watching: Watching, now: datetime) -> Table:
    """Every phase of every model, from when on, and how long."""
    found = Table("model", "phase", "since", "for", "")
    for model in watching.models or (NO_MODEL,):
        steps = watching.of(model)
        ends = [*(step.began for step in steps[1:]), now]
        for step, end in zip(steps, ends, strict=True):
            name = model if step is steps[0] and model != NO_MODEL else ""
            last = Text(shortened(step.phase.detail) if step is steps[-1] else "")  # others' words are no markup
            found.add_row(name, step.phase.name, f"{step.began:%H:%M:%S}", ago(step.began, end), last)
    return found


def line(step: Step) -> Text:
    """One change, for a log."""
    now = step.phase
    return Text(f"{step.began:%H:%M:%S} {called(step.model, now)}: {now.name} {shortened(now.detail)}".rstrip())


class Plain:
    """A line for each change, where there is no terminal."""

    def __init__(self, to: Console) -> None:
        self._to = to
        self._said: set[tuple[str, str, str]] = set()

    def __call__(self, watching: Watching) -> None:
        """Print what is new."""
        for step in watching.steps:
            key = (step.model, step.phase.name, step.phase.detail)
            if key not in self._said:
                self._said.add(key)
                self._to.print(line(step), soft_wrap=True)


def follow(look: Callable[[], Observed], until: datetime, tell: Callable[[Watching], None], to: Console) -> Watching:
    """Look until every model is Ready, a cause has lasted, one cannot be read, or it is late. Raises `StateError`, and
    `ClusterError` if the cluster does not answer the first time."""
    watching, last = Watching(), ""
    while True:
        try:
            watching = after(watching, look())
            tell(watching)
        except (NoClusterError, ClusterError) as error:
            if isinstance(error, ClusterError) and not watching.steps:
                raise
            if str(error) != last:
                to.print(Text(str(error)), soft_wrap=True)
            last = str(error)
        now = datetime.now(UTC)
        if watching.ready or watching.lasting(now) or watching.unread(now) or now >= until:
            return watching
        time.sleep(EVERY)


def _followed(look: Look, until: datetime, to: Console) -> Watching:
    if not to.is_terminal:
        return follow(look, until, Plain(to), to)
    with Live(console=to, auto_refresh=False) as live:

        def tell(watching: Watching) -> None:
            live.update(table(watching, datetime.now(UTC)), refresh=True)

        return follow(look, until, tell, to)


def watch(look: Look, stack: str, seconds: float) -> int:
    """Watch, print; the exit code."""
    to = console()
    try:
        ended = _followed(look, datetime.now(UTC) + timedelta(seconds=seconds), to)
    except (StateError, ClusterError) as error:
        refuse(f"stack {stack}: {error}" if stack else str(error))
    except KeyboardInterrupt:
        return 130
    now = datetime.now(UTC)
    if ended.ready:
        return CODES[True]
    show([finding for finding, _ in ended.causes], now, to)
    if ended.lasting(now):
        return CODES[False]
    if ended.unread(now):
        to.print("it cannot be told; what could not be read, and why: python -m ops diagnose")
        return CODES[None]
    to.print(f"not Ready within {seconds:g} seconds; to see why: python -m ops diagnose")
    return CODES[False]
