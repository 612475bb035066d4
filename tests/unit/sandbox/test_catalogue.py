"""Which image has a program here, and what is said of one that has none."""

import importlib.util
import json
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from infra.releases import images, pins
from sandbox.build import places
from sandbox.clouds import registries
from sandbox.programs import catalogue
from sandbox.programs.image import ExecError, Pod, PullError
from tests.support.project import ROOT

PUBLISHED = json.loads((ROOT / "sandbox/clouds/data/published.json").read_text())


@pytest.mark.parametrize(
    "text",
    [
        "docker.io/istio/pilot:1.31.99",
        "docker.io/istio/proxyv2:latest",
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
    here = images.pulled(image, places=images.mirror(MIRROR), by_digest=by_digest)
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


def picked(plugins: list[dict[str, Any]], uses: list[dict[str, Any]]) -> dict[str, Any]:
    """What the upstream picker is told when KServe tells llm-d's this."""
    config = {
        "apiVersion": "llm-d.ai/v1alpha1",
        "kind": "EndpointPickerConfig",
        "plugins": plugins,
        "schedulingProfiles": [{"name": "default", "plugins": uses}],
    }
    image = catalogue.find(pins.ENDPOINT_PICKER_IMAGE)
    argv = ["/app/epp", "--pool-name", "pool", "--config-text", yaml.safe_dump(config), "--secure-serving=false"]
    _, *args, text, last = catalogue.command(image, cast(Pod, None), argv, {})
    assert (args, last) == (argv[1:4], argv[-1])
    return yaml.safe_load(text)


def test_picker_is_told_the_same_under_the_name_that_upstreams_api_has() -> None:
    plugins, uses = [{"type": "queue-scorer"}], [{"pluginRef": "queue-scorer", "weight": 2}]
    assert picked(plugins, uses) == {
        "apiVersion": "inference.networking.x-k8s.io/v1alpha1",
        "kind": "EndpointPickerConfig",
        "plugins": plugins,
        "schedulingProfiles": [{"name": "default", "plugins": uses}],
    }


def test_picker_is_not_told_of_what_its_fork_alone_has() -> None:
    plugins = [{"type": "queue-scorer"}, {"type": "no-hit-lru-scorer"}]
    told = picked(plugins, [{"pluginRef": "queue-scorer"}, {"pluginRef": "no-hit-lru-scorer", "weight": 2}])
    assert told["plugins"] == [{"type": "queue-scorer"}]
    assert told["schedulingProfiles"][0]["plugins"] == [{"pluginRef": "queue-scorer"}]


def test_picker_that_scores_prefixes_gets_the_index_that_its_fork_makes_by_itself() -> None:
    scorer, index = {"type": "prefix-cache-scorer"}, {"type": "approx-prefix-cache-producer"}
    assert picked([scorer], [])["plugins"] == [scorer, index]
    of_its_own = {**index, "parameters": {"autoTune": False}}
    assert picked([of_its_own, scorer], [])["plugins"] == [of_its_own, scorer]


class Operators:
    """A Pod of KEDA's metrics adapter, which may ask for names or not."""

    folder = Path("/pods/keda_adapter")

    def __init__(self, *, names: bool = True) -> None:
        self.resolves = lambda: names

    def api(self, method: str, path: str) -> dict[str, Any]:
        assert (method, path) == ("GET", "/api/v1/namespaces/keda/services/keda-operator")
        return {"spec": {"clusterIP": "10.8.0.9"}}


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """KEDA's programs, as if they had been built."""
    monkeypatch.setattr(places, "BIN", tmp_path)
    for name in ("keda-operator", "keda-adapter", "keda-webhooks"):
        (tmp_path / name).touch()
    return tmp_path


ADDRESS = "--metrics-service-address=keda-operator.keda.svc.cluster.local:9666"


@pytest.mark.parametrize(("names", "address"), [(True, "10.8.0.9"), (False, "192.0.2.1")])
def test_keda_finds_its_operator_by_address_and_still_asks_for_its_name(built: Path, names: bool, address: str) -> None:
    image = catalogue.find("ghcr.io/kedacore/keda-metrics-apiserver:2.21.0")
    argv = ["/keda-adapter", "--secure-port=6443", ADDRESS, "--tls-cert-file=/certs/tls.crt", "--cert-dir=/certs"]
    assert catalogue.command(image, cast(Pod, Operators(names=names)), argv, {}) == [
        str(built / "keda-adapter"),
        "--secure-port=6443",
        "--metrics-service-grpc-authority=keda-operator.keda.svc.cluster.local",
        f"--metrics-service-address={address}:9666",
        "--tls-cert-file=/pods/keda_adapter/certs/tls.crt",
        "--cert-dir=/pods/keda_adapter/certs",
    ]


def test_keda_that_is_not_built_says_how_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "BIN", tmp_path)
    with pytest.raises(ExecError, match="has not built keda-operator, keda-adapter, keda-webhooks: run `make monitor"):
        catalogue.command(catalogue.find("ghcr.io/kedacore/keda:2.21.0"), cast(Pod, Operators()), ["/keda"], {})
