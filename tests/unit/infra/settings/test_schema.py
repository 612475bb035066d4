"""A stack's configuration: what is accepted, and the exact line that each mistake gets.

A change is written the way `pulumi config set --path` writes it: `models[0].name`.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.google import slices
from infra.models import pod
from infra.releases import pins
from infra.settings.configuration import SettingsError
from infra.settings.load import STRUCTURED, parse
from infra.settings.model import MAX_NAME
from infra.settings.schema import Settings
from tests.support.project import defaults, schema, stack_file

SCHEMA = schema()
REMOVED = object()
TOKEN = "hf_do-not-show-me"  # noqa: S105 - made up

Values = dict[str, Any]
Stack = Callable[[Values], Values]


@pytest.fixture
def values() -> Values:
    """The configuration of the dev stack, as the engine hands it to the program once a project is set."""
    return {**defaults(), "gcp:project": "my-project", **stack_file("dev")}


@pytest.fixture
def stack(values: Values) -> Stack:
    """The dev stack's configuration with changes."""

    def changed(changes: Values) -> Values:
        for path, value in changes.items():
            of_model = re.fullmatch(r"models\[0\]\.(\w+)", path)
            target, key = (values["models"][0], of_model[1]) if of_model else (values, path)
            target[key] = value
            if value is REMOVED:
                del target[key]
        return values

    return changed


def problems(values: Values) -> list[str]:
    """The lines of the error that these settings get, without its header."""
    with pytest.raises(SettingsError) as error:
        parse(values)
    return [line.removeprefix("  ") for line in str(error.value).splitlines()[1:]]


def model(**fields: Any) -> Values:
    return {"namespace": "apps", "uri": "hf://Qwen/Qwen3-8B", **fields}


# Bad input

NO_LABEL = "is not a DNS label. Use at most 63 lower-case letters, digits and hyphens, a letter first, no hyphen last."
NO_URI = "is not a model URI. Use hf://ORGANISATION/REPOSITORY, pvc://CLAIM/PATH or oci://REGISTRY/IMAGE:TAG."
NO_INTEGER = "is not a whole number. Use one, without quotes."
NO_LIST = "is not a list. Write one, even for a single value."
NO_LOCATION = (
    "is neither a zone (like europe-west4-a) nor a region (like europe-west4). Use one of `gcloud compute zones list`."
)
NO_PROJECT = "is not a project ID (not its name or number). `gcloud projects list` shows the IDs."
NO_VERSION = (
    "is not a full GKE version like 1.34.1-gke.1829001. Use one of `gcloud container get-server-config`, or remove it "
    "to use the channel's."
)
OLD_VERSION = (
    "is older than cert-manager 1.21 is supported on, which is 1.33 to 1.36 "
    "(https://cert-manager.io/docs/releases/). Use 1.33 to 1.36, or remove it to use the channel's."
)
NO_MIRROR = "is neither an OCI prefix (oci://REGISTRY/PATH, no slash last) nor a directory. Use one of them."
LABEL_RULE = (
    "Keys and values are at most 63 lower-case letters, digits, hyphens and underscores; a key begins with a letter."
)
PLATFORMS = "belongs to the platform. Choose another namespace for the model."
RANGE_FORM = "Write it as its first address and a length, like 10.0.0.0/20."
TEMPLATE = (
    "and KServe would run its {{ as a template. Write JSON with a space between braces ({ {), and leave templates out."
)

