"""The configuration of a stack, checked: `load()` is the only place that reads it.

Names, types, defaults and descriptions stand in Pulumi.yaml, and the engine refuses a scalar of the wrong type before
the program runs. Everything else is checked here, before any resource is declared, and told in one message. The fields
of an entry of `models` are those of `Model`.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from ipaddress import IPv4Network
from itertools import combinations
from typing import Annotated, Any, Literal, cast

import pulumi
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from . import compatibility, mirror, tpu, versions
from .maintenance import MaintenanceWindow
from .model import Model, refuse
from .replicas import MAX_REPLICAS

PROJECT_KEY = "gcp:project"
PROVIDERS = ("gcp:", "kubernetes:")
ZONES_OF_A_REGION = 3
TOKEN_KEY = "huggingFaceToken"  # noqa: S105 - the name of the setting, not a token


class SettingsError(pulumi.RunError):
    """Every problem of a stack's configuration, one a line. A `RunError`, so that the engine prints no traceback."""


def _cidr(value: str) -> str:
    try:
        if "/" not in value:
            raise ValueError("it has no length")
        return str(IPv4Network(value))
    except ValueError as problem:
        raise ValueError(
            f"is not an IPv4 range ({problem}). Write it as its first address and a length, like 10.0.0.0/20."
        ) from None


