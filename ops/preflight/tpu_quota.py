"""Quota of TPU chips, which GKE takes from Compute Engine and Cloud Quotas tells.

On demand, and of reservations: one quota for each region and family of TPU, the standard one. Spot and flex-start: a
preemptible one, for each region; Compute Engine takes the standard one of a project that has none of it
(https://docs.cloud.google.com/compute/docs/instances/provisioning-models, row "Quota"), but not of one that has some,
and too little (https://docs.cloud.google.com/compute/docs/instances/spot#quotas). `gcloud compute regions describe` has
neither. Sources: docs/deploy.md#3-tpu-quota;
https://cloud.google.com/kubernetes-engine/docs/concepts/plan-tpus#ensure-quota;
https://cloud.google.com/kubernetes-engine/docs/concepts/dws (flex-start takes preemptible quota);
https://cloud.google.com/docs/quotas/reference/rest/v1/projects.locations.services.quotaInfos (dimensions).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from .findings import Finding, Status, fail, ok, warn
from .needs import Capacity, Nodes

CHECK = "TPU quota"
FAMILY = "CT6E"
ON_DEMAND = "TPUS-PER-TPU-FAMILY-per-project-region"
PREEMPTIBLE = "PREEMPTIBLE-TPU-V6E-per-project-region"
UNLIMITED = -1


def quota_id(capacity: Capacity) -> str:
    """The ID of the quota that a class takes its chips from, if the project has some of it."""
    return PREEMPTIBLE if capacity.preemptible else ON_DEMAND


def asked(classes: Sequence[Capacity]) -> list[str]:
    """The IDs of all quotas that the classes may take chips from."""
    return [ON_DEMAND, *([PREEMPTIBLE] if any(one.preemptible for one in classes) else [])]


def dimensions(quota: str, region: str) -> dict[str, str]:
    """What tells the limit for TPU v6e in the region from others of the same quota."""
    return {"region": region} if quota == PREEMPTIBLE else {"region": region, "tpu_family": FAMILY}


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


def _more(quota: str, chips: int, region: str, project: str) -> str:
    named = ",".join(f"{key}={value}" for key, value in dimensions(quota, region).items())
    return (
        f"gcloud beta quotas preferences create --service=compute.googleapis.com --project={project} "
        f"--quota-id={quota} --dimensions={named} --preferred-value={chips} (docs/deploy.md#3-tpu-quota)"
    )


def _too_few(told: str, quota: str, limits: Mapping[str, int | None], least: int, more: str) -> Finding:
    """What is said of chips that are not enough to run, which need not matter if there are none at all."""
    told = f"{told}; the models take {least} to run"
    if quota == ON_DEMAND:
        return fail(CHECK, told, more)
    if limits[quota]:
        return fail(CHECK, f"{told}, and who has some of this quota is given no other", more)
    standard = limits[ON_DEMAND] or 0
    if standard == UNLIMITED or standard >= least:
        has = "without limit" if standard == UNLIMITED else f"of which there are {standard}"
        return warn(CHECK, f"{told}. Compute Engine then takes those of {ON_DEMAND}, {has}", more)
    return fail(CHECK, f"{told}, and {ON_DEMAND}, which Compute Engine then takes, has {standard}", more)


def _finding(capacity: Capacity, limits: Mapping[str, int | None], need: Need, region: str, project: str) -> Finding:
    quota, (least, most) = quota_id(capacity), need
    which, chips, more = f"{quota} in {region}", limits[quota], _more(quota, most, region, project)
    if chips is None:
        return warn(CHECK, f"{capacity.kind}: {which} states no limit, which may mean 0", f"Ask for {most}: {more}")
    if chips == UNLIMITED:
        return ok(CHECK, f"{capacity.kind}: {which} has no limit")
    told = f"{capacity.kind}: {chips} chips, {which}"
    if chips < least:
        return _too_few(told, quota, limits, least, more)
    if chips < most:
        return warn(CHECK, f"{told}; enough to run, but all nodes that `tpuMaxNodes` allows take {most}", more)
    return ok(CHECK, f"{told}; at the most {most} are taken")


def findings(
    classes: Sequence[Capacity],
    limits: Mapping[str, int | None],
    nodes: Sequence[Nodes],
    *,
    region: str,
    project: str,
) -> Iterator[Finding]:
    """A line for each class, for the nodes of all slices; `limits` are those of the quotas that are `asked`, by ID.
    Classes with the same quota share it, as each has its own pools. With several classes, one that has no quota fails
    only if no other has any."""
    sharing = Counter(quota_id(capacity) for capacity in classes)
    least, most = sum(of.chips(of.least) for of in nodes), sum(of.chips(of.most) for of in nodes)
    told = [
        _finding(capacity, limits, Need(least, most * sharing[quota_id(capacity)]), region, project)
        for capacity in classes
    ]
    some = any(finding.status in (Status.OK, Status.WARN) for finding in told)
    for finding in told:
        yield finding._replace(status=Status.WARN) if some and finding.status is Status.FAIL else finding
