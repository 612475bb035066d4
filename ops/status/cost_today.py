"""What a stack has cost since midnight, at list prices: an estimate, of what is there now."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from infra.costs import prices
from infra.costs.estimate import NAT_MACHINES, SYSTEM_DISK_GB, estimate, machine
from infra.google.slices import SLICES
from infra.settings.capacity import RESERVATION, kind
from infra.settings.schema import Settings
from ops.diagnose.observed import Pool

from .known import Node, Part, Unknown

HOUR = timedelta(hours=1)


class Cost(Part):
    """US dollars since midnight in UTC, from `least` to `most`, and what has no known price and is not in it."""

    least: float
    most: float
    without: tuple[str, ...] = ()


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _parts(settings: Settings, node: Node, bought: str) -> dict[str, int]:
    """What is paid for a node, as items of the price list with their units. A reservation is paid for without one."""
    if not node.topology:
        processors, units = machine(settings.system_machine_type)
        return {processors: units, "disk pd-balanced": SYSTEM_DISK_GB}
    disk = {"disk hyperdisk-balanced": settings.tpu_boot_disk_gb}
    if bought == RESERVATION:
        return disk
    return {f"TPU v6e {bought}": next((of.chips for of in SLICES.values() if of.topology == node.topology), 0), **disk}


def _prices(settings: Settings, parts: Mapping[str, int], items: prices.Items) -> Iterable[tuple[str, float | None]]:
    """What parts cost an hour, None where the price is not known."""
    for item, units in parts.items():
        found = prices.price(items, item, settings.region)
        yield item, found.usd * units if found else None


def today(settings: Settings, nodes: Sequence[Node] | Unknown, pools: Sequence[Pool], now: datetime) -> Cost:
    """The estimate. With nodes, each counts from when it came, on top of what is paid without any; without, it is
    between no model running and all of them, with the most replicas that they may have."""
    items = prices.known()
    hours = (now - _midnight(now)) / HOUR
    if isinstance(nodes, Unknown):
        of = estimate(settings, items, most=True)
        return Cost(least=of.usd(idle=True) * hours, most=of.usd() * hours, without=tuple(of.unknown))
    base = estimate(settings.model_copy(update={"tpu_min_nodes": 0, "system_min_nodes": 0}), items)
    usd = base.usd(idle=True) * hours
    without = {line.what for line in base.lines if line.usd(idle=True) is None}
    classes = {pool.name: kind(pool.capacity) for pool in pools}
    for number, node in enumerate(sorted(nodes, key=lambda one: one.came)):
        parts = _parts(settings, node, classes.get(node.pool, kind(settings.tpu_capacity[0])))
        if number < NAT_MACHINES:
            parts["NAT gateway"] = 1
        for what, price in _prices(settings, parts, items):
            if price is None:
                without.add(what)
            usd += (price or 0) * (now - max(node.came, _midnight(now))) / HOUR
    return Cost(least=usd, most=usd, without=tuple(sorted(without)))
