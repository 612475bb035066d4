"""What is in the project already: clusters and VPCs of such a stack, and ranges that overlap.

A stack has a VPC of its own, whose name and those of what is in it Pulumi makes up, so that nothing can clash while it
is made. Two VPCs whose ranges overlap cannot be peered, nor joined by VPN later
(https://cloud.google.com/vpc/docs/vpc-peering#considerations).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_network
from typing import Any

from infra.settings.schema import Settings

from .findings import Finding, ok, warn

CHECK = "neighbours"
OWN = re.compile(r"tpu-inference-[0-9a-f]{7}")
"""What Pulumi calls the cluster and the VPC of a stack."""


def own_clusters(clusters: Iterable[Any], labels: Mapping[str, str]) -> list[str]:
    """The clusters that have a stack's name and all labels of this one: LOCATION/NAME of the messages `Cluster`."""
    return [
        f"{cluster.location}/{cluster.name}"
        for cluster in clusters
        if OWN.fullmatch(cluster.name) and labels.items() <= dict(cluster.resource_labels).items()
    ]


def clusters(names: Iterable[str]) -> Iterator[Finding]:
    """Whether the stack seems to be up, and only once."""
    found = list(names)
    if len(found) > 1:
        yield warn(
            CHECK,
            f"{len(found)} clusters have this stack's name and labels: {', '.join(found)}",
            "One may be left behind, or another stack's: `pulumi stack output clusterName` says which is this one's",
        )
    elif found:
        yield ok(CHECK, f"{found[0]} has this stack's name and labels: it is up, so what is used counts as its own")
    else:
        yield ok(CHECK, "no cluster has this stack's name and labels: it is not up")


def vpcs(names: Iterable[str], *, is_up: bool) -> Iterator[Finding]:
    """VPCs of such a stack without a cluster: what a teardown has left, or another stack's."""
    found = [name for name in names if OWN.fullmatch(name)]
    if found and not is_up:
        yield warn(
            CHECK,
            f"there is {', '.join(found)}: another stack's VPC, or one that a teardown has left behind",
            "If nothing uses it: docs/teardown.md has how to look, and to remove it",
        )


def _ranges(subnet: Any) -> Iterator[str]:
    yield subnet.ip_cidr_range
    yield from (secondary.ip_cidr_range for secondary in subnet.secondary_ip_ranges)


def ranges(settings: Settings, subnets: Iterable[Any]) -> Iterator[Finding]:
    """Which of the stack's ranges overlap with the messages `Subnetwork` of other VPCs."""
    mine = {
        "subnetCidr": settings.subnet_cidr,
        "podCidr": settings.pod_cidr,
        "serviceCidr": settings.service_cidr,
        "controlPlaneCidr": settings.control_plane_cidr,
    }
    clash = 0
    for subnet in subnets:
        vpc = subnet.network.rsplit("/", 1)[-1]
        for theirs in () if OWN.fullmatch(vpc) else filter(None, _ranges(subnet)):
            for setting, range_ in mine.items():
                if ip_network(range_).overlaps(ip_network(theirs)):
                    clash += 1
                    yield warn(
                        CHECK,
                        f"{setting} {range_} overlaps with {theirs} of subnet {subnet.name} in VPC {vpc}: the stack "
                        "comes up, but the two VPCs can never be peered",
                        f"If they are to be, set `{setting}` to a range that is free before the first `pulumi up`",
                    )
    if not clash:
        yield ok(CHECK, "no subnet of another VPC overlaps with the stack's ranges")
