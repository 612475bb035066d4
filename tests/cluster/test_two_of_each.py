"""What real controllers make of two: who leads, where they run, and what a drain may take. `dev` has one of each."""

import json
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from ops.smoke import Smoke
from sandbox.cluster import pods
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.cluster.e2e import key as key_of
from sandbox.cluster.e2e import smoke
from sandbox.cluster.stack import on_control_plane
from sandbox.engine.stack import SandboxStack
from tests.support.project import stack_file

Get = Callable[..., list[dict[str, Any]]]

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
OF_MODEL = MODEL["namespace"]
NAMESPACE = f"--namespace={OF_MODEL}"
PICKERS = "app.kubernetes.io/component=llminferenceservice-router-scheduler"
WORKLOAD = "app.kubernetes.io/component=llminferenceservice-workload"
COMPLETION = {"model": "/mnt/models", "prompt": "Hello", "max_tokens": 4}
pytestmark = pytest.mark.family


@pytest.fixture(scope="module", params=["prod", "staging"])
def stack(
    request: pytest.FixtureRequest, plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxStack]:
    """A stack with two of what a request passes, up."""
    with on_control_plane(request.param, home=tmp_path_factory.mktemp("stack"), plane=plane) as sandbox:
        try:
            key_of(sandbox)
            sandbox.up()
            yield sandbox
        finally:
            sandbox.set_config("protect", False)
            try:
                sandbox.up()
            finally:
                sandbox.destroy()  # or all that follows would fail with what is left


@pytest.fixture(scope="module")
def key(stack: SandboxStack) -> str:
    """A key of the stack, which counts at once, as it is not the first."""
    return key_of(stack)


def names(listed: list[dict[str, Any]], *, leading: bool) -> list[str]:
    return [pod["metadata"]["name"] for pod in listed if pods.ready(pod) == leading]


def model_replicas(stack: SandboxStack) -> int:
    return stack_file(stack.name)["models"][0].get("replicas", 1)


@pytest.fixture
def evict(plane: ControlPlane) -> Callable[[str], bool]:
    """Asks for the eviction of a Pod, as a drain does; whether it is granted."""

    return partial(pods.evict, plane, MODEL["namespace"])


def test_the_endpoint_answers_as_the_api_guide_says(stack: SandboxStack, key: str) -> None:
    smoke(stack, key)


@pytest.mark.usefixtures("stack")
def test_one_picker_leads_and_only_that_one_is_ready(get: Get) -> None:
    pickers = get("pods", NAMESPACE, f"--selector={PICKERS}")
    assert (len(names(pickers, leading=True)), len(names(pickers, leading=False))) == (1, 1)
    [lease] = get("leases", NAMESPACE)
    assert lease["spec"]["holderIdentity"]
    [service] = get("llminferenceservices", NAMESPACE)
    assert {c["type"]: c["status"] for c in service["status"]["conditions"]}["Ready"] == "True"


@pytest.mark.usefixtures("stack")
def test_two_of_each_are_spread_over_the_system_nodes(get: Get) -> None:
    system = [n["metadata"]["name"] for n in get("nodes") if "google.com/tpu" not in n["status"]["capacity"]]

    def spread(where: str, selector: str) -> bool:
        on = Counter(p["spec"].get("nodeName") for p in get("pods", f"--namespace={where}", f"--selector={selector}"))
        return sum(on.values()) == 2 and max(on.values()) - min(on[node] for node in system) <= 1

    for router in (("istio-ingress", "istio=inference-gateway"), ("istio-system", "app=istiod"), (OF_MODEL, PICKERS)):
        assert wait_until(partial(spread, *router), f"two Pods of {router}, evenly over {system}", 60)


def test_there_are_as_many_tpu_nodes_as_pods_that_want_one(stack: SandboxStack, get: Get) -> None:
    assert sum("google.com/tpu" in node["status"]["capacity"] for node in get("nodes")) == model_replicas(stack)


