"""IPv4 ranges, and what Google Cloud takes as one.

Sources: https://cloud.google.com/vpc/docs/subnets#prohibited-ranges and, for the largest ranges of nodes, Pods and
Services, the tables of https://cloud.google.com/kubernetes-engine/docs/concepts/alias-ips#cluster_sizing.
"""

import re
from ipaddress import IPv4Network

PROHIBITED = {
    IPv4Network("0.0.0.0/8"): "this network",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("169.254.0.0/16"): "link-local",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("255.255.255.255/32"): "broadcast",
}
LARGEST = {"subnet_cidr": 8, "pod_cidr": 9, "service_cidr": 16}
"""The shortest length of a range, by its setting."""


def canonical(value: str) -> str:
    """A range as its first address and length. Raises `ValueError`."""
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


def of_vpc(cidr: str, setting: str) -> str:
    """A range that a VPC may use. Raises `ValueError`."""
    network = IPv4Network(cidr)
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


def caller_problem(cidr: str) -> str | None:
    """Why no request comes from a range, and the way out."""
    network = IPv4Network(cidr)
    for prohibited, kind in PROHIBITED.items():
        if network.subnet_of(prohibited):
            return f"contains {cidr}, which lies in {prohibited} ({kind}), and nothing comes from there. Remove it."
    return None