BAD: dict[str, tuple[Values, str]] = {
    # Unknown and missing settings
    "unknown setting, near a known one": (
        {"tpuSlize": "v6e-4"},
        "tpuSlize: there is no such setting. Did you mean tpuSlice? Change its name, or remove it.",
    ),
    "unknown setting, like no other": (
        {"xyz": 1},
        "xyz: there is no such setting. Allowed: gcp:project, location, tpuZones, tpuSlice, tpuCapacity, "
        "tpuReservation, tpuMinNodes, tpuMaxNodes, tpuBootDiskGb, systemMachineType, systemMinNodes, "
        "systemMaxNodes, subnetCidr, podCidr, serviceCidr, controlPlaneCidr, authorizedNetworks, releaseChannel, "
        "gkeVersion, maintenanceWindow, routerReplicas, models, huggingFaceToken, protect, chartMirror, labels. "
        "Change its name, or remove it.",
    ),
    "unknown field of a model, near a known one": (
        {"models[0].maxModelLength": 2048},
        "models[0].maxModelLength: there is no such setting. Did you mean maxModelLen? Change its name, or remove it.",
    ),
    "unknown field of a model, like no other": (
        {"models[0].xyz": 1},
        "models[0].xyz: there is no such setting. Allowed: name, namespace, uri, servedNames, dtype, maxModelLen, "
        "tensorParallelSize, replicas, extraArgs. Change its name, or remove it.",
    ),
    "no project": (
        {"gcp:project": REMOVED},
        "gcp:project: is not set. Run `pulumi config set gcp:project PROJECT_ID` with the project to deploy to.",
    ),
    "a project's name": ({"gcp:project": "My Project"}, f'gcp:project: "My Project" {NO_PROJECT}'),
    "a project's number": ({"gcp:project": "123456789012"}, f'gcp:project: "123456789012" {NO_PROJECT}'),
    "no models": ({"models": []}, "models: [] is empty. Add at least one: docs/settings.md has the fields."),
    "model without a name": ({"models[0].name": REMOVED}, "models[0].name: is required. Add it."),
    "model without a namespace": ({"models[0].namespace": REMOVED}, "models[0].namespace: is required. Add it."),
    "model without a URI": ({"models[0].uri": REMOVED}, "models[0].uri: is required. Add it."),
    # Wrong types
    "models as text": ({"models": "qwen"}, f'models: "qwen" {NO_LIST}'),
    "models as a mapping": ({"models": {"name": "qwen"}}, f'models: {{"name": "qwen"}} {NO_LIST}'),
    "model as text": ({"models": ["qwen"]}, 'models[0]: "qwen" is not a mapping. Write `key: value` lines.'),
    "name as a number": ({"models[0].name": 5}, "models[0].name: 5 is not text. Put it in quotes."),
    "length as text": ({"models[0].maxModelLen": "2048"}, f'models[0].maxModelLen: "2048" {NO_INTEGER}'),
    "length as a fraction": ({"models[0].maxModelLen": 2048.5}, f"models[0].maxModelLen: 2048.5 {NO_INTEGER}"),
    "length as a truth value": ({"models[0].maxModelLen": True}, f"models[0].maxModelLen: true {NO_INTEGER}"),
    "no length at all": ({"models[0].maxModelLen": 0}, "models[0].maxModelLen: 0 is too small. Use 1 or more."),
    "replicas as text": ({"models[0].replicas": "1"}, f'models[0].replicas: "1" {NO_INTEGER}'),
    "no replicas": ({"models[0].replicas": 0}, "models[0].replicas: 0 is too small. Use 1 or more."),
    "tensor parallelism as text": (
        {"models[0].tensorParallelSize": "4"},
        f'models[0].tensorParallelSize: "4" {NO_INTEGER}',
    ),
    "served names as text": ({"models[0].servedNames": "qwen"}, f'models[0].servedNames: "qwen" {NO_LIST}'),
    "flags as text": ({"models[0].extraArgs": "--seed=1"}, f'models[0].extraArgs: "--seed=1" {NO_LIST}'),
    "flag as a number": ({"models[0].extraArgs": [5]}, "models[0].extraArgs[0]: 5 is not text. Put it in quotes."),
    "unknown dtype": (
        {"models[0].dtype": "fp8"},
        "models[0].dtype: \"fp8\" is not allowed. Use one of 'auto', 'half', 'float16', 'bfloat16', 'float' or "
        "'float32'.",
    ),
    "zones as text": ({"tpuZones": "europe-west4-a"}, f'tpuZones: "europe-west4-a" {NO_LIST}'),
    "networks as text": ({"authorizedNetworks": "10.0.0.0/8"}, f'authorizedNetworks: "10.0.0.0/8" {NO_LIST}'),
    "labels as text": ({"labels": "team"}, 'labels: "team" is not a mapping. Write `key: value` lines.'),
    # Slice
    "slice of several hosts": (
        {"tpuSlice": "v6e-16"},
        'tpuSlice: "v6e-16" is not a slice of one host. Use one of v6e-1, v6e-4, v6e-8.',
    ),
    "tensor parallelism beyond v6e-1": (
        {"tpuSlice": "v6e-1", "models[0].tensorParallelSize": 2},
        "models[0].tensorParallelSize: 2 does not fit the 1 chips of v6e-1. Allowed: 1. Leave it out to use every "
        "chip.",
    ),
    "tensor parallelism that does not divide v6e-4": (
        {"models[0].tensorParallelSize": 3},
        "models[0].tensorParallelSize: 3 does not fit the 4 chips of v6e-4. Allowed: 1, 2, 4. Leave it out to use "
        "every chip.",
    ),
    "tensor parallelism beyond v6e-4": (
        {"models[0].tensorParallelSize": 8},
        "models[0].tensorParallelSize: 8 does not fit the 4 chips of v6e-4. Allowed: 1, 2, 4. Leave it out to use "
        "every chip.",
    ),
    "tensor parallelism that does not divide v6e-8": (
        {"tpuSlice": "v6e-8", "models[0].tensorParallelSize": 6},
        "models[0].tensorParallelSize: 6 does not fit the 8 chips of v6e-8. Allowed: 1, 2, 4, 8. Leave it out to "
        "use every chip.",
    ),
    "no tensor parallelism": (
        {"models[0].tensorParallelSize": 0},
        "models[0].tensorParallelSize: 0 is too small. Use 1 or more.",
    ),
    # Where
    "location that is no place": ({"location": "Europe"}, f'location: "Europe" {NO_LOCATION}'),
    "location without a zone's letter": ({"location": "europe-west4-"}, f'location: "europe-west4-" {NO_LOCATION}'),
    "region without zones": (
        {"location": "europe-west4"},
        "tpuZones: [] is empty, and `location` europe-west4 is a region. Name the zones that may hold TPU nodes, "
        "like `pulumi config set --path 'tpuZones[0]' europe-west4-a`.",
    ),
    "zone of another region": (
        {"tpuZones": ["europe-west4-a", "us-east5-b"]},
        'tpuZones: ["europe-west4-a", "us-east5-b"] contains \'us-east5-b\', which is not a zone of '
        "europe-west4, the region of `location`. Use zones of that region, like europe-west4-a, or change "
        "`location`.",
    ),
    "zone of another region than the region": (
        {"location": "us-east5", "tpuZones": ["europe-west4-a"]},
        "tpuZones: [\"europe-west4-a\"] contains 'europe-west4-a', which is not a zone of us-east5, the region of "
        "`location`. Use zones of that region, like us-east5-a, or change `location`.",
    ),
    "region among the zones": (
        {"tpuZones": ["europe-west4"]},
        "tpuZones: [\"europe-west4\"] contains 'europe-west4', which is not a zone of europe-west4, the region of "
        "`location`. Use zones of that region, like europe-west4-a, or change `location`.",
    ),
    "zone twice": (
        {"tpuZones": ["europe-west4-a", "europe-west4-a"]},
        'tpuZones: ["europe-west4-a", "europe-west4-a"] names a zone twice. Name each once.',
    ),
    # Names
    "name with a capital": ({"models[0].name": "Qwen"}, f'models[0].name: "Qwen" {NO_LABEL}'),
    "name with a dot": ({"models[0].name": "qwen2.5"}, f'models[0].name: "qwen2.5" {NO_LABEL}'),
    "name that begins with a digit": ({"models[0].name": "3b"}, f'models[0].name: "3b" {NO_LABEL}'),
    "name that ends with a hyphen": ({"models[0].name": "qwen-"}, f'models[0].name: "qwen-" {NO_LABEL}'),
    "empty name": ({"models[0].name": ""}, f'models[0].name: "" {NO_LABEL}'),
    "name longer than a DNS label": ({"models[0].name": "q" * 64}, f'models[0].name: "{"q" * 64}" {NO_LABEL}'),
    "name one too long for KServe's suffixes": (
        {"models[0].name": "q" * (MAX_NAME + 1)},
        f'models[0].name: "{"q" * 39}" is 39 characters long, and at most 38 are allowed, because KServe appends '
        "to it. Choose a shorter name.",
    ),
    "namespace with an underscore": (
        {"models[0].namespace": "my_apps"},
        f'models[0].namespace: "my_apps" {NO_LABEL}',
    ),
    "namespace longer than a DNS label": (
        {"models[0].namespace": "n" * 64},
        f'models[0].namespace: "{"n" * 64}" {NO_LABEL}',
    ),
    "namespace default": ({"models[0].namespace": "default"}, f'models[0].namespace: "default" {PLATFORMS}'),
    "namespace of Kubernetes": (
        {"models[0].namespace": "kube-system"},
        f'models[0].namespace: "kube-system" {PLATFORMS}',
    ),
    "namespace of KServe": ({"models[0].namespace": "kserve"}, f'models[0].namespace: "kserve" {PLATFORMS}'),
    "namespace of cert-manager": (
        {"models[0].namespace": "cert-manager"},
        f'models[0].namespace: "cert-manager" {PLATFORMS}',
    ),
    "namespace of Istio": (
        {"models[0].namespace": "istio-system"},
        f'models[0].namespace: "istio-system" {PLATFORMS}',
    ),
    "namespace of the gateway": (
        {"models[0].namespace": "istio-ingress"},
        f'models[0].namespace: "istio-ingress" {PLATFORMS}',
    ),
    "two models of one name and namespace": (
        {"models": [model(name="qwen"), model(name="qwen")], "tpuMaxNodes": 2},
        "models[1]: apps/qwen is the name of models[0] as well. Two models need different names or namespaces.",
    ),
    "served name that is empty": (
        {"models[0].servedNames": [""]},
        "models[0].servedNames: [\"\"] contains ''. Use names without spaces that do not begin with a hyphen.",
    ),
    "served name that vLLM would read as a flag": (
        {"models[0].servedNames": ["qwen", "--seed"]},
        'models[0].servedNames: ["qwen", "--seed"] contains \'--seed\'. Use names without spaces that do not '
        "begin with a hyphen.",
    ),
    # Where the weights are
    "weights in Cloud Storage": (
        {"models[0].uri": "gs://bucket/qwen"},
        'models[0].uri: "gs://bucket/qwen" cannot be read: KServe\'s LLMInferenceService has no gs:// support. '
        "Use hf://..., or pack the weights into an image and use "
        "oci://...",
    ),
    "weights behind https": (
        {"models[0].uri": "https://example.com/qwen.tar"},
        f'models[0].uri: "https://example.com/qwen.tar" {NO_URI}',
    ),
    "weights in a file": ({"models[0].uri": "file:///qwen"}, f'models[0].uri: "file:///qwen" {NO_URI}'),
    "weights in a path": ({"models[0].uri": "/mnt/models"}, f'models[0].uri: "/mnt/models" {NO_URI}'),
    "repository without a scheme": (
        {"models[0].uri": "Qwen/Qwen2.5-3B-Instruct"},
        f'models[0].uri: "Qwen/Qwen2.5-3B-Instruct" {NO_URI}',
    ),
    "repository without its organisation": ({"models[0].uri": "hf://gpt2"}, f'models[0].uri: "hf://gpt2" {NO_URI}'),
    "file in a repository": (
        {"models[0].uri": "hf://Qwen/Qwen3-8B/model.safetensors"},
        f'models[0].uri: "hf://Qwen/Qwen3-8B/model.safetensors" {NO_URI}',
    ),
    "scheme in capitals": ({"models[0].uri": "HF://Qwen/Qwen3-8B"}, f'models[0].uri: "HF://Qwen/Qwen3-8B" {NO_URI}'),
    "weights in S3": (
        {"models[0].uri": "s3://bucket/qwen"},
        'models[0].uri: "s3://bucket/qwen" cannot be read: there is no setting for its credentials yet. Use hf://..., '
        "or pack the weights into an image and use oci://...",
    ),
    "claim without a name": ({"models[0].uri": "pvc://"}, f'models[0].uri: "pvc://" {NO_URI}'),
    "pipeline parallelism": (
        {"models[0].extraArgs": ["-pp", "2"]},
        'models[0].extraArgs: ["-pp", "2"] contains -pp. Remove it: a Pod has one host, and `tensorParallelSize` uses '
        "its chips.",
    ),
    "data parallelism": (
        {"models[0].extraArgs": ["--data_parallel_size=2"]},
        'models[0].extraArgs: ["--data_parallel_size=2"] contains --data-parallel-size. Remove it: a Pod has one host; '
        "use `replicas`.",
    ),
    "no flag": (
        {"models[0].extraArgs": ["foo"]},
        "models[0].extraArgs: [\"foo\"] begins with 'foo', which is not a flag. Begin with one, like "
        "--max-num-seqs=64.",
    ),
    "Pod range for fewer nodes than the pools may have": (
        {"podCidr": "10.64.0.0/22"},
        'podCidr: "10.64.0.0/22" is too small for up to 5 nodes and their Services. Use a /21 or larger.',
    ),
    "Service range too small": (
        {"serviceCidr": "10.65.0.0/28"},
        'serviceCidr: "10.65.0.0/28" is too small for up to 5 nodes and their Services. Use a /27 or larger.',
    ),
    "subnet for fewer nodes than the pools may have": (
        {"subnetCidr": "10.66.0.0/29"},
        'subnetCidr: "10.66.0.0/29" is too small for up to 5 nodes and their Services. Use a /28 or larger.',
    ),
    "regional cluster with fewer system nodes than zones": (
        {"location": "us-east5", "tpuZones": ["us-east5-a"], "systemMaxNodes": "2"},
        'systemMaxNodes: "2" is too small for the regional cluster in us-east5, which begins with a node in each of '
        "three zones. Use 3 or more, or a zone as `location`.",
    ),
    "TPU machine for the system": (
        {"systemMachineType": "ct6e-standard-4t"},
        'systemMachineType: "ct6e-standard-4t" is a TPU machine, and only Pods that ask for TPUs run there. Use one '
        "like e2-standard-4.",
    ),
    "name that no reservation has": (
        {"tpuCapacity": "reservation", "tpuReservation": "a b/c"},
        'tpuReservation: "a b/c" is not the name of a reservation. Use one of `gcloud compute reservations list`; a '
        "shared one is projects/PROJECT_ID/reservations/NAME.",
    ),
    "setting of a provider": (
        {"gcp:region": "europe-west4"},
        "gcp:region: has no effect, as the program configures its providers itself. Remove it, and use an environment "
        "variable of the provider if you need it, like GOOGLE_IMPERSONATE_SERVICE_ACCOUNT.",
    ),
    "path with a space": ({"models[0].uri": "pvc://claim/a b"}, f'models[0].uri: "pvc://claim/a b" {NO_URI}'),
    "empty URI": ({"models[0].uri": ""}, f'models[0].uri: "" {NO_URI}'),
    # Address ranges
    "range with host bits": (
        {"subnetCidr": "10.0.0.1/20"},
        f'subnetCidr: "10.0.0.1/20" is not an IPv4 range (10.0.0.1/20 has host bits set). {RANGE_FORM}',
    ),
    "range of no length": (
        {"podCidr": "10.4.0.0/33"},
        f"podCidr: \"10.4.0.0/33\" is not an IPv4 range ('33' is not a valid netmask). {RANGE_FORM}",
    ),
    "range of half an address": (
        {"serviceCidr": "10.8/20"},
        f"serviceCidr: \"10.8/20\" is not an IPv4 range (Expected 4 octets in '10.8'). {RANGE_FORM}",
    ),
    "range of IPv6": (
        {"subnetCidr": "fd00::/64"},
        f"subnetCidr: \"fd00::/64\" is not an IPv4 range (Expected 4 octets in 'fd00::'). {RANGE_FORM}",
    ),
    "authorized network with host bits": (
        {"authorizedNetworks": ["198.51.100.0/24", "203.0.113.7/24"]},
        'authorizedNetworks[1]: "203.0.113.7/24" is not an IPv4 range (203.0.113.7/24 has host bits set). '
        f"{RANGE_FORM}",
    ),
    "Pods on the nodes' range": (
        {"podCidr": "10.0.0.0/14"},
        'podCidr: "10.0.0.0/14" overlaps `subnetCidr`, which is 10.0.0.0/20. Choose ranges that do not overlap.',
    ),
    "Services on the Pods' range": (
        {"serviceCidr": "10.4.0.0/20"},
        'serviceCidr: "10.4.0.0/20" overlaps `podCidr`, which is 10.4.0.0/14. Choose ranges that do not overlap.',
    ),
    "control plane on the Services' range": (
        {"controlPlaneCidr": "10.8.0.16/28"},
        'controlPlaneCidr: "10.8.0.16/28" overlaps `serviceCidr`, which is 10.8.0.0/20. Choose ranges that do not '
        "overlap.",
    ),
    "control plane that is no /28": (
        {"controlPlaneCidr": "172.16.0.0/27"},
        'controlPlaneCidr: "172.16.0.0/27" is not a /28, and GKE takes no other size for the control plane. Use a /28.',
    ),
    # Pools
    "TPU nodes: fewest above most": (
        {"tpuMinNodes": 2},
        "tpuMaxNodes: 1 is below `tpuMinNodes`, which is 2. Raise it to 2, or lower that one.",
    ),
    "system nodes: fewest above most": (
        {"systemMinNodes": 4},
        "systemMaxNodes: 3 is below `systemMinNodes`, which is 4. Raise it to 4, or lower that one.",
    ),
    "fewer than no TPU nodes": ({"tpuMinNodes": -1}, "tpuMinNodes: -1 is too small. Use 0 or more."),
    "no system nodes": ({"systemMinNodes": 0}, "systemMinNodes: 0 is too small. Use 1 or more."),
    "boot disk too small": ({"tpuBootDiskGb": 5}, "tpuBootDiskGb: 5 is too small. Use 30 or more."),
    "replicas beyond the pool": (
        {"models[0].replicas": 2},
        "models: 2 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 1. Run `pulumi config set "
        "tpuMaxNodes 2`, or lower `replicas`.",
    ),
    "replicas of two models beyond the pool": (
        {"models": [model(name="one"), model(name="two", replicas=3)], "tpuMaxNodes": 3},
        "models: 4 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 3. Run `pulumi config set "
        "tpuMaxNodes 4`, or lower `replicas`.",
    ),
    "machine type that is none": (
        {"systemMachineType": "large"},
        'systemMachineType: "large" is not a machine type. Use one like e2-standard-4 (4 vCPUs or more).',
    ),
    "unknown capacity": (
        {"tpuCapacity": "cheap"},
        "tpuCapacity: \"cheap\" is not allowed. Use one of 'on-demand', 'spot' or 'reservation'.",
    ),
    "reservation without its name": (
        {"tpuCapacity": "reservation"},
        'tpuReservation: "" is empty, and `tpuCapacity` is reservation. Name the reservation: `gcloud compute '
        "reservations list` shows them.",
    ),
    "reservation with on-demand capacity": (
        {"tpuReservation": "mine"},
        'tpuReservation: "mine" is set, but `tpuCapacity` is on-demand. Set `tpuCapacity` to reservation, or '
        "remove it.",
    ),
    "reservation with spot capacity": (
        {"tpuCapacity": "spot", "tpuReservation": "mine"},
        'tpuReservation: "mine" is set, but `tpuCapacity` is spot. Set `tpuCapacity` to reservation, or remove it.',
    ),
    # Versions
    "unknown release channel": (
        {"releaseChannel": "regular"},
        "releaseChannel: \"regular\" is not allowed. Use one of 'RAPID', 'REGULAR', 'STABLE' or 'EXTENDED'.",
    ),
    "GKE one minor below the oldest": (
        {"gkeVersion": "1.32.9-gke.9999999"},
        f'gkeVersion: "1.32.9-gke.9999999" {OLD_VERSION}',
    ),
    "GKE below the oldest, though not as text": (
        {"gkeVersion": "1.9.7-gke.9999999"},
        f'gkeVersion: "1.9.7-gke.9999999" {OLD_VERSION}',
    ),
    "GKE version without patch and build": ({"gkeVersion": "1.33"}, f'gkeVersion: "1.33" {NO_VERSION}'),
    "GKE version latest": ({"gkeVersion": "latest"}, f'gkeVersion: "latest" {NO_VERSION}'),
    # Labels
    "label's key with a capital": (
        {"labels": {"Team": "ml"}},
        f'labels: {{"Team": "ml"}} contains \'Team\'. {LABEL_RULE}',
    ),
    "label's key that begins with a digit": (
        {"labels": {"1st": "ml"}},
        f'labels: {{"1st": "ml"}} contains \'1st\'. {LABEL_RULE}',
    ),
    "label's value with a space": (
        {"labels": {"team": "m l"}},
        f'labels: {{"team": "m l"}} contains \'team\'. {LABEL_RULE}',
    ),
    "label's value as a number": ({"labels": {"team": 5}}, "labels.team: 5 is not text. Put it in quotes."),
    # Charts
    "mirror over https": ({"chartMirror": "https://x.dev/a"}, f'chartMirror: "https://x.dev/a" {NO_MIRROR}'),
    "mirror over http": ({"chartMirror": "http://x.dev/a"}, f'chartMirror: "http://x.dev/a" {NO_MIRROR}'),
    "OCI mirror with a slash last": ({"chartMirror": "oci://x.dev/a/"}, f'chartMirror: "oci://x.dev/a/" {NO_MIRROR}'),
    # Flags
    "own flag": (
        {"models[0].extraArgs": ["--dtype=float32"]},
        'models[0].extraArgs: ["--dtype=float32"] contains --dtype. Remove it: the field `dtype` sets it.',
    ),
    "own flag, value apart": (
        {"models[0].extraArgs": ["--dtype", "float32"]},
        'models[0].extraArgs: ["--dtype", "float32"] contains --dtype. Remove it: the field `dtype` sets it.',
    ),
    "own flag with underscores": (
        {"models[0].extraArgs": ["--max_model_len=1"]},
        'models[0].extraArgs: ["--max_model_len=1"] contains --max-model-len. Remove it: the field '
        "`maxModelLen` sets it.",
    ),
    "own flag with both hyphen and underscore": (
        {"models[0].extraArgs": ["--tensor-parallel_size=2"]},
        'models[0].extraArgs: ["--tensor-parallel_size=2"] contains --tensor-parallel-size. Remove it: the '
        "field `tensorParallelSize` sets it.",
    ),
    "flag that the grace period goes with": (
        {"models[0].extraArgs": ["--shutdown-timeout=600"]},
        'models[0].extraArgs: ["--shutdown-timeout=600"] contains --shutdown-timeout. Remove it: it goes together '
        "with the Pod's grace period, which the program sets.",
    ),
    "own flag in short": (
        {"models[0].extraArgs": ["-tp", "2"]},
        'models[0].extraArgs: ["-tp", "2"] contains -tp. Remove it: the field `tensorParallelSize` sets it.',
    ),
    "own flag in short, with its value": (
        {"models[0].extraArgs": ["-tp=2"]},
        'models[0].extraArgs: ["-tp=2"] contains -tp. Remove it: the field `tensorParallelSize` sets it.',
    ),
    "own flag after others": (
        {"models[0].extraArgs": ["--seed=1", "--served-model-name", "qwen"]},
        'models[0].extraArgs: ["--seed=1", "--served-model-name", "qwen"] contains --served-model-name. Remove it: '
        "the field `servedNames` sets it.",
    ),
    "own flag, abbreviated": (
        {"models[0].extraArgs": ["--tensor-parallel=2"]},
        'models[0].extraArgs: ["--tensor-parallel=2"] contains --tensor-parallel. Remove it: the field '
        "`tensorParallelSize` sets it.",
    ),
    "flag and value in one item": (
        {"models[0].extraArgs": ["--max-num-seqs 8"]},
        "models[0].extraArgs: [\"--max-num-seqs 8\"] contains '--max-num-seqs 8', a flag and its value in one. Write "
        "'--max-num-seqs=8'.",
    ),
    "flag for a file of flags": (
        {"models[0].extraArgs": ["--config", "/etc/vllm.yaml"]},
        'models[0].extraArgs: ["--config", "/etc/vllm.yaml"] contains --config. Remove it: a file of flags would '
        "override the fields.",
    ),
    "name of the namespace's own account": (
        {"models[0].name": "default"},
        'models[0].name: "default" is the name of the namespace\'s own service account. Choose another.',
    ),
    "namespace of GKE": (
        {"models[0].namespace": "gmp-public"},
        'models[0].namespace: "gmp-public" belongs to the platform. Choose another namespace for the model.',
    ),
    "flag for the weights": (
        {"models[0].extraArgs": ["--model=/other"]},
        'models[0].extraArgs: ["--model=/other"] contains --model. Remove it: the field `uri` sets it.',
    ),
    "flag that moves the port": (
        {"models[0].extraArgs": ["--port=9000"]},
        'models[0].extraArgs: ["--port=9000"] contains --port. Remove it: routes and probes rely on port 8000.',
    ),
    "flag that hides the port": (
        {"models[0].extraArgs": ["--host=127.0.0.1"]},
        'models[0].extraArgs: ["--host=127.0.0.1"] contains --host. Remove it: probes rely on every interface.',
    ),
    "flag that turns TLS on": (
        {"models[0].extraArgs": ["--ssl_certfile=/crt"]},
        'models[0].extraArgs: ["--ssl_certfile=/crt"] contains --ssl-certfile. Remove it: probes '
        "and gateway speak plain HTTP to vLLM.",
    ),
    "flag for the key of TLS": (
        {"models[0].extraArgs": ["--ssl-keyfile", "/key"]},
        'models[0].extraArgs: ["--ssl-keyfile", "/key"] contains --ssl-keyfile. Remove it: probes '
        "and gateway speak plain HTTP to vLLM.",
    ),
    "template in a flag": (
        {"models[0].extraArgs": ["--chat-template={{ x }}"]},
        f"models[0].extraArgs: [\"--chat-template={{{{ x }}}}\"] contains '--chat-template={{{{ x }}}}', {TEMPLATE}",
    ),
    "template in the value of a flag": (
        {"models[0].extraArgs": ["--chat-template", "{{- x -}}"]},
        f'models[0].extraArgs: ["--chat-template", "{{{{- x -}}}}"] contains \'{{{{- x -}}}}\', {TEMPLATE}',
    ),
    "template in a served name": (
        {"models[0].servedNames": ["{{x}}"]},
        f"models[0].servedNames: [\"{{{{x}}}}\"] contains '{{{{x}}}}', {TEMPLATE}",
    ),
}