def test_each_budget_lets_one_pod_go(stack: SandboxStack, get: Get) -> None:
    budgets = ["inference-gateway", "istiod", f"{MODEL['name']}-picker"]
    budgets += [f"{MODEL['name']}-vllm"] if model_replicas(stack) > 1 else []

    def allowed() -> bool:
        found = {b["metadata"]["name"]: b["status"] for b in get("poddisruptionbudgets", "--all-namespaces")}
        return {name: status.get("disruptionsAllowed") for name, status in found.items()} == dict.fromkeys(budgets, 1)

    assert wait_until(allowed, f"a budget for each of {budgets} that allows one disruption", 60)


@pytest.mark.usefixtures("stack")
def test_a_budget_that_keeps_a_picker_would_never_let_the_leader_go(plane: ControlPlane, get: Get) -> None:
    key, _, value = PICKERS.partition("=")
    selector = {"matchLabels": {key: value}}
    spec = {"minAvailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow", "selector": selector}
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "keeps-one"}, "spec": spec}
    plane.kubectl("create", NAMESPACE, "--filename=-", stdin=json.dumps(budget))
    try:
        field = "--field-selector=metadata.name=keeps-one"

        def status() -> dict[str, Any]:
            return get("poddisruptionbudgets", NAMESPACE, field)[0]["status"]

        wait_until(lambda: status().get("currentHealthy") == 1, "the leader is counted", 30)
        assert (status()["expectedPods"], status()["disruptionsAllowed"]) == (2, 0)
    finally:
        plane.kubectl("delete", NAMESPACE, "poddisruptionbudget", "keeps-one")


def test_drained_leader_hands_over_and_completions_go_on(
    stack: SandboxStack, get: Get, evict: Callable[[str], bool], key: str
) -> None:
    outputs = stack.outputs()
    asked = Smoke(outputs["baseUrl"], 20, ssl.create_default_context(cadata=outputs["caCertificate"]))
    asked.send_key(key)

    def answers() -> bool:  # a first failure may be the leader's last moment
        return asked.http(asked.url + "/v1/completions", COMPLETION)[0] == 200

    def pickers() -> list[dict[str, Any]]:
        return get("pods", NAMESPACE, f"--selector={PICKERS}")

    wait_until(lambda: len(names(pickers(), leading=True)) == 1, "a leader", 60)
    [leader] = names(pickers(), leading=True)
    assert evict(leader)
    assert wait_until(answers, "completions without a leader", 5)
    wait_until(lambda: names(pickers(), leading=True) not in ([], [leader]), "a new leader", 60)
    assert wait_until(answers, "completions with the new leader", 5)


def test_one_vllm_pod_at_a_time_may_go(stack: SandboxStack, get: Get, evict: Callable[[str], bool]) -> None:
    def serving() -> list[str]:
        return names(get("pods", NAMESPACE, f"--selector={WORKLOAD}"), leading=True)

    most = model_replicas(stack)
    wait_until(lambda: len(serving()) == most, "every vLLM Pod is ready", 60)
    assert [evict(pod) for pod in serving()] == [True, False][:most]
    wait_until(lambda: len(serving()) == most, "every vLLM Pod is ready again", 60)


@pytest.mark.family
def test_router_of_one_and_of_two_again_keeps_the_service(stack: SandboxStack, get: Get) -> None:
    def service() -> str:
        [found] = get("llminferenceservices", NAMESPACE)
        return found["metadata"]["uid"]

    before = service()
    for replicas in (1, 2):
        stack.set_config("routerReplicas", replicas)
        stack.up()

        def pickers(wanted: int = replicas) -> bool:
            found = get("pods", NAMESPACE, f"--selector={PICKERS}")
            return len(found) == wanted and len(names(found, leading=True)) == 1

        wait_until(pickers, f"{replicas} pickers, one of them ready", 60)
    assert service() == before
    assert set(stack.preview().change_summary) == {"same"}
