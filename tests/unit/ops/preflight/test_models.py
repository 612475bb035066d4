"""What is said of models: whether they are there, the stack's token opens them, and they fit."""

import json
from typing import Any

import httpx2
import pytest

from infra.settings.load import parse
from infra.settings.model_config import known
from ops import config_json
from ops.preflight.findings import Finding, Status
from ops.preflight.models import Answer, Token, check
from tests.support.stack_settings import Values, stack

NO_TOKEN, ENCRYPTED, GIVEN = Token(False, "hf_x"), Token(True, ""), Token(True, "hf_x")
QWEN = known()["Qwen/Qwen3-8B"]
OTHER = {"models[0].uri": "hf://a/b", "models[0].maxModelLen": 2048}


def refusal(status: int, code: str = "") -> httpx2.Response:
    return httpx2.Response(status, headers={"X-Error-Code": code} if code else {})


def config(**changes: Any) -> httpx2.Response:
    return httpx2.Response(200, json={**QWEN, **changes})


def ask(answer: Answer, changes: Values, token: Token = NO_TOKEN, asked: list[Any] | None = None) -> list[Finding]:
    """The findings about the dev stack's model, changed, when Hugging Face answers this."""

    def hub(*question: str) -> Answer:
        if asked is not None:
            asked.append(question)
        return answer

    return list(check(parse(stack(changes)), token, hub))


@pytest.mark.parametrize(
    ("answer", "token", "status", "found", "do"),
    [
        (config(), NO_TOKEN, Status.OK, "hf://a/b is there, and open to the stack", ""),
        (httpx2.ConnectError("no"), NO_TOKEN, Status.LEFT_OUT, "was not reached (ConnectError)", "where it can be"),
        (refusal(503), NO_TOKEN, Status.LEFT_OUT, "Hugging Face answers 503 for hf://a/b", "again later"),
        (refusal(404, "RevisionNotFound"), NO_TOKEN, Status.FAIL, "has no such revision", "`git ls-remote https://"),
        (refusal(404, "EntryNotFound"), NO_TOKEN, Status.FAIL, "has no config.json", "https://huggingface.co/a/b"),
        (
            refusal(401, "GatedRepo"),
            NO_TOKEN,
            Status.FAIL,
            "hf://a/b is gated, and closed to a stack without `huggingFaceToken`",
            "Ask for access at https://huggingface.co/a/b, then `pulumi config set --secret huggingFaceToken`",
        ),
        (
            refusal(403, "GatedRepo"),
            GIVEN,
            Status.FAIL,
            "hf://a/b is gated, and closed to HF_TOKEN, which stands for the stack's",
            "Ask for access",
        ),
        (refusal(403, "GatedRepo"), ENCRYPTED, Status.LEFT_OUT, "the stack's is encrypted", "token in HF_TOKEN"),
        (refusal(401, "RepoNotFound"), NO_TOKEN, Status.FAIL, "there is no such model, or it is private", "See https:"),
        (refusal(401), NO_TOKEN, Status.FAIL, "there is no such model, or it is private", "See https:"),
        (refusal(404, "RepoNotFound"), GIVEN, Status.FAIL, "there is no such model", "See https:"),
    ],
)
def test_access(answer: Answer, token: Token, status: Status, found: str, do: str) -> None:
    [of_access, _] = ask(answer, OTHER, token)
    assert (of_access.status, of_access.check) == (status, "model")
    assert found in of_access.found
    assert do in of_access.do


@pytest.mark.parametrize(("token", "sent"), [(NO_TOKEN, ""), (ENCRYPTED, ""), (GIVEN, "hf_x")])
def test_token_is_sent_only_if_the_pods_have_one(token: Token, sent: str) -> None:
    asked: list[Any] = []
    ask(config(), {"models[0].uri": "hf://a/b:c"}, token, asked)
    assert asked == [("a/b", "c", sent)]


def test_answer_is_asked_for_with_the_token_and_nothing_else() -> None:
    seen: list[httpx2.Request] = []
    transport = httpx2.MockTransport(lambda request: seen.append(request) or httpx2.Response(200))
    for token in ("hf_x", ""):
        config_json.ask("a/b", "", token, httpx2.Client(transport=transport))
    assert [request.headers.get("Authorization") for request in seen] == ["Bearer hf_x", None]


def test_model_that_is_not_on_hugging_face_is_left_out() -> None:
    [of_access, of_fit] = ask(config(), {"models[0].uri": "pvc://weights/qwen"})
    assert (of_access.status, of_fit.status) == (Status.LEFT_OUT, Status.LEFT_OUT)
    assert of_access.found == "pvc://weights/qwen is not on Hugging Face"
    assert of_fit.found == "pvc://weights/qwen: nothing is known of its config.json"


@pytest.mark.parametrize(
    ("answer", "changes", "status", "found"),
    [
        (config(), OTHER, Status.OK, "hf://a/b fits v6e-4: 4.68 GiB of weights a chip, and a cache for 256 requests"),
        (config(num_hidden_layers=999), OTHER, Status.FAIL, "hf://a/b does not fit v6e-4: its weights take"),
        (config(architectures=["X"]), OTHER, Status.LEFT_OUT, "hf://a/b: it, or its flags, cannot be judged here"),
        (refusal(401), OTHER, Status.LEFT_OUT, "hf://a/b: nothing is known of its config.json"),
        (httpx2.Response(200, text="<html>"), OTHER, Status.LEFT_OUT, "nothing is known of its config.json"),
        (httpx2.Response(200, json=[]), OTHER, Status.LEFT_OUT, "nothing is known of its config.json"),
        (
            config(max_position_embeddings=1024),
            OTHER,
            Status.WARN,
            "requests of 2048 tokens, but it has 1024 at the most",
        ),
        (refusal(503), {}, Status.OK, "hf://Qwen/Qwen2.5-3B-Instruct fits v6e-4: 1.45 GiB"),
    ],
)
def test_fit(answer: Answer, changes: Values, status: Status, found: str) -> None:
    [_, of_fit] = ask(answer, changes)
    assert (of_fit.status, of_fit.check) == (status, "fit"), of_fit
    assert found in of_fit.found
    assert bool(of_fit.do) == (status is not Status.OK)


def test_what_is_known_of_a_model_comes_before_its_file() -> None:
    broken = httpx2.Response(200, text=json.dumps({"architectures": ["X"]}))
    assert ask(broken, {})[1].status is Status.OK