@pytest.mark.parametrize(("changes", "line"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_this_line_and_no_other(stack: Stack, changes: Values, line: str) -> None:
    assert problems(stack(changes)) == [line]


def lay_out_charts(directory: Path) -> None:
    """A directory mirror as `helm pull --untar` makes it."""
    for chart in pins.CHARTS:
        (directory / chart.name).mkdir()
        (directory / chart.name / "Chart.yaml").write_text(f"name: {chart.name}\nversion: {chart.version}\n")


def test_directory_mirror_without_a_chart_is_told_which(stack: Stack, tmp_path: Path) -> None:
    lay_out_charts(tmp_path)
    (tmp_path / "istiod" / "Chart.yaml").unlink()

    assert problems(stack({"chartMirror": str(tmp_path)})) == [
        f'chartMirror: "{tmp_path}" is a directory without istiod/Chart.yaml. Put every chart into a folder of its '
        "name there, or use an OCI prefix (oci://...)."
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [("version: v1.19.1\n", "version 1.19.1"), ('version: "1.21.20"\n', "version 1.21.20"), ("", "no version")],
    ids=["older", "longer", "none"],
)
def test_directory_mirror_with_another_version_of_a_chart_is_refused(
    stack: Stack, tmp_path: Path, text: str, found: str
) -> None:
    """Helm would install it without a word."""
    lay_out_charts(tmp_path)
    (tmp_path / "cert-manager" / "Chart.yaml").write_text(f"apiVersion: v2\nappVersion: v1.21.2\n{text}")

    assert problems(stack({"chartMirror": str(tmp_path)})) == [
        f'chartMirror: "{tmp_path}" has cert-manager/Chart.yaml of {found}, and v1.21.2 is pinned. Get that one (`helm '
        "pull oci://quay.io/jetstack/charts/cert-manager --version v1.21.2 --untar`), or change the pin in "
        "infra/releases/pins.py."
    ]


def test_mirror_that_does_not_exist_is_not_called_a_directory(stack: Stack, tmp_path: Path) -> None:
    assert problems(stack({"chartMirror": str(tmp_path / "nowhere")})) == [
        f'chartMirror: "{tmp_path}/nowhere" is no directory: there is nothing of this name. Use the path of one, or an '
        "OCI prefix (oci://REGISTRY/PATH, no slash last)."
    ]


def test_zone_that_is_misspelt_is_refused(stack: Stack) -> None:
    """Google Cloud would refuse it half an hour later."""
    (line,) = problems(stack({"tpuZones": ["europe-west4-A"]}))

    assert line.startswith("tpuZones: [\"europe-west4-A\"] contains 'europe-west4-A', which is not a zone")


@pytest.mark.parametrize("key", ["subnetCidr", "podCidr", "serviceCidr"])
def test_range_without_its_length_is_refused(stack: Stack, key: str) -> None:
    """Else it would be a range of one address."""
    (line,) = problems(stack({key: "10.64.0.0"}))

    assert line.startswith(f'{key}: "10.64.0.0" is not an IPv4 range')


@pytest.mark.parametrize("uri", ["pvc://claim/{{x}}", "oci://r/i:{{x}}"])
def test_template_in_a_uri_is_refused(stack: Stack, uri: str) -> None:
    """KServe renders the whole merged spec, the URI with it."""
    (line,) = problems(stack({"models[0].uri": uri}))

    assert line.startswith(f'models[0].uri: "{uri}" ')


# All problems in one message


def test_all_problems_come_in_one_message(stack: Stack) -> None:
    values = stack(
        {
            "gcp:project": REMOVED,
            "tpuSlize": "v6e-4",
            "tpuZones": ["us-east5-a"],
            "tpuMinNodes": 5,
            "controlPlaneCidr": "172.16.0.0/27",
            "gkeVersion": "1.30.1-gke.1",
            "models": [
                model(name="qwen", dtype="int4", extraArgs=["-tp=2"]),
                model(name="qwen", uri="gs://bucket/qwen", maxModelLen="1"),
            ],
            "huggingFaceToken": TOKEN,
        }
    )

    with pytest.raises(SettingsError) as error:
        parse(values)

    header, *lines = str(error.value).splitlines()
    assert header == "Pulumi.dev.yaml has 13 problems; nothing was changed."
    assert sorted(lines) == [
        '  controlPlaneCidr: "172.16.0.0/27" is not a /28, and GKE takes no other size for the control plane. '
        "Use a /28.",
        "  gcp:project: is not set. Run `pulumi config set gcp:project PROJECT_ID` with the project to deploy to.",
        f'  gkeVersion: "1.30.1-gke.1" {OLD_VERSION}',
        "  huggingFaceToken: is stored in plain text. Run `pulumi config set --secret huggingFaceToken`, and revoke "
        "the token if the file was shared.",
        "  models: 2 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 1. Run `pulumi config set "
        "tpuMaxNodes 2`, or lower `replicas`.",
        "  models[0].dtype: \"int4\" is not allowed. Use one of 'auto', 'half', 'float16', 'bfloat16', 'float' or "
        "'float32'.",
        '  models[0].extraArgs: ["-tp=2"] contains -tp. Remove it: the field `tensorParallelSize` sets it.',
        f'  models[1].maxModelLen: "1" {NO_INTEGER}',
        '  models[1].uri: "gs://bucket/qwen" cannot be read: KServe\'s LLMInferenceService has no gs:// support. Use '
        "hf://..., or pack the weights into an image and use oci://...",
        "  models[1]: apps/qwen is the name of models[0] as well. Two models need different names or namespaces.",
        "  tpuMaxNodes: 1 is below `tpuMinNodes`, which is 5. Raise it to 5, or lower that one.",
        "  tpuSlize: there is no such setting. Did you mean tpuSlice? Change its name, or remove it.",
        "  tpuZones: [\"us-east5-a\"] contains 'us-east5-a', which is not a zone of europe-west4, the region of "
        "`location`. Use zones of that region, like europe-west4-a, or change `location`.",
    ]


def test_header_names_the_stack_file_and_counts_one_problem(stack: Stack) -> None:
    with pytest.raises(SettingsError) as error:
        parse(stack({"tpuSlice": "v5e"}), stack="prod")

    assert str(error.value).startswith("Pulumi.prod.yaml has 1 problem; nothing was changed.\n  tpuSlice: ")


def test_error_is_one_that_the_engine_shows_without_a_traceback() -> None:
    assert issubclass(SettingsError, pulumi.RunError)


def test_dependent_problem_is_not_told_twice(stack: Stack) -> None:
    """What cannot be judged until another problem is solved is left out."""
    values = stack({"location": "Europe", "tpuSlice": "v5e", "models[0].tensorParallelSize": 3})

    assert [line.split(":")[0] for line in problems(values)] == ["location", "tpuSlice"]


# Secrets


def test_token_in_plain_text_is_refused(stack: Stack) -> None:
    assert problems(stack({"huggingFaceToken": TOKEN})) == [
        "huggingFaceToken: is stored in plain text. Run `pulumi config set --secret huggingFaceToken`, and revoke the "
        "token if the file was shared."
    ]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"huggingFaceToken": TOKEN}, id="plain text"),
        pytest.param({"huggingFaceToken": TOKEN, "tpuSlice": "v5e"}, id="beside another problem"),
        pytest.param({"huggingFaceToken": [TOKEN]}, id="wrong type"),
        pytest.param({"hugingFaceToken": TOKEN}, id="misspelt key"),
        pytest.param({"models[0].huggingFaceToken": TOKEN}, id="in the wrong place"),
        pytest.param({"models[0].extraArgs": [f"--api-key={TOKEN}"]}, id="API key as a flag"),
        pytest.param({"models[0].extraArgs": ["--api_key", TOKEN]}, id="API key after a flag"),
    ],
)
def test_message_never_shows_a_secret(stack: Stack, changes: Values) -> None:
    assert TOKEN not in "\n".join(problems(stack(changes)))


