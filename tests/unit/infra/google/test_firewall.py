"""The firewall: what reaches the nodes, and what the nodes of a hardened cluster may open."""

from typing import Any

from tests.support.dependencies import needs
from tests.support.program import ADDRESS, UNKNOWN, Declared, Run
from tests.support.stacks import autoscaled

RULE = "compute/firewall:Firewall"


def rules(run: Run, **changes: Any) -> dict[str, dict[str, Any]]:
    """The inputs of each rule of a hardened cluster, by the end of its name."""
    found = run(hardenedCluster=True, **changes).all(RULE)
    return {r.name.removeprefix("tpu-inference-"): r.inputs for r in found}


# In


def test_control_plane_reaches_the_webhooks_of_istio_and_kserve_and_nothing_else(run: Run) -> None:
    rule = run(controlPlaneCidr="172.20.0.16/28").one(RULE).inputs
    assert (rule["sourceRanges"], rule["direction"]) == (["172.20.0.16/28"], "INGRESS")
    assert rule["allows"] == [{"protocol": "tcp", "ports": ["9443", "15017"]}]


def test_control_plane_reaches_kedas_api_of_metrics_too_if_a_model_is_autoscaled(run: Run) -> None:
    rule = run(**autoscaled()).one(RULE).inputs
    assert rule["allows"] == [{"protocol": "tcp", "ports": ["9443", "15017", "6443"]}]


def test_webhooks_are_open_on_machines_that_run_under_the_nodes_account_alone(dev: Declared, phase: str) -> None:
    email = UNKNOWN if phase == "preview" else "nodes@my-project.iam.gserviceaccount.com"
    assert dev.one(RULE).inputs["targetServiceAccounts"] == [email]


# Out


def test_nodes_open_what_they_need(run: Run, phase: str) -> None:
    found = rules(run, controlPlaneCidr="172.20.0.16/28")
    gateway = UNKNOWN if phase == "preview" else f"{ADDRESS}/32"
    out = {name: rule for name, rule in found.items() if name != "webhooks" and "allows" in rule}
    assert {name: (rule["destinationRanges"], rule["allows"]) for name, rule in out.items()} == {
        "out-cluster": (["10.0.0.0/20", "10.4.0.0/14"], [{"protocol": "all"}]),
        "out-control-plane": (["172.20.0.16/28"], [{"protocol": "tcp", "ports": ["8132"]}]),
        "out-https": (["0.0.0.0/0"], [{"protocol": "tcp", "ports": ["443"]}]),
        "out-gateway": ([gateway], [{"protocol": "tcp", "ports": ["80"]}]),
    }


def test_everything_else_is_denied_and_logged_after_what_is_allowed(run: Run) -> None:
    found = rules(run)
    denied = found["out-denied"]
    assert (denied["destinationRanges"], denied["denies"]) == (["0.0.0.0/0"], [{"protocol": "all"}])
    assert denied["logConfig"] == {"metadata": "INCLUDE_ALL_METADATA"}
    assert denied["priority"] == 65534
    assert all("priority" not in rule for name, rule in found.items() if name != "out-denied")


def test_every_rule_out_is_about_the_nodes_of_this_vpc(run: Run, phase: str) -> None:
    email = UNKNOWN if phase == "preview" else "nodes@my-project.iam.gserviceaccount.com"
    out = {name: rule for name, rule in rules(run).items() if name != "webhooks"}
    assert len(out) == 5
    for rule in out.values():
        assert rule["direction"] == "EGRESS"
        assert rule["targetServiceAccounts"] == [email]
        assert rule["network"] == (UNKNOWN if phase == "preview" else "tpu-inference-id")


def test_nothing_is_denied_before_what_is_needed_is_allowed(run: Run) -> None:
    declared = run(hardenedCluster=True)
    allowed = {f"Firewall {r.name}" for r in declared.all(RULE) if r.inputs.get("allows")} - {
        "Firewall tpu-inference-webhooks"
    }
    assert len(allowed) == 4
    assert allowed <= needs(declared, declared.one(RULE, "tpu-inference-out-denied"))


def test_every_kubernetes_object_comes_after_the_whole_firewall(run: Run) -> None:
    declared = run(hardenedCluster=True)
    firewall = {f"Firewall {r.name}" for r in declared.all(RULE)}
    assert len(firewall) == 6
    for resource in [r for r in declared if r.type.startswith("kubernetes:")]:
        assert firewall <= needs(declared, resource), resource.name
