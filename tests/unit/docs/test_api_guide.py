"""The API guide against what the program declares: its requests against the route, its model against vLLM's flags."""

import json
import re
from typing import Any, NamedTuple

import pytest

from infra.google import slices
from infra.models import outputs, pod
from infra.models.routes import ENDPOINTS, rules
from infra.settings.model import Model
from tests.support.project import ROOT, stack_file

GUIDE = (ROOT / "docs/api-access.md").read_text()
NAMESPACE, NAME = "llm-d-inference-scheduling", "qwen2-3b-pattern1"
BASE = f"/{NAMESPACE}/{NAME}"
POOL = ("InferencePool", "qwen2-3b-pattern1-inference-pool")
WORKLOAD = ("Service", "qwen2-3b-pattern1-kserve-workload-svc")


class Answer(NamedTuple):
    """Who gets a request, and with which path."""

    backend: tuple[str, str]
    path: str


def answers(route: list[dict[str, Any]], method: str, path: str, upgrade: str = "") -> list[Answer]:
    """What a gateway does with a request, one answer for each rule that matches it; of those, only the ones with most
    headers count.

    It knows exact paths, methods, the header `upgrade` and the rewrite of a whole path
    (https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule), and nothing else that a route can hold.
    """
    found: list[Answer] = []
    most = 0
    for rule in route:
        for match in rule.get("matches", [{"path": {"type": "PathPrefix", "value": "/"}}]):
            assert match.keys() <= {"path", "method", "headers"}
            assert match["path"]["type"] == "Exact"
            if match["path"]["value"] != path or match.get("method", method) != method:
                continue
            headers = match.get("headers", [])
            assert all((h["name"], h["type"]) == ("upgrade", "RegularExpression") for h in headers)
            if len(headers) < most or not all(re.fullmatch(h["value"], upgrade) for h in headers):
                continue
            found, most = found if len(headers) == most else [], len(headers)
            (backend,) = rule["backendRefs"]
            rewritten = path
            for rewrite in rule.get("filters", []):
                assert rewrite["type"] == "URLRewrite"
                assert rewrite["urlRewrite"].keys() == {"path"}
                assert rewrite["urlRewrite"]["path"]["type"] == "ReplaceFullPath"
                rewritten = rewrite["urlRewrite"]["path"]["replaceFullPath"]
            found.append(Answer((backend.get("kind", "Service"), backend["name"]), rewritten))
    return found


@pytest.fixture
def route() -> list[dict[str, Any]]:
    return rules(NAMESPACE, NAME)


@pytest.mark.parametrize(
    ("method", "path", "backend", "rewritten"),
    [
        pytest.param("GET", f"{BASE}/v1/models", WORKLOAD, "/v1/models", id="list models"),
        pytest.param("POST", f"{BASE}/v1/completions", POOL, "/v1/completions", id="text completions"),
        pytest.param("POST", f"{BASE}/v1/chat/completions", POOL, "/v1/chat/completions", id="chat completions"),
        pytest.param("GET", f"{BASE}/health", WORKLOAD, "/health", id="health check"),
    ],
)
def test_request_of_the_guide_reaches_its_backend_with_the_path_that_vllm_knows(
    route: list[dict[str, Any]], method: str, path: str, backend: tuple[str, str], rewritten: str
) -> None:
    assert answers(route, method, path) == [Answer(backend, rewritten)]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/", id="the gateway's root"),
        pytest.param("/metrics", id="metrics at the root"),
        pytest.param("/health", id="health at the root"),
        pytest.param("/v1/chat/completions", id="chat at the root"),
        pytest.param(f"/{NAMESPACE}", id="the namespace"),
        pytest.param(BASE, id="the prefix"),
        pytest.param(f"{BASE}/", id="the prefix and a slash"),
        pytest.param(f"{BASE}/metrics", id="metrics"),
        pytest.param(f"{BASE}/health/", id="health and a slash"),
        pytest.param(f"{BASE}/health/x", id="below health"),
        pytest.param(f"{BASE}/healthz", id="longer than health"),
        pytest.param(f"{BASE}/v1", id="the API's root"),
        pytest.param(f"{BASE}/v1/models/", id="models and a slash"),
        pytest.param(f"{BASE}/v1/models/qwen", id="below models"),
        pytest.param(f"{BASE}/v1/embeddings", id="embeddings"),
        pytest.param(f"{BASE}/v1/chat/completions/x", id="below chat completions"),
        pytest.param(f"{BASE}/V1/models", id="other case"),
        pytest.param(f"{BASE}/v1/load_lora_adapter", id="loading an adapter"),
        pytest.param(f"{BASE}/docs", id="API documentation"),
        pytest.param(f"/{NAMESPACE}/another-model/v1/models", id="another model"),
        pytest.param(f"/another-namespace/{NAME}/v1/models", id="another namespace"),
    ],
)
def test_path_that_is_not_published_matches_nothing(route: list[dict[str, Any]], method: str, path: str) -> None:
    """KServe's own route ends in a catch-all, which publishes everything that vLLM answers."""
    assert answers(route, method, path) == []


