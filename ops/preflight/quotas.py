"""Quotas of Compute Engine other than that of chips: processors, disks, addresses, networks.

Sources: https://cloud.google.com/compute/resource-usage (which families have a quota of processors of their own, and
that balanced and SSD disks count as SSD_TOTAL_GB), the enum `Quota.Metric` of google-cloud-compute (names),
https://cloud.google.com/tpu/docs/setup-persistent-disk (a v6e host boots from Hyperdisk Balanced).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from infra.costs.estimate import SYSTEM_DISK_GB
from infra.settings import machines
from infra.settings.schema import Settings

from .findings import Finding, fail, left_out, ok, warn
from .needs import classes, tpu_nodes

CHECK = "quota"
CPUS = {"e2": "CPUS", "n1": "CPUS", "n2": "N2_CPUS", "n2d": "N2D_CPUS", "t2d": "T2D_CPUS", "c2": "C2_CPUS"}
CPUS |= {"c2d": "C2D_CPUS", "c3": "C3_CPUS"}
"""The quota that a family's processors are taken from. Newer families have one that is not among a region's."""
BALANCED = frozenset({"e2", "n1", "n2", "n2d", "t2d", "c2", "c2d", "c3"})
"""Families whose nodes boot from a balanced persistent disk if none is asked for."""


class Need(NamedTuple):
    """What of a quota the stack takes: to run at all, and at the most. `unit` is for people."""

    metric: str
    unit: str
    least: int
    most: int


def of_region(settings: Settings) -> list[Need]:
    """What it takes of the quotas of its region."""
    fewest, most = settings.system_min_nodes, settings.system_max_nodes
    needs = [Need("IN_USE_ADDRESSES", "addresses", 2, 2), Need("STATIC_ADDRESSES", "addresses", 1, 1)]
    family = settings.system_machine_type.partition("-")[0]
    machine = machines.known(settings.system_machine_type)
    if machine and family in CPUS:
        needs.append(Need(CPUS[family], "vCPUs", fewest * machine.vcpus, most * machine.vcpus))
    if family in BALANCED:
        needs.append(Need("SSD_TOTAL_GB", "GB", fewest * SYSTEM_DISK_GB, most * SYSTEM_DISK_GB))
    disk, nodes = settings.tpu_boot_disk_gb, tpu_nodes(settings)
    least, all_nodes = sum(of.least for of in nodes), sum(of.most for of in nodes) * len(classes(settings))
    return [*needs, Need("HDB_TOTAL_GB", "GB", least * disk, all_nodes * disk)]


def unknown(settings: Settings) -> Iterator[Finding]:
    """What a region's quotas do not tell."""
    family = settings.system_machine_type.partition("-")[0]
    if family not in CPUS:
        do = "See IAM & Admin, Quotas & System Limits in the console: Compute Engine API, CPUs per VM family"
        yield left_out(CHECK, f"processors of the family {family}, whose quota is not among a region's", do)


def of_project() -> list[Need]:
    """What it takes of the project's: a VPC with its router."""
    return [Need("NETWORKS", "networks", 1, 1), Need("ROUTERS", "routers", 1, 1)]


def findings(needs: Iterable[Need], quotas: Iterable[Any], where: str, *, is_up: bool) -> Iterator[Finding]:
    """A line for each need that the messages `Quota` say something of. What is used counts unless the stack is up,
    as then much of it is the stack's own."""
    known: Mapping[str, Any] = {quota.metric: quota for quota in quotas}
    for need in needs:
        if quota := known.get(need.metric):
            yield _finding(need, int(quota.limit), 0 if is_up else int(quota.usage), where)


def _finding(need: Need, limit: int, used: int, where: str) -> Finding:
    free = limit - used
    told = f"{need.metric} in {where}: {free} of {limit} {need.unit} free"
    do = (
        f"Ask for more of {need.metric}: in the console under IAM & Admin, Quotas & System Limits, Compute Engine API"
        + (", or remove what uses it" if used else "")
    )
    if free < need.least:
        return fail(CHECK, f"{told}, and the stack takes {need.least}", do)
    if free < need.most:
        return warn(CHECK, f"{told}: enough to begin with, but it may grow to {need.most}", do)
    return ok(CHECK, f"{told}; at the most {need.most} are taken")
