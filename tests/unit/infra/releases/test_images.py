"""From where images are pulled, and by what name."""

import json
import re
from typing import Any

import pytest

from infra.platform import autoscaler
from infra.releases import images, pins
from tests.support.program import Declared, Run, spec
from tests.support.project import protected
from tests.support.stacks import autoscaled

OWN = "europe-docker.pkg.dev/my-project/images"
DIGEST = "sha256:d6748bc7b1b020ab6411506d4bf30f8bfabb5db2b8505328f26d1a545b479df8"
ISTIO = "docker.io/istio/pilot:1.31.4"


@pytest.mark.parametrize(
    ("image", "places", "by_digest", "name"),
    [
        (pins.VLLM_TPU_IMAGE, {}, False, "docker.io/vllm/vllm-tpu:v0.27.0"),
        (pins.VLLM_TPU_IMAGE, {}, True, f"docker.io/vllm/vllm-tpu:v0.27.0@{DIGEST}"),
        (pins.VLLM_TPU_IMAGE, images.mirror(OWN), False, f"{OWN}/vllm/vllm-tpu:v0.27.0"),
        (pins.VLLM_TPU_IMAGE, images.mirror(OWN), True, f"{OWN}/vllm/vllm-tpu:v0.27.0@{DIGEST}"),
        (pins.VLLM_TPU_IMAGE, {"docker.io": "a.io/b", "ghcr.io": "c.io"}, False, "a.io/b/vllm/vllm-tpu:v0.27.0"),
        (pins.VLLM_TPU_IMAGE, {"quay.io": "c.io"}, False, "docker.io/vllm/vllm-tpu:v0.27.0"),
        (ISTIO, {}, True, ISTIO),  # nobody was found to say its digest
        (ISTIO, images.mirror(OWN), True, f"{OWN}/istio/pilot:1.31.4"),
        (f"{ISTIO}-distroless", images.mirror(OWN), True, f"{OWN}/istio/pilot:1.31.4-distroless"),
    ],
)
def test_image_is_pulled_as(image: str, places: images.Places, by_digest: bool, name: str) -> None:
    assert images.pulled(image, places=places, by_digest=by_digest) == name


def test_no_two_images_share_a_name_in_a_registry_of_ones_own() -> None:
    names = [images.pulled(image, places=images.mirror(OWN)) for image in [*pins.IMAGES, *pins.KEDA_IMAGES]]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize("image", [*pins.IMAGES, *pins.KEDA_IMAGES])
def test_image_is_pinned_to_a_release(image: str) -> None:
    assert re.fullmatch(r"[a-z.]+(/[a-z0-9-]+)+:v?\d+\.\d+\.\d+(-distroless)?", image)


def test_digests_are_of_images_that_are_pinned() -> None:
    assert pins.DIGESTS.keys() <= set(pins.IMAGES)
    assert all(re.fullmatch("sha256:[0-9a-f]{64}", digest) for digest in pins.DIGESTS.values())


def test_values_of_images_stand_beside_a_charts_own() -> None:
    own = {"kserve": {"storage": {"uidModelcar": 0}, "llmisvc": {}}, "other": 1}
    values = images.values(pins.KSERVE_CONTROLLER, own, places=images.mirror(OWN), by_digest=False)

    assert values["kserve"]["storage"] == {"uidModelcar": 0, "image": f"{OWN}/kserve/storage-initializer"}
    assert values["kserve"]["llmisvc"] == {"controller": {"image": f"{OWN}/kserve/llmisvc-controller"}}
    assert values["other"] == 1
    assert own["kserve"] == {"storage": {"uidModelcar": 0}, "llmisvc": {}}


@pytest.mark.parametrize("chart", pins.CHARTS, ids=lambda chart: chart.name)
def test_chart_keeps_its_values_unless_something_is_set(chart: pins.Chart) -> None:
    hub = {"global": {"hub": "docker.io/istio"}} if chart == pins.ISTIOD else {}
    assert images.values(chart, {"a": {}}, places={}, by_digest=False) == {"a": {}} | hub


