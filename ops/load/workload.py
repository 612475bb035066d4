"""What is asked of a model: prompts and answers of mixed lengths, by more and more who ask at once.

Lengths follow a log-normal distribution, as those of a chat do: many are short, a few are long. Published traces have
the lengths of others (https://github.com/Azure/AzurePublicDataset); how long yours are, vLLM's own metrics say.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

CONTEXT = 2048
"""Tokens that the longest prompt of `Mix` and its longest answer have room in."""
PERCENTILES = (50, 95, 99)
WARM_UP = 2
"""Requests of each that asks in the first stage, which counts nowhere: what vLLM compiles only when it is first asked
for, as many at once or so long, would be a slow first stage, and the next one faster than can be."""
CONNECTIONS = 100
"""What inference-perf has at once at most, unless it is told otherwise."""


class Lengths(BaseModel):
    """Tokens: the mean, the standard deviation, and the shortest and the longest that there are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: int
    spread: int
    least: int
    most: int

    def within(self, share: float) -> "Lengths":
        """The same in a context that has this share of the tokens, and never none."""
        return Lengths(**{name: max(1, int(value * share)) for name, value in self.model_dump().items()})


class Mix(BaseModel):
    """The lengths of prompts and of answers. Nothing is shared among prompts, so no cache helps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompts: Lengths = Lengths(mean=400, spread=400, least=16, most=1440)
    answers: Lengths = Lengths(mean=120, spread=100, least=8, most=512)

    def within(self, context: int | None) -> "Mix":
        """The same mix for a model whose longest context may be shorter than `CONTEXT`."""
        if context is None or context >= CONTEXT:
            return self
        share = context / CONTEXT
        return Mix(prompts=self.prompts.within(share), answers=self.answers.within(share))


def _distribution(lengths: Lengths, count: int) -> dict[str, Any]:
    return {
        "type": "lognormal",
        "mean": lengths.mean,
        "std_dev": lengths.spread,
        "min": lengths.least,
        "max": lengths.most,
        "total_count": count,
    }


def config(
    mix: Mix,
    concurrencies: Sequence[int],
    rounds: int,
    *,
    server: Mapping[str, Any],
    tokenizer: str,
    report: Path,
    seed: int = 1,
) -> dict[str, Any]:
    """The configuration of inference-perf (docs/config.md there): a stage for each number of those who ask at once.

    The first one, number 0, warms up, with as many at once as there will be, and fewer towards its end. Answers end
    only where they shall, at their length, and their tokens are counted by vLLM. One process asks.
    """
    asked = [(max(concurrencies), WARM_UP), *((at_once, rounds) for at_once in concurrencies)]
    stages = [{"concurrency_level": at_once, "num_requests": at_once * times} for at_once, times in asked]
    count = 1 + sum(stage["num_requests"] for stage in stages)
    return {
        "api": {"type": "completion", "streaming": True},
        "data": {
            "type": "random",
            "input_distribution": _distribution(mix.prompts, count),
            "output_distribution": _distribution(mix.answers, count),
        },
        "load": {
            "type": "concurrent",
            "stages": stages,
            "num_workers": 1,
            "worker_max_concurrency": max(CONNECTIONS, *concurrencies),
            "base_seed": seed,
        },
        "server": {"type": "vllm", "ignore_eos": True, **server},
        "tokenizer": {"pretrained_model_name_or_path": tokenizer},
        "report": {
            "request_lifecycle": {
                "summary": False,
                "per_adapter": False,
                "percentiles": list(PERCENTILES),
                "use_server_output_tokens": True,
            }
        },
        "storage": {"local_storage": {"path": str(report)}},
    }
