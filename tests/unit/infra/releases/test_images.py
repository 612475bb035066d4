"""From where images are pulled, and by what name."""

import json
import re
from typing import Any

import pytest

from infra.releases import images, pins
from tests.support.program import Declared, Run, spec
from tests.support.project import protected

OWN = "europe-docker.pkg.dev/my-project/images"
DIGEST = "sha256:d6748bc7b1b020ab6411506d4bf30f8bfabb5db2b8505328f26d1a545b479df8"
ISTIO = "registry.istio.io/release/pilot:1.31.4"


@pytest.mark.parametrize(
    ("image", "registry", "by_digest", "name"),
    [
        (pins.VLLM_TPU_IMAGE, "", False, "docker.io/vllm/vllm-tpu:v0.27.0"),
        (pins.VLLM_TPU_IMAGE, "", True, f"docker.io/vllm/vllm-tpu:v0.27.0@{DIGEST}"),
        (pins.VLLM_TPU_IMAGE, OWN, False, f"{OWN}/vllm/vllm-tpu:v0.27.0"),
        (pins.VLLM_TPU_IMAGE, OWN, True, f"{OWN}/vllm/vllm-tpu:v0.27.0@{DIGEST}"),
        (ISTIO, "", True, ISTIO),  # nobody was found to say its digest
        (ISTIO, OWN, True, f"{OWN}/release/pilot:1.31.4"),
        (f"{ISTIO}-distroless", OWN, True, f"{OWN}/release/pilot:1.31.4-distroless"),
    ],
)
def test_image_is_pulled_as(image: str, registry: str, by_digest: bool, name: str) -> None:
    assert images.pulled(image, registry=registry, by_digest=by_digest) == name


def test_no_two_images_share_a_name_in_a_registry_of_ones_own() -> None:
    names = [images.pulled(image, registry=OWN) for image in pins.IMAGES]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("image", pins.IMAGES)
def test_image_is_pinned_to_a_release(image: str) -> None:
    assert re.fullmatch(r"[a-z.]+(/[a-z0-9-]+)+:v?\d+\.\d+\.\d+(-distroless)?", image)


def test_digests_are_of_images_that_are_pinned() -> None:
    assert pins.DIGESTS.keys() <= set(pins.IMAGES)
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", digest) for digest in pins.DIGESTS.values())


def test_values_of_images_stand_beside_a_charts_own() -> None:
    own = {"kserve": {"storage": {"uidModelcar": 0}, "llmisvc": {}}, "other": 1}
    values = images.values(pins.KSERVE_CONTROLLER, own, registry=OWN, by_digest=False)

    assert values["kserve"]["storage"] == {"uidModelcar": 0, "image": f"{OWN}/kserve/storage-initializer"}
    assert values["kserve"]["llmisvc"] == {"controller": {"image": f"{OWN}/kserve/llmisvc-controller"}}
    assert values["other"] == 1
    assert own["kserve"] == {"storage": {"uidModelcar": 0}, "llmisvc": {}}


@pytest.mark.parametrize("chart", pins.CHARTS, ids=lambda chart: chart.name)
def test_chart_keeps_its_values_unless_something_is_set(chart: pins.Chart) -> None:
    assert images.values(chart, {"a": {}}, registry="", by_digest=False) == {"a": {}}


def values(declared: Declared, name: str) -> dict[str, Any]:
    return declared.one(":Release", name).inputs["values"]