Cidr = Annotated[str, AfterValidator(_cidr)]
Count = Annotated[int, Field(ge=0)]
AtLeastOne = Annotated[int, Field(ge=1)]


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
    tpu_boot_disk_gb: Annotated[int, Field(ge=10)]
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
    router_replicas: Annotated[int, Field(ge=1, le=MAX_REPLICAS)]
    models: tuple[Model, ...]
    hugging_face_token: SecretStr
    protect: bool
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
        if not re.fullmatch(r"[a-z]+-[a-z]+\d+(-[a-z0-9]+)?", location):
            raise ValueError("is neither a zone (like europe-west4-a) nor a region (like europe-west4).")
        return location

    @field_validator("tpu_zones")
    @classmethod
    def _zones_of_the_region(cls, zones: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        location = info.data.get("location")
        if location is None:
            return zones
        if not zones:
            if not _is_zone(location):
                raise ValueError(
                    f"is empty, and `location` {location} is a region. Name the zones that may hold TPU nodes, like "
                    f"`pulumi config set --path 'tpuZones[0]' {location}-a`."
                )
            return (location,)
        region = _region(location)
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
        if name not in tpu.SLICES:
            raise ValueError(f"is not a slice of one host. Use one of {_listed(tpu.SLICES)}.")
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
        if location and not _is_zone(location) and most < ZONES_OF_A_REGION:
            raise ValueError(
                f"is too small for the regional cluster in {location}, which begins with a node in each of three zones."
                f" Use {ZONES_OF_A_REGION} or more, or a zone as `location`."
            )
        return most

    @field_validator("system_machine_type")
    @classmethod
    def _machine_type(cls, machine_type: str) -> str:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", machine_type):
            raise ValueError("is not a machine type. Use one like e2-standard-4 (4 vCPUs or more).")
        if re.match(r"(ct|tpu)\d", machine_type):
            raise ValueError("is a TPU machine, and only Pods that ask for TPUs run there. Use one like e2-standard-4.")
        return machine_type

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
            raise ValueError("is not a /28, and GKE takes no other size for the control plane.")
        return cidr

    @field_validator("gke_version")
    @classmethod
    def _runs_the_charts(cls, version: str) -> str:
        if not version:
            return version
        if not re.fullmatch(r"\d+\.\d+\.\d+-gke\.\d+", version):
            raise ValueError(
                "is not a full GKE version like 1.34.1-gke.1829001. `gcloud container get-server-config` lists them."
            )
        if problem := compatibility.gke_problem(version, versions.CHARTS):
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
        if not place or re.fullmatch(r"oci://[^\s/]+(/[^\s/]+)*", place):
            return place
        if "://" in place:
            raise ValueError("is neither an OCI prefix (oci://REGISTRY/PATH, no slash last) nor a directory.")
        refuse(mirror.problems(place, versions.CHARTS))
        return place

    @field_validator("labels")
    @classmethod
    def _valid_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        refuse(
            f"contains {key!r}: {value!r}. Keys and values are at most 63 lower-case letters, digits, hyphens and "
            "underscores; a key begins with a letter."
            for key, value in labels.items()
            if not re.fullmatch(r"[a-z][-_a-z0-9]{0,62}", key) or not re.fullmatch(r"[-_a-z0-9]{0,63}", value)
        )
        return labels

    @property
    def region(self) -> str:
        """The region of `location`."""
        return _region(self.location)

    @property
    def slice(self) -> tpu.Slice:
        """The slice of every TPU node."""
        return tpu.SLICES[self.tpu_slice]

    @property
    def warnings(self) -> list[str]:
        """What is likely wrong but may be right."""
        unknown = [zone for zone in self.tpu_zones if zone not in tpu.KNOWN_ZONES]
        return [
            *(
                f"tpuZones: {zone} was not known to have TPU v6e when this was written; known are "
                f"{_listed(sorted(tpu.KNOWN_ZONES))}. If it has none, the TPU pool stays empty and the models do not "
                "start."
                for zone in unknown
            ),
            *(
                f"models[{i}].dtype: {model.dtype} reaches vLLM as {model.tpu_dtype}, as no TPU kernel of this release "
                f"compiles for float16. Write {model.tpu_dtype}, and nothing else changes."
                for i, model in enumerate(self.models)
                if model.dtype in ("half", "float16")
            ),
            *compatibility.gke_warnings(self.gke_version, versions.CHARTS),
        ]


def _is_zone(location: str) -> bool:
    return location.count("-") == 2


def _region(location: str) -> str:
    return location.rsplit("-", 1)[0] if _is_zone(location) else location


def _listed(values: Any) -> str:
    return ", ".join(str(v) for v in values)


def _between_models(models: object, max_nodes: object) -> Iterator[str]:
    """Problems that no single model has. It looks at the raw values, so that it speaks even if a model has others."""
    entries = (
        [cast(dict[str, Any], m) for m in cast(list[Any], models) if isinstance(m, dict)]
        if isinstance(models, list)
        else []
    )
    for (i, one), (j, other) in combinations(enumerate(entries), 2):
        if one.get("name") and (one.get("namespace"), one["name"]) == (
            other.get("namespace"),
            other.get("name"),
        ):
            yield (
                f"models[{j}]: {one.get('namespace')}/{one['name']} is the name of models[{i}] as well. "
                "Two models need different names or namespaces."
            )
    replicas = [m.get("replicas", 1) for m in entries]
    if all(isinstance(r, int) for r in replicas) and str(max_nodes).isdecimal() and sum(replicas) > int(str(max_nodes)):
        yield (
            f"models: {sum(replicas)} replicas in all, each taking one TPU node, but `tpuMaxNodes` is {max_nodes}. "
            f"Run `pulumi config set tpuMaxNodes {sum(replicas)}`, or lower `replicas`."
        )


_PROBLEMS = {
    "bool_parsing": "is neither true nor false. Use one of them.",
    "dict_type": "is not a mapping. Write `key: value` lines.",
    "greater_than_equal": "is too small. Use {ge} or more.",
    "int_from_float": "is not a whole number. Use one, without quotes.",
    "int_parsing": "is not a whole number. Use one, without quotes.",
    "int_type": "is not a whole number. Use one, without quotes.",
    "less_than_equal": "is too large. Use {le} or less.",
    "literal_error": "is not allowed. Use one of {expected}.",
    "model_type": "is not a mapping. Write `key: value` lines.",
    "string_type": "is not text. Put it in quotes.",
    "tuple_type": "is not a list. Write one, even for a single value.",
    "value_error": "{error}",
}
"""What is wrong and what to do about it, by pydantic's type of error."""


def _explain(error: ErrorDetails, secrets: Collection[str]) -> str:
    """A problem that pydantic found, as: setting: value what is wrong and what to do. It shows no encrypted value."""
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error["loc"]).lstrip(".")
    if error["type"] == "missing" and where == PROJECT_KEY:
        return f"{where}: is not set. Run `pulumi config set {PROJECT_KEY} PROJECT_ID` with the project to deploy to."
    if error["type"] == "missing":
        return f"{where}: is required. Add it."
    if error["type"] == "extra_forbidden" and where.startswith(PROVIDERS):
        return (
            f"{where}: has no effect, as the program configures its providers itself. Remove it, and use an "
            "environment variable of the provider if you need it, like GOOGLE_IMPERSONATE_SERVICE_ACCOUNT."
        )
    if error["type"] == "extra_forbidden":
        parts = {"models": Model, "maintenanceWindow": MaintenanceWindow}
        known = _fields(parts.get(where.split(".")[0].split("[")[0], Settings))
        near = get_close_matches(where.rsplit(".")[-1], known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"Allowed: {_listed(known)}."
        return f"{where}: there is no such setting. {hint} Change its name, or remove it."
    problem = _PROBLEMS.get(error["type"], "is not valid: {msg}.").format(msg=error["msg"], **error.get("ctx", {}))
    shown = json.dumps(error["input"], default=str, ensure_ascii=False)
    if error["loc"][0] in {TOKEN_KEY, *secrets} or "--api-key" in shown.replace("_", "-"):
        shown = "[secret]"
    return f"{where}: {shown} {problem}"


def _fields(cls: type[BaseModel]) -> list[str]:
    return [f.alias or name for name, f in cls.model_fields.items()]


def parse(values: Mapping[str, Any], *, secrets: Collection[str] = (), stack: str = "dev") -> Settings:
    """The checked settings from the names and values of a stack's configuration.

    `secrets` names the ones that were encrypted. Raises `SettingsError`, which lists every problem.
    """
    problems: list[str] = []
    settings = None
    try:
        settings = Settings.model_validate(dict(values), context=values.get("tpuSlice"))
    except ValidationError as failed:
        problems += [_explain(error, secrets) for error in failed.errors(include_url=False)]
    problems += _between_models(values.get("models"), values.get("tpuMaxNodes"))
    if values.get(TOKEN_KEY) and TOKEN_KEY not in secrets:
        problems.append(
            f"{TOKEN_KEY}: is stored in plain text. Run `pulumi config set --secret {TOKEN_KEY}`, and revoke the token "
            "if the file was shared."
        )
    problems += [
        f"{key}: is encrypted, but only {TOKEN_KEY} stays so: the rest is plain text in the cluster. Set it without "
        "`--secret`, and keep secrets out of it."
        for key in sorted(set(secrets) - {TOKEN_KEY, PROJECT_KEY})
    ]
    if settings is None or problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {p}" for p in problems)
        raise SettingsError(f"Pulumi.{stack}.yaml has {count}; nothing was changed.\n{lines}")
    return settings


_STRUCTURED = {"tpuZones", "authorizedNetworks", "maintenanceWindow", "models", "labels"}
"""Settings that the engine passes as JSON."""


def load() -> Settings:
    """The settings of the running stack. Raises `SettingsError`, also for the versions; logs `Settings.warnings`."""
    if broken := list(compatibility.problems(versions.CHARTS)):
        lines = "\n".join(f"  {problem}" for problem in broken)
        raise SettingsError(f"infra/versions.py pins what does not go together; nothing was changed.\n{lines}")
    prefix = f"{pulumi.get_project()}:"
    config = {**pulumi.runtime.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    values = {k.removeprefix(prefix): v for k, v in config.items() if k.startswith(prefix)}
    for key in _STRUCTURED & values.keys():
        with suppress(ValueError):  # what is not JSON stays text, which `parse` refuses by name
            values[key] = json.loads(values[key])
    values |= {k: v for k, v in config.items() if k.startswith(PROVIDERS) and k != "gcp:disableGlobalProjectWarning"}
    secrets = {k for k in values if pulumi.runtime.is_config_secret(k if k in config else prefix + k)}
    settings = parse(values, secrets=secrets, stack=pulumi.get_stack())
    for warning in settings.warnings:
        pulumi.log.warn(warning)
    return settings
