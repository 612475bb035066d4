"""What the real gateway writes of a request: one line with who, which model, what came of it, how long, no prompt."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.platform.access_log import FORMAT
from ops.smoke import Smoke
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.keyed_endpoint import COMPLETION, FOREIGN, ISSUER, NAME, TWO_MODELS, Endpoint, Headers, bearer
from tests.support.ops_keys import keys
from tests.support.stacks import MODEL, OTHER

STACK = TWO_MODELS
PROMPT = "nobody-may-read-this"
FLUSHED = 30
"""Seconds: Envoy writes what it has logged every ten."""
REPORTER = {
    "type": "request-attribute-reporter",
    "parameters": {
        "attributes": [
            {
                "key": {"namespace": "envoy.lb", "name": "tokens"},
                "expression": "usage.total_tokens",
                "condition": "has(usage.total_tokens)",
            }
        ]
    },
}
ROUTING = {
    "apiVersion": "llm-d.ai/v1alpha1",
    "kind": "EndpointPickerConfig",
    "plugins": [{"type": "queue-scorer"}, {"type": "max-score-picker"}, REPORTER],
    "schedulingProfiles": [
        {"name": "default", "plugins": [{"pluginRef": "queue-scorer"}, {"pluginRef": "max-score-picker"}]}
    ],
}
"""A picker that reports tokens, as docs/access-log.md has it."""


@pytest.fixture(scope="module")
def endpoint(deployed: SandboxStack, plane: ControlPlane) -> Endpoint:
    """Two models behind keys, as in `test_keys.py`."""
    locked = Smoke(deployed.outputs()["models"][NAME]["baseUrl"], 20)
    assert locked.http(f"{locked.url}/v1/models")[0] == 401
    keys(deployed, "create", "--name=somebody")
    deployed.up()
    found = Endpoint(deployed, plane)
    wait_until(lambda: found.ask(f"/{NAME}/v1/models", bearer(found.token())).status == 200, "a key counts", 60)
    return found


def written(plane: ControlPlane) -> str:
    """All that the gateway's proxies have printed."""
    return "".join(log.read_text(errors="replace") for log in plane.processes.logs.glob("istio-ingress_*"))


def logged(plane: ControlPlane, **fields: Any) -> dict[str, Any]:
    """The only line with these values, once it is there."""

    def lines() -> list[dict[str, Any]]:
        every = [json.loads(line) for line in written(plane).splitlines() if line.startswith('{"')]
        return [line for line in every if all(line.get(key) == value for key, value in fields.items())]

    wait_until(lines, f"a line with {fields}", FLUSHED)
    [line] = lines()
    return line


def test_completion_leaves_one_line_and_no_prompt(endpoint: Endpoint, plane: ControlPlane) -> None:
    token = endpoint.token(name="ann", jti="00c0ffee00c0ffee")
    asked = {**COMPLETION, "prompt": PROMPT, "user": PROMPT}
    answer = endpoint.ask(f"/{NAME}/v1/completions?key=in-the-query", bearer(token), asked)
    assert answer.status == 200
    line = logged(plane, token="00c0ffee00c0ffee")  # noqa: S106 - its number
    assert set(line) == set(FORMAT)
    namespace, name = NAME.split("/")
    expected = {
        **{"method": "POST", "path": f"/{NAME}/v1/completions", "status": 200, "reason": "via_upstream", "flags": "-"},
        **{"issuer": ISSUER, "client": "ann", "tokens": None},
    }
    assert {key: line[key] for key in expected} == expected
    assert line["route"].startswith(f"{namespace}.{name}-kserve-route.")
    assert line["pod"].endswith(":8000")
    assert 0 <= line["ms_request"] <= line["ms_first_byte"] <= line["ms"]
    assert line["bytes_in"] > len(PROMPT) * 2
    assert line["bytes_out"] == len(answer.text)
    everything = written(plane)
    assert PROMPT not in everything
    assert token not in everything
    assert "in-the-query" not in everything


REFUSED: dict[str, tuple[Callable[[Endpoint], Headers], str, int, str | None]] = {
    "no key": (lambda _: [], f"/{NAME}/v1/no-key", 401, None),
    "a key that is none": (lambda _: bearer("a.b.c"), f"/{NAME}/v1/none", 401, None),
    "another model's key": (lambda e: bearer(e.token(name="bob", models=(FOREIGN,))), f"/{NAME}/v1/bob", 403, "bob"),
    "a path that is none": (lambda e: bearer(e.token(name="eve")), f"/{NAME}/of-eve", 404, "eve"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_who_is_refused_is_written_down_and_by_what(endpoint: Endpoint, plane: ControlPlane, kind: str) -> None:
    headers, path, status, client = REFUSED[kind]
    assert endpoint.ask(path, headers(endpoint)).status == status
    line = logged(plane, path=path)
    assert (line["status"], line["client"], line["pod"]) == (status, client, None)
    assert line["reason"] != "via_upstream"


def test_client_cannot_say_which_path_it_has_asked_for(endpoint: Endpoint, plane: ControlPlane) -> None:
    spoofed = [("X-Envoy-Original-Path", f"/{FOREIGN}/v1/models")]
    assert endpoint.ask(f"/{NAME}/v1/spoofed", spoofed).status == 401
    assert logged(plane, path=f"/{NAME}/v1/spoofed")["status"] == 401


def test_tokens_are_written_down_if_the_picker_reports_them(
    endpoint: Endpoint, deployed: SandboxStack, plane: ControlPlane
) -> None:
    deployed.set_config("models", [{**MODEL, "routing": ROUTING}, OTHER])
    deployed.up()
    asked = 0

    def counted() -> bool:
        nonlocal asked
        asked += 1
        client = f"counted-{asked}"
        answer = endpoint.ask(f"/{NAME}/v1/completions", bearer(endpoint.token(name=client)), COMPLETION)
        if answer.status != 200:
            return False
        return logged(plane, client=client)["tokens"] == json.loads(answer.text)["usage"]["total_tokens"]

    wait_until(counted, "the new picker reports tokens", 120)