def test_stack_with_a_registry_takes_every_image_from_it(run: Run) -> None:
    declared = run(imageRegistry=OWN)
    kserve = values(declared, "kserve-llmisvc-resources")["kserve"]

    assert values(declared, "istiod")["global"] == {"hub": f"{OWN}/release"}
    assert values(declared, "cert-manager")["imageRegistry"] == OWN
    assert {key: kserve[key]["image"] for key in ("storage", "agent", "router")} == {
        "storage": f"{OWN}/kserve/storage-initializer",
        "agent": f"{OWN}/kserve/agent",
        "router": f"{OWN}/kserve/router",
    }
    assert kserve["llmisvc"]["controller"]["image"] == f"{OWN}/kserve/llmisvc-controller"
    assert kserve["servingruntime"]["art"]["image"] == f"{OWN}/kserve/art-explainer"
    assert kserve["localmodel"]["defaultJobImage"] == f"{OWN}/kserve/storage-initializer"
    assert spec(declared)["template"]["containers"][0]["image"] == f"{OWN}/vllm/vllm-tpu:v0.27.0"
    [picker] = spec(declared)["router"]["scheduler"]["template"]["containers"]
    assert picker["image"] == f"{OWN}/llm-d/llm-d-router-endpoint-picker:v0.9.0"


def test_protected_stack_names_images_by_digest(run: Run) -> None:
    declared = run(**protected())
    cert_manager = values(declared, "cert-manager")

    assert spec(declared)["template"]["containers"][0]["image"] == f"docker.io/vllm/vllm-tpu:v0.27.0@{DIGEST}"
    assert cert_manager["image"] == {
        "tag": "v1.21.2",
        "digest": "sha256:70f532fd9cfde0b09d55687200942399d89838bc2d5d5b45152eb799a15912b8",
    }
    assert {
        part: cert_manager[part]["image"]["digest"][7:11] for part in cert_manager if part not in ("crds", "image")
    } == {
        "webhook": "a60e",
        "cainjector": "c852",
        "acmesolver": "699b",
        "startupapicheck": "46e7",
    }
    assert "imageRegistry" not in cert_manager


@pytest.mark.parametrize("isolation", [False, True])
def test_istio_is_of_the_variant_that_the_stack_wants(
    run: Run, monkeypatch: pytest.MonkeyPatch, isolation: bool
) -> None:
    monkeypatch.setattr(pins, "DIGESTS", pins.DIGESTS | dict.fromkeys(pins.IMAGES, f"sha256:{'0' * 64}"))
    declared = run(**protected(), imageRegistry=OWN, isolation=isolation)
    variant = {"variant": "distroless"} if isolation else {}

    assert values(declared, "istiod")["global"] == {"hub": f"{OWN}/release"} | variant
    for chart in ("istiod", "inference-gateway"):  # by no digest, which would be of one variant
        assert not re.search('sha256|"tag"|"image"', json.dumps(values(declared, chart)))


@pytest.mark.parametrize("name", ["pilot", "proxyv2"])
def test_variant_of_istio_is_an_image_of_its_own(name: str) -> None:
    images_of = [image for image in pins.IMAGES if f"/release/{name}:" in image]

    assert [image.rpartition(":")[2] for image in images_of] == ["1.31.4", "1.31.4-distroless"]


def test_certificates_and_registry_do_not_cross_each_other(run: Run) -> None:
    https = {"tls": "lets-encrypt", "hostname": "llm.example.com", "acmeEmail": "ops@example.com"}
    found = values(run(**protected(), **https, imageRegistry=OWN), "cert-manager")

    assert found["imageRegistry"] == OWN
    assert found["config"] == {"gatewayAPI": {"enabled": True}}
    assert found["acmesolver"]["image"]["digest"].startswith("sha256:699b")


def test_isolated_model_and_picker_are_from_the_registry_too(run: Run) -> None:
    found = spec(run(imageRegistry=OWN, isolation=True))
    pods = (found["template"], found["router"]["scheduler"]["template"])

    assert all(pod["containers"][0]["image"].startswith(f"{OWN}/") for pod in pods)
    assert all(pod["securityContext"]["seccompProfile"] for pod in pods)


def test_dev_stack_says_nothing_of_images_but_vllms(dev: Declared) -> None:
    assert "global" not in values(dev, "istiod")
    assert values(dev, "cert-manager") == {"crds": {"enabled": True}}
    assert spec(dev)["template"]["containers"][0]["image"] == "docker.io/vllm/vllm-tpu:v0.27.0"
    assert "image" not in spec(dev)["router"]["scheduler"]["template"]["containers"][0]
