"""The stand-in for KServe's storage initializer refuses what the real one does."""

import pytest

from sandbox.programs.storage_initializer import main


def test_model_that_exists_is_taken_to_be_copied(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hf://Qwen/Qwen3-8B", "/mnt/models"]) == 0
    assert capsys.readouterr().out == "Successfully copied hf://Qwen/Qwen3-8B to /mnt/models\n"


@pytest.mark.parametrize("uri", ["s3://bucket/qwen", "https://example.com/qwen.tar"])
def test_other_stores_are_taken_to_have_it(uri: str) -> None:
    assert main([uri, "/mnt/models"]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hf://Qwen/Qwen9-3B", "/mnt/models"], "HuggingFace error for hf://Qwen/Qwen9-3B: 401 Client Error."),
        (["hf://Qwen", "/mnt/models"], "Invalid Hugging Face URI format. Expected 'hf://owner/model[:revision]'"),
        (["hf://Qwen/Qwen3-8B/x", "/mnt/models"], "Invalid Hugging Face URI format."),
        (["hf://meta-llama/Llama-3.1-8B", "/mnt/models"], "HuggingFace error for hf://meta-llama/Llama-3.1-8B: 401"),
        (["ftp://Qwen/Qwen3-8B", "/mnt/models"], "Cannot recognize storage type for ftp://Qwen/Qwen3-8B"),
        (["hf://Qwen/Qwen3-8B", "mnt/models"], "the sandbox writes to no relative path like mnt/models"),
    ],
)
def test_bad_arguments_are_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert main(arguments) == 1
    assert f"Storage initialization failed: {words}" in capsys.readouterr().err


def test_odd_number_of_arguments_is_a_usage_error() -> None:
    assert main(["hf://Qwen/Qwen3-8B"]) == 1


def test_gated_model_is_copied_with_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    assert main(["hf://meta-llama/Llama-3.1-8B", "/mnt/models"]) == 0