def values(declared: Declared, name: str) -> dict[str, Any]:
    return declared.one(":Release", name).inputs["values"]


def test_stack_with_a_registry_takes_every_image_from_it(run: Run) -> None:
    declared = run(imageRegistry=OWN)
    kserve = values(declared, "kserve-llmisvc-resources")["kserve"]

    assert values(declared, "istiod")["global"] == {"hub": f"{OWN}/istio"}
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


@pytest.mark.parametrize(
    ("registry", "place"),
    [
        (OWN, {"global": {"image": {"registry": OWN}}}),
        (
            "cache",
            {"global": {"image": {"registry": "europe-west4-docker.pkg.dev/my-project/tpu-inference-dev-ghcr-io"}}},
        ),
        ("publishers", {}),
    ],
)
def test_keda_takes_its_images_from_where_the_others_are(run: Run, registry: str, place: dict[str, Any]) -> None:
    declared = run(**autoscaled(), imageRegistry=registry)

    assert values(declared, "keda") == {**autoscaler.values("dev"), **place}


def test_images_of_keda_are_those_of_its_chart() -> None:
    assert pins.KEDA_IMAGES == (
        "ghcr.io/kedacore/keda:2.21.0",
        "ghcr.io/kedacore/keda-metrics-apiserver:2.21.0",
        "ghcr.io/kedacore/keda-admission-webhooks:2.21.0",
    )


def test_protected_stack_names_images_by_digest(run: Run) -> None:
    declared = run(**protected(), imageRegistry="publishers")
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

    assert values(declared, "istiod")["global"] == {"hub": f"{OWN}/istio"} | variant
    for chart in ("istiod", "inference-gateway"):  # by no digest, which would be of one variant
        assert not re.search('sha256|"tag"|"image"', json.dumps(values(declared, chart)))


@pytest.mark.parametrize("name", ["pilot", "proxyv2"])
def test_variant_of_istio_is_an_image_of_its_own(name: str) -> None:
    images_of = [image for image in pins.IMAGES if f"/istio/{name}:" in image]

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


def test_stack_that_pulls_from_publishers_names_vllms_image_and_where_istios_are(run: Run) -> None:
    declared = run(imageRegistry="publishers")
    assert values(declared, "istiod")["global"] == {"hub": "docker.io/istio"}
    assert values(declared, "cert-manager") == {"crds": {"enabled": True}}
    assert "image" not in values(declared, "kserve-llmisvc-resources")["kserve"]["storage"]
    assert spec(declared)["template"]["containers"][0]["image"] == "docker.io/vllm/vllm-tpu:v0.27.0"
    assert "image" not in spec(declared)["router"]["scheduler"]["template"]["containers"][0]


def test_dev_stack_pulls_each_image_by_the_repository_of_its_publisher(dev: Declared) -> None:
    of = "europe-west4-docker.pkg.dev/my-project/tpu-inference-dev-{}".format
    kserve = values(dev, "kserve-llmisvc-resources")["kserve"]
    [picker] = spec(dev)["router"]["scheduler"]["template"]["containers"]

    assert values(dev, "istiod")["global"] == {"hub": f"{of('docker-io')}/istio"}
    assert values(dev, "cert-manager")["imageRegistry"] == of("quay-io")
    assert kserve["llmisvc"]["controller"]["image"] == f"{of('docker-io')}/kserve/llmisvc-controller"
    assert kserve["storage"]["image"] == f"{of('docker-io')}/kserve/storage-initializer"
    assert picker["image"] == f"{of('ghcr-io')}/llm-d/llm-d-router-endpoint-picker:v0.9.0"
    assert spec(dev)["template"]["containers"][0]["image"] == f"{of('docker-io')}/vllm/vllm-tpu:v0.27.0"


def test_protected_stack_names_by_digest_what_it_pulls_by_a_repository(run: Run) -> None:
    image = spec(run(**protected()))["template"]["containers"][0]["image"]

    assert image.startswith("europe-west4-docker.pkg.dev/my-project/tpu-inference-dev-docker-io/")
    assert image.endswith(f"/vllm/vllm-tpu:v0.27.0@{DIGEST}")
