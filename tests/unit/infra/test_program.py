"""The program as a whole: what refers to what, in which place, with which provider."""

import json

import pulumi
import pytest

from infra.settings.model import RESERVED_NAMESPACES
from tests.support.dependencies import made_of
from tests.support.program import Declared, Run
from tests.support.project import ROOT
from tests.support.stacks import MODEL, autoscaled


def test_program_knows_nothing_of_how_it_is_run() -> None:
    sources = [ROOT / "__main__.py", *(ROOT / "infra").rglob("*.py")]
    assert len(sources) > 10
    for source in sources:
        assert "sandbox" not in source.read_text().lower(), source.name
        assert "simulat" not in source.read_text().lower(), source.name


@pytest.mark.parametrize(
    ("kind", "name", "key", "source"),
    [
        (":Subnetwork", "tpu-inference", "network", "Network tpu-inference"),
        (":Router", "tpu-inference", "network", "Network tpu-inference"),
        (":RouterNat", "tpu-inference", "router", "Router tpu-inference"),
        (":Firewall", "tpu-inference-webhooks", "network", "Network tpu-inference"),
        ("container/cluster:Cluster", "tpu-inference", "network", "Network tpu-inference"),
        ("container/cluster:Cluster", "tpu-inference", "subnetwork", "Subnetwork tpu-inference"),
        ("container/cluster:Cluster", "tpu-inference", "nodeConfig", "Account nodes"),
        (":NodePool", "system", "cluster", "Cluster tpu-inference"),
        (":NodePool", "system", "nodeConfig", "Account nodes"),
        (":NodePool", "tpu", "cluster", "Cluster tpu-inference"),
        (":NodePool", "tpu", "nodeConfig", "Account nodes"),
        (":IAMMember", "nodes", "member", "Account nodes"),
        ("core/v1:Service", "inference-gateway", "spec", "Address tpu-inference-gateway"),
        (":Gateway", "inference-gateway", "spec", "Service inference-gateway"),
    ],
)
def test_what_refers_to_another_resource_takes_its_output(
    dev: Declared, kind: str, name: str, key: str, source: str
) -> None:
    [resource] = [r for r in dev.all(kind) if r.name == name and ":infra:" not in r.type]
    assert source in made_of(resource, key)


def test_every_resource_has_the_stacks_own_provider_and_a_component(run: Run) -> None:
    """A child without its parent falls back to a default provider: it loses the labels and the order."""
    dev = run(huggingFaceToken="hf_test", secrets=("huggingFaceToken",))
    own = {"gcp": "pulumi:providers:gcp::google", "kubernetes": "pulumi:providers:kubernetes::tpu-inference"}
    for r in dev:
        cloud = r.type.split(":")[0]
        if cloud in own:
            assert r.request.provider.rsplit("::", 1)[0].endswith(own[cloud]), r.name
    at_the_top = {r.name for r in dev if r.request.parent.split("::")[2:3] == ["pulumi:pulumi:Stack"]}
    at_the_top -= {r.name for r in dev if ":infra:" in r.type and r.name != "tpu-inference"}
    assert at_the_top == {"google", "llm-d-inference-scheduling", "tpu-inference"}
    assert "infra:Cluster" in dev.one("pulumi:providers:kubernetes").request.parent


def test_labels_are_the_providers_defaults(run: Run) -> None:
    provider = run(labels={"team": "ml"}).one("pulumi:providers:gcp").inputs
    assert json.loads(provider["defaultLabels"]) == {"team": "ml"}
    assert provider["project"] == "my-project"


def test_everything_is_where_the_location_says(run: Run) -> None:
    declared = run(location="us-east5", tpuZones=["us-east5-a"])
    for kind in (":Subnetwork", ":Router", ":RouterNat", ":Address"):
        assert declared.one(kind).inputs["region"] == "us-east5", kind
    for pool in declared.all(":NodePool"):
        assert pool.inputs["location"] == "us-east5", pool.name


def test_pulumi_names_what_nothing_else_refers_to(dev: Declared) -> None:
    """A second stack in the same project must not collide, and a replacement must find its name free."""
    named = [r.name for r in dev if r.type.startswith("gcp:") and {"name", "accountId"} & r.inputs.keys()]
    assert named == []


def test_every_namespace_in_use_is_a_resource(run: Run) -> None:
    declared = run(models=[MODEL, {**MODEL, "name": "b"}, {**MODEL, "namespace": "other"}], tpuMaxNodes=3)
    names = [n.inputs["metadata"]["name"] for n in declared.all(":Namespace")]
    assert sorted(names) == [
        "cert-manager",
        "istio-ingress",
        "istio-system",
        "kserve",
        "llm-d-inference-scheduling",
        "other",
        "tpu-warm-up",
    ]
    used = {r.inputs["namespace"] for r in declared.all(":Release")}
    used |= {r.inputs["metadata"]["namespace"] for r in declared if "namespace" in r.inputs.get("metadata", {})}
    assert used <= set(names)


def test_no_model_may_have_a_namespace_that_the_platform_has(run: Run) -> None:
    names = {n.inputs["metadata"]["name"] for n in run(**autoscaled()).all(":Namespace")}
    assert names - {MODEL["namespace"]} == RESERVED_NAMESPACES - {"default"}


def test_every_namespaced_object_is_made_in_a_namespace_that_is_a_resource(run: Run) -> None:
    """The order comes with the value: a namespace named in plain text might not be there yet."""
    declared = run(huggingFaceToken="hf_test", secrets=("huggingFaceToken",))
    without = (":Namespace", ":PriorityClass")
    in_cluster = [r for r in declared if r.type.startswith("kubernetes:") and not r.type.endswith(without)]
    assert len(in_cluster) == 17
    for resource in in_cluster:
        key = "namespace" if resource.type.endswith(":Release") else "metadata"
        [namespace] = made_of(resource, key)
        place = resource.inputs if key == "namespace" else resource.inputs["metadata"]
        assert namespace == f"Namespace {place['namespace']}", resource.name


def test_what_a_component_offers_is_in_the_state(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    offered: dict[str, set[str]] = {}
    monkeypatch.setattr(
        pulumi.ComponentResource,
        "register_outputs",
        lambda component, outputs: offered.update({type(component).__name__: set(outputs)}),
    )
    run(labels={"run": "of-this-test-alone"})
    del offered["Stack"]
    assert {name: outputs for name, outputs in offered.items() if outputs} == {
        "Network": {"gateway_address"},
        "Cluster": {"name"},
        "Gateway": {"name", "namespace"},
    }
