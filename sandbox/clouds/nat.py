"""What nodes of the simulated VPC reach outside of it, and what a container runtime says of a registry out of reach.

A private node has no address on the internet: it gets there by a NAT gateway that translates its subnet's primary
range (https://cloud.google.com/nat/docs/overview), and to Google's own services also by Private Google Access
(https://cloud.google.com/vpc/docs/private-google-access). Both take the default route, which a VPC has unless it is
made without. What a Pod opens leaves with its node's address, GKE's default
(https://cloud.google.com/kubernetes-engine/docs/concepts/ip-masquerade-agent).

Both end at the firewall's rules of direction EGRESS: what is asked for here is HTTPS.

Left out: nodes always resolve names, as they ask their metadata server; a cluster's `defaultSnatStatus`; routes made by
hand; how many ports a gateway has; popular images of Docker Hub that mirror.gcr.io holds.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from .firewall import ANYWHERE, lets_out, network_of, private
from .google_kinds import CLUSTER, NAT, POOL, ROUTER, SUBNET, refers
from .inventory import Item
from .registries import DOCKER_HUB, reference

GOOGLE = re.compile(r"(.+\.)?(gcr\.io|pkg\.dev|googleapis\.com)")
"""Hosts within reach of Private Google Access: its domain options, of those that hold images and models
(https://cloud.google.com/vpc/docs/configure-private-google-access#domain-options)."""
ITS_API = "registry-1.docker.io"
"""Where Docker Hub answers."""
HTTPS = 443
NOWHERE = "192.0.2.1:443"
"""An address for documentation, in place of the registry's own."""


def reaches(items: Iterable[Item], pool_id: str, host: str) -> bool:
    """Whether the nodes of a pool reach a host outside of the VPC. Those of a pool that nobody knows reach all."""
    items = list(items)
    pool = next((item for item in items if item.kind == POOL and item.id == pool_id), None)
    cluster = next((c for c in items if c.kind == CLUSTER and pool and pool.scope.startswith(c.id + "/")), None)
    if not pool or not cluster:
        return True
    network = network_of(cluster, items)
    subnet = next((s for s in items if s.kind == SUBNET and refers(cluster.inputs.get("subnetwork"), s)), None)
    if not network or network.inputs.get("deleteDefaultRoutesOnCreate"):
        return False
    if not lets_out(items, cluster, pool, ANYWHERE, HTTPS):
        return False
    if not private(cluster, pool):
        return True
    if subnet and subnet.inputs.get("privateIpGoogleAccess") and GOOGLE.fullmatch(host):
        return True
    return bool(subnet) and any(_translates(nat, subnet, network, items) for nat in items if nat.kind == NAT)


def _translates(nat: Item, subnet: Item, network: Item, items: list[Item]) -> bool:
    """Whether a gateway takes the subnet's primary range to the internet."""
    if nat.inputs.get("type", "PUBLIC") != "PUBLIC" or nat.props["region"] != subnet.props["region"]:
        return False
    routers = [r for r in items if r.kind == ROUTER and r.props["region"] == nat.props["region"]]
    router = next((r for r in routers if refers(nat.inputs["router"], r)), None)
    if router is None or network_of(router, items) is not network:
        return False
    which = nat.inputs["sourceSubnetworkIpRangesToNat"]
    if which != "LIST_OF_SUBNETWORKS":
        return which in ("ALL_SUBNETWORKS_ALL_IP_RANGES", "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES")
    listed = [entry for entry in nat.inputs.get("subnetworks") or [] if refers(entry["name"], subnet)]
    ranges = {r for entry in listed for r in entry["sourceIpRangesToNats"]}
    return not ranges.isdisjoint({"ALL_IP_RANGES", "PRIMARY_IP_RANGE"})


def registry(image: str) -> str:
    """The host that an image comes from."""
    host = reference(image).host
    return ITS_API if host == DOCKER_HUB else host


def timed_out(image: str) -> str:
    """What containerd says when an image's registry does not answer."""
    full = reference(image)
    return (
        f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": failed to do request: '
        f'Head "https://{registry(image)}/v2/{full.repository}/manifests/{full.digest or full.tag}": '
        f"dial tcp {NOWHERE}: i/o timeout"
    )


def model_host(uri: str) -> str | None:
    """The host outside that KServe's storage initializer asks for a model, if any (`kserve_storage.py`, v0.20.0)."""
    place = urlsplit(uri)
    of_scheme = {"hf": "huggingface.co", "gs": "storage.googleapis.com", "s3": "s3.amazonaws.com"}
    return place.hostname if place.scheme in ("http", "https") else of_scheme.get(place.scheme)


def unreachable_model(uri: str) -> str:
    """What the storage initializer ends with when that host does not answer.

    For Hugging Face the words are those of `huggingface_hub` (`_snapshot_download.py`); for others, of urllib3.
    """
    if uri.startswith("hf://"):
        return (
            "huggingface_hub.errors.LocalEntryNotFoundError: An error happened while trying to locate the files on the "
            "Hub and we cannot find the appropriate snapshot folder for the specified revision on the local disk. "
            "Please check your internet connection and try again."
        )
    return f"urllib3.exceptions.ConnectTimeoutError: Connection to {model_host(uri)} timed out."


def unresolved_model(uri: str) -> str:
    """What it ends with when nobody tells it that host's address: `huggingface_hub` says the same as above, after what
    its client, httpx, has said."""
    failure = "[Errno -3] Temporary failure in name resolution"
    if uri.startswith("hf://"):
        following = "The above exception was the direct cause of the following exception:"
        return f"httpx.ConnectError: {failure}\n\n{following}\n\n{unreachable_model(uri)}"
    host = model_host(uri)
    return (
        f"urllib3.exceptions.NameResolutionError: HTTPSConnection(host='{host}', port=443): "
        f"Failed to resolve '{host}' ({failure})"
    )
