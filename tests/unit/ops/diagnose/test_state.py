"""What a stack's state says of its cluster, models and TPU pools."""

import json
from typing import Any

import pytest

from ops.diagnose.observed import Pool
from ops.diagnose.state import NoClusterError, StateError, capacity, of_stack, read
from ops.tokens import MODEL, POOL

KUBECONFIG = {"apiVersion": "v1", "clusters": []}
PROVIDER = {"type": "pulumi:providers:kubernetes", "inputs": {"kubeconfig": json.dumps(KUBECONFIG)}}
SPOT = {"machineType": "ct6e-standard-4t", "spot": True}


def model(name: str) -> dict[str, Any]:
    return {"type": MODEL, "inputs": {"metadata": {"namespace": "llm-d", "name": name}}}


def pool(config: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    return {"type": POOL, "inputs": {"nodeConfig": config, **inputs}, "outputs": {"name": "tpu-1"}}


def test_cluster_and_models_are_those_of_the_state_also_those_that_are_being_made() -> None:
    pending = [{"type": "creating", "resource": model("b")}, {"type": "deleting", "resource": model("c")}]
    state = read({"resources": [PROVIDER, model("a")], "pending_operations": pending})
    assert (state.kubeconfig, state.models) == (KUBECONFIG, ["llm-d/a", "llm-d/b"])


def test_pools_are_those_with_a_tpu() -> None:
    resources = [PROVIDER, pool({"machineType": "e2-standard-4"}), pool(SPOT, nodeLocations=["us-east5-a"])]
    expected = Pool(name="tpu-1", zones=["us-east5-a"], capacity="spot", topology="2x2")
    assert read({"resources": resources}).pools == [expected]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, "on-demand"),
        ({"spot": True}, "spot"),
        ({"flexStart": True}, "flex-start"),
        ({"reservationAffinity": {"values": ["projects/p/reservations/r1"]}}, "reservation:r1"),
        ({"flexStart": True, "reservationAffinity": {"consumeReservationType": "NO_RESERVATION"}}, "flex-start"),
    ],
)
def test_class_of_capacity_of_a_pool(config: dict[str, Any], expected: str) -> None:
    assert capacity(config) == expected


@pytest.mark.parametrize("resources", [[], None, [{"type": "pulumi:providers:kubernetes", "inputs": {}}]])
def test_stack_without_a_cluster_is_told(resources: Any) -> None:
    with pytest.raises(NoClusterError, match="its state has no cluster"):
        read({"resources": resources})


def test_words_of_the_cli_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\necho 'error: no stack named d found' >&2\nexit 255\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(StateError, match=r"^no stack named d found$"):
        of_stack("d", tmp_path)
