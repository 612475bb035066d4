"""Quota of TPU chips, which GKE takes from Compute Engine and Cloud Quotas tells.

On demand, and of reservations: one quota for each region and family of TPU. Spot and flex-start: another one, for each
region. `gcloud compute regions describe` has neither. Sources: docs/deploy.md#3-tpu-quota;
https://cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus#ensure-quota;
https://cloud.google.com/kubernetes-engine/docs/concepts/dws (flex-start takes preemptible quota);
https://cloud.google.com/docs/quotas/reference/rest/v1/projects.locations.services.quotaInfos (dimensions).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .findings import Finding, Status, fail, ok, warn
from .needs import Capacity, Nodes

CHECK = "TPU quota"
FAMILY = "CT6E"
ON_DEMAND = "TPUS-PER-TPU-FAMILY-per-project-region"
PREEMPTIBLE = "PREEMPTIBLE-TPU-V6E-per-project-region"
UNLIMITED = -1


def quota_id(capacity: Capacity) -> str:
    """The ID of the quota that a class takes its chips from."""
    return PREEMPTIBLE if capacity.preemptible else ON_DEMAND


def dimensions(capacity: Capacity, region: str) -> dict[str, str]:
    """What tells the class's limit from others of the same quota."""
    return {"region": region} if capacity.preemptible else {"region": region, "tpu_family": FAMILY}


def limit(info: Any, of: Mapping[str, str]) -> int | None:
    """The chips that a `QuotaInfo` allows, or nothing if it states no limit: the entry that names most of the
    dimensions, as one that leaves some out is for all values that have no entry of their own."""
    fitting = [entry for entry in info.dimensions_infos if dict(entry.dimensions).items() <= of.items()]
    best = max(fitting, key=lambda entry: len(entry.dimensions), default=None)
    return None if best is None else int(best.details.value)


class Need(NamedTuple):
    """The chips that the stack takes of a quota: for its models to run, and at the most."""

    least: int
    most: int


def _finding(capacity: Capacity, chips: int | None, need: Need, region: str, project: str) -> Finding:
    which, (least, most) = f"{quota_id(capacity)} in {region}", need
    named = ",".join(f"{key}={value}" for key, value in dimensions(capacity, region).items())
    more = (
        f"gcloud beta quotas preferences create --service=compute.googleapis.com --project={project} "
        f"--quota-id={quota_id(capacity)} --dimensions={named} --preferred-value={most} (docs/deploy.md#3-tpu-quota)"
    )
    if chips is None:
        return warn(CHECK, f"{capacity.kind}: {which} states no limit, which may mean 0", f"Ask for {most}: {more}")
    if chips == UNLIMITED:
        return ok(CHECK, f"{capacity.kind}: {which} has no limit")
    told = f"{capacity.kind}: {chips} chips, {which}"
    if chips < least:
        return fail(CHECK, f"{told}; the models take {least} to run", more)
    if chips < most:
        return warn(CHECK, f"{told}; enough to run, but all nodes that `tpuMaxNodes` allows take {most}", more)
    return ok(CHECK, f"{told}; at the most {most} are taken")


def findings(
    limits: Iterable[tuple[Capacity, int | None]], nodes: Sequence[Nodes], *, region: str, project: str
) -> Iterator[Finding]:
    """A line for each class, for the nodes of all slices. Classes with the same quota share it, as each has its own
    pools. With several classes, one that has no quota fails only if no other has any."""
    known = list(limits)
    sharing = Counter(quota_id(capacity) for capacity, _ in known)
    least, most = sum(of.chips(of.least) for of in nodes), sum(of.chips(of.most) for of in nodes)
    told = [
        _finding(capacity, chips, Need(least, most * sharing[quota_id(capacity)]), region, project)
        for capacity, chips in known
    ]
    some = any(finding.status in (Status.OK, Status.WARN) for finding in told)
    for finding in told:
        yield finding._replace(status=Status.WARN) if some and finding.status is Status.FAIL else finding
