"""What `ops.preflight` says of a project, and what brings each line about."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from google.cloud import compute_v1 as gce
from google.cloud.cloudquotas_v1 import DimensionsInfo, QuotaDetails, QuotaInfo
from google.cloud.container_v1 import Cluster

from infra.settings.load import parse
from ops.preflight import tpu_quota
from ops.preflight.findings import Finding, Status
from ops.preflight.run import of_google

from .google_apis import Apis, policy, quota
from .stack_settings import Values, stack

Change = Callable[[Apis], Any]
FAIL, WARN, OK, LEFT_OUT = Status.FAIL, Status.WARN, Status.OK, Status.LEFT_OUT
HARDENED = {"hardenedCluster": True, "isolation": True}
RESERVED = {"tpuCapacity": ["reservation:mine"]}
LABELS = {"app": "tpu-inference", "environment": "dev"}

SAID = {
    "pulumi": "v3.274.1\n",
    "gcloud": "Google Cloud SDK 528.0.0\nbeta 2025.06\n",
    "gke-gcloud-auth-plugin": "Kubernetes v1.30.0+466fe05\n",
}
"""What the tools say of their versions."""


def ask(change: Change | None = None, settings: Values | None = None) -> list[Finding]:
    """All findings of the project, changed, for the dev stack, changed."""
    project = Apis()
    if change:
        change(project)
    return of_google(parse(stack(settings)), project.make)


def cluster(name: str = "tpu-inference-0123abc", **labels: str) -> Cluster:
    return Cluster(name=name, location="europe-west4-a", resource_labels={**LABELS, **labels})


def without(*names: str) -> Change:
    return lambda project: project.permissions.difference_update(names)


def disabled(*apis: str) -> Change:
    return lambda project: project.enabled.difference_update(f"{api}.googleapis.com" for api in apis)


def forbidden(api: str) -> Change:
    return lambda project: project.forbidden.add(f"{api}.googleapis.com")


def chips(**limits: int) -> Change:
    return lambda project: project.quota_infos.update({tpu_quota.ON_DEMAND: quota(**limits)})


def spot_chips(value: int) -> Change:
    info = QuotaInfo(dimensions_infos=[DimensionsInfo(details=QuotaDetails(value=value))])
    return lambda project: project.quota_infos.update({tpu_quota.PREEMPTIBLE: info})


def both_chips(preemptible: int, everywhere: int) -> Change:
    """So many chips for spot and flex-start, and on demand."""
    return lambda project: (spot_chips(preemptible)(project), chips(everywhere=everywhere)(project))


def quotas(**limits: tuple[int, int]) -> Change:
    return lambda project: project.quotas.update(limits)


def project_quotas(**limits: tuple[int, int]) -> Change:
    return lambda project: project.project_quotas.update(limits)


def subnet(range_: str, *more: str, vpc: str = "default") -> Change:
    return lambda project: project.subnets.append(project.subnet("other", vpc, "us-east1", range_, *more))


def _reservation(**of: Any) -> Change:
    message = gce.Reservation(**{"name": "mine", "specific_reservation_required": True, **of})
    return lambda project: project.reservations.update({("europe-west4-a", "mine"): message})


def reserved(machine: str = "ct6e-standard-4t", count: int = 2, used: int = 0, *, by_name: bool = True) -> Change:
    """A reservation of machines of one type."""
    of = gce.AllocationSpecificSKUReservation(
        count=count,
        in_use_count=used,
        instance_properties=gce.AllocationSpecificSKUAllocationReservedInstanceProperties(machine_type=machine),
    )
    return _reservation(specific_reservation=of, specific_reservation_required=by_name)


def _chips(count: int) -> list[gce.AllocationAggregateReservationReservedResourceInfo]:
    kind = "projects/1/zones/europe-west4-a/acceleratorTypes/ct6e"
    of = gce.AllocationAggregateReservationReservedResourceInfoAccelerator(
        accelerator_type=kind, accelerator_count=count
    )
    return [gce.AllocationAggregateReservationReservedResourceInfo(accelerator=of)]


def reserved_chips(
    *counts: int, used: int = 0, family: str = "LITE_POD_SLICE_CT6E", workload: str = "SERVING", by_name: bool = True
) -> Change:
    """A reservation of TPU chips, as Google makes them: so many in each of its resources."""
    kind = gce.AllocationAggregateReservation
    of = kind(
        vm_family=getattr(kind.VmFamily, f"VM_FAMILY_CLOUD_TPU_{family}").name,
        workload_type=getattr(kind.WorkloadType, workload).name,
        reserved_resources=[one for count in counts for one in _chips(count)],
        in_use_resources=_chips(used) if used else [],
    )
    return _reservation(aggregate_reservation=of, specific_reservation_required=by_name)


def reserved_nothing() -> Change:
    """A reservation that says nothing of what it holds."""
    return _reservation()


def policies(name: str, **rule: Any) -> Change:
    return lambda project: project.policies.update({name: policy(**rule)})


def values(allowed: list[str] | None = None, denied: list[str] | None = None) -> dict[str, Any]:
    return {"values": {"allowed_values": allowed or [], "denied_values": denied or []}}


def channel(name: str, version: str) -> Change:
    return lambda project: project.channels.update({name: version})


Line = tuple[Change | None, Values, Status, str, str, str]
"""What is changed in the project, and in the dev stack; then the status, the check, and parts of what is found and of
what to do."""


def lines(cases: Mapping[str, Line]) -> Callable[..., None]:
    """A test of each: the project and stack so changed get this line, once."""

    @pytest.mark.parametrize("line", cases.values(), ids=cases)
    def test(line: Line) -> None:
        change, settings, status, check, found, do = line
        said = ask(change, settings)
        told = [finding for finding in said if finding.check == check and found in finding.found]
        assert [finding.status for finding in told] == [status], said
        assert do in told[0].do
        assert bool(told[0].do) == (status is not OK)

    return test
