"""The HTTP API of vLLM's stand-in."""

import json
from http.client import HTTPConnection
from typing import Any

import openai
import pytest

from sandbox.programs import model_server
from tests.support.model_server import CHAT, NAMES, Serve, ask, openai_client


def test_every_name_is_a_model(client: openai.OpenAI) -> None:
    models = list(client.models.list())
    assert [model.id for model in models] == NAMES
    assert all(model.object == "model" and model.owned_by == "vllm" for model in models)
    extra = models[0].model_extra
    assert extra == {"root": "/mnt/models", "parent": None, "max_model_len": 64, "permission": []}


def test_completion_reports_the_first_name_and_counts_words(client: openai.OpenAI) -> None:
    answer = client.completions.create(model=NAMES[1], prompt=["The longest river", "of Europe is"], max_tokens=4, n=2)
    assert (answer.object, answer.model) == ("text_completion", NAMES[0])
    assert [(choice.index, choice.text, choice.finish_reason) for choice in answer.choices] == [
        (index, "This text stands in", "length") for index in range(4)
    ]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (6, 16, 22)


def test_chat_may_fill_the_context(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**CHAT)
    (choice,) = answer.choices
    assert (choice.message.role, choice.finish_reason) == ("assistant", "stop")
    assert choice.message.content == "".join(model_server.ANSWER)
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 4


def test_chat_is_streamed_word_by_word(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(**CHAT, max_completion_tokens=3, stream=True))
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "This", " text", " stands"]
    assert [chunk.choices[0].delta.role for chunk in chunks] == ["assistant", None, None, None]
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, None, None, "length"]


def test_streamed_completion_tells_its_usage_if_asked(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    chunks = list(
        client.completions.create(model=NAMES[0], prompt="A", max_tokens=2, stream=True, stream_options=options)
    )
    assert [chunk.choices[0].text for chunk in chunks[:-1]] == ["This", " text"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.total_tokens == 3


def test_stream_is_server_sent_events_that_end_with_done(serve: Serve) -> None:
    status, headers, body = ask(serve(), "POST", "/v1/chat/completions", {**CHAT, "stream": True})
    assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert body.endswith("data: [DONE]\n\n")
    assert all(event.startswith("data: ") for event in body.removesuffix("\n\n").split("\n\n"))


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/health", 200, ""),
        ("GET", "/ping", 200, ""),
        ("GET", "/version", 200, '{"version":"0.27.0"}'),
        ("GET", "/nothing", 404, '{"detail":"Not Found"}'),
        ("GET", "/health/x", 404, '{"detail":"Not Found"}'),
        ("GET", "/v1/completions", 405, '{"detail":"Method Not Allowed"}'),
        ("POST", "/health", 405, '{"detail":"Method Not Allowed"}'),
    ],
)
def test_other_paths_are_answered_as_by_vllm(serve: Serve, method: str, path: str, status: int, body: str) -> None:
    got, headers, text = ask(serve(), method, path)
    assert (got, text) == (status, body)
    assert headers.get("allow") == ({"/health": "GET", "/v1/completions": "POST"}[path] if status == 405 else None)


def test_without_statistics_there_is_nothing_to_scrape(serve: Serve) -> None:
    assert ask(serve("--disable-log-stats"), "GET", "/metrics")[::2] == (200, "")


@pytest.mark.parametrize("path", ["/v1/nothing", "/v2/embed", "/inference/v1/generate", "/cohere/v2/chat"])
def test_key_is_asked_for(serve: Serve, path: str) -> None:
    assert ask(serve("--api-key", "one"), "POST", path)[::2] == (401, '{"error":"Unauthorized"}')


@pytest.mark.parametrize("path", ["/health", "/metrics", "/ping", "/version"])
def test_key_is_not_asked_for_where_vllm_asks_for_none(serve: Serve, path: str) -> None:
    assert ask(serve("--api-key", "one"), "GET", path)[0] == 200


def test_key_is_not_asked_for_before_a_browsers_question(serve: Serve) -> None:
    assert ask(serve("--api-key", "one"), "OPTIONS", "/v1/models")[0] == 405


def test_any_of_the_keys_will_do_and_no_other(serve: Serve) -> None:
    server = serve("--api-key", "one", "two")
    with pytest.raises(openai.AuthenticationError):
        openai_client(server, "three").models.list()
    assert len(list(openai_client(server, "two").models.list())) == 2


def test_websocket_is_refused_as_no_path_takes_one(serve: Serve) -> None:
    upgrade = {"connection": "Upgrade", "upgrade": "WebSocket"}
    assert ask(serve(), "GET", "/v1/chat/completions", **upgrade)[::2] == (403, "")


def test_answer_without_an_end_fills_what_is_asked_for(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**CHAT, max_tokens=25, extra_body={"ignore_eos": True})
    assert (answer.choices[0].finish_reason, answer.usage and answer.usage.completion_tokens) == ("length", 25)


def test_request_id_comes_back_if_the_flag_says_so(serve: Serve) -> None:
    _, headers, text = ask(
        serve("--enable-request-id-headers"), "POST", "/v1/chat/completions", CHAT, **{"x-request-id": "a1"}
    )
    assert (headers["x-request-id"], json.loads(text)["id"]) == ("a1", "chatcmpl-a1")
    assert "x-request-id" not in ask(serve(), "GET", "/health")[1]


def test_body_in_chunks_is_read_whole_and_the_connection_kept(serve: Serve) -> None:
    connection = HTTPConnection("127.0.0.1", serve().server_address[1], timeout=5)
    parts = [json.dumps(CHAT)[:20].encode(), json.dumps(CHAT)[20:].encode()]
    headers = {"content-type": "application/json", "transfer-encoding": "chunked"}
    for path, status in (("/nothing", 404), ("/v1/chat/completions", 200)):
        connection.request("POST", path, iter(parts), headers, encode_chunked=True)
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:1]) == (status, b"{")
