"""What the TPU compiler is asked for; the compiler does not run here."""

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from infra.settings import architectures
from sandbox.tpu import compiler, stubs


class UnfitError(Exception):
    pass


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Takes the place of model.py, whose packages are not here. The dictionary says what fails, by program."""
    fails: dict[str, Exception] = {}

    class Fake:
        weights = cache = pages = 1

        def __init__(self, _case: dict[str, Any]) -> None:
            for name in ("attention", "step", "logits"):
                setattr(self, name, lambda _tokens, name=name: name)

        def build(self) -> None:
            if "build" in fails:
                raise fails["build"]

    def compiled(_model: Fake, program: str) -> dict[str, int]:
        if program in fails:
            raise fails[program]
        return {}

    module = types.ModuleType("sandbox.tpu.model")
    module.__dict__.update(Model=Fake, UnfitError=UnfitError)
    monkeypatch.setitem(sys.modules, "sandbox.tpu.model", module)
    monkeypatch.setattr(compiler, "compiled", compiled)
    return fails


def outcome() -> list[str]:
    found = compiler.answers({"programs": [["attention", 16], ["step", 16], ["logits", 8]]})
    return [answer.get("error") or ("compiled" if "memory" in answer else "") for answer in found]


@pytest.mark.usefixtures("model")
def test_every_program_is_compiled() -> None:
    assert outcome() == ["compiled"] * 3


def test_nothing_is_tried_after_attention_was_refused(model: dict[str, Any]) -> None:
    model["attention"] = RuntimeError("no")
    assert outcome() == ["RuntimeError: no", "", ""]


def test_logits_are_tried_after_a_step_was_refused(model: dict[str, Any]) -> None:
    model["step"] = RuntimeError("no")
    assert outcome() == ["compiled", "RuntimeError: no", "compiled"]


def test_model_that_does_not_fit_is_told_once(model: dict[str, Any]) -> None:
    model["build"] = UnfitError("too large")
    assert outcome() == ["compiled", "vLLM would not start: too large", ""]


@pytest.mark.parametrize("fault", [stubs.StubError("x"), ImportError("x"), AttributeError("x")])
def test_fault_of_the_check_is_no_verdict_on_the_model(model: dict[str, Any], fault: Exception) -> None:
    model["attention"] = fault
    with pytest.raises(type(fault)):
        outcome()


@pytest.mark.parametrize(("installed", "says"), [("0.11.0", None), ("0.12.0", "jax 0.12.0 is installed, and")])
def test_compiler_has_to_be_the_one_that_tpu_inference_pins(
    installed: str, says: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions_ = {"jax": installed, "tpu-inference": "0.27.0"}
    monkeypatch.setattr(compiler.metadata, "version", lambda name: versions_.get(name, "1"))
    pins = ["numpy", "jax==0.11.0", "jaxlib==1", "libtpu==1", "flax==1"]
    monkeypatch.setattr(compiler.metadata, "requires", lambda _: pins)
    if says is None:
        compiler.check_pins()
        return
    with pytest.raises(stubs.StubError, match=says):
        compiler.check_pins()


REGISTERS = """
_VLLM_PREFERRED_ARCHITECTURES: frozenset[str] = frozenset({{
    "B",
}})
    _MODEL_REGISTRY["A"] = A
    _MODEL_REGISTRY[
        "{other}"] = B
    _MODEL_REGISTRY["DFlashDraftModel"] = C
"""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (REGISTERS.format(other="B"), None),
        (REGISTERS.format(other="C"), "tpu-inference 0.27.0 has classes of its own for A, C: correct NATIVE"),
        ("nothing", "has changed: see what it registers"),
    ],
)
def test_architectures_have_to_be_those_that_tpu_inference_has_and_prefers(
    text: str, says: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model_loader.py").write_text(text)
    installed = types.SimpleNamespace(locate_file=lambda _: tmp_path / "model_loader.py")
    monkeypatch.setattr(compiler.metadata, "distribution", lambda _: installed)
    monkeypatch.setattr(compiler.metadata, "version", lambda _: "0.27.0")
    monkeypatch.setattr(architectures, "NATIVE", frozenset({"A"}))
    if says is None:
        compiler.check_architectures()
    else:
        with pytest.raises(stubs.StubError, match=says):
            compiler.check_architectures()