def test_api_key_is_refused_as_a_flag(stack: Stack) -> None:
    (line,) = problems(stack({"models[0].extraArgs": ["--api-key=x"]}))

    assert line.endswith(
        "contains --api-key. Remove it: everyone who can read the Pod can read a flag, so it is no place for a secret."
    )


def test_encrypted_token_is_accepted(stack: Stack) -> None:
    accepted = parse(stack({"huggingFaceToken": TOKEN}), secrets={"huggingFaceToken"})

    assert accepted.hugging_face_token.get_secret_value() == TOKEN


def test_settings_do_not_show_the_token(stack: Stack) -> None:
    accepted = parse(stack({"huggingFaceToken": TOKEN}), secrets={"huggingFaceToken"})

    assert TOKEN not in f"{accepted!r} {accepted}"


# Good input


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"tpuCapacity": "spot"}, id="spot"),
        pytest.param({"tpuCapacity": "reservation", "tpuReservation": "mine"}, id="reservation"),
        pytest.param({"gkeVersion": "1.33.0-gke.1"}, id="oldest GKE"),
        pytest.param({"gkeVersion": "1.100.0-gke.1"}, id="GKE far above the floor"),
        pytest.param({"models[0].name": "q" * MAX_NAME}, id="longest name"),
        pytest.param({"models[0].namespace": "n" * 63}, id="longest namespace"),
        pytest.param({"models[0].uri": "hf://Qwen/Qwen2.5-3B-Instruct:main"}, id="repository at a revision"),
        pytest.param(
            {"tpuCapacity": "reservation", "tpuReservation": "projects/p/reservations/v6e"}, id="shared reservation"
        ),
        pytest.param({"models[0].uri": "pvc://claim/models/qwen"}, id="weights on a volume"),
        pytest.param({"models[0].uri": "pvc://claim"}, id="weights at a volume's root"),
        pytest.param({"models[0].uri": "oci://europe-docker.pkg.dev/p/r/qwen:v1"}, id="weights in an image"),
        pytest.param({"models[0].extraArgs": ["--max-num-seqs=64", "--seed", "1"]}, id="flags of one's own"),
        pytest.param({"models[0].extraArgs": ['--hf-overrides={"a":{"b":{}}}']}, id="JSON that closes two braces"),
        pytest.param({"models[0].uri": "oci://localhost:5000/a/b_c/d:V1"}, id="image on a registry's port"),
        pytest.param({"models[0].uri": f"oci://r.io/i@sha256:{'0' * 64}"}, id="image by its digest"),
        pytest.param({"models[0].uri": "hf://meta-llama/Llama-3.1-8B:refs/pr/1"}, id="repository at a pull request"),
        pytest.param({"models[0].extraArgs": ["--lora-modules", "a=/x", "b=/y", "--seed", "-1"]}, id="several values"),
        pytest.param({"models[0].extraArgs": ["--hf-overrides.a.b", "1"]}, id="JSON by its path"),
        pytest.param({"models[0].extraArgs": ["--max-num-seq=8"]}, id="beginning of one flag"),
        pytest.param(
            {"models[0].extraArgs": ["-q", "int8", "--no-enable-prefix-caching"]}, id="short, and switched off"
        ),
        pytest.param({"tpuBootDiskGb": 65_536}, id="largest disk"),
        pytest.param({"labels": {f"k{i}": "" for i in range(63)}}, id="most labels"),
        pytest.param({"podCidr": "8.0.0.0/14"}, id="public range for Pods"),
        pytest.param({"authorizedNetworks": ["198.51.100.0/24"]}, id="authorized network"),
        pytest.param({"labels": {"team": "ml", "cost-center_1": ""}}, id="labels"),
        pytest.param({"chartMirror": "oci://europe-docker.pkg.dev/p/charts"}, id="OCI mirror"),
        pytest.param({"gcp:project": "example.com:my-project"}, id="project of a domain"),
        pytest.param({"tpuMinNodes": 1}, id="fewest equals most"),
        pytest.param({"models[0].replicas": 3, "tpuMaxNodes": 3}, id="replicas that fill the pool"),
        pytest.param(
            {"models": [model(name="qwen"), {**model(name="qwen"), "namespace": "others"}], "tpuMaxNodes": 2},
            id="one name in two namespaces",
        ),
    ],
)
def test_good_input_is_accepted(stack: Stack, changes: Values) -> None:
    parse(stack(changes))