def test_nothing_is_published_but_the_four_endpoints(route: list[dict[str, Any]]) -> None:
    published = [match["path"]["value"] for rule in route for match in rule["matches"]]

    assert set(published) == {
        *(f"{BASE}/health", f"{BASE}/v1/chat/completions", f"{BASE}/v1/completions", f"{BASE}/v1/models")
    }


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/chat/completions"])
@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket"])
def test_websocket_goes_past_the_picker_which_would_wait_for_its_end(
    route: list[dict[str, Any]], path: str, upgrade: str
) -> None:
    (answer,) = answers(route, "GET", BASE + path, upgrade)

    assert answer.backend == WORKLOAD


def test_another_upgrade_is_no_websocket(route: list[dict[str, Any]]) -> None:
    (answer,) = answers(route, "POST", f"{BASE}/v1/completions", "h2c")

    assert answer.backend == POOL


def test_models_do_not_answer_for_each_other() -> None:
    """Two models may share a name or a namespace."""
    route = [*rules("apps", "one"), *rules("apps", "two"), *rules("others", "one")]

    assert answers(route, "POST", "/apps/two/v1/completions") == [
        Answer(("InferencePool", "two-inference-pool"), "/v1/completions")
    ]


def test_long_answers_are_not_cut_off(route: list[dict[str, Any]]) -> None:
    """In Gateway API, 0s turns a timeout off; leaving it out means the proxy's own."""
    assert [rule["timeouts"] for rule in route] == [{"request": "0s", "backendRequest": "0s"}] * 5


def test_backends_are_the_objects_that_kserve_makes(route: list[dict[str, Any]]) -> None:
    backends = [ref for rule in route for ref in rule["backendRefs"]]

    assert {ref["kind"]: ref for ref in backends} == {
        "InferencePool": {
            "group": "inference.networking.k8s.io",
            "kind": "InferencePool",
            "name": "qwen2-3b-pattern1-inference-pool",
            "port": 8000,
        },
        "Service": {"kind": "Service", "name": "qwen2-3b-pattern1-kserve-workload-svc", "port": 8000},
    }


def test_every_url_that_the_stack_tells_its_users_is_answered(route: list[dict[str, Any]]) -> None:
    model = Model.model_validate({"name": NAME, "namespace": NAMESPACE, "uri": "hf://Qwen/Qwen2.5-3B-Instruct"})
    urls: Any = outputs.endpoint("http://34.7.208.8", model)["endpoints"]

    assert [len(answers(route, "GET", url.removeprefix("http://34.7.208.8"))) for url in urls.values()] == [1] * 4


def test_half_in_the_guide_is_what_the_dev_stack_says_in_a_tpus_words() -> None:
    """Whoever writes the guide's word into a stack file gets the same server."""
    dev = stack_file("dev")["models"][0]
    model, as_in_the_guide = (Model.model_validate({**dev, "dtype": dtype}) for dtype in (dev["dtype"], "half"))

    assert pod.args(as_in_the_guide, slices.SLICES["v6e-4"]) == pod.args(model, slices.SLICES["v6e-4"])


def test_guide_calls_each_published_path_and_no_other() -> None:
    called = re.findall(r'"\$BASE(/\S*)"', GUIDE)
    assert set(called) == {endpoint.path for endpoint in ENDPOINTS}


def test_bodies_and_programs_of_the_guide_are_well_formed() -> None:
    bodies = re.findall(r"-d '(\{.*?\})'", GUIDE, re.DOTALL) + re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    programs = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert len(bodies) >= 6
    assert len(programs) >= 3
    for body in bodies:
        json.loads(body)
    for program in programs:
        compile(program, "docs/api-access.md", "exec")
