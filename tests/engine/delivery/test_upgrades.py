"""Versions move on a stack that is up: exactly what moved is updated, in place and in order, and the models stay."""

from typing import Any

import pytest
from pulumi.automation import CommandError, OpType

from infra.platform import gateway, mesh, serving
from infra.releases import pins
from sandbox.clouds.kubernetes_kinds import LLM
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import Make, since

RELEASE = "kubernetes:helm.sh/v3:Release"
PINS = {
    "Istio": ((mesh, "ISTIO_BASE"), (mesh, "ISTIOD"), (gateway, "ISTIO_GATEWAY")),
    "cert-manager": ((serving, "CERT_MANAGER"),),
    "KServe": ((serving, "KSERVE_CRD"), (serving, "KSERVE_CONTROLLER"), (serving, "KSERVE_PRESETS")),
}
"""Where the program takes the charts of each product from."""


class Move:
    """Edits infra/releases/pins.py, as far as the program can tell."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._set = monkeypatch.setattr

    def __call__(self, product: str, version: str) -> None:
        for module, constant in PINS[product]:
            self._set(module, constant, getattr(module, constant)._replace(version=version))
        self._set(pins, "VERSIONS", {**pins.VERSIONS, product: version})


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch) -> Move:
    """Moves a product to a version."""
    return Move(monkeypatch)


def unchanged(preview: Any) -> bool:
    return set(preview.change_summary) == {"same"}


def deployed_versions(stack: SandboxStack) -> dict[str, str]:
    """The version of each release, by its name."""
    return {item.name: item.inputs["version"] for item in stack.inventory.find(RELEASE)}


def test_one_chart_moves_in_place_and_nothing_else_does(up: Make, move: Move) -> None:
    stack = up()
    before = deployed_versions(stack)
    move("cert-manager", "v1.20.0")
    planned = stack.preview().change_summary
    assert planned[OpType.UPDATE] == 1
    assert set(planned) == {OpType.UPDATE, OpType.SAME}
    assert since(stack, stack.up) == [("update", RELEASE, "cert-manager")]
    assert deployed_versions(stack) == {**before, "cert-manager": "v1.20.0"}
    assert unchanged(stack.preview())


def test_chart_moves_back_in_place(up: Make, move: Move) -> None:
    stack = up()
    before = deployed_versions(stack)
    move("cert-manager", "v1.20.0")
    stack.up()
    move("cert-manager", before["cert-manager"])
    assert since(stack, stack.up) == [("update", RELEASE, "cert-manager")]
    assert deployed_versions(stack) == before
    assert unchanged(stack.preview())


def test_charts_of_kserve_move_together_in_their_order_and_the_models_stay(up: Make, move: Move) -> None:
    stack = up()
    [model] = stack.inventory.find(LLM)
    move("KServe", "v0.20.1")
    assert since(stack, stack.up) == [
        ("update", RELEASE, "kserve-llmisvc-crd"),
        ("update", RELEASE, "kserve-llmisvc-resources"),
        ("update", RELEASE, "kserve-runtime-configs"),
    ]
    assert stack.inventory.find(LLM) == [model]
    assert unchanged(stack.preview())


def test_charts_of_istio_move_together_in_their_order(up: Make, move: Move) -> None:
    stack = up()
    move("Istio", "1.30.5")
    assert since(stack, stack.up) == [
        ("update", RELEASE, "istio-base"),
        ("update", RELEASE, "istiod"),
        ("update", RELEASE, "inference-gateway"),
    ]
    assert unchanged(stack.preview())


@pytest.mark.parametrize(
    ("product", "version", "problem"),
    [
        ("Istio", "1.32.0", "Istio 1.32.0: 1.32 is not among the releases that are known"),
        ("cert-manager", "v1.17.4", "KServe v0.20.0 needs cert-manager 1.18 or newer, not v1.17.4"),
    ],
    ids=["without a row", "too old for another"],
)
def test_versions_that_do_not_go_together_are_refused_and_change_nothing(
    up: Make, move: Move, product: str, version: str, problem: str
) -> None:
    stack = up()
    before = deployed_versions(stack)
    said: list[str] = []
    move(product, version)
    with pytest.raises(CommandError):
        stack.up(on_output=said.append)
    text = "".join(said)
    assert "infra/releases/pins.py pins what does not go together; nothing was changed." in text
    assert problem in text
    assert "Traceback" not in text
    assert deployed_versions(stack) == before


def test_new_image_replaces_the_models_and_nothing_else(up: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = up()
    monkeypatch.setattr(pins, "VLLM_TPU_IMAGE", "docker.io/vllm/vllm-tpu:v0.28.0")
    assert since(stack, stack.up) == [("delete", LLM, "qwen2-3b-pattern1"), ("create", LLM, "qwen2-3b-pattern1")]
    assert unchanged(stack.preview())


def test_gke_version_moves_the_control_plane_in_place(up: Make) -> None:
    stack = up()
    stack.set_config("gkeVersion", "1.35.1-gke.1000")
    stack.set_config("releaseChannel", "STABLE")
    [(operation, kind, _)] = since(stack, stack.up)
    assert (operation, kind) == ("update", "gcp:container/cluster:Cluster")
    assert unchanged(stack.preview())