@pytest.mark.parametrize(
    ("slice_name", "size"),
    [("v6e-1", 1), ("v6e-4", 1), ("v6e-4", 2), ("v6e-4", 4), ("v6e-8", 2), ("v6e-8", 8)],
)
def test_tensor_parallelism_that_divides_the_slice_is_accepted(stack: Stack, slice_name: str, size: int) -> None:
    accepted = parse(stack({"tpuSlice": slice_name, "models[0].tensorParallelSize": size}))

    assert accepted.models[0].tensor_parallel_size == size


def test_directory_mirror_with_every_chart_is_accepted(stack: Stack, tmp_path: Path) -> None:
    lay_out_charts(tmp_path)

    assert parse(stack({"chartMirror": str(tmp_path)})).chart_mirror == str(tmp_path)


def test_scalars_are_accepted_as_text_as_the_engine_passes_them(stack: Stack, values: Values) -> None:
    typed = parse(values)
    as_text = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in values.items() if not _structured(v)}

    assert parse(stack(as_text)) == typed


def _structured(value: object) -> bool:
    return isinstance(value, list | dict)


# Where the TPU nodes may be


@pytest.mark.parametrize(
    ("changes", "region", "zones"),
    [
        pytest.param({}, "europe-west4", ("europe-west4-a",), id="a zone is its own TPU zone"),
        pytest.param(
            {"location": "us-east5", "tpuZones": ["us-east5-a", "us-east5-b"]},
            "us-east5",
            ("us-east5-a", "us-east5-b"),
            id="zones of a region",
        ),
        pytest.param(
            {"location": "europe-west4-b", "tpuZones": ["europe-west4-a"]},
            "europe-west4",
            ("europe-west4-a",),
            id="zonal cluster with TPU nodes in a sibling zone",
        ),
        pytest.param({"location": "us-south1-ai1b"}, "us-south1", ("us-south1-ai1b",), id="AI zone"),
        pytest.param(
            {"location": "us-south1", "tpuZones": ["us-south1-ai1b"]},
            "us-south1",
            ("us-south1-ai1b",),
            id="AI zone of a region",
        ),
    ],
)
def test_tpu_zones_and_region_follow_from_the_location(
    stack: Stack, changes: Values, region: str, zones: tuple[str, ...]
) -> None:
    accepted = parse(stack(changes))

    assert (accepted.region, accepted.tpu_zones) == (region, zones)


