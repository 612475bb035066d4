"""What came of a load, as JSON: what inference-perf says of each stage, and what was asked of whom.

A time is in seconds. An answer counts if inference-perf took it for one; `judge` asks whether it was.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from .workload import Mix


class MeasuredError(Exception):
    """A file is no report of a load, or one that nothing can be compared with; the message says which and why."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Spread(_Value):
    """Seconds: the mean, the median, and what 95 and 99 of 100 stay below."""

    mean: float
    median: float
    p95: float
    p99: float


class Stage(_Value):
    """So many who ask at once, and what came of their requests.

    `errors` has the reasons of those that failed. `uncounted` answers had no count of tokens from vLLM; the shortest
    answer had `shortest` tokens. `first` is the time to the first token.
    """

    concurrency: int
    requests: int
    answered: int
    failed: int
    errors: dict[str, int]
    uncounted: int
    shortest: float
    seconds: float
    prompt_tokens: float
    answer_tokens: float
    latency: Spread | None
    first: Spread | None

    def rate(self, count: float) -> float:
        """So many of them a second."""
        return count / self.seconds if self.seconds else 0.0


class Bound(_Value):
    """Tokens a second that the chips cannot pass: of answers, and of prompts and answers together."""

    answers: float
    tokens: float


class Range(_Value):
    """From how many Pods to how many the model has: how many there were while it was asked is not known."""

    least: int
    most: int

    @property
    def words(self) -> str:
        """As it stands in a sentence."""
        return f"{self.least} to {self.most}"


class Report(_Value):
    """A load: when, on which model of which stack, by what, in which mix, on how many Pods, and its stages in order.

    `bounds` has one for each stage, of the most Pods, and is empty if none is known. `problems` are why it cannot be
    true: such a report is no result.
    """

    version: Literal[1] = 1
    made: datetime
    stack: str
    model: str
    uri: str
    generator: str
    mix: Mix
    pods: int | Range
    stages: list[Stage]
    bounds: list[Bound] = []
    problems: list[str] = []


def _spread(found: Mapping[str, float] | None) -> Spread | None:
    return Spread(**{name: found[name] for name in Spread.model_fields}) if found else None


def stage(told: Mapping[str, Any]) -> Stage:
    """A stage of inference-perf's `stage_N_lifecycle_metrics.json`."""
    good, bad = told["successes"], told["failures"]
    latency = good["latency"]
    return Stage(
        concurrency=told["load_summary"]["concurrency"],
        requests=told["load_summary"]["count"],
        answered=good["count"],
        failed=bad["count"],
        errors={label: of["count"] for label, of in bad["by_label"].items()},
        uncounted=good["client_fallback_requests"]["output"],
        shortest=good["output_tokens"].get("min", 0),
        seconds=told["benchmark_time_seconds"],
        prompt_tokens=good["prompt_tokens"]["total"],
        answer_tokens=good["output_tokens"]["total"],
        latency=_spread(latency["request_latency"]),
        first=_spread(latency["time_to_first_token"]),
    )


def stages(folder: Path) -> list[Stage]:
    """The stages that are in a folder, in the order in which they were run, without number 0, which warmed up."""
    files = {int(file.name.split("_")[1]): file for file in folder.glob("stage_*_lifecycle_metrics.json")}
    return [stage(json.loads(files[number].read_text())) for number in sorted(files) if number > 0]


def read(file: Path) -> Report:
    """An earlier report that another may be compared with. Raises `MeasuredError`."""
    try:
        found = Report.model_validate_json(file.read_bytes())
    except OSError as error:
        raise MeasuredError(f"{file}: {error.strerror}. Name the report.json of an earlier load") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "it"
        raise MeasuredError(f"{file} is no report of a load ({where}: {first['msg']})") from None
    if found.problems:
        raise MeasuredError(f"{file} is no result to compare with: {found.problems[0]}")
    return found
