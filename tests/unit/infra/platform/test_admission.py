"""What the API server is told to refuse in a closed cluster. That it does, a real one shows (tests/cluster)."""

import re
from functools import partial
from typing import Any

import pytest

from infra.platform.admission_policies import OF_GOOGLE, held_to, host_access, known, known_images, policies
from infra.releases import pins
from infra.settings.load import parse
from infra.settings.schema import Settings
from tests.support.dependencies import needs
from tests.support.program import Declared, Run
from tests.support.stack_settings import model, stack
from tests.support.stacks import MODEL, autoscaled

POLICY, BINDING = "v1:ValidatingAdmissionPolicy", "v1:ValidatingAdmissionPolicyBinding"
NAMES = ("host-access", "known-images", "bindings", "node-volumes")
OURS = ["istio-system", "istio-ingress", "cert-manager", "kserve", "tpu-warm-up", "b", "llm-d-inference-scheduling"]
DIGEST = f"@sha256:{'a' * 64}"


def settings(**changes: Any) -> Settings:
    return parse(stack({"isolation": True, **changes}))


@pytest.fixture
def closed(run: Run) -> Declared:
    return run(isolation=True, models=[MODEL, {**MODEL, "namespace": "b"}], tpuMaxNodes=2)


def selector(declared: Declared, name: str) -> dict[str, Any]:
    [names] = declared.one(BINDING, name).inputs["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert names["key"] == "kubernetes.io/metadata.name"
    return names


def runs(image: str, **changes: Any) -> bool:
    """Whether the pattern among the rules takes an image: its part of CEL is a regular expression."""
    [unknown] = [v["expression"] for v in known_images(settings(**changes)).spec["variables"] if v["name"] == "unknown"]
    pattern = re.search(r"matches\(r'(.*)'\)", unknown)
    assert pattern
    return bool(re.search(pattern[1], image))


def test_an_open_stack_has_no_rule(dev: Declared) -> None:
    assert [r for r in dev if "dmission" in r.type] == []
    assert policies(parse(stack())) == []


@pytest.mark.parametrize("name", NAMES)
def test_rule_fails_closed_and_is_in_force_by_a_binding_made_after_it(closed: Declared, name: str) -> None:
    policy, binding = closed.one(POLICY, name), closed.one(BINDING, name)
    assert policy.inputs["metadata"] == binding.inputs["metadata"] == {"name": f"{name}.gke-tpu-inference"}
    assert policy.inputs["spec"]["failurePolicy"] == "Fail"
    assert binding.inputs["spec"]["policyName"] == policy.inputs["metadata"]["name"]
    assert binding.inputs["spec"]["validationActions"] == ["Deny"]
    assert f"ValidatingAdmissionPolicy {name}" in needs(closed, binding)


def test_everything_with_pods_comes_after_the_rules_and_goes_before_them(closed: Declared) -> None:
    rules = {f"{kind.split(':')[1]} {name}" for kind in (POLICY, BINDING) for name in NAMES}
    for resource in (*closed.all(":Release"), *closed.all(":LLMInferenceService")):
        assert rules <= needs(closed, resource), resource.name
    for name in NAMES:
        assert not {n for n in needs(closed, closed.one(POLICY, name)) if n.startswith(("Release", "Namespace"))}


def test_images_are_judged_where_the_stack_runs_and_the_host_everywhere_else(closed: Declared) -> None:
    assert selector(closed, "known-images")["operator"] == "In"
    assert selector(closed, "host-access")["operator"] == "NotIn"
    assert selector(closed, "known-images")["values"] == selector(closed, "host-access")["values"] == OURS
    assert "matchResources" not in closed.one(BINDING, "bindings").inputs["spec"]


@pytest.mark.parametrize(
    ("namespace", "googles"),
    [
        *((name, True) for name in ("kube-system", "kube-public", "gmp-system", "gke-gmp-system", "gke-managed-cim")),
        *((name, True) for name in ("config-management-system", "asm-system")),
        *((name, False) for name in ("default", "kube-prometheus", "my-gke-tools", "gke", "asm-x", "x-kube-system")),
    ],
)
def test_the_host_is_google_s_in_google_s_namespaces_alone(namespace: str, googles: bool) -> None:
    [elsewhere, new] = host_access(settings()).spec["matchConditions"]
    assert elsewhere["expression"] == f"!request.namespace.matches('{OF_GOOGLE}')"
    assert bool(re.search(OF_GOOGLE, namespace)) is googles
    assert new["expression"].startswith("request.operation == 'CREATE' || ")


@pytest.mark.parametrize("image", pins.IMAGES)
@pytest.mark.parametrize("registry", ["cache", "publishers"])
def test_every_image_of_the_stack_runs_by_tag_and_by_digest(image: str, registry: str) -> None:
    image = settings(imageRegistry=registry).image(image)
    places = partial(runs, imageRegistry=registry)
    assert places(image)
    assert places(f"{image}{DIGEST}")
    assert places(f"{image.rpartition(':')[0]}{DIGEST}")
    assert not places(image.rpartition(":")[0])
    assert not places(f"{image.rpartition(':')[0]}:latest")
    assert not places(f"evil.example/{image}")


@pytest.mark.parametrize("image", pins.KEDA_IMAGES)
def test_images_of_keda_run_where_a_model_is_autoscaled_and_nowhere_else(image: str) -> None:
    assert runs(image, imageRegistry="publishers", **autoscaled())
    assert not runs(image, imageRegistry="publishers")
    assert not runs(f"{image.rpartition(':')[0]}:latest", imageRegistry="publishers", **autoscaled())


def test_namespace_of_keda_is_held_to_what_the_platforms_are() -> None:
    assert held_to(settings(**autoscaled()))[:6] == [
        *("istio-system", "istio-ingress", "cert-manager", "kserve"),
        *("keda", "tpu-warm-up"),
    ]
    assert "keda" not in held_to(settings())


def test_docker_hubs_images_may_be_without_a_host_as_kserves_chart_names_them() -> None:
    short = [image.removeprefix("docker.io/") for image in pins.IMAGES if image.startswith("docker.io/")]
    assert "kserve/llmisvc-controller:v0.20.0" in short
    of_hub = partial(runs, imageRegistry="publishers")
    assert [image for image in short if not of_hub(image)] == []
    assert [image for image in short if of_hub(f"evil.example/{image}") or of_hub(f"docker.ioX{image}")] == []
    assert not of_hub("jetstack/cert-manager-controller:v1.21.2")


def test_what_comes_by_a_repository_of_the_stacks_comes_by_its_publishers_and_by_no_other_way() -> None:
    of = "europe-west4-docker.pkg.dev/my-project/tpu-inference-dev-{}".format
    assert runs(f"{of('quay-io')}/jetstack/cert-manager-controller:v1.21.2")
    assert not runs(f"{of('docker-io')}/jetstack/cert-manager-controller:v1.21.2")
    assert not runs(f"{of('docker-io')}/library/nginx:1.29.0")
    assert not runs(f"{of('docker-io').replace('my-project', 'evil')}/vllm/vllm-tpu:v0.27.0")
    assert [image for image in pins.IMAGES if runs(image) or runs(image.removeprefix("docker.io/"))] == []


def test_a_registry_of_ones_own_is_the_only_one() -> None:
    own = "europe-west4-docker.pkg.dev/my-project/images"
    assert runs(f"{own}/vllm/vllm-tpu:v0.27.0", imageRegistry=own)
    hub = "docker.io/"
    others = [*pins.IMAGES, *(image.removeprefix(hub) for image in pins.IMAGES if image.startswith(hub))]
    assert not [image for image in others if runs(image, imageRegistry=own)]
    assert not runs(f"{own}/other/image:v1.0.0", imageRegistry=own)


@pytest.mark.parametrize(
    ("tag", "released"),
    [
        *((tag, True) for tag in ("1.31.4", "v0.27.0", "1.31.4-distroless", "v1.0.0-rc.1", "v1.17.1_b")),
        *((tag, False) for tag in ("latest1", "v1", "v1.2", "nightly-20261101", "1.2.3.", "1.2.3latest", "x1.2.3")),
    ],
)
def test_a_release_has_three_numbers(tag: str, released: bool) -> None:
    assert runs(f"docker.io/vllm/vllm-tpu:{tag}", imageRegistry="publishers") is released


def test_weights_in_an_image_are_what_the_stack_says_to_the_letter() -> None:
    models = [
        {**MODEL, "uri": "oci://registry.example/weights:1"},
        model(name="b", uri="oci://registry.example/weights:1"),
        model(name="c"),
    ]
    given = settings(models=models, tpuMaxNodes=3)
    assert known(given)[1] == ["registry.example/weights:1"]
    [unknown] = [v["expression"] for v in known_images(given).spec["variables"] if v["name"] == "unknown"]
    assert "!(i in ['registry.example/weights:1'])" in unknown


def test_all_containers_and_volumes_are_looked_into_and_not_again_what_was_there() -> None:
    images, before, unknown = (v["expression"] for v in known_images(settings()).spec["variables"])
    for kind in ("containers", "initContainers", "ephemeralContainers", "volumes"):
        assert f"object.spec.?{kind}" in images
        assert f"oldObject.spec.?{kind}" in before
    assert before.startswith("oldObject == null ? [] : ")
    assert "!(i in variables.before)" in unknown


def test_bindings_name_who_everybody_is_and_leave_the_control_plane_alone(closed: Declared) -> None:
    spec = closed.one(POLICY, "bindings").inputs["spec"]
    [rule] = spec["matchConstraints"]["resourceRules"]
    assert rule["resources"] == ["clusterrolebindings", "rolebindings"]
    assert rule["operations"] == ["CREATE", "UPDATE"]
    everybody, admin = spec["validations"]
    for name in ("system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts"):
        assert f"'{name}'" in everybody["expression"]
        assert name in everybody["message"]
    assert "'cluster-admin'" in admin["expression"]
    [parts] = spec["matchConditions"]
    for prefix in ("system:serviceaccount:", "system:node:", "system:anonymous"):
        assert f"&& !request.userInfo.username.startsWith('{prefix}')" in parts["expression"]
