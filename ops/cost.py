"""What does a stack cost? `python -m ops cost --stack NAME`; docs/cost.md has what is counted, and from what."""

import datetime
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from infra.costs import prices
from infra.costs.estimate import Estimate, bought, estimate
from infra.settings import capacity
from infra.settings.schema import Settings

from .console import console
from .price_refresh import catalogue, refreshed
from .refusal import refuse
from .stack_file import StackFileError, stack

PERIODS = {"hour": 1, "day": 24, "month": prices.HOURS_A_MONTH}
OLD_AFTER = datetime.timedelta(days=90)
"""Spot prices change once a month at the most, others more seldom (https://cloud.google.com/spot-vms/pricing)."""


def today() -> datetime.date:
    """The day by which prices are old."""
    return datetime.datetime.now(datetime.UTC).date()


def usd(amount: float | None) -> str:
    """An amount as a table shows it; hours cost cents."""
    if amount is None:
        return "unknown"
    return f"{amount:,.3f}" if amount < 10 else f"{amount:,.2f}"


def table(of: Estimate) -> Table:
    """The lines of an estimate, for each period, and their sum."""
    shown = Table(title="US dollars, while models run and while none does", title_justify="left", show_footer=True)
    shown.add_column("", "all" + (" that is known" if of.unknown else ""), no_wrap=True)
    for idle in (False, True):
        for period, hours in PERIODS.items():
            name = f"idle {period}" if idle else period
            shown.add_column(name, usd(of.usd(idle=idle) * hours), justify="right")
    for line in of.lines:
        hourly = [(line.usd(idle=idle), hours) for idle in (False, True) for hours in PERIODS.values()]
        shown.add_row(line.what, *(usd(None if each is None else each * hours) for each, hours in hourly))
    return shown


def per_million(of: Estimate, tokens_per_second: float) -> float:
    """US dollars for a million tokens, if so many come every second of every hour."""
    return of.usd() / (tokens_per_second * 3600) * 1e6


def notes(
    settings: Settings, of: Estimate, most: Estimate, tokens_per_second: float | None, day: datetime.date
) -> Iterator[str]:
    """What the table does not say; `most` is the estimate with the most replicas."""
    if tokens_per_second:
        cost = per_million(of, tokens_per_second)
        yield f"A million tokens, at {tokens_per_second:,g} a second without a pause: {cost:.3f}."
    paused = [model.name for model in settings.models if model.paused]
    if paused:
        yield f"Paused, and so not counted as running: {', '.join(paused)}."
    scaled = [f"{m.name} {m.autoscaling.min} to {m.autoscaling.max}" for m in settings.models if m.autoscaling]
    if scaled:
        yield (
            f"Replicas that the load decides: {', '.join(scaled)}. Running is with the fewest that answer; with the "
            f"most it is {usd(most.usd())} an hour."
        )
    kind, _ = bought(settings)
    if len(settings.tpu_capacity) > 1:
        yield f"TPU nodes are at the price of {kind}, the first class of `tpuCapacity`; those of another cost its own."
    if kind == capacity.RESERVATION:
        yield "A reservation is paid for also without a node. Its price is agreed with Google; here it is on-demand's."
    for what in of.unknown:
        yield f"No price is known in {settings.region} for {what}: `--refresh` asks the Cloud Billing catalogue."
    if of.oldest:
        yield f"Prices of {of.oldest} and later; traffic, logs, taxes, free tiers and discounts are not counted."
        if day - of.oldest > OLD_AFTER:
            yield f"The oldest is more than {OLD_AFTER.days} days old: `--refresh` asks for today's."


def _tell(lines: Iterable[str], to: Console) -> None:
    for line in lines:
        to.print(line, highlight=False, soft_wrap=True, markup=False)


def run(name: str, folder: Path, *, tokens_per_second: float | None, refresh: bool) -> int:
    """Refresh if asked to, compute, print; the exit code."""
    to = console()
    try:
        settings = stack(name, folder).settings
    except StackFileError as wrong:
        refuse(str(wrong))
    items = prices.known()
    if refresh:
        old, items = items, refreshed(items, settings.region, today(), catalogue())
        prices.write(items)
        _tell([f"{prices.FILE.name} has today's prices of {settings.region}: commit it."], to)
        kept = [name for name, item in items.items() if item == old[name]]
        _tell([f"Not found in the catalogue, and so as before: {', '.join(kept)}."] if kept else [], to)
    of = estimate(settings, items)
    to.print(table(of))
    _tell(notes(settings, of, estimate(settings, items, most=True), tokens_per_second, today()), to)
    return 0
