"""What the gateway says for a model that sleeps."""

import json
from typing import Any

import pytest

from infra.platform import sleep
from infra.settings.load import parse
from tests.support.program import Run
from tests.support.stack_settings import model, stack
from tests.support.stacks import autoscaled


def replies(*models: dict[str, Any]) -> list[dict[str, Any]]:
    return sleep.replies(parse(stack({"models": list(models), "tpuMaxNodes": 9})))


def test_model_that_sleeps_says_when_to_ask_again_in_openais_shape() -> None:
    [mapper] = replies(model(name="a", replicas={"min": 0, "max": 1}))

    assert mapper["filter"]["extension_filter"]["typed_config"]["expression"] == (
        "response.code == 503 && !response.code_details.startsWith('upstream_reset') && "
        "(request.path.startsWith('/apps/a/') || "
        "request.headers['x-envoy-original-path'].startsWith('/apps/a/'))"
    )
    assert mapper["headers_to_add"] == [
        {"header": {"key": "retry-after", "value": "60"}, "append_action": "ADD_IF_ABSENT"}
    ]
    told = json.loads(mapper["body_format_override"]["text_format_source"]["inline_string"])["error"]
    assert (told["code"], told["type"]) == ("model_asleep", "server_error")
    assert told["message"] == sleep.MESSAGE
    assert "status_code" not in mapper


def test_each_that_sleeps_has_its_own_and_no_other_has_any() -> None:
    found = replies(
        model(name="a", replicas={"min": 0, "max": 1}),
        model(name="b", replicas={"min": 1, "max": 2}),
        model(name="c", replicas=1),
        model(name="d", replicas={"min": 0, "max": 1}, paused=True),
        model(name="e", replicas={"min": 0, "max": 1}),
    )

    assert [json.dumps(mapper).count("/apps/a/") for mapper in found] == [2, 0]
    assert [json.dumps(mapper).count("/apps/e/") for mapper in found] == [0, 2]


@pytest.mark.parametrize("least", [0, 1])
def test_gateway_says_it_after_what_its_limits_say(run: Run, least: int) -> None:
    limits = run(**autoscaled(min=least)).one(":EnvoyFilter", "limits").inputs["spec"]["configPatches"]
    [mappers] = [
        patch["patch"]["value"]["typed_config"]["local_reply_config"]["mappers"]
        for patch in limits
        if "local_reply_config" in json.dumps(patch)
    ]
    codes = [
        json.loads(m["body_format_override"]["text_format_source"]["inline_string"])["error"]["code"] for m in mappers
    ]

    assert ("model_asleep" in codes) is (least == 0)
    assert codes[4] == "overloaded"
    assert codes[5:] == (["model_asleep"] if least == 0 else [])