def test_zone_not_known_to_have_v6e_is_a_warning(stack: Stack) -> None:
    accepted = parse(stack({"location": "us-central1", "tpuZones": ["us-central1-b", "us-central1-f"]}))

    assert accepted.warnings == [
        "tpuZones: us-central1-f was not known to have TPU v6e when this was written; known are europe-west4-a, "
        "us-central1-b, us-east1-d, us-east5-a, us-east5-b, us-south1-ai1b. If it has none, the TPU pool stays empty "
        "and the models do not start."
    ]


@pytest.mark.parametrize("zone", sorted(slices.KNOWN_ZONES))
def test_zone_with_v6e_is_no_warning(stack: Stack, zone: str) -> None:
    assert parse(stack({"location": zone})).warnings == []


@pytest.mark.parametrize("dtype", ["half", "float16"])
def test_float16_is_a_warning_as_it_reaches_vllm_as_another(stack: Stack, dtype: str) -> None:
    assert parse(stack({"models[0].dtype": dtype})).warnings == [
        f"models[0].dtype: {dtype} reaches vLLM as bfloat16, as no TPU kernel of this release compiles for float16. "
        "Write bfloat16, and nothing else changes."
    ]


@pytest.mark.parametrize("dtype", ["auto", "bfloat16", "float", "float32"])
def test_dtype_that_a_tpu_takes_is_no_warning(stack: Stack, dtype: str) -> None:
    assert parse(stack({"models[0].dtype": dtype})).warnings == []


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        pytest.param(
            {"systemMachineType": "n9-standard-4"}, "systemMachineType: n9-standard-4 is not among", id="new family"
        ),
        pytest.param(
            {"systemMachineType": "e2-standard-5"}, "systemMachineType: e2-standard-5 is not among", id="new size"
        ),
        pytest.param({"systemMachineType": "e2-medium"}, "systemMachineType: e2-medium may be too small", id="small"),
        pytest.param(
            {"location": "mars-north1", "tpuZones": ["mars-north1-a"]},
            "location: mars-north1 was not known to be a region",
            id="new region",
        ),
        pytest.param(
            {"authorizedNetworks": ["0.0.0.0/0"]}, "authorizedNetworks: 0.0.0.0/0 lets everyone", id="everyone"
        ),
    ],
)
def test_what_is_not_known_is_a_warning(stack: Stack, changes: Values, warning: str) -> None:
    assert [line for line in parse(stack(changes)).warnings if line.startswith(warning)]


