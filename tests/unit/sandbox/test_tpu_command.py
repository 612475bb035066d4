"""`make tpu-check`: which cases a stack gives, what the compiler's answers mean. The compiler does not run here."""

import json
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from infra.google import slices
from infra.models import pod
from infra.releases import pins
from infra.settings.model import Model
from sandbox.build import lock
from sandbox.programs import vllm_flags
from sandbox.tpu import __main__ as command
from sandbox.tpu import cases, compiler, environment, report, stubs
from sandbox.tpu.cases import Case, CaseError
from tests.support.project import ROOT, STACKS

V6E_4 = slices.SLICES["v6e-4"]
QWEN = "Qwen/Qwen2.5-3B-Instruct"
MODEL: dict[str, Any] = {"name": "m", "namespace": "n", "uri": f"hf://{QWEN}", "dtype": "bfloat16", "maxModelLen": 2048}
MEMORY = {"peak": 2**31, "temporary": 2**20, "weights": 2**30, "cache": 2**30, "pages": 7}


def case(**changes: Any) -> Case:
    return cases.case_of(Model.model_validate({**MODEL, **changes}), V6E_4)


def with_facts(path: Path, **facts: Any) -> Case:
    """The case of the model with other facts in the catalogue."""
    path.write_text(json.dumps({QWEN: json.loads(cases.MODELS.read_text())[QWEN] | facts}))
    return cases.case_of(Model.model_validate({**MODEL, "dtype": "auto"}), V6E_4, path)


def answers(*found: str | dict[str, int]) -> dict[tuple[int, str, int], dict[str, Any]]:
    """Of the first job: an error for text, memory for a mapping."""
    programs = case().programs
    return {
        (0, *program): {"seconds": 1.0, "memory" if isinstance(answer, dict) else "error": answer}
        for program, answer in zip(programs, found, strict=False)
    }


# Cases


@pytest.mark.parametrize("stack", STACKS)
def test_committed_stack_gives_a_case_for_each_of_its_models(stack: str) -> None:
    found = [found for _, found in cases.cases_of([stack])]
    assert [(c.repository, c.slice, c.max_model_len) for c in found if isinstance(c, Case)] == [(QWEN, "v6e-4", 2048)]


