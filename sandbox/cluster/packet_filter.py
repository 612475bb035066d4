"""The packet filter of one network namespace: what its programs may open to Pods and to hosts of the internet,
everything else of them is dropped.

It is the kernel's own, nftables, in a table of ours; `pyroute2` speaks to it, so no program has to be installed. It
holds no opinion: the flows come from elsewhere (`firewall`), addresses filled in. Answers to what was opened from
the other side pass always, and what is connected already stays so when the flows change.
"""

import struct
import threading
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, ip_network
from typing import Any, NamedTuple

from pyroute2 import netns
from pyroute2.netlink import NLM_F_ACK, NLM_F_APPEND, NLM_F_CREATE, NLM_F_REQUEST
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink import NFNL_SUBSYS_NFTABLES, nfgen_msg
from pyroute2.netlink.nfnetlink import nftsocket as nft
from pyroute2.nftables.expressions import genex, verdict
from pyroute2.nftables.main import NFTables

from .addresses import INTERNET, METADATA, POD_NETWORK

TABLE, CHAIN = "vpc", "output"
DROP, ACCEPT = 0, 1  # linux/netfilter.h
LOCAL_OUT = 3  # the hook of what the namespace's own programs send, NF_INET_LOCAL_OUT in linux/netfilter.h
BATCH_BEGIN, BATCH_END = 0x10, 0x11  # linux/netfilter/nfnetlink.h: all in between is done at once, or nothing
NETWORK_HEADER, TRANSPORT_HEADER = 1, 2  # what follows: linux/netfilter/nf_tables.h
REGISTER = 1
CT_STATE, ESTABLISHED, RELATED = 0, 1 << 1, 1 << 2
TCP = 6
META_OUT_INTERFACE, LOOPBACK = 5, 1

Expressions = list[dict[str, Any]]


class PacketFilterError(Exception):
    """The kernel cannot do this; the message says what is missing."""


class Allowed(NamedTuple):
    """The address of a Pod or host, and the first and last TCP port on it that may be opened."""

    address: str
    first: int
    last: int


def apply(network: str, allowed: Iterable[Allowed] | None) -> None:
    """Let the programs of a network namespace of `ip netns` open these and no more; None lifts the filter."""
    rules = [_answers(), _own(), *map(_allows, allowed or ())]
    if allowed is not None:
        rules += map(_nothing_else_of, (POD_NETWORK, INTERNET, METADATA))

    def replace() -> None:
        try:
            _replace(rules)
        except (NetlinkError, OSError) as error:
            raise PacketFilterError(
                f"a real control plane takes a kernel with nf_tables and nft_ct, and this one refuses ({error}): on "
                "most systems `sudo modprobe -a nf_tables nft_ct` brings them"
            ) from error

    _inside(network, replace)


def _inside(network: str, act: Callable[[], None]) -> None:
    """Do something in a network namespace; a thread of its own goes there, and the others stay."""
    failed: list[Exception] = []

    def run() -> None:
        try:
            netns.setns(f"/run/netns/{network}", flags=0)
            act()
        except Exception as error:  # for the caller
            failed.append(error)

    thread = threading.Thread(target=run, name=f"packet filter of {network}")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


def _replace(rules: list[Expressions]) -> None:
    """The table anew with these rules, in one step: no packet meets half of them."""
    hook = {"attrs": [("NFTA_HOOK_HOOKNUM", LOCAL_OUT), ("NFTA_HOOK_PRIORITY", 0)]}
    chain = {"table": TABLE, "name": CHAIN, "hook": hook, "type": "filter", "policy": ACCEPT}
    messages = [
        _edge(BATCH_BEGIN),
        _message(nft.nft_table_msg, nft.NFT_MSG_NEWTABLE, name=TABLE),  # so that there is one to delete
        _message(nft.nft_table_msg, nft.NFT_MSG_DELTABLE, name=TABLE),
        _message(nft.nft_table_msg, nft.NFT_MSG_NEWTABLE, name=TABLE),
        _message(nft.nft_chain_msg, nft.NFT_MSG_NEWCHAIN, **chain),
    ]
    for rule in rules:
        messages.append(_message(nft.nft_rule_msg, nft.NFT_MSG_NEWRULE, table=TABLE, chain=CHAIN, expressions=rule))
    with NFTables() as kernel:
        kernel.get_tables()  # a kernel without nf_tables refuses this; of a batch it would refuse the edge, unheard
        kernel.nlm_request_batch([*messages, _edge(BATCH_END)])


def _edge(kind: int) -> nfgen_msg:
    message: Any = nfgen_msg()
    message["res_id"] = NFNL_SUBSYS_NFTABLES
    message["header"]["type"], message["header"]["flags"] = kind, NLM_F_REQUEST
    return message


def _message(of: type[Any], kind: int, **attributes: Any) -> nfgen_msg:
    message = of()
    message["attrs"] = [(of.name2nla(key), value) for key, value in attributes.items()]
    message["header"]["type"] = NFNL_SUBSYS_NFTABLES << 8 | kind
    message["header"]["flags"] = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND
    message["nfgen_family"] = nft.NFPROTO_IPV4
    return message


# Rules: each expression loads a value, or ends the rule where it does not match.


def _answers() -> Expressions:
    """What belongs to a connection that is there."""
    of_old = struct.pack("=I", ESTABLISHED | RELATED)
    return [
        genex("ct", {"key": CT_STATE, "dreg": REGISTER}),
        _mask(of_old),
        _is(bytes(4), nft.Cmp.NFT_CMP_NEQ),
        *verdict(ACCEPT),
    ]


def _own() -> Expressions:
    """What goes to the network's own address: the API server has clients of itself."""
    return [
        genex("meta", {"key": META_OUT_INTERFACE, "dreg": REGISTER}),
        _is(struct.pack("=I", LOOPBACK)),
        *verdict(ACCEPT),
    ]


def _allows(flow: Allowed) -> Expressions:
    ports = [
        _load(TRANSPORT_HEADER, 2, 2),
        _is(struct.pack("!H", flow.first), nft.Cmp.NFT_CMP_GTE),
        _is(struct.pack("!H", flow.last), nft.Cmp.NFT_CMP_LTE),
    ]
    protocol = [_load(NETWORK_HEADER, 9, 1), _is(bytes([TCP]))]
    return [*protocol, *_destination(), _is(IPv4Address(flow.address).packed), *ports, *verdict(ACCEPT)]


def _nothing_else_of(cidr: str) -> Expressions:
    """What goes to any address of a range."""
    network = ip_network(cidr)
    return [*_destination(), _mask(network.netmask.packed), _is(network.network_address.packed), *verdict(DROP)]


def _destination() -> Expressions:
    return [_load(NETWORK_HEADER, 16, 4)]


def _load(header: int, offset: int, length: int) -> dict[str, Any]:
    return genex("payload", {"dreg": REGISTER, "base": header, "offset": offset, "len": length})


def _mask(mask: bytes) -> dict[str, Any]:
    of = {"sreg": REGISTER, "dreg": REGISTER, "len": len(mask)}
    return genex("bitwise", {**of, "mask": _data(mask), "xor": _data(bytes(len(mask)))})


def _is(value: bytes, how: int = nft.Cmp.NFT_CMP_EQ) -> dict[str, Any]:
    return genex("cmp", {"sreg": REGISTER, "op": how, "data": _data(value)})


def _data(value: bytes) -> dict[str, Any]:
    return {"attrs": [("NFTA_DATA_VALUE", value)]}
