"""Where the next node for a Pod comes from: which node pools, in which order, and which are left alone for a while.

As GKE's autoscaler does it, whose source is https://github.com/GoogleCloudPlatform/cluster-autoscaler at 7d250507339b
(August 2026): pkg/computeclass/organizer.go for the order, pkg/backoff/ for the pauses, and
pkg/defrag/plugins/highprioritymigration/ for what is better than a node that is there. A pool has an instance group in
each zone, and each is tried and backed off by itself. Left out: prices, which decide among pools without a class;
quotas; how long GKE waits for flex-start.
"""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from sandbox.api_client import Json

from .node_pools import Pool

COMPUTE_CLASS = "cloud.google.com/compute-class"
Group = tuple[str, str]
"""An instance group: the ID of its pool, and its zone."""


def ordered(pod: Json, pools: Iterable[Pool], classes: Mapping[str, Json]) -> list[Pool]:
    """The pools that may grow for a Pod: if it selects a ComputeClass, those that the class lists, in its order.

    `classes` are the ComputeClasses by their names. One that is not there leads nowhere, and none scales up beyond its
    list, as `whenUnsatisfiable` is DoNotScaleUp.
    """
    wanted = (pod["spec"].get("nodeSelector") or {}).get(COMPUTE_CLASS)
    if wanted is None:
        return list(pools)
    priorities = classes.get(wanted, {}).get("spec", {}).get("priorities", [])
    by_name = {pool.name: pool for pool in pools}
    return [by_name[name] for item in priorities for name in item["nodepools"] if name in by_name]


def better(than: Pool, pools: Iterable[Pool], classes: Mapping[str, Json]) -> list[Pool]:
    """The pools to which GKE moves what runs on another one: those that its class lists before it, in its order.

    There are none unless the class has `optimizeRulePriority`. Names in one item of the list are equals, and a pool
    that the class does not list comes after all that it does.
    """
    spec = classes.get(than.labels.get(COMPUTE_CLASS, ""), {}).get("spec", {})
    if not spec.get("activeMigration", {}).get("optimizeRulePriority"):
        return []
    by_name = {pool.name: pool for pool in pools}
    before = takewhile(lambda item: than.name not in item["nodepools"], spec["priorities"])
    return [by_name[name] for item in before for name in item["nodepools"] if name in by_name]


class Choice(NamedTuple):
    """The instance group that is to grow, or why none does, with how many groups or pools there are of each reason."""

    pool: Pool | None
    zone: str
    refusals: Counter[str]


def choose(
    pod: Json,
    pools: Sequence[Pool],
    *,
    full: Container[str],
    resting: Container[Group],
    apart: Container[str] = (),
) -> Choice:
    """The first group, pool by pool and zone by zone, that may grow for a Pod.

    `pools` have their zones in the order in which they are tried; `full` are the IDs of those at their maximum, and
    `resting` the groups that are left alone, `apart` the IDs of those whose nodes or Pods the Pod may not be beside.
    """
    refusals: Counter[str] = Counter()
    for pool in pools:
        refusal = (
            pool.refuses(pod)
            or ("node(s) didn't satisfy the affinity rules of pods" if pool.id in apart else None)
            or ("max node group size reached" if pool.id in full else None)
        )
        if refusal:
            refusals[refusal] += 1
            continue
        for zone in pool.zones:
            if (pool.id, zone) not in resting:
                return Choice(pool, zone, refusals)
            refusals["in backoff after failed scale-up"] += 1
    return Choice(None, "", refusals)


class Backoff:
    """Which groups are left alone after they failed, and until when. Times are in seconds.

    GKE waits 5 minutes after the first failure, twice as long after each further one, at most 30 minutes, and forgets
    after 3 hours (pkg/backoff/gke_mig_backoff.go). Here a minute is a second, unless it is told otherwise.
    """

    def __init__(self, *, minute: float = 1) -> None:
        self.first, self.most, self.forgotten = 5 * minute, 30 * minute, 180 * minute
        self._pauses: dict[Group, tuple[float, float, float]] = {}  # since the first failure, how long, until when

    def failed(self, group: Group, now: float) -> None:
        """Nodes did not come."""
        since, pause, _ = self._pauses.get(group, (now, 0.0, now))
        if now >= since + self.forgotten:
            since, pause = now, 0.0
        pause = min(2 * pause, self.most) if pause else self.first
        self._pauses[group] = (since, pause, now + pause)

    def resting(self, now: float) -> set[Group]:
        """The groups that are left alone now."""
        return {group for group, (_, _, until) in self._pauses.items() if now < until}
