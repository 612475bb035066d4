"""How a problem is told: what is unknown, missing or of another type, in a line that can be acted on."""

import pytest

from tests.support.stack_settings import REMOVED, Values, problems, stack

NO_INTEGER = "is not a whole number. Use one, without quotes."
NO_LIST = "is not a list. Write one, even for a single value."

BAD: dict[str, tuple[Values, str]] = {
    # Unknown and missing
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
    "no models": ({"models": []}, "models: [] is empty. Add at least one: docs/settings.md has the fields."),
    "model without a name": ({"models[0].name": REMOVED}, "models[0].name: is required. Add it."),
    "model without a namespace": ({"models[0].namespace": REMOVED}, "models[0].namespace: is required. Add it."),
    "model without a URI": ({"models[0].uri": REMOVED}, "models[0].uri: is required. Add it."),
    # Of another type
    "models as text": ({"models": "qwen"}, f'models: "qwen" {NO_LIST}'),
    "models as a mapping": ({"models": {"name": "qwen"}}, f'models: {{"name": "qwen"}} {NO_LIST}'),
    "model as text": ({"models": ["qwen"]}, 'models[0]: "qwen" is not a mapping. Write `key: value` lines.'),
    "name as a number": ({"models[0].name": 5}, "models[0].name: 5 is not text. Put it in quotes."),
    "length as text": ({"models[0].maxModelLen": "2048"}, f'models[0].maxModelLen: "2048" {NO_INTEGER}'),
    "length as a fraction": ({"models[0].maxModelLen": 2048.5}, f"models[0].maxModelLen: 2048.5 {NO_INTEGER}"),
    "length as a truth value": ({"models[0].maxModelLen": True}, f"models[0].maxModelLen: true {NO_INTEGER}"),
    "replicas as text": ({"models[0].replicas": "1"}, f'models[0].replicas: "1" {NO_INTEGER}'),
    "tensor parallelism as text": (
        {"models[0].tensorParallelSize": "4"},
        f'models[0].tensorParallelSize: "4" {NO_INTEGER}',
    ),
    "served names as text": ({"models[0].servedNames": "qwen"}, f'models[0].servedNames: "qwen" {NO_LIST}'),
    "flags as text": ({"models[0].extraArgs": "--seed=1"}, f'models[0].extraArgs: "--seed=1" {NO_LIST}'),
    "flag as a number": ({"models[0].extraArgs": [5]}, "models[0].extraArgs[0]: 5 is not text. Put it in quotes."),
    "zones as text": ({"tpuZones": "europe-west4-a"}, f'tpuZones: "europe-west4-a" {NO_LIST}'),
    "networks as text": ({"authorizedNetworks": "10.0.0.0/8"}, f'authorizedNetworks: "10.0.0.0/8" {NO_LIST}'),
    "labels as text": ({"labels": "team"}, 'labels: "team" is not a mapping. Write `key: value` lines.'),
}


@pytest.mark.parametrize(("changes", "line"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_this_line_and_no_other(changes: Values, line: str) -> None:
    assert problems(stack(changes)) == [line]


def test_every_bad_entry_of_a_list_is_told() -> None:
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
