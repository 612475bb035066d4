"""What is asked: questions behind a few long texts, each text shared by many questions.

The lengths are chosen so that routing can matter: one Pod's cache holds the texts of its own share of the questions,
and not all of them. A word has three letters, so that with the space behind it a token has the four bytes that the
picker takes it to have.
"""

import json
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"
UNKNOWN = "<unk>"


class Workload(NamedTuple):
    """`texts` of `text` tokens each, before questions of `question` tokens; answers have `answer` tokens. So many
    requests a second arrive, at random, for `seconds`."""

    texts: int = 12
    text: int = 1024
    question: int = 64
    answer: int = 16
    rate: float = 5
    seconds: int = 60
    seed: int = 1


class Pod(NamedTuple):
    """What a Pod can do: blocks of the cache and tokens in each, requests at once, seconds for a token of a prompt."""

    blocks: int = 128
    block_size: int = 64
    requests: int = 32
    prefill: float = 0.0005


def flags(pod: Pod) -> list[str]:
    """The flags of vLLM that make a Pod so."""
    return [
        f"--num-gpu-blocks-override={pod.blocks}",
        f"--block-size={pod.block_size}",
        f"--max-num-seqs={pod.requests}",
    ]


def write_tokenizer(folder: Path) -> None:
    """A tokenizer whose tokens are words, as the stand-in's are, in the files that Hugging Face's library reads."""
    words = map("".join, product(CONSONANTS, VOWELS, CONSONANTS))
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {
            "type": "WordLevel",
            "vocab": {word: at for at, word in enumerate([UNKNOWN, *words])},
            "unk_token": UNKNOWN,
        },
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    kind = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": UNKNOWN}
    (folder / "tokenizer_config.json").write_text(json.dumps(kind))


def config(workload: Workload, *, url: str, model: str, tokenizer: Path, report: Path) -> dict[str, Any]:
    """The configuration of inference-perf (docs/config.md there). No prompt is asked twice."""
    requests = round(workload.rate * workload.seconds)
    return {
        "api": {"type": "completion", "streaming": True},
        "data": {
            "type": "shared_prefix",
            "shared_prefix": {
                "num_groups": workload.texts,
                "num_prompts_per_group": -(-2 * requests // workload.texts),
                "system_prompt_len": workload.text,
                "question_len": workload.question,
                "output_len": workload.answer,
                "seed": workload.seed,
            },
        },
        "load": {
            "type": "poisson",
            "stages": [{"rate": workload.rate, "duration": workload.seconds}],
            "num_workers": 1,
        },
        "server": {"type": "vllm", "model_name": model, "base_url": url, "ignore_eos": True},
        "tokenizer": {"pretrained_model_name_or_path": str(tokenizer)},
        "report": {"request_lifecycle": {"per_stage": False, "per_adapter": False}},
        "storage": {"local_storage": {"path": str(report)}},
    }