@pytest.mark.parametrize("machine", ["e2-standard-4", "n1-standard-8", "n2-custom-4-16384", "c3-standard-8-lssd"])
def test_machine_that_is_known_and_large_enough_is_no_warning(stack: Stack, machine: str) -> None:
    assert parse(stack({"systemMachineType": machine})).warnings == []


# Namespaces of settings


@pytest.mark.parametrize("key", ["aws:region", "pulumi:tags", "gke:protect", "acme-inference:x"])
def test_key_of_another_namespace_is_left_alone(values: Values, key: str) -> None:
    parse(values, others=[key])


def test_key_of_a_misspelt_namespace_is_refused(values: Values) -> None:
    with pytest.raises(SettingsError, match="gke-tpu-inferense:protect: is no setting of this project"):
        parse(values, others=["gke-tpu-inferense:protect"])


# Names that a model answers to


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        pytest.param({"models[0].uri": "hf://Qwen/Qwen3-8B"}, ("/mnt/models", "Qwen/Qwen3-8B"), id="repository"),
        pytest.param(
            {"models[0].uri": "hf://Qwen/Qwen3-8B:v1"}, ("/mnt/models", "Qwen/Qwen3-8B"), id="repository at a revision"
        ),
        pytest.param(
            {"models[0].uri": "pvc://claim/x", "models[0].name": "mine"}, ("/mnt/models", "mine"), id="other URI"
        ),
        pytest.param({"models[0].servedNames": ["a", "b"]}, ("a", "b"), id="names of one's own"),
        pytest.param(
            {"models[0].servedNames": []}, ("/mnt/models", "Qwen/Qwen2.5-3B-Instruct"), id="empty list of names"
        ),
    ],
)
def test_model_answers_to(stack: Stack, changes: Values, names: tuple[str, ...]) -> None:
    assert parse(stack(changes)).models[0].names == names


