"""IPv4 ranges, and what Google Cloud takes as one.

Sources: https://cloud.google.com/vpc/docs/subnets#prohibited-ranges and, for the largest ranges of nodes, Pods and
Services, the tables of https://cloud.google.com/kubernetes-engine/docs/concepts/alias-ips#cluster_sizing.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo
from pydantic.alias_generators import to_camel

from .context import context
from .explain import refuse

PROHIBITED = {
    IPv4Network("0.0.0.0/8"): "this network",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("169.254.0.0/16"): "link-local",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("255.255.255.255/32"): "broadcast",
}
PRIVATE = [IPv4Network(range_) for range_ in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")]
"""RFC 1918 and RFC 6598."""
LARGEST = {"subnet_cidr": 8, "pod_cidr": 9, "service_cidr": 16}
"""The shortest length of a range, by its setting."""


def _canonical(value: str) -> str:
    try:
        if "/" not in value:
            raise ValueError("it has no length")
        if not re.fullmatch(r"[0-9./]+", value) and "." in value:
            raise ValueError("it has other characters than digits, dots and a slash")
        return str(IPv4Network(value))
    except ValueError as problem:
        raise ValueError(
            f"is not an IPv4 range ({problem}). Write it as its first address and a length, like 10.0.0.0/20."
        ) from None


def _of_vpc(cidr: str, info: ValidationInfo) -> str:
    network, setting = IPv4Network(cidr), str(info.field_name)
    for prohibited, kind in PROHIBITED.items():
        if network.overlaps(prohibited):
            raise ValueError(
                f"overlaps {prohibited} ({kind}), which Google Cloud refuses. Use a private range, like 10.0.0.0/20."
            )
    if setting == "control_plane_cidr" and network.is_global:
        raise ValueError("is a public range, which GKE refuses here. Use a private one, like 172.16.0.0/28.")
    if network.prefixlen < LARGEST.get(setting, 0):
        raise ValueError(f"is larger than GKE takes here. Use a /{LARGEST[setting]} or smaller.")
    return cidr


def _no_overlap(cidr: str, info: ValidationInfo) -> str:
    for other in ("subnet_cidr", "pod_cidr", "service_cidr"):
        taken = info.data.get(other)
        if taken is not None and IPv4Network(cidr).overlaps(IPv4Network(taken)):
            raise ValueError(f"overlaps `{to_camel(other)}`, which is {taken}. Choose ranges that do not overlap.")
    return cidr


def _large_enough(cidr: str, info: ValidationInfo) -> str:
    """Room for every node: one address and, for its Pods, a /24; one more node for the system pool's upgrades.

    Each slice has a TPU pool for each class of capacity, and each pool may have its `tpuMaxNodes`.
    """
    pools = context(info).slices * len(info.data.get("tpu_capacity", ("on-demand",)))
    nodes = info.data.get("system_max_nodes", 1) + pools * info.data.get("tpu_max_nodes", 1) + 1
    prefix = IPv4Network(cidr).prefixlen
    longest = {
        "subnet_cidr": 32 - (nodes + 4 - 1).bit_length(),  # Google keeps 4 addresses of a subnet
        "pod_cidr": 24 - (nodes - 1).bit_length(),
        "service_cidr": 27,  # about ten of the platform, and three of each model
    }[str(info.field_name)]
    if prefix > longest:
        raise ValueError(f"is too small for up to {nodes} nodes and their Services. Use a /{longest} or larger.")
    return cidr


def _is_28(cidr: str) -> str:
    if not cidr.endswith("/28"):
        raise ValueError("is not a /28, and GKE takes no other size for the control plane. Use a /28.")
    return cidr


def _caller_problem(cidr: str) -> str | None:
    network = IPv4Network(cidr)
    for prohibited, kind in PROHIBITED.items():
        if network.subnet_of(prohibited):
            return f"contains {cidr}, which lies in {prohibited} ({kind}), and nothing comes from there. Remove it."
    return None


def _callers(cidrs: tuple[str, ...]) -> tuple[str, ...]:
    refuse(map(_caller_problem, cidrs))
    return cidrs


def _client_problem(cidr: str) -> str | None:
    if any(IPv4Network(cidr).subnet_of(private) for private in PRIVATE):
        return (
            f"contains {cidr}, which is private, and the load balancer sees public addresses only. Use the public "
            "range that these clients come from, such as that of their NAT."
        )
    return _caller_problem(cidr)


def _clients(cidrs: tuple[str, ...]) -> tuple[str, ...]:
    refuse(map(_client_problem, cidrs))
    return cidrs


Cidr = Annotated[str, AfterValidator(_canonical)]
NodeRange = Annotated[Cidr, AfterValidator(_of_vpc), AfterValidator(_large_enough)]
PodRange = Annotated[Cidr, AfterValidator(_of_vpc), AfterValidator(_no_overlap), AfterValidator(_large_enough)]
ServiceRange = PodRange
ControlPlaneRange = Annotated[Cidr, AfterValidator(_of_vpc), AfterValidator(_no_overlap), AfterValidator(_is_28)]
Callers = Annotated[tuple[Cidr, ...], AfterValidator(_callers)]
Clients = Annotated[tuple[Cidr, ...], AfterValidator(_clients)]


def warnings(callers: Iterable[str]) -> Iterator[str]:
    """What may be wrong with the ranges of callers."""
    if "0.0.0.0/0" in callers:
        yield (
            "authorizedNetworks: 0.0.0.0/0 lets everyone knock at the control plane, and `kubectl` and Pulumi need "
            "none of it."
        )


def client_warnings(clients: Iterable[str], tls: str) -> Iterator[str]:
    """What may be wrong with the ranges of clients."""
    if clients and tls == "lets-encrypt":
        yield (
            "allowedClients: keeps Let's Encrypt out, which asks from addresses that it does not tell, so no "
            "certificate is signed or renewed. Remove it, or use `tls` self-signed or secret."
        )
    if "0.0.0.0/0" in clients:
        yield "allowedClients: 0.0.0.0/0 lets everyone reach the endpoint, as an empty list does."
