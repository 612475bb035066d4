"""What GKE refuses of nodes: locations, machine types, boot disks, kernel parameters, and what does not go together.

Where the words are known from a report they are Google's, with the report beside them; else they are ours, in the form
of Google's. Left out: capacity, the release that an option needs, and which zones have flex start.
"""

from collections.abc import Iterable, Mapping

from .calls import Props
from .google_machines import DEFAULT, data, is_in, machines, regions, zones
from .inventory import CloudError

WEEK = 7 * 24 * 60 * 60


def bad(message: str) -> CloudError:
    """A refusal of a bad request."""
    return CloudError(f"googleapi: Error 400: {message}, badRequest")


def refuse_locations(locations: Iterable[str]) -> None:
    """Refuse a zone or region that is not known (words: estafette-gke-node-pool-shifter#12)."""
    for location in locations:
        if location not in zones() | regions():
            raise bad(f'Location "{location}" does not exist.')


def refuse_nodes(config: Props, places: Iterable[str]) -> None:
    """Refuse a machine that cannot be had in one of these zones, and a boot disk that it cannot have."""
    kind = config.get("machineType", DEFAULT)
    for zone in places:
        if not is_in(kind, zone):
            # https://github.com/keras-team/kinetic/issues/305
            raise CloudError(f'googleapi: Error 400: Invalid machine type "{kind}" in zone "{zone}": GCE_NOT_FOUND')
    refuse_disk(config, kind)


def refuse_disk(config: Props, kind: str) -> None:
    """Refuse a boot disk of a type or size that this machine cannot have."""
    tables, known = data("google_machines.yaml"), machines()[kind]
    disk, size, field = config.get("diskType", known.disks[0]), config.get("diskSizeGb", 100), "initializeParams"
    where = f"Google Compute Engine: Invalid value for field 'resource.properties.disks[0].{field}"
    if disk not in tables["disks"]:
        raise CloudError(f"{where}.diskType': '{disk}'. The referenced diskType resource cannot be found.")
    if disk not in known.disks:
        # https://github.com/DataBiosphere/dsub/issues/301
        raise bad(f"[{disk}, {kind}] features are not compatible for creating instance.")
    least, most = tables["disks"][disk]
    image = tables["image"]
    if size < image["gb"]:
        # https://github.com/GoogleCloudPlatform/magic-modules/pull/13788
        raise CloudError(
            f"{where}.diskSizeGb': '{size}'. Disk cannot be smaller than the chosen image '{image['name']}' "
            f"({image['gb']:.1f} GB)."
        )
    if not least <= size <= most:
        raise CloudError(f"{where}.diskSizeGb': '{size}'. A {disk} disk has from {least} to {most} GB.")


def refuse_pool(inputs: Props, places: list[str]) -> None:
    """Refuse a node pool whose nodes cannot be had in these zones, or with parts that do not go together."""
    refuse_locations(places)
    config = inputs.get("nodeConfig", {})
    refuse_nodes(config, places)
    problems = (
        *_tpu(inputs, config),
        *_scaling(inputs),
        *_upgrades(inputs),
        *_flex(inputs, config),
        *_capacity(config),
    )
    for problem in problems:
        raise bad(problem)
    refuse_sysctls(config.get("linuxNodeConfig", {}).get("sysctls", {}))


def _tpu(inputs: Props, config: Props) -> Iterable[str]:
    """https://github.com/AI-Hypercomputer/xpk/issues/822."""
    kind = config.get("machineType", DEFAULT)
    topology, own = inputs.get("placementPolicy", {}).get("tpuTopology"), machines()[kind].topology
    if topology and not own:
        yield f"tpu topology {topology} is not allowed on {kind}, which has no TPU"
    if topology and topology == own:
        yield f"a placement policy with tpu topology {topology} is not allowed on single-host {kind}"
    if own and config.get("guestAccelerators"):
        yield f"accelerators cannot be attached to the TPU machine type {kind}"


def _scaling(inputs: Props) -> Iterable[str]:
    scaling = inputs.get("autoscaling", {})
    for low, high in (("totalMinNodeCount", "totalMaxNodeCount"), ("minNodeCount", "maxNodeCount")):
        if scaling.get(low, 0) > scaling.get(high, scaling.get(low, 0)):
            yield f"{low} ({scaling[low]}) is greater than {high} ({scaling[high]})"
    if {"minNodeCount", "maxNodeCount"} & scaling.keys() and {
        "totalMinNodeCount",
        "totalMaxNodeCount",
    } & scaling.keys():
        yield "limits of all zones together cannot be set beside limits of each zone"


def _upgrades(inputs: Props) -> Iterable[str]:
    """What the official provider takes: `upgrade_settings` of schemaNodePool in google/services/container/
    resource_container_node_pool.go of terraform-provider-google. GKE itself knows more."""
    strategy = inputs.get("upgradeSettings", {}).get("strategy", "SURGE")
    if strategy not in ("SURGE", "BLUE_GREEN"):
        yield f'expected upgrade_settings.0.strategy to be one of ["SURGE" "BLUE_GREEN"], got {strategy}'


def _flex(inputs: Props, config: Props) -> Iterable[str]:
    """https://cloud.google.com/kubernetes-engine/docs/concepts/dws#requirements-limitations; for auto repair and static
    nodes also https://github.com/GoogleCloudPlatform/cluster-toolkit/pull/4027.
    """
    if not config.get("flexStart"):
        return
    if config.get("spot") or config.get("preemptible"):
        yield "Flex start node pools don't support Spot or preemptible VMs."
    if inputs.get("management", {}).get("autoRepair", True):
        yield "Flex start node pools don't support auto repair."
    if inputs.get("initialNodeCount", 0) or inputs.get("nodeCount", 0):
        yield "Flex start node pools don't support static nodes."
    if config.get("reservationAffinity", {}).get("consumeReservationType", "NO_RESERVATION") != "NO_RESERVATION":
        yield "Flex start node pools don't support reservations."
    if inputs.get("upgradeSettings", {}).get("strategy", "SHORT_LIVED") != "SHORT_LIVED":
        yield "Flex start node pools don't support upgrade strategies but SHORT_LIVED."
    if int(str(config.get("maxRunDuration", "0s")).removesuffix("s")) > WEEK:
        yield f"Flex start nodes live for {WEEK}s at most."
    if machines()[config.get("machineType", DEFAULT)].chips and inputs.get("queuedProvisioning", {}).get("enabled"):
        # https://github.com/AI-Hypercomputer/xpk/pull/900
        yield "Flex start node pools don't support TPUs with queued provisioning."


def _capacity(config: Props) -> Iterable[str]:
    affinity = config.get("reservationAffinity", {})
    specific = affinity.get("consumeReservationType") == "SPECIFIC_RESERVATION"
    if config.get("spot") and config.get("preemptible"):
        yield "spot and preemptible cannot both be set"
    if config.get("spot") and specific:
        yield "Spot VMs cannot consume a reservation"
    if specific and not (affinity.get("key") and affinity.get("values")):
        yield "a specific reservation needs the key and the values that name it"


def refuse_sysctls(wanted: Mapping[str, str]) -> None:
    """Refuse kernel parameters that GKE does not set, or not to this value."""
    known: dict[str, list[int]] = data("google_machines.yaml")["sysctls"]
    for name, value in wanted.items():
        if name not in known:
            raise bad(f'sysctl "{name}" is not supported')
        low, high = known[name]
        if not value.isdecimal() or not low <= int(value) <= high:
            raise bad(f'sysctl "{name}" cannot be "{value}": it takes from {low} to {high}')
