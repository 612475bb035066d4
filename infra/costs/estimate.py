"""What a stack costs an hour at list prices, running and idle, of its settings alone.

Counted is what is there whether anybody asks or not: cluster, nodes, disks, forwarding rule, NAT, key. What is paid by
use is not: data out of Google Cloud, through NAT and the load balancer, images that are kept, logs and metrics. Nor are
free tiers, such as that of one zonal cluster for each billing account, and discounts.
"""

import datetime
import re
from collections.abc import Iterator
from typing import NamedTuple

from infra.google.slices import Slice
from infra.settings import capacity
from infra.settings.schema import Settings

from .prices import Items, Price, known, price

SYSTEM_DISK_GB = 100
"""GKE's default, on pd-balanced (https://cloud.google.com/kubernetes-engine/docs/how-to/custom-boot-disks)."""
NAT_MACHINES = 32
"""More use a gateway at the price of so many (https://cloud.google.com/nat/pricing)."""


class Line(NamedTuple):
    """A kind of resource: how many units are paid for while models run, and while none does, and their price."""

    what: str
    running: float
    idle: float
    price: Price | None

    def usd(self, *, idle: bool = False) -> float | None:
        """US dollars an hour, None if the price is not known and there is any."""
        units = self.idle if idle else self.running
        return units * self.price.usd if self.price else (0 if not units else None)


class Estimate(NamedTuple):
    """The lines of a stack."""

    lines: tuple[Line, ...]

    def usd(self, *, idle: bool = False) -> float:
        """US dollars an hour of all whose price is known."""
        return sum(line.usd(idle=idle) or 0 for line in self.lines)

    @property
    def unknown(self) -> list[str]:
        """What has no known price in the stack's region. Nothing is paid for idle that is not while models run."""
        return [line.what for line in self.lines if line.usd() is None]

    @property
    def oldest(self) -> datetime.date | None:
        """The day of the oldest price that counts."""
        return min((line.price.date for line in self.lines if line.price), default=None)


def bought(settings: Settings) -> tuple[str, str]:
    """How the chips are bought, by the class that is tried first, and their item in the price list.

    What a reservation costs is agreed with Google, on-demand is what it is at the most.
    """
    kind = capacity.kind(settings.tpu_capacity[0])
    return kind, f"TPU v6e {capacity.ON_DEMAND if kind == capacity.RESERVATION else kind}"


def tpu_nodes(settings: Settings, tpu_slice: Slice, *, most: bool = False) -> tuple[int, int]:
    """Nodes of a slice while every model that is not paused runs, with the fewest or the most replicas, and while none
    does."""
    running = settings.most_serving(tpu_slice) if most else settings.serving(tpu_slice)
    return max(settings.tpu_min_nodes, running), settings.tpu_min_nodes


def reserved_nodes(settings: Settings, tpu_slice: Slice) -> int:
    """Nodes of a slice that a reservation holds, as far as the stack tells: also those of a model that is paused."""
    replicas = sum(model.most for model in settings.models if settings.slice_of(model) == tpu_slice)
    return max(settings.tpu_min_nodes, replicas)


def machine(machine_type: str) -> tuple[str, int]:
    """The item of a machine type, and how many of its unit it is: of a predefined machine, its processors."""
    sized = re.fullmatch(r"([a-z0-9]+-[a-z]+)-([0-9]+)", machine_type)
    return (f"machine {sized[1]}", int(sized[2])) if sized else (f"machine {machine_type}", 1)


def _lines(settings: Settings, items: Items, *, most: bool) -> Iterator[Line]:
    def line(what: str, item: str, running: float, idle: float | None = None) -> Line:
        return Line(what, running, running if idle is None else idle, price(items, item, settings.region))

    (kind, chip), disk, nodes = bought(settings), settings.tpu_boot_disk_gb, settings.system_min_nodes
    system, vcpus = machine(settings.system_machine_type)
    yield line("GKE cluster", "GKE cluster", 1)
    yield line(f"system nodes: {nodes} {settings.system_machine_type}", system, nodes * vcpus)
    yield line("their boot disks", "disk pd-balanced", nodes * SYSTEM_DISK_GB)
    all_running = all_idle = 0
    for of in settings.used_slices:
        running, idle = tpu_nodes(settings, of, most=most)
        all_running, all_idle = all_running + running, all_idle + idle
        if kind == capacity.RESERVATION:
            running = idle = reserved_nodes(settings, of)
        yield line(f"TPU nodes: {running} {of.machine_type} {kind}", chip, running * of.chips, idle * of.chips)
    yield line("boot disks of TPU nodes", "disk hyperdisk-balanced", all_running * disk, all_idle * disk)
    yield line("forwarding rule", "forwarding rule", 1)
    machines = [min(NAT_MACHINES, nodes + tpu) for tpu in (all_running, all_idle)]
    yield line("NAT gateway", "NAT gateway", *machines)
    yield line("NAT address", "NAT address", 1)
    if settings.hardened_cluster and not settings.kms_key:
        yield line("key of the cluster's Secrets", "KMS key", 1)


def estimate(settings: Settings, items: Items | None = None, *, most: bool = False) -> Estimate:
    """The estimate of a stack, at the prices of `prices.json` unless there are others. Autoscaled models run with the
    fewest replicas, or with `most`."""
    return Estimate(tuple(_lines(settings, known() if items is None else items, most=most)))


def output(settings: Settings) -> dict[str, object]:
    """The stack output `estimatedCost`: US dollars an hour, the day of the oldest price, and what is not in it. What it
    is with the most replicas is there only if models are autoscaled."""
    of = estimate(settings)
    most = {"usdPerHourMost": round(estimate(settings, most=True).usd(), 4)} if settings.autoscaled else {}
    return {
        "usdPerHourRunning": round(of.usd(), 4),
        "usdPerHourIdle": round(of.usd(idle=True), 4),
        **most,
        "pricesOf": str(of.oldest),
        **({"withoutPrice": of.unknown} if of.unknown else {}),
    }
