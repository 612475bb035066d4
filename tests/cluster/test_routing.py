"""What KServe makes of `routing`: the same picker as without it by default, another one in place."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx2
import pytest
import yaml

from infra.settings.context import Context
from infra.settings.model import Model
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.project import stack_file

pytestmark = pytest.mark.slow
Get = Callable[..., list[dict[str, Any]]]

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
NAMESPACE = f"--namespace={MODEL['namespace']}"
SERVICES = "llminferenceservices.v1alpha2.serving.kserve.io"
PICKERS = "app.kubernetes.io/component=llminferenceservice-router-scheduler"
WORKLOAD = "app.kubernetes.io/component=llminferenceservice-workload"
UNTOLD = "untold"


def told(get: Get, name: str = MODEL["name"]) -> str | None:
    """The text of a picker's configuration, once KServe has made the picker."""
    selector = f"--selector={PICKERS},app.kubernetes.io/name={name}"
    for deployment in get("deployments", NAMESPACE, selector):
        [main] = [c for c in deployment["spec"]["template"]["spec"]["containers"] if c["name"] == "main"]
        return main["args"][main["args"].index("--config-text") + 1]
    return None


def types(text: str | None) -> list[str]:
    return [plugin["type"] for plugin in yaml.safe_load(text or "{plugins: []}")["plugins"]]


def answers(stack: SandboxStack) -> bool:
    asked = {"model": "/mnt/models", "prompt": "Hello", "max_tokens": 2}
    return httpx2.post(f"{stack.outputs()['baseUrl']}/v1/completions", json=asked, timeout=10).status_code == 200


@pytest.mark.usefixtures("deployed")
def test_default_is_what_kserve_tells_a_picker_by_itself(plane: ControlPlane, get: Get) -> None:
    """Word for word, so that a stack that had no configuration before keeps its pickers."""
    service = json.loads(plane.kubectl("get", SERVICES, MODEL["name"], NAMESPACE, "--output=json"))
    del service["spec"]["router"]["scheduler"]["config"]
    body = {
        "apiVersion": service["apiVersion"],
        "kind": service["kind"],
        "metadata": {"name": UNTOLD, "namespace": MODEL["namespace"]},
        "spec": {**service["spec"], "replicas": 0},
    }
    plane.kubectl("apply", "--filename=-", stdin=json.dumps(body))
    try:
        wait_until(partial(told, get, UNTOLD), "KServe makes a picker", 60)
        assert told(get) == told(get, UNTOLD)
    finally:
        plane.kubectl("delete", SERVICES, UNTOLD, NAMESPACE, "--wait=true")


def test_another_strategy_is_told_in_place_and_the_default_can_be_gone_back_to(
    deployed: SandboxStack, get: Get
) -> None:
    def kept() -> list[str]:
        found = [*get(SERVICES, NAMESPACE), *get("pods", NAMESPACE, f"--selector={WORKLOAD}")]
        return sorted(item["metadata"]["uid"] for item in found)

    before, default = kept(), told(get)
    for routing, last in (("random", "random-picker"), ("load", "max-score-picker"), ("prefix-cache", "")):
        deployed.set_config("models", [{**MODEL, "routing": routing}])
        deployed.up()
        wait_until(lambda last=last: not last or types(told(get))[-1] == last, f"the picker is told {routing}", 30)
        wait_until(partial(answers, deployed), f"the model answers by {routing}", 60)
        assert kept() == before
    wait_until(lambda: told(get) == default, "the picker is told what it was told at first", 30)
    assert set(deployed.preview().change_summary) == {"same"}


def test_configuration_of_ones_own_starts_a_picker(deployed: SandboxStack, get: Get) -> None:
    own = {
        "apiVersion": "llm-d.ai/v1alpha1",
        "kind": "EndpointPickerConfig",
        "plugins": [
            {"type": "approx-prefix-cache-producer", "parameters": {"maxPrefixTokensToMatch": 4096}},
            {"type": "prefix-cache-scorer", "name": "prefixes"},
            {"type": "queue-scorer"},
            {"type": "weighted-random-picker"},
        ],
        "schedulingProfiles": [
            {
                "name": "default",
                "plugins": [
                    {"pluginRef": "prefixes", "weight": 0.5},
                    {"pluginRef": "queue-scorer"},
                    {"pluginRef": "weighted-random-picker"},
                ],
            }
        ],
    }
    assert Model.model_validate({**MODEL, "routing": own}, context=Context("v6e-4", 1)).routing == own
    deployed.set_config("models", [{**MODEL, "routing": own}])
    deployed.up()
    wait_until(lambda: types(told(get)) == [p["type"] for p in own["plugins"]], "the picker is told it", 30)
    wait_until(partial(answers, deployed), "the model answers", 60)
    assert yaml.safe_load(told(get) or "") == own
