"""Requests that vLLM refuses, and in which words."""

import json
from typing import Any

import openai
import pytest

from tests.support.model_server import CHAT, NAMES, Serve, ask

TOO_LONG = (
    "This model's maximum context length is 64 tokens. However, you requested 60 output tokens and your prompt contains"
    " at least 5 input tokens, for a total of at least 65 tokens. Please reduce the length of the input prompt or the "
    "number of requested output tokens. (parameter=input_tokens, value=5)"
)
TOO_MANY = (
    "max_tokens=65 cannot be greater than max_model_len=max_total_tokens=64. Please request fewer output tokens. "
    "(parameter=max_tokens, value=65)"
)


@pytest.mark.parametrize(
    ("path", "body", "message", "param"),
    [
        ("completions", {"prompt": "a b c d e f", "max_tokens": 60}, TOO_LONG, "input_tokens"),
        ("chat/completions", {**CHAT, "max_tokens": 65}, TOO_MANY, "max_tokens"),
        (
            "completions",
            {"prompt": "a", "max_tokens": 0},
            "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)",
            "max_tokens",
        ),
        ("completions", {"prompt": "a", "n": 0}, "n must be at least 1, got 0.", None),
        (
            "completions",
            {},
            "Either prompt or prompt_embeds must be provided and non-empty. (parameter=prompt)",
            "prompt",
        ),
        (
            "completions",
            {"prompt": "a", "stream_options": {"include_usage": True}},
            "Stream options can only be defined when `stream=True`. (parameter=stream_options)",
            "stream_options",
        ),
    ],
    ids=["too long", "too many tokens", "no tokens", "no answers", "no prompt", "stream options"],
)
def test_request_that_vllm_refuses_gets_its_error(
    serve: Serve, path: str, body: Any, message: str, param: str | None
) -> None:
    status, headers, text = ask(serve("--max-model-len=64"), "POST", f"/v1/{path}", body)
    assert (status, headers["content-type"]) == (400, "application/json")
    error = {"message": message, "type": "BadRequestError", "param": param, "code": 400}
    assert json.loads(text) == {"error": error}


@pytest.mark.parametrize(("model", "told"), [("gpt-4", "gpt-4"), ("/mnt/other", "<path>")])
def test_unknown_model_is_not_found_and_paths_are_not_repeated(serve: Serve, model: str, told: str) -> None:
    status, _, text = ask(serve(), "POST", "/v1/completions", {"prompt": "a", "model": model})
    message = f"The model `{told}` does not exist."
    assert status == 404
    assert json.loads(text) == {"error": {"message": message, "type": "NotFoundError", "param": "model", "code": 404}}


@pytest.mark.parametrize(
    ("path", "body", "problem", "param"),
    [
        (
            "chat/completions",
            {},
            {"type": "missing", "loc": ("body", "messages"), "msg": "Field required", "input": {}},
            "body.messages",
        ),
        (
            "chat/completions",
            {**CHAT, "max_tokens": "many"},
            {
                "type": "int_parsing",
                "loc": ("body", "max_tokens"),
                "msg": "Input should be a valid integer, unable to parse string as an integer",
                "input": "many",
            },
            "body.max_tokens",
        ),
        (
            "completions",
            '{"prompt": ',
            {
                "type": "json_invalid",
                "loc": ("body", 11),
                "msg": "JSON decode error",
                "input": {},
                "ctx": {"error": "Expecting value"},
            },
            "body.11",
        ),
    ],
    ids=["no messages", "wrong type", "no JSON"],
)
def test_malformed_request_gets_the_error_of_fastapi(
    serve: Serve, path: str, body: Any, problem: dict[str, Any], param: str
) -> None:
    status, _, text = ask(serve(), "POST", f"/v1/{path}", body)
    error = {"message": f"1 validation error:\n  {problem}", "type": "Bad Request", "param": param, "code": 400}
    assert (status, json.loads(text)) == (400, {"error": error})


def test_wrong_type_in_a_list_of_kinds_is_told_by_its_field(client: openai.OpenAI) -> None:
    prompt: Any = 5
    with pytest.raises(openai.BadRequestError, match="4 validation errors") as refused:
        client.completions.create(model=NAMES[0], prompt=prompt)
    assert refused.value.param == "body.prompt"


def test_body_that_is_not_said_to_be_json_is_refused(serve: Serve) -> None:
    status, _, text = ask(serve(), "POST", "/v1/chat/completions", CHAT, **{"content-type": "text/plain"})
    assert status == 400
    assert "Unsupported Media Type: Only 'application/json' is allowed" in text


SEED = {"message": "JAX does not support per-request seed.", "type": "BadRequestError", "param": None, "code": 400}


def test_seed_is_refused_as_by_the_tpu_backend(serve: Serve) -> None:
    status, _, text = ask(serve(), "POST", "/v1/chat/completions", {**CHAT, "seed": 1})
    assert (status, json.loads(text)) == (400, {"error": SEED})


def test_seed_of_a_stream_is_refused_when_it_has_begun(serve: Serve) -> None:
    status, _, text = ask(serve(), "POST", "/v1/chat/completions", {**CHAT, "seed": 1, "stream": True})
    error, done, _ = text.split("\n\n")
    assert (status, json.loads(error.removeprefix("data: ")), done) == (200, {"error": SEED}, "data: [DONE]")


def test_client_of_a_stream_with_a_seed_is_told(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIError, match="does not support per-request seed"):
        list(client.chat.completions.create(**CHAT, seed=1, stream=True))


@pytest.mark.parametrize("without_chance", [{"seed": -1}, {"seed": 1, "temperature": 0}], ids=["no seed", "greedy"])
def test_seed_that_decides_nothing_is_taken(serve: Serve, without_chance: dict[str, int]) -> None:
    assert ask(serve(), "POST", "/v1/chat/completions", {**CHAT, **without_chance})[0] == 200
