"""Everything that a stack file may say, and its checks. The fields of an entry of `models` are those of `Model`."""

import re
from ipaddress import IPv4Network
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel

from infra.google import slices
from infra.releases import compatibility, pins

from . import machines, mirror, places, ranges, uris
from .counts import MAX_REPLICAS
from .explain import PROJECT_KEY, listed
from .maintenance import MaintenanceWindow
from .model import MAX_NODES, Model, refuse

ZONES_OF_A_REGION = 3


def _whole(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch("-?[0-9]{1,18}", value):
        raise ValueError("is not a whole number. Use one, without quotes.")
    return value


def _true_or_false(value: object) -> object:
    if not isinstance(value, bool) and value not in ("true", "false"):
        raise ValueError("is neither true nor false. Use one of them.")
    return value


Cidr = Annotated[str, AfterValidator(ranges.canonical)]
Whole = Annotated[int, BeforeValidator(_whole)]
Count = Annotated[Whole, Field(ge=0, le=MAX_NODES)]
AtLeastOne = Annotated[Whole, Field(ge=1, le=MAX_NODES)]
SMALLEST_DISK, LARGEST_DISK = 30, 65_536
"""In GB. A disk may have 64 TiB (https://cloud.google.com/compute/docs/disks/hyperdisks). Of a small one GKE keeps half
and a tenth, and vLLM's image has to fit the rest
(https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes#local_ephemeral_storage_reservation)."""
MAX_LABELS = 64 - len(("goog-pulumi-provisioned",))
"""Labels of a resource (https://cloud.google.com/resource-manager/docs/labels-overview); the provider adds one."""


class Settings(BaseModel):
    """A stack's configuration. Nodes are counted over all zones; disk sizes are in GB.

    A validator that compares with an earlier field reads it from `info.data`, where it stands unless it has a problem
    of its own: so one run finds every problem.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    project: Annotated[str, Field(alias=PROJECT_KEY)]
    location: str
    tpu_zones: tuple[str, ...]
    tpu_slice: str
    tpu_capacity: Literal["on-demand", "spot", "reservation"]
    tpu_reservation: str
    tpu_min_nodes: Count
    tpu_max_nodes: AtLeastOne
    tpu_boot_disk_gb: Annotated[Whole, Field(ge=SMALLEST_DISK, le=LARGEST_DISK)]
    system_machine_type: str
    system_min_nodes: AtLeastOne
    system_max_nodes: AtLeastOne
    subnet_cidr: Cidr
    pod_cidr: Cidr
    service_cidr: Cidr
    control_plane_cidr: Cidr
    authorized_networks: tuple[Cidr, ...]
    release_channel: Literal["RAPID", "REGULAR", "STABLE", "EXTENDED"]
    gke_version: str
    maintenance_window: MaintenanceWindow | None
    router_replicas: Annotated[Whole, Field(ge=1, le=MAX_REPLICAS)]
    models: tuple[Model, ...]
    hugging_face_token: SecretStr
    protect: Annotated[bool, BeforeValidator(_true_or_false)]
    chart_mirror: str
    labels: dict[str, str]

    @field_validator("project")
    @classmethod
    def _project_id(cls, project: str) -> str:
        if not re.fullmatch(r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]", project):
            raise ValueError("is not a project ID (not its name or number). `gcloud projects list` shows the IDs.")
        return project

    @field_validator("location")
    @classmethod
    def _zone_or_region(cls, location: str) -> str:
        if not places.is_place(location):
            raise ValueError(
                "is neither a zone (like europe-west4-a) nor a region (like europe-west4). Use one of "
                "`gcloud compute zones list`."
            )
        return location

    @field_validator("tpu_zones")
    @classmethod
    def _zones_of_the_region(cls, zones: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        location = info.data.get("location")
        if location is None:
            return zones
        if not zones:
            if not places.is_zone(location):
                raise ValueError(
                    f"is empty, and `location` {location} is a region. Name the zones that may hold TPU nodes, like "
                    f"`pulumi config set --path 'tpuZones[0]' {location}-a`."
                )
            return (location,)
        region = places.region(location)
        refuse(
            f"contains {zone!r}, which is not a zone of {region}, the region of `location`. Use zones of that region, "
            f"like {region}-a, or change `location`."
            for zone in zones
            if not re.fullmatch(rf"{region}-[a-z0-9]+", zone)
        )
        if len(set(zones)) < len(zones):
            raise ValueError("names a zone twice. Name each once.")
        return zones

    @field_validator("tpu_slice")
    @classmethod
    def _known_slice(cls, name: str) -> str:
        if name not in slices.SLICES:
            raise ValueError(f"is not a slice of one host. Use one of {listed(slices.SLICES)}.")
        return name

    @field_validator("tpu_reservation")
    @classmethod
    def _reservation_matches_capacity(cls, reservation: str, info: ValidationInfo) -> str:
        capacity = info.data.get("tpu_capacity")
        if reservation and not re.fullmatch(
            r"(projects/[^/\s]+/reservations/)?[a-z]([-a-z0-9]{0,61}[a-z0-9])?", reservation
        ):
            raise ValueError(
                "is not the name of a reservation. Use one of `gcloud compute reservations list`; a shared one is "
                "projects/PROJECT_ID/reservations/NAME."
            )
        if capacity == "reservation" and not reservation:
            raise ValueError(
                "is empty, and `tpuCapacity` is reservation. Name the reservation: `gcloud compute reservations list` "
                "shows them."
            )
        if capacity in ("on-demand", "spot") and reservation:
            raise ValueError(
                f"is set, but `tpuCapacity` is {capacity}. Set `tpuCapacity` to reservation, or remove it."
            )
        return reservation

    @field_validator("tpu_max_nodes", "system_max_nodes")
    @classmethod
    def _max_not_below_min(cls, most: int, info: ValidationInfo) -> int:
        low = str(info.field_name).replace("max", "min")
        fewest = info.data.get(low, 0)
        if most < fewest:
            raise ValueError(f"is below `{to_camel(low)}`, which is {fewest}. Raise it to {fewest}, or lower that one.")
        return most

    @field_validator("system_max_nodes")
    @classmethod
    def _a_node_in_each_zone(cls, most: int, info: ValidationInfo) -> int:
        location = info.data.get("location", "")
        if location and not places.is_zone(location) and most < ZONES_OF_A_REGION:
            raise ValueError(
                f"is too small for the regional cluster in {location}, which begins with a node in each of three zones."
                f" Use {ZONES_OF_A_REGION} or more, or a zone as `location`."
            )
        return most

    @field_validator("system_machine_type")
    @classmethod
    def _machine_type(cls, machine_type: str) -> str:
        return machines.check(machine_type)

    @field_validator("subnet_cidr", "pod_cidr", "service_cidr", "control_plane_cidr")
    @classmethod
    def _of_vpc(cls, cidr: str, info: ValidationInfo) -> str:
        return ranges.of_vpc(cidr, str(info.field_name))

    @field_validator("authorized_networks")
    @classmethod
    def _callers(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        refuse(map(ranges.caller_problem, networks))
        return networks

    @field_validator("pod_cidr", "service_cidr", "control_plane_cidr")
    @classmethod
    def _no_overlap(cls, cidr: str, info: ValidationInfo) -> str:
        for other in ("subnet_cidr", "pod_cidr", "service_cidr"):
            taken = info.data.get(other)
            if taken is not None and IPv4Network(cidr).overlaps(IPv4Network(taken)):
                raise ValueError(f"overlaps `{to_camel(other)}`, which is {taken}. Choose ranges that do not overlap.")
        return cidr

    @field_validator("subnet_cidr", "pod_cidr", "service_cidr")
    @classmethod
    def _large_enough(cls, cidr: str, info: ValidationInfo) -> str:
        """Room for every node: one address and, for its Pods, a /24; one more node for the system pool's upgrades."""
        nodes = info.data.get("system_max_nodes", 1) + info.data.get("tpu_max_nodes", 1) + 1
        prefix = IPv4Network(cidr).prefixlen
        longest = {
            "subnet_cidr": 32 - (nodes + 4 - 1).bit_length(),  # Google keeps 4 addresses of a subnet
            "pod_cidr": 24 - (nodes - 1).bit_length(),
            "service_cidr": 27,  # about ten of the platform, and three of each model
        }[str(info.field_name)]
        if prefix > longest:
            raise ValueError(f"is too small for up to {nodes} nodes and their Services. Use a /{longest} or larger.")
        return cidr

    @field_validator("control_plane_cidr")
    @classmethod
    def _is_28(cls, cidr: str) -> str:
        if not cidr.endswith("/28"):
            raise ValueError("is not a /28, and GKE takes no other size for the control plane. Use a /28.")
        return cidr

    @field_validator("gke_version")
    @classmethod
    def _runs_the_charts(cls, version: str) -> str:
        if not version:
            return version
        if not re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,9}-gke\.\d{1,12}", version, re.ASCII):
            raise ValueError(
                "is not a full GKE version like 1.34.1-gke.1829001. Use one of "
                "`gcloud container get-server-config`, or remove it to use the channel's."
            )
        if problem := compatibility.gke_problem(version, pins.CHARTS):
            raise ValueError(problem)
        return version

    @field_validator("maintenance_window", mode="before")
    @classmethod
    def _empty_is_none(cls, window: object) -> object:
        return window or None

    @field_validator("models")
    @classmethod
    def _at_least_one(cls, models: tuple[Model, ...]) -> tuple[Model, ...]:
        if not models:
            raise ValueError("is empty. Add at least one: README.md has the fields.")
        return models

    @field_validator("chart_mirror")
    @classmethod
    def _has_charts(cls, place: str) -> str:
        if place and not uris.mirror(place):
            refuse(mirror.problems(place, pins.CHARTS))
        return place

    @field_validator("labels")
    @classmethod
    def _valid_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        refuse(
            f"contains {key!r}. Keys and values are at most 63 lower-case letters, digits, hyphens and "
            "underscores; a key begins with a letter."
            if not re.fullmatch(r"[a-z][-_a-z0-9]{0,62}", key) or not re.fullmatch(r"[-_a-z0-9]{0,63}", value)
            else f"contains {key!r}, and keys that begin with goog are Google's own. Choose another key."
            if key.startswith("goog")
            else None
            for key, value in labels.items()
        )
        if len(labels) > MAX_LABELS:
            raise ValueError(
                f"has {len(labels)} labels, and {MAX_LABELS} are the most: Google Cloud takes 64, and the provider "
                "adds one. Remove some."
            )
        return labels

    @property
    def region(self) -> str:
        """The region of `location`."""
        return places.region(self.location)

    @property
    def slice(self) -> slices.Slice:
        """The slice of every TPU node."""
        return slices.SLICES[self.tpu_slice]

    @property
    def warnings(self) -> list[str]:
        """What is likely wrong but may be right."""
        unknown = [zone for zone in self.tpu_zones if zone not in slices.KNOWN_ZONES]
        return [
            *(
                f"tpuZones: {zone} was not known to have TPU v6e when this was written; known are "
                f"{listed(sorted(slices.KNOWN_ZONES))}. If it has none, the TPU pool stays empty and the models do not "
                "start."
                for zone in unknown
            ),
            *(
                f"models[{i}].dtype: {model.dtype} reaches vLLM as {model.tpu_dtype}, as no TPU kernel of this release "
                f"compiles for float16. Write {model.tpu_dtype}, and nothing else changes."
                for i, model in enumerate(self.models)
                if model.dtype in ("half", "float16")
            ),
            *(
                []
                if self.region in places.REGIONS
                else [
                    f"location: {self.region} was not known to be a region when this was written. If there is none of "
                    "that name, Google Cloud refuses the subnet: `gcloud compute regions list`."
                ]
            ),
            *filter(None, [machines.warning(self.system_machine_type)]),
            *(
                [
                    "authorizedNetworks: 0.0.0.0/0 lets everyone knock at the control plane, and `kubectl` and Pulumi "
                    "need none of it."
                ]
                if "0.0.0.0/0" in self.authorized_networks
                else []
            ),
            *compatibility.gke_warnings(self.gke_version, pins.CHARTS),
        ]
