"""What a stack has cost since midnight, at list prices: an estimate, of what is there now."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from infra.costs import prices
from infra.costs.estimate import estimate
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


def _tpu_node(settings: Settings, node: Node, bought: str, items: prices.Items) -> Iterable[tuple[str, float | None]]:
    """What a TPU node costs an hour, part by part, None where the price is not known."""
    chips = next((of.chips for of in SLICES.values() if of.topology == node.topology), 0)
    parts = {f"TPU v6e {bought}": chips, "disk hyperdisk-balanced": settings.tpu_boot_disk_gb}
    for item, units in parts.items():
        found = prices.price(items, item, settings.region)
        yield item, found.usd * units if found else None


def today(settings: Settings, nodes: Sequence[Node] | Unknown, pools: Sequence[Pool], now: datetime) -> Cost:
    """The estimate. With nodes, each TPU node counts from when it came, on top of what is paid without any; without, it
    is between no model running and all of them, with the most replicas that they may have."""
    items = prices.known()
    hours = (now - _midnight(now)) / HOUR
    if isinstance(nodes, Unknown):
        of = estimate(settings, items, most=True)
        return Cost(least=of.usd(idle=True) * hours, most=of.usd() * hours, without=tuple(of.unknown))
    usd = estimate(settings.model_copy(update={"tpu_min_nodes": 0}), items).usd(idle=True) * hours
    without: set[str] = set()
    classes = {pool.name: kind(pool.capacity) for pool in pools}
    for node in (node for node in nodes if node.topology):
        bought = classes.get(node.pool, kind(settings.tpu_capacity[0]))
        for what, price in _tpu_node(settings, node, bought, items):
            if what == f"TPU v6e {RESERVATION}":  # paid for with or without a node
                continue
            if price is None:
                without.add(what)
            usd += (price or 0) * (now - max(node.came, _midnight(now))) / HOUR
    return Cost(least=usd, most=usd, without=tuple(sorted(without)))
