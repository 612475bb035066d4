"""Nodes that the autoscaler empties: which Pods may be moved, and how they are.

As GKE's does it for `activeMigration` (pkg/defrag/ in https://github.com/GoogleCloudPlatform/cluster-autoscaler at
7d250507339b, August 2026): the other node is there before anything is taken away, then the node gets a taint, its Pods
are evicted through the API that asks budgets, and it goes when they are gone. Pods with an emptyDir are no obstacle, as
since GKE 1.22 (https://cloud.google.com/kubernetes-engine/docs/release-notes#October_27_2021). Left out: Pods of
kube-system, static Pods, annotations of nodes, `PodDisruptionBudget`s beyond what their status allows, and the order
among several nodes, which is by chance there and by name here, one node at a time.
"""

import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from sandbox.api_client import Api, ApiException, Json

from .affinity import selected
from .nodes import Nodes
from .room import active

SAFE_TO_EVICT = "cluster-autoscaler.kubernetes.io/safe-to-evict"


def _owner(pod: Json) -> str:
    """The kind of the controller that makes a Pod anew, if there is one."""
    return next((of["kind"] for of in pod["metadata"].get("ownerReferences", []) if of.get("controller")), "")


def to_move(pods: Iterable[Json], node: str) -> list[Json]:
    """The Pods of a node that have to leave it first: those that run, but for DaemonSets'."""
    return [pod for pod in pods if pod["spec"].get("nodeName") == node and active(pod) and _owner(pod) != "DaemonSet"]


def _covers(budget: Json, pod: Json) -> bool:
    same = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and selected(budget["spec"].get("selector"), pod["metadata"].get("labels", {}))


def obstacle(pods: list[Json], budgets: Iterable[Json]) -> str:
    """Why a node with these Pods is not emptied, if it is not: nothing if it may be."""
    for pod in pods:
        name, notes = pod["metadata"]["name"], pod["metadata"].get("annotations", {})
        if notes.get(SAFE_TO_EVICT) == "false":
            return f"{name} is not safe to evict"
        if not _owner(pod):
            return f"{name} has no controller"
    for budget in budgets:
        wanted = sum(_covers(budget, pod) for pod in pods)
        if wanted > budget.get("status", {}).get("disruptionsAllowed", 0):
            return f"not enough pod disruption budget: {budget['metadata']['name']}"
    return ""


class Drains:
    """The nodes that are being emptied.

    A Pod whose eviction is refused is asked for again for 2 minutes; then the node takes Pods again, and is left alone
    for 5. Times are in seconds, and a minute is one, unless it is told otherwise.
    """

    def __init__(self, api: Api, nodes: Nodes, *, minute: float = 1) -> None:
        self._api, self._nodes = api, nodes
        self._longest, self._rest = 2 * minute, 5 * minute
        self._since: dict[str, float] = {}
        self._until: dict[str, float] = {}

    @property
    def going_on(self) -> bool:
        """Whether a node is being emptied."""
        return bool(self._since)

    def rests(self, node: str) -> bool:
        """Whether a node is left alone, as it could not be emptied."""
        return time.monotonic() < self._until.get(node, 0)

    def start(self, node: str) -> None:
        """Begin with a node."""
        self._nodes.mark(node, leaving=True)
        self._since[node] = time.monotonic()

    def follow(self, pods: Iterable[Json]) -> None:
        """Do what is due, with all Pods of the cluster."""
        of_all = list(pods)
        for node in [*self._since]:
            left = to_move(of_all, node)
            late = time.monotonic() > self._since[node] + self._longest
            if node not in self._nodes.places:
                del self._since[node]
            elif not left:
                self._nodes.shrink(node)
                del self._since[node]
            elif [pod for pod in left if not self._leaves(pod)] and late:
                self._nodes.mark(node, leaving=False)
                self._until[node] = time.monotonic() + self._rest
                del self._since[node]

    def _leaves(self, pod: Json) -> bool:
        """Whether a Pod is on its way, which it is asked to be."""
        if "deletionTimestamp" in pod["metadata"]:
            return True
        meta: Mapping[str, str] = pod["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/eviction"
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": meta["name"]}}
        try:
            self._api("POST", path, body)
        except ApiException as error:
            return error.status == HTTPStatus.NOT_FOUND
        self._api.event(
            pod, "Pod", "ScaleDown", "deleting pod for node scale down", source="cluster-autoscaler", normal=True
        )
        return True
