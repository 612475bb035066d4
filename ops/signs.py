"""By which of its fields a thing of Google Cloud shows whose it is. Reads only.

What GKE writes where: https://github.com/kubernetes/ingress-gce (`pkg/utils/namer`, `L4LBResourceDescription`,
`StandardNEGDescription`), https://github.com/kubernetes/cloud-provider-gcp (`providers/gce`).
"""

import hashlib
import json
import re
import string
from typing import Any

from .compute import Thing, path
from .scope import Scope

CLUSTER_LABEL, LOCATION_LABEL = "goog-k8s-cluster-name", "goog-k8s-cluster-location"
"""What GKE puts on the disks of nodes and claims
(https://cloud.google.com/kubernetes-engine/docs/how-to/creating-managing-labels)."""

NAME = re.compile(
    r"(?:k8s-fw-|k8s-)?(a[0-9a-f]{31})(?:-deny|-hc|-http-hc)?$|k8s[123]-(?:(?:tcp|udp|l3)-)?([a-z0-9]{8})-"
)
"""What no other cluster has in the names that GKE gives: the UID of the Service (`a...`, `k8s-fw-a...`) or a hash of
the cluster's (https://github.com/kubernetes/ingress-gce/blob/master/pkg/utils/namer/l4_namer.go)."""

IDENTITY = frozenset({"address", "cluster", "uid"})
"""Signs that nothing of another cluster has. A name's mark is learned from what carries one of them, and a second."""
SUPPORTING = frozenset({"service", "claim"})
"""Signs that another stack's things have too, so that alone they are none."""


def mark(name: str) -> str | None:
    """The part of a generated name that is the cluster's or the Service's own."""
    match = NAME.match(name)
    return (match[1] or match[2]) if match else None


def content_hash(uid: str) -> str:
    """A cluster's part of the names that GKE gives, of the UID of its namespace kube-system (`common.ContentHash`)."""
    characters = string.digits + string.ascii_lowercase
    return "".join(characters[byte % len(characters)] for byte in hashlib.sha256(uid.encode()).digest()[:8])


def _description(message: Any) -> dict[str, str]:
    """What GKE has written about a thing; empty if it is somebody else's prose."""
    try:
        said = json.loads(getattr(message, "description", ""))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _names_cluster(thing: Thing, name: str, location: str) -> bool:
    """Whether labels, network tags or a node group's name are those of a cluster."""
    message = thing.message
    if thing.collection == "disks":
        place = message.labels.get(LOCATION_LABEL, "")
        return message.labels.get(CLUSTER_LABEL) == name and (not location or place in ("", location))
    if thing.collection == "firewalls":
        return any(re.fullmatch(rf"gke-{re.escape(name)}-[0-9a-f]{{8}}-node", tag) for tag in message.target_tags)
    return bool(re.fullmatch(rf"gke-{re.escape(name)}-[a-z0-9-]+-[0-9a-f]{{8}}-grp", message.name))


def _foreign(thing: Thing, scope: Scope) -> bool:
    """Whether it is in a VPC that is not the stack's; one of its own is then all that the stack has."""
    network = path(getattr(thing.message, "network", ""))
    return bool(network and scope.networks and network not in scope.networks)


def signs(thing: Thing, scope: Scope) -> dict[str, str]:
    """The fields of a thing that are the stack's, and what they say."""
    if _foreign(thing, scope):
        return {}
    message, said = thing.message, _description(thing.message)
    service = said.get("kubernetes.io/service-name") or said.get("networking.gke.io/service-name")
    service = service or f"{said.get('namespace')}/{said.get('service-name')}"
    numbers = {said.get("kubernetes.io/service-ip"), said.get("networking.gke.io/service-ip")}
    numbers |= {message.I_p_address} if thing.collection == "forwardingRules" else set()
    uid, claim = said.get("cluster-uid", ""), said.get("kubernetes.io/created-for/pvc/name")
    in_place = path(getattr(message, "network", "")) in scope.networks
    found = {
        "place": ("in the stack's VPC", in_place),
        "subnet": ("in the stack's subnet", path(getattr(message, "subnetwork", "")) in scope.subnets and not in_place),
        "address": ("has the stack's address", bool(numbers & scope.addresses)),
        "mark": ("named after the stack's cluster or Service", mark(message.name) in scope.marks),
        "cluster": ("names the stack's cluster", any(_names_cluster(thing, *pair) for pair in scope.clusters)),
        "uid": ("describes the stack's cluster", bool(uid) and bool({content_hash(uid), uid[:8]} & scope.marks)),
        "service": (f"described as of {service}", service in scope.services),
        "claim": (f"described as of claim {claim}", thing.collection == "disks" and bool(claim)),
    }
    return {kind: text for kind, (text, is_so) in found.items() if is_so}
