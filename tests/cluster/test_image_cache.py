"""The dev stack by default: what real charts and controllers make of it pulls by the stack's own repositories."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from infra.releases import images

OF_STACK = re.compile(r"europe-west4-docker\.pkg\.dev/simulated-project/tpu-inference-dev-([a-z-]+)/(.+):")
PUBLISHERS = re.compile(rf"({'|'.join(map(re.escape, images.HOSTS))})/|\"image\" ?: ?\"kserve/")


@pytest.mark.usefixtures("deployed")
def test_every_image_comes_by_the_repository_of_its_publisher(get: Callable[..., list[dict[str, Any]]]) -> None:
    specs = [pod["spec"] for pod in get("pods", "--all-namespaces")]
    pulled = {c["image"] for spec in specs for c in (*spec["containers"], *spec.get("initContainers", []))}
    found = {image: OF_STACK.match(image) for image in pulled}

    assert [image for image, match in found.items() if match is None] == []
    assert {match.groups() for match in found.values() if match} == {
        *(("docker-io", f"istio/{name}") for name in ("pilot", "proxyv2")),
        *(("docker-io", f"kserve/{name}") for name in ("llmisvc-controller", "storage-initializer")),
        ("docker-io", "vllm/vllm-tpu"),
        ("ghcr-io", "llm-d/llm-d-router-endpoint-picker"),
        *(("quay-io", f"jetstack/cert-manager-{part}") for part in ("controller", "webhook", "cainjector")),
    }
    settings = get("configmaps", "--namespace=kserve", "--field-selector=metadata.name=inferenceservice-config")
    data = {key: text for key, text in settings[0]["data"].items() if key != "_example"}
    assert PUBLISHERS.findall(json.dumps(data).replace("\\", "")) == []