def test_longest_name_leaves_room_for_the_longest_suffix_of_kserve() -> None:
    """KServe hashes a longer one, and the route would point at nothing."""
    assert len("q" * MAX_NAME + "-kserve-self-signed-certs") == 63


# The dev stack is the API guide, value for value


def test_dev_stack_serves_one_model(values: Values) -> None:
    assert len(parse(values).models) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "qwen2-3b-pattern1"),
        ("namespace", "llm-d-inference-scheduling"),
        ("uri", "hf://Qwen/Qwen2.5-3B-Instruct"),
        ("names", ("/mnt/models", "Qwen/Qwen2.5-3B-Instruct")),
        ("tpu_dtype", "bfloat16"),  # which the guide calls half: test_api_guide.py
        ("max_model_len", 2048),
        ("replicas", 1),
        ("extra_args", ()),
    ],
)
def test_dev_stacks_model_is_the_api_guides(values: Values, field: str, value: object) -> None:
    assert getattr(parse(values).models[0], field) == value


@pytest.mark.parametrize(("field", "value"), [("tpu_slice", "v6e-4"), ("location", "europe-west4-a")])
def test_dev_stack_runs_where_the_api_guide_does(values: Values, field: str, value: str) -> None:
    assert getattr(parse(values), field) == value


def test_dev_stacks_tensor_parallelism_is_the_api_guides(values: Values) -> None:
    dev = parse(values)

    assert "--tensor-parallel-size=4" in pod.args(dev.models[0], dev.slice)


def test_dev_stack_has_no_token_and_no_warning(values: Values) -> None:
    dev = parse(values)

    assert (dev.hugging_face_token.get_secret_value(), dev.warnings) == ("", [])


def test_dev_stack_holds_only_what_differs_from_the_defaults() -> None:
    assert [key for key, value in stack_file("dev").items() if value == SCHEMA[key]["default"]] == []


# Pulumi.yaml is the one home of names, types and defaults


def test_pulumi_yaml_and_settings_know_the_same_keys() -> None:
    assert {field.alias for field in Settings.model_fields.values()} == {*SCHEMA, "gcp:project"}


def test_settings_have_no_default_of_their_own() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.is_required()] == []


def test_what_pulumi_yaml_declares_structured_is_read_as_json() -> None:
    structured = {key for key, field in SCHEMA.items() if field.get("type") in ("array", "object")}

    assert structured == STRUCTURED


def test_token_is_declared_a_secret() -> None:
    assert [key for key, field in SCHEMA.items() if field.get("secret")] == ["huggingFaceToken"]


@pytest.mark.parametrize("key", SCHEMA)
def test_every_setting_is_described(key: str) -> None:
    assert SCHEMA[key]["description"].endswith((".", ")."))


def test_other_encrypted_settings_are_refused_by_name_and_not_shown(stack: Stack) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(stack({"models[0].dtype": "hidden"}), secrets={"models"})

    assert "models: is encrypted, but only huggingFaceToken stays so" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_what_is_wrong_with_an_encrypted_value_does_not_show_it(stack: Stack) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(stack({"models[0].extraArgs": ["--seed=hidden"]}), secrets={"models"})

    assert "hidden" not in str(refused.value)


def test_every_bad_entry_of_a_list_is_told(stack: Stack) -> None:
    changes = {
        "models[0].extraArgs": ["--port=1", "--seed=1", "-tp=2"],
        "tpuZones": ["us-east5-a", "europe-west4-x", "x"],
    }
    flags, zones = sorted(problems(stack(changes)))

    assert flags.endswith(
        "contains --port. Remove it: routes and probes rely on port 8000. It also contains -tp. Remove it: the field "
        "`tensorParallelSize` sets it."
    )
    assert "contains 'us-east5-a', which" in zones
    assert "It also contains 'x', which" in zones
    assert "europe-west4-x" not in zones.split("contains", 1)[1]


@pytest.mark.parametrize(
    ("changes", "hidden"),
    [
        ({"models[0].extraArgs": ["--api-key", "-Sup3rSecret9"]}, "Sup3rSecret9"),
        ({"models[0].extraArgs": ["--hf-token", "x", "RealTok9"]}, "RealTok9"),
        ({"models[0].extraArgs": ["--api-keys", "aaa", "Hunter2Pw"]}, "Hunter2Pw"),
        ({"models[0].extraArgs": ['--kv-transfer-config={"password":"Zz9Secret"}', "stray"]}, "Zz9Secret"),
        ({"models[0].extraArgs": ["--header", "Authorization: Bearer abc123SECRET"]}, "abc123SECRET"),
        ({"labels": {"api_token": "Hunter2SECRET"}}, "Hunter2SECRET"),
        ({"chartMirror": "user:s3cretpw@ghcr.io/charts"}, "s3cretpw"),
        ({"models[0].uri": "user:s3cretpw@huggingface.co/x/y"}, "s3cretpw"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_secret_in_plain_text_is_refused_and_not_shown(stack: Stack, changes: Values, hidden: str) -> None:
    told = problems(stack(changes))
    assert told
    assert hidden not in "".join(told)


@pytest.mark.parametrize("args", [["-cc.mode=3"], ["-cc.mode", "3"], ["--compilation-config.mode=3"]])
def test_key_inside_a_flag_is_taken_as_vllm_takes_it(stack: Stack, args: list[str]) -> None:
    assert parse(stack({"models[0].extraArgs": args})).models[0].extra_args == tuple(args)
