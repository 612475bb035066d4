"""Where a model's config.json comes from, and what is said if it does not."""

from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer

from infra.settings.model_config import known
from ops import config_json

Answer = httpx2.Response | Exception
URL = "https://huggingface.co/a/b/resolve/main/config.json"


def hub(answer: Answer, asked: list[httpx2.Request] | None = None) -> httpx2.Client:
    """Hugging Face, which gives this answer to everything."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        if asked is not None:
            asked.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx2.Client(transport=httpx2.MockTransport(handle))


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.removeprefix("Error: ").rstrip()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> Any:
        raise AssertionError("asked the network")

    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", none)
    monkeypatch.delenv("HF_TOKEN", raising=False)


def test_file_comes_before_what_is_known(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"a": 1}')

    assert config_json.of_model("hf://Qwen/Qwen3-8B", file) == ("Qwen/Qwen3-8B", {"a": 1})
    assert config_json.of_model("", file) == (str(file), {"a": 1})


@pytest.mark.parametrize("uri", ["hf://Qwen/Qwen3-8B", "hf://Qwen/Qwen3-8B:main"])
def test_known_model_is_asked_of_nobody(uri: str) -> None:
    assert config_json.of_model(uri, None) == ("Qwen/Qwen3-8B", known()["Qwen/Qwen3-8B"])


@pytest.mark.parametrize(
    ("uri", "repository", "revision"),
    [("hf://a/b", "a/b", ""), ("hf://a/b:c", "a/b", "c"), ("hf://Qwen/Qwen3-8B:c", "Qwen/Qwen3-8B", "c")],
)
def test_other_models_and_revisions_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, uri: str, repository: str, revision: str
) -> None:
    monkeypatch.setattr(config_json, "of_hub", lambda *asked: {"asked": asked})

    assert config_json.of_model(uri, None) == (repository, {"asked": (repository, revision)})


def test_token_goes_to_hugging_face_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[httpx2.Request] = []
    monkeypatch.setenv("HF_TOKEN", "hf_x")

    assert config_json.of_hub("a/b", "", hub(httpx2.Response(200, json={"a": 1}), asked)) == {"a": 1}
    assert [(str(r.url), r.headers["Authorization"]) for r in asked] == [(URL, "Bearer hf_x")]


def test_nothing_is_sent_without_a_token() -> None:
    asked: list[httpx2.Request] = []
    config_json.of_hub("a/b", "c", hub(httpx2.Response(200, json={}), asked))

    assert "Authorization" not in asked[0].headers
    assert str(asked[0].url) == URL.replace("main", "c")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx2.ConnectError("no route"), "a/b is not known here, and Hugging Face was not reached (ConnectError)."),
        (httpx2.Response(401), "a/b: Hugging Face answers 401: there is no such model, or it is gated. Ask for access"),
        (httpx2.Response(403), "and put a token into HF_TOKEN."),
        (httpx2.Response(404), f"a/b: Hugging Face answers 404 to {URL}."),
        (httpx2.Response(200, text="<html>"), "a/b: Hugging Face's config.json is no JSON object."),
        (httpx2.Response(200, json=[]), "a/b: Hugging Face's config.json is no JSON object."),
    ],
)
def test_what_hugging_face_does_not_give_is_told_with_the_way_round_it(
    capsys: pytest.CaptureFixture[str], answer: Answer, says: str
) -> None:
    with pytest.raises(typer.Exit) as ended:
        config_json.of_hub("a/b", "", hub(answer))

    said = refusal(capsys)
    assert ended.value.exit_code == 2
    assert says in said
    assert said.endswith(f"Or get it elsewhere and name it: --config config.json ({URL})")


def test_token_that_no_header_can_hold_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ü")
    with pytest.raises(typer.Exit):
        config_json.of_hub("a/b", "", hub(httpx2.Response(200, json={})))

    assert "hf_" not in refusal(capsys).replace("--config", "")


@pytest.mark.parametrize(
    ("text", "says"), [(None, "No such file or directory"), ("{", "is no JSON."), ("[]", "is no JSON object.")]
)
def test_file_that_is_no_config_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, says: str
) -> None:
    file = tmp_path / "config.json"
    if text:
        file.write_text(text)
    with pytest.raises(typer.Exit):
        config_json.of_model("", file)

    assert says in refusal(capsys)


@pytest.mark.parametrize(
    ("uri", "says"), [("", "--model is missing: hf://"), ("oci://x/y:1", "--model oci://x/y:1 is not on Hugging Face")]
)
def test_model_without_a_config_is_refused(capsys: pytest.CaptureFixture[str], uri: str, says: str) -> None:
    with pytest.raises(typer.Exit):
        config_json.of_model(uri, None)

    assert refusal(capsys).startswith(says)
