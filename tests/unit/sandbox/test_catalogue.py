"""Which image has a program here, and what is said of one that has none."""

import importlib.util
import json

import pytest

from infra.releases import images, pins
from sandbox.clouds import registries
from sandbox.programs import catalogue
from sandbox.programs.image import PullError
from tests.support.project import ROOT

PUBLISHED = json.loads((ROOT / "sandbox/clouds/data/published.json").read_text())


@pytest.mark.parametrize(
    "text",
    [
        "registry.istio.io/release/pilot:1.31.99",
        "registry.istio.io/release/proxyv2:latest",
        "quay.io/jetstack/cert-manager-controller:v1.99.0",
        "kserve/storage-initializer:v0.99.0",
        "ghcr.io/llm-d/llm-d-router-endpoint-picker:v9",
        "vllm/vllm-tpu:v0.99.0",
        "vllm/vllm-tpu@sha256:00",
    ],
)
def test_tag_that_nobody_published_is_not_found_in_containerds_words(text: str) -> None:
    with pytest.raises(PullError) as refused:
        catalogue.find(text)
    full = str(registries.reference(text))
    assert str(refused.value).startswith(
        f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": {full}: not found (known tags'
    )
    assert "add it to sandbox/clouds/data/published.json with its source" in str(refused.value)


def test_repository_that_does_not_exist_on_docker_hub_is_denied_as_docker_hub_does() -> None:
    with pytest.raises(PullError, match="pull access denied, repository does not exist or may require auth"):
        catalogue.find("vllm/vllm-gpu:v1")


def test_published_image_without_a_program_here_is_told_apart() -> None:
    with pytest.raises(PullError, match="it is published, but the sandbox has no program for it"):
        catalogue.find("vllm/vllm-tpu:v0.29.0")


def test_image_of_the_program_can_be_pulled() -> None:
    assert catalogue.find(pins.VLLM_TPU_IMAGE).needs.tpu


MIRROR = "europe-docker.pkg.dev/simulated-project/images"


@pytest.mark.parametrize("image", pins.IMAGES)
@pytest.mark.parametrize("by_digest", [False, True])
def test_mirrored_image_is_the_publishers_program(image: str, by_digest: bool) -> None:
    here = images.pulled(image, registry=MIRROR, by_digest=by_digest)
    assert catalogue.find(here) == catalogue.find(image)


@pytest.mark.parametrize(
    "text",
    [
        f"{MIRROR}/vllm/vllm-tpu:v0.99.0",
        f"{MIRROR}/docker.io/vllm/vllm-tpu:v0.27.0",
        f"{MIRROR}/vllm/vllm-tpu@sha256:{'0' * 64}",
        "europe-docker.pkg.dev/simulated-project/others/vllm/vllm-tpu:v0.27.0",
    ],
)
def test_what_a_mirror_has_not_cannot_be_pulled(text: str) -> None:
    with pytest.raises(PullError, match=r"failed to resolve reference .*: not found"):
        catalogue.find(text)


def test_every_image_that_has_a_program_is_published() -> None:
    assert catalogue.IMAGES.keys() <= PUBLISHED["images"].keys()


@pytest.mark.parametrize("name", catalogue.IMAGES)
def test_program_of_our_own_exists(name: str) -> None:
    commands = [command for command in catalogue.IMAGES[name].programs.values() if "-m" in command]
    assert all(importlib.util.find_spec(command[command.index("-m") + 1]) for command in commands)
