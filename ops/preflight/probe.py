"""Is there capacity now? A TPU machine is asked for in each zone, and given back at once.

Nothing tells it for TPUs without asking. `advice.capacity` of Compute Engine leaves them out
(https://docs.cloud.google.com/compute/docs/instances/view-vm-availability). `advice.calendarMode` speaks of future
reservations, which cannot be cancelled
(https://cloud.google.com/compute/docs/instances/create-future-reservations-calendar-mode). So it is `instances.insert`,
of the machine that the node pool would make (https://docs.cloud.google.com/compute/docs/tpus/create-tpu-vm-instance).

It is bounded: the answer is waited for `PATIENCE` seconds, then the machine is deleted, whatever came; and if this dies
in between, Compute Engine deletes it after `LONGEST`. It is billed by the second while it runs, for a minute at least
(https://cloud.google.com/compute/vm-instance-pricing).
"""

import secrets
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud import compute_v1 as gce

from infra.google.slices import Slice
from infra.settings.schema import Settings

from .findings import Finding, fail, left_out, ok, warn
from .needs import Capacity, classes, tpu_nodes

CHECK = "probe"
PATIENCE = 120
"""Seconds; flex-start waits in a queue for 90 at the least."""
QUEUED = 90
LONGEST = 600
"""Seconds."""
IMAGE = "projects/ubuntu-os-accelerator-images/global/images/family/ubuntu-accel-2204-amd64-tpu-v5e-v5p-v6e"
MODELS = {"on-demand": "STANDARD", "spot": "SPOT", "flex-start": "FLEX_START"}
NO_CAPACITY = "ZONE_RESOURCE_POOL_EXHAUSTED"
"""Beginning of the codes of a stockout (https://cloud.google.com/compute/docs/resource-error)."""


def cost(slice_: Slice) -> str:
    """What a probe that finds capacity costs."""
    return (
        f"{slice_.chips} chips for about 2 minutes, or for {LONGEST // 60} if it cannot be deleted: prices are at "
        "https://cloud.google.com/tpu/pricing"
    )


class Ask(NamedTuple):
    """What is asked for: one host of a slice, of a class, in a zone, with a subnet to lie in."""

    slice: Slice
    capacity: Capacity
    zone: str
    subnet: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.capacity.kind} {self.slice.machine_type} in {self.zone}"


def machine(name: str, ask: Ask) -> gce.Instance:
    """The machine, with no address and no account, which deletes itself."""
    scheduling = gce.Scheduling(
        provisioning_model=MODELS[ask.capacity.kind],
        on_host_maintenance="TERMINATE",
        automatic_restart=False,
        instance_termination_action="DELETE",
        max_run_duration=gce.Duration(seconds=LONGEST),
    )
    disk = gce.AttachedDisk(
        boot=True,
        auto_delete=True,
        initialize_params=gce.AttachedDiskInitializeParams(
            source_image=IMAGE, disk_type=f"zones/{ask.zone}/diskTypes/hyperdisk-balanced"
        ),
    )
    queued = ask.capacity.kind == "flex-start"
    waits = gce.InstanceParams(request_valid_for_duration=gce.Duration(seconds=QUEUED)) if queued else None
    return gce.Instance(
        name=name,
        machine_type=f"zones/{ask.zone}/machineTypes/{ask.slice.machine_type}",
        disks=[disk],
        network_interfaces=[gce.NetworkInterface(subnetwork=ask.subnet)],
        scheduling=scheduling,
        params=waits,
    )


def verdict(error: Exception | None, ask: Ask) -> Finding:
    """What an answer means: none is a machine that came."""
    if error is None:
        return ok(CHECK, f"{ask}: came, and is asked to go. That costs {cost(ask.slice)}")
    if isinstance(error, TimeoutError):
        return warn(CHECK, f"{ask}: not there after {PATIENCE} s", "Try later, or another zone or `tpuCapacity`")
    operation = getattr(error, "response", None)
    errors = list(operation.error.errors) if isinstance(operation, gce.Operation) else []
    codes = [one.code for one in errors]
    told = "; ".join(one.message for one in errors) or str(getattr(error, "message", error))
    if any(code.startswith(NO_CAPACITY) for code in codes):
        return warn(CHECK, f"{ask}: no capacity now. {told}", "Try later, or another zone or `tpuCapacity`")
    if "QUOTA_EXCEEDED" in codes or "Quota '" in told:
        return fail(CHECK, f"{ask}: {told}", "Ask for quota: docs/deploy.md#3-tpu-quota")
    return left_out(CHECK, f"{ask}: {told}", "Nothing was made; the line above may say why")


def _asked(client: Any, request: dict[str, Any]) -> Exception | None:
    try:
        client.insert(request=request).result(timeout=PATIENCE)
    except (GoogleAPICallError, TimeoutError) as error:
        return error
    return None


def _given_back(client: Any, request: dict[str, Any]) -> Finding | None:
    """Delete the machine, whether it came or not; what is said if that fails."""
    try:
        client.delete(request=request).result(timeout=PATIENCE)
    except NotFound:
        return None
    except (GoogleAPICallError, TimeoutError) as error:
        name, zone, project = request["instance"], request["zone"], request["project"]
        told = f"{name} in {zone} may still be there ({error}); it deletes itself after {LONGEST // 60} minutes"
        return fail(CHECK, told, f"gcloud compute instances delete {name} --zone={zone} --project={project}")
    return None


def _one(make: Callable[[Any], Any], project: str, ask: Ask) -> list[Finding]:
    """Ask for one machine, and give it back."""
    client, name = make(gce.InstancesClient), f"preflight-{secrets.token_hex(4)}"
    where = {"project": project, "zone": ask.zone}
    error: Exception | None = None
    try:
        error = _asked(client, {**where, "instance_resource": machine(name, ask)})
    finally:  # also if somebody has had enough
        left = _given_back(client, {**where, "instance": name})
    found = verdict(error, ask)
    return [found] if left is None else [found, left]


def probe(settings: Settings, subnets: list[Any], make: Callable[[Any], Any]) -> Iterator[Finding]:
    """Ask in each zone for a machine of each class. `subnets` are all of the project's messages `Subnetwork`, as a
    machine has to lie in one."""
    region = settings.region
    here = [subnet.self_link for subnet in subnets if subnet.region.rsplit("/", 1)[-1] == region]
    if not here:
        yield left_out(CHECK, f"no VPC has a subnet in {region}, in which a machine could lie", "Run it after `up`")
        return
    for nodes in tpu_nodes(settings):
        for capacity in classes(settings):
            if capacity.kind not in MODELS:
                yield left_out(CHECK, f"{capacity.kind} is capacity that you have", "Look at the line about it")
                continue
            for zone in settings.tpu_zones:
                yield from _one(make, settings.project, Ask(nodes.slice, capacity, zone, here[0]))
