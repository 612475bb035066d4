"""A stack with a registry of its own: what real charts and controllers make of it pulls from nowhere else."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.cluster.control_plane import ControlPlane
from sandbox.cluster.stack import on_control_plane
from sandbox.engine.stack import SandboxStack

pytestmark = pytest.mark.slow
MIRROR = "europe-docker.pkg.dev/simulated-project/images"
PUBLISHERS = re.compile(r"(docker\.io|quay\.io|ghcr\.io|gcr\.io)/|\"image\" ?: ?\"kserve/")


@pytest.fixture(scope="module")
def mirrored(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStack]:
    """The dev stack, with all its images from a registry of its own."""
    config = {"imageRegistry": MIRROR}
    home = tmp_path_factory.mktemp("mirrored")
    with on_control_plane(home=home, plane=plane, patience=120, config=config) as sandbox:
        try:
            sandbox.up()
            yield sandbox
        finally:
            sandbox.destroy()


@pytest.mark.usefixtures("mirrored")
def test_every_image_comes_from_the_registry(get: Callable[..., list[dict[str, Any]]]) -> None:
    pods = get("pods", "--all-namespaces")
    specs = [pod["spec"] for pod in pods]
    images = {c["image"] for spec in specs for c in (*spec["containers"], *spec.get("initContainers", []))}
    names = {image.removeprefix(f"{MIRROR}/").partition(":")[0] for image in images}

    assert {image for image in images if not image.startswith(f"{MIRROR}/")} == set()
    assert names == {
        *("istio/pilot", "istio/proxyv2"),
        *(f"jetstack/cert-manager-{part}" for part in ("controller", "webhook", "cainjector")),
        *("kserve/llmisvc-controller", "kserve/storage-initializer"),
        *("llm-d/llm-d-router-endpoint-picker", "vllm/vllm-tpu"),
    }
    # What controllers would put into Pods that come later.
    arguments = json.dumps([c.get("args") for spec in specs for c in spec["containers"]])
    assert f"--acme-http01-solver-image={MIRROR}/jetstack/cert-manager-acmesolver:" in arguments
    settings = get("configmaps", "--namespace=kserve", "--field-selector=metadata.name=inferenceservice-config")
    data = {key: text for key, text in settings[0]["data"].items() if key != "_example"}
    assert PUBLISHERS.findall(json.dumps(data).replace("\\", "")) == []
    injected = get("configmaps", "--namespace=istio-system", "--field-selector=metadata.name=istio-sidecar-injector")
    assert json.loads(injected[0]["data"]["values"])["global"]["hub"] == f"{MIRROR}/istio"
