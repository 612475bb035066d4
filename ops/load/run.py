"""What the command `load` does."""

import json
import ssl
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import certifi

from infra.settings import uris
from infra.settings.model import Model
from infra.settings.schema import Settings
from ops.cli import Cli, CliError
from ops.console import console
from ops.refusal import refuse
from ops.stack_file import StackFileError, stack
from ops.words import one_line

from . import bound, judge, report, workload
from .endpoint import Endpoint, EndpointError, key_for, of_stack
from .generator import GeneratorError, ask
from .measured import MeasuredError, Range, Report, read, stages

PLOTS = Path(__file__).with_name("plots.py")
GENERATOR = "inference-perf 0.7.0"


class Asked(NamedTuple):
    """What the command was told: the stack and its model, who asks how often, and where things are."""

    stack: str
    model: str
    key: str
    ca: Path | None
    base: Path | None
    output: Path
    concurrencies: Sequence[int]
    rounds: int
    tokenizer: str
    generator: Path
    cwd: Path


def _outputs(name: str, folder: Path) -> dict[str, Any]:
    try:
        return json.loads(Cli(name, folder)("stack", "output", "--json"))
    except CliError as error:
        refuse(f"--stack {name}: {one_line(error)}")


def _settings(name: str, folder: Path) -> Settings:
    try:
        return stack(name, folder).settings
    except StackFileError as wrong:
        refuse(f"--stack {name}: {wrong}")


def _model(settings: Settings, place: str) -> Model:
    """The model of the settings that has an output's place."""
    found = [model for model in settings.models if f"{model.namespace}/{model.name}" == place]
    return found[0] if found else refuse(f"the stack file has no model {place}: it is another one than was deployed")


def _pods(model: Model) -> int | Range:
    """How many Pods answer; a model that sleeps has one at least, once it is asked."""
    return model.most if model.fewest == model.most else Range(least=model.fewest, most=model.most)


def _tokenizer(model: Model, named: str) -> str:
    """What counts the tokens of prompts: a folder, or a repository of Hugging Face."""
    if named:
        return named
    if found := uris.repository(model.uri):
        return found.name
    refuse(f"{model.uri} does not say where the tokenizer is: name its folder or repository with --tokenizer")


def _authority(asked: Asked, outputs: Mapping[str, Any], folder: Path) -> Path | None:
    """The file of the authority to trust, if it is not one that this machine trusts."""
    if asked.ca or not (text := outputs.get("caCertificate")):
        return asked.ca
    file = folder / "ca.pem"
    file.write_text(str(text))
    return file


def _trust(ca: Path | None) -> ssl.SSLContext | bool:
    try:
        return ssl.create_default_context(cafile=ca) if ca else True
    except OSError as error:
        refuse(f"--ca {ca}: {error.strerror or error}")


def _authorities(ca: Path, folder: Path) -> Path:
    """The file of all that the load generator trusts: the gateway's authority beside this machine's, as its process has
    one such file, and asks Hugging Face for the tokenizer, too."""
    machine = ssl.get_default_verify_paths().cafile or certifi.where()
    file = folder / "authorities.pem"
    file.write_bytes(Path(machine).read_bytes() + b"\n" + ca.read_bytes())
    return file


def _ask(asked: Asked, endpoint: Endpoint, *, mix: workload.Mix, tokenizer: str, ca: Path | None, folder: Path) -> Path:
    """Have the model asked; the folder of what inference-perf says of it."""
    try:
        key = key_for(endpoint, asked.key, _trust(ca))
        server = {"model_name": endpoint.model, "base_url": endpoint.url} | ({"api_key": key} if key else {})
        config = workload.config(
            mix, asked.concurrencies, asked.rounds, server=server, tokenizer=tokenizer, report=folder / "reports"
        )
        trusted = {"SSL_CERT_FILE": str(_authorities(ca, folder))} if ca else {}
        return ask(asked.generator, config, folder, trusted)
    except (EndpointError, GeneratorError) as error:
        refuse(str(error))


def _make(folder: Path) -> None:
    """The folder of the report, before there is anything to lose."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        refuse(f"--output {folder} cannot be written: {error.strerror}. Name another folder")


def measured(asked: Asked, base: Report | None) -> Report:
    """Ask the model of a stack, and judge what came. A base that it could not be compared with is refused before."""
    settings, outputs = _settings(asked.stack, asked.cwd), _outputs(asked.stack, asked.cwd)
    try:
        endpoint = of_stack(outputs, asked.model)
    except EndpointError as error:
        refuse(str(error))
    model = _model(settings, endpoint.place)
    planned = Report(
        made=datetime.now(UTC),
        stack=asked.stack,
        model=endpoint.place,
        uri=model.uri,
        generator=GENERATOR,
        mix=workload.Mix().within(model.max_model_len),
        pods=_pods(model),
        stages=[],
    )
    if base and (why := judge.incomparable(planned, base)):
        refuse(f"--base {asked.base} cannot be compared with: it is {', '.join(why)}")
    _make(asked.output)
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        folder = Path(name)
        ca = _authority(asked, outputs, folder)
        tokenizer = _tokenizer(model, asked.tokenizer)
        found = stages(_ask(asked, endpoint, mix=planned.mix, tokenizer=tokenizer, ca=ca, folder=folder))
    known = bound.of_model(settings, model)
    bounds = [bound.of_stage(known, model.most, stage) for stage in found] if known else []
    problems = judge.impossible(found, bounds, steady=isinstance(planned.pods, int))
    return planned.model_copy(update={"stages": found, "bounds": bounds, "problems": problems})


def _write(found: Report, base: Report | None, asked: Asked) -> None:
    """The report, its page and its drawings."""
    file = asked.output / "report.json"
    file.write_text(found.model_dump_json(indent=2) + "\n")
    (asked.output / "report.md").write_text(report.markdown(found, base))
    python = asked.generator.with_name("python")
    drawn = subprocess.run([python, PLOTS, file, asked.output], check=False)  # noqa: S603
    if drawn.returncode:
        refuse(f"the drawings failed: {python} has no matplotlib. Run `make load`, which installs it")


def run(asked: Asked) -> int:
    """Ask, judge, write, print; the exit code."""
    try:
        base = read(asked.base) if asked.base else None
    except MeasuredError as error:
        refuse(f"--base {error}")
    found = measured(asked, base)
    _write(found, base, asked)
    to = console()
    to.print(report.table(f"{found.model} of {found.stack}", report.HEADS, report.rows(found)))
    if base:
        since = f"Since {base.made:%Y-%m-%d %H:%M} UTC"
        to.print(report.table(since, report.COMPARED, report.changes(found, base)))
    lines = [*report.bounded(found), *(f"failed {why}" for why in report.reasons(found))]
    lines += [f"impossible {why}" for why in found.problems]
    for line in [*lines, f"{asked.output / 'report.md'} has it, with drawings"]:
        to.print(line, highlight=False, soft_wrap=True, markup=False)
    return int(bool(found.problems or any(stage.failed for stage in found.stages)))
