"""Ranges of addresses, taken together: two halves of the internet are the internet."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

OWN = tuple(IPv4Network(cidr) for cidr in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"))
"""Ranges that are not reached from the internet, and so may be as wide as they are."""
WIDEST = {4: 8, 6: 16}
"""As many addresses as one range of this prefix is the most that "named networks" can be."""


def _network(text: Any) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(str(text), strict=False)
    except ValueError:
        return None


def too_wide(ranges: Iterable[Any]) -> str | None:
    """Ranges that together are about everybody: what they are when merged. None if they are not, or not known."""
    networks = [network for network in map(_network, ranges) if network]
    four = [n for n in networks if isinstance(n, IPv4Network) and not any(n.subnet_of(own) for own in OWN)]
    six = [n for n in networks if isinstance(n, IPv6Network)]
    for version, merged in ((4, list(collapse_addresses(four))), (6, list(collapse_addresses(six)))):
        bits = 32 if version == 4 else 128
        if sum(network.num_addresses for network in merged) > 2 ** (bits - WIDEST[version]):
            return ", ".join(map(str, merged))
    return None