def test_case_is_what_the_programs_flags_say(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = ["--dtype=half", "--tensor-parallel-size=2", "--max-model-len=4096", "--max-num-seqs=64", "--block-size=32"]
    monkeypatch.setattr(pod, "args", lambda *_: [*flags, "--gpu-memory-utilization=0.5"])
    found = case()
    assert (found.dtype, found.tensor_parallel_size, found.max_model_len) == ("float16", 2, 4096)
    assert (found.slots, found.block_size, found.utilization) == (64, 32, 0.5)


def test_length_that_is_not_set_is_the_models_own() -> None:
    assert case(maxModelLen=None).max_model_len == 32768


@pytest.mark.parametrize(
    ("length", "seqs", "size"),
    [(100, 256, 16), (2048, 256, 128), (4096, 256, 256), (8192, 256, 256), (8193, 8, 16), (8193, 256, 32)],
)
def test_page_has_the_size_that_vllm_gives_it(length: int, seqs: int, size: int) -> None:
    assert vllm_flags.page_size(length, seqs) == size


@pytest.mark.parametrize(
    ("seqs", "steps", "rows"), [(256, [16, 256], [8, 256]), (100, [16, 128], [8, 100]), (4, [16], [8])]
)
def test_first_and_largest_decoding_bucket_are_compiled(seqs: int, steps: list[int], rows: list[int]) -> None:
    programs = case(extraArgs=[f"--max-num-seqs={seqs}"]).programs
    assert programs == [("attention", 16), *(("step", n) for n in steps), *(("logits", n) for n in rows)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"uri": "hf://some/model"}, "nothing is known of its config.json"),
        ({"uri": "oci://registry.io/model:1"}, "nothing is known of its config.json"),
        ({"extraArgs": ["--quantization=fp8"]}, "what --quantization makes of it is not known"),
        ({"extraArgs": ["--kv-cache-dtype=fp8"]}, "what --kv-cache-dtype makes of it is not known"),
    ],
)
def test_model_that_cannot_be_checked_says_why(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(CaseError, match=says):
        case(**changes)


def test_architecture_that_cannot_be_built_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="its architecture is OtherForCausalLM"):
        with_facts(tmp_path / "models.json", architectures=["OtherForCausalLM"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with Pulumi.yaml and one stack, `mine`, like dev."""
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    (tmp_path / "Pulumi.mine.yaml").write_text((ROOT / "Pulumi.dev.yaml").read_text())
    return tmp_path


def test_encrypted_values_of_a_stack_do_not_matter(folder: Path) -> None:
    with (folder / "Pulumi.mine.yaml").open("a") as file:
        file.write("  gke-tpu-inference:huggingFaceToken:\n    secure: AAAA\n")
    [(_, found)] = cases.cases_of(["mine"], folder)
    assert isinstance(found, Case)


def test_wrong_setting_of_a_stack_is_told_as_the_program_tells_it(folder: Path) -> None:
    with (folder / "Pulumi.mine.yaml").open("a") as file:
        file.write("  gke-tpu-inference:tpuSlice: v6e-3\n")
    [(_, found)] = cases.cases_of(["mine"], folder)
    assert "tpuSlice" in str(found)
    assert isinstance(found, CaseError)


def test_stack_without_a_file_is_named(folder: Path) -> None:
    [(_, found)] = cases.cases_of(["other"], folder)
    assert "there is no Pulumi.other.yaml" in str(found)


# What is compiled


def test_stacks_that_run_the_same_share_a_case() -> None:
    jobs = command.jobs_of([("dev", case()), ("prod", case()), ("big", case(maxModelLen=4096))], dtypes=False)
    assert [title.partition(":")[0] for title, *_ in jobs] == ["dev, prod", "big", "The reason for bfloat16"]


@pytest.mark.parametrize("dtypes", [True, False])
def test_float16_always_has_to_be_refused(dtypes: bool) -> None:
    _, last, programs, must_say = command.jobs_of([("dev", case())], dtypes)[-1]
    assert (last.dtype, programs, must_say) == ("float16", [("attention", 16)], command.REFUSED)


def test_dtypes_compares_those_that_compile() -> None:
    jobs = command.jobs_of([("dev", case())], dtypes=True)
    assert [(c.dtype, must_say) for _, c, _, must_say in jobs[:-1]] == [("bfloat16", None), ("float32", None)]


# Verdicts


@pytest.mark.parametrize(
    ("answer", "must_say", "good", "verdict"),
    [
        ({"memory": MEMORY}, None, True, "compiles"),
        ({"error": "no"}, None, False, "refused"),
        ({"seconds": 0}, None, False, "not tried"),
        (None, None, False, "not tried"),
        ({"error": "Mosaic says no"}, "Mosaic", True, "refused, as expected"),
        ({"error": "out of memory"}, "Mosaic", False, "refused otherwise"),
        ({"memory": MEMORY}, "Mosaic", False, "compiles now"),
        (None, "Mosaic", False, "not tried"),
    ],
)
def test_verdict(answer: dict[str, Any] | None, must_say: str | None, good: bool, verdict: str) -> None:
    row = report.judge("step", 16, answer, must_say)
    assert (row.good, row.verdict) == (good, verdict)


GOOD, BAD = report.judge("step", 16, {"memory": MEMORY}), report.judge("step", 16, {"error": "no"})


@pytest.mark.parametrize(
    ("rows", "problems", "code"), [([GOOD], [], 0), ([GOOD, BAD], [], 1), ([GOOD], ["x"], 1), ([], [], 1)]
)
def test_exit_code_is_0_only_if_all_was_checked_and_is_good(
    rows: list[report.Row], problems: list[str], code: int
) -> None:
    assert report.exit_code(rows, problems) == code


def test_refusal_is_shown_once_in_the_compilers_words_and_in_full() -> None:
    console = Console(record=True, width=80, quiet=True)
    error = f"Mosaic {'x' * 200}\n\nsecond line\nPlease report a bug at: https://example.com\n"
    refused = [report.judge("step", n, {"seconds": 1.0, "error": error}) for n in (16, 256)]
    report.show(console, "title", refused)
    console.quiet = False
    with console.capture() as shown:
        report.show(console, "title", refused)
    assert shown.get().count(f"Mosaic {'x' * 200}\nsecond line\n") == 1
    assert "Please report" not in shown.get()


# The command, with a compiler that only pretends


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what the compiler prints, and its exit code."""
    monkeypatch.setattr(command, "HOME", tmp_path)
    monkeypatch.setattr(command, "LOG", tmp_path / "log")
    monkeypatch.setattr("sys.argv", ["sandbox.tpu", "--stack", "dev"])

    def set_(text: list[dict[str, Any]], code: int = 0) -> None:
        (tmp_path / "answers").write_text("".join(json.dumps(line) + "\n" for line in text))
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\ncat {tmp_path}/answers\necho the last line >&2\nexit {code}\n")
        script.chmod(0o755)
        monkeypatch.setattr(environment, "ensure", lambda: script)

    return set_


def everything() -> list[dict[str, Any]]:
    """Good answers to what the command asks for the dev stack."""
    good = [{"case": 0, "program": p, "tokens": n, "seconds": 1.0, "memory": MEMORY} for p, n in case().programs]
    return [*good, {"case": 1, "program": "attention", "tokens": 16, "seconds": 1.0, "error": command.REFUSED}]


def test_command_succeeds_if_all_compiles_and_float16_does_not(says: Any) -> None:
    says(everything())
    assert command.main() == 0


def test_command_fails_if_a_program_is_refused(says: Any, capsys: pytest.CaptureFixture[str]) -> None:
    found = everything()
    del found[1]["memory"]
    found[1]["error"] = "exceeds available HBM (31.24G)"
    says(found)
    assert command.main() == 1
    assert "exceeds available HBM (31.24G)" in capsys.readouterr().out


def test_command_fails_if_float16_compiles(says: Any, capsys: pytest.CaptureFixture[str]) -> None:
    says([*everything()[:-1], everything()[0] | {"case": 1}])
    assert command.main() == 1
    assert "compiles now" in capsys.readouterr().out


def test_command_fails_if_the_check_itself_breaks_off(says: Any, capsys: pytest.CaptureFixture[str]) -> None:
    says(everything(), code=3)
    assert command.main() == 1
    assert "the check itself has failed with exit code 3" in capsys.readouterr().err


def test_second_check_at_once_waits_for_the_first(
    says: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(everything())
    first = lock.held(tmp_path / "tpu-check.lock")
    first.__enter__()
    ends = threading.Timer(1, first.__exit__, (None, None, None))
    ends.start()
    monkeypatch.setattr(command, "compile_all", lambda *_: (ends.join(), ({}, []))[1])
    command.main()
    assert capsys.readouterr().out.startswith("another `make tpu-check` runs here: waiting until it is done\n")


def test_command_refuses_a_compiler_that_is_not_the_images(
    says: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    says(everything())
    monkeypatch.setattr(environment, "drift", lambda _: "tpu-inference 1 is checked")
    assert command.main() == 1
    assert "tpu-inference 1 is checked" in capsys.readouterr().err


# The compiler's virtualenv


def test_compiler_is_that_of_the_deployed_image() -> None:
    assert environment.drift(environment.REQUIREMENTS.read_text(), pins.VLLM_TPU_IMAGE) is None


def test_moved_image_asks_for_its_compiler() -> None:
    moved = environment.drift("tpu-inference==0.27.0 \\\n", "docker.io/vllm/vllm-tpu:v0.32.0")
    assert moved is not None
    assert moved.startswith("tpu-inference 0.27.0 is checked, but infra/releases/pins.py deploys")


PYTHON = """#!/bin/sh
# Python of a version, that makes virtualenvs of itself.
case "$1 $2" in
"-c "*) echo $VERSION ;;
"-m venv") rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python" ;;
"-m pip") echo install >> "$LOG"; exit $PIP_EXITS ;;
esac
"""


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Python 3.12 that only pretends, in an empty place for the virtualenv."""
    script = tmp_path / "python3.12"
    script.write_text(PYTHON)
    script.chmod(0o755)
    monkeypatch.setattr(environment, "VENV", tmp_path / "venv")
    monkeypatch.setattr("platform.system", lambda: "Linux")
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    variables = {"PYTHON_TPU": str(script), "VERSION": "3 12", "PIP_EXITS": "0", "LOG": str(tmp_path / "log")}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return script


@pytest.mark.parametrize("version", ["3 11", "3 15"])
def test_python_of_another_version_is_refused_with_the_way_out(
    version: str, python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERSION", version)
    with pytest.raises(environment.LackError, match=f"{python}, which is no Python 3.12.*make tpu-check PYTHON_TPU="):
        environment.ensure()


@pytest.mark.parametrize("folder", [".pyenv/versions/3.12.1", ".local/share/uv/python/cpython-3.12"])
def test_python_of_a_version_manager_is_found(
    folder: str, python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / folder / "bin" / "python3"
    hidden.parent.mkdir(parents=True)
    python.rename(hidden)
    monkeypatch.delenv("PYTHON_TPU")
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("sys.executable", "/nowhere")
    assert environment.find_python() == str(hidden)


def test_python_that_does_not_exist_is_refused(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON_TPU", f"{python}-gone")
    with pytest.raises(environment.LackError, match=f"{python}-gone, which is no Python"):
        environment.ensure()


def test_compiler_is_installed_once(python: Path) -> None:
    assert environment.ensure() == environment.ensure()
    assert (python.parent / "log").read_text() == "install\n"


def test_virtualenv_whose_python_is_gone_is_made_anew(python: Path) -> None:
    link = environment.ensure()
    link.unlink()
    link.symlink_to("/nowhere/python3.12")
    assert environment.ensure().exists()
    assert (python.parent / "log").read_text() == "install\ninstall\n"


def test_interrupted_installation_is_begun_anew(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_EXITS", "1")
    with pytest.raises(environment.LackError, match="has failed"):
        environment.ensure()
    monkeypatch.setenv("PIP_EXITS", "0")
    environment.ensure()
    assert (python.parent / "log").read_text() == "install\ninstall\n"


@pytest.mark.usefixtures("python")
def test_machine_that_libtpu_is_not_made_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(environment.LackError, match="libtpu is published for Linux on x86-64 alone"):
        environment.ensure()


# Its half of the work


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


def test_stand_in_is_good_for_annotations_and_as_a_base() -> None:
    name: Any = stubs._unused("torch", "Tensor")
    assert not isinstance(1, name | None)
    assert type("Own", (name,), {"own": 1}).own == 1


def test_stand_in_that_is_used_says_so() -> None:
    name: Any = stubs._unused("torch", "Tensor")
    with pytest.raises(stubs.StubError, match=r"torch\.Tensor is only a name"):
        name()
    with pytest.raises(stubs.StubError, match=r"torch\.Tensor\.shape was used"):
        _ = name.shape


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
