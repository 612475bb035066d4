"""What of a model's `config.json` decides how much memory it takes: the file itself, or the facts of one that is known.

`known_models.json` has one model a line, by the id of its repository on Hugging Face: whether it is gated, the
`revisions` that are known beside the branch `main`, and the facts of its `config.json` by the names that they have
there, as far as its `sources` give them.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from .architectures import FAMILIES, NATIVE

KNOWN = Path(__file__).with_name("known_models.json")


class UnknownError(Exception):
    """What a model takes cannot be computed; the message says why, and is to follow its name."""


class Shape(NamedTuple):
    """A decoder: `layers` alike, each of attention and a gated MLP. Sizes are numbers of elements.

    `intermediate` is the width of the MLP, or of each of `experts` if there are any, of which a token takes
    `experts_a_token`. `length` is the longest context that the model was made for, in tokens.
    """

    architecture: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head: int
    intermediate: int
    vocabulary: int
    length: int
    tied: bool
    experts: int = 0
    experts_a_token: int = 0

    @property
    def native(self) -> bool:
        """Whether tpu-inference has a class of its own for it."""
        return self.architecture in NATIVE


@cache
def known() -> Mapping[str, dict[str, Any]]:
    """The facts of the models that are known, by repository."""
    return json.loads(KNOWN.read_text("utf-8"))


def is_known(facts: Mapping[str, Any], revision: str) -> bool:
    """Whether facts are those of this revision; an empty one is the branch main."""
    return revision in ("", "main", *facts.get("revisions", []))


def _computable(config: Mapping[str, Any]) -> str:
    """The architecture of a model whose size can be computed. Raises `UnknownError` for others."""
    architectures = cast(list[str], config.get("architectures") or [])
    if config.get("quantization") or config.get("quantization_config"):
        raise UnknownError("is quantised, and what tpu-inference makes of that is not computed")
    if len(architectures) != 1 or architectures[0] not in FAMILIES:
        named = ", ".join(architectures) or "none"
        raise UnknownError(f"has the architecture {named}; computed are {', '.join(FAMILIES)}")
    [architecture] = architectures
    if config.get("sliding_window") and config.get("use_sliding_window", True) and not FAMILIES[architecture].sliding:
        raise UnknownError("has a sliding window, which is not computed for its architecture")
    return architecture


def shape(config: Mapping[str, Any]) -> Shape:
    """The shape of a model, from its config.json or from facts. Raises `UnknownError` if it cannot be computed."""
    architecture = _computable(config)
    experts = int(config.get("num_experts") or config.get("num_local_experts") or 0)
    width = config.get("moe_intermediate_size") if experts else None
    try:
        heads = int(config["num_attention_heads"])
        found = Shape(
            architecture,
            layers=int(config["num_hidden_layers"]),
            hidden=int(config["hidden_size"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head=int(config.get("head_dim") or config["hidden_size"] // heads),
            intermediate=int(width or config["intermediate_size"]),
            vocabulary=int(config["vocab_size"]),
            length=int(config["max_position_embeddings"]),
            tied=bool(config.get("tie_word_embeddings", FAMILIES[architecture].tied)),
            experts=experts,
            experts_a_token=int(config.get("num_experts_per_tok") or 0) if experts else 0,
        )
    except KeyError as missing:
        raise UnknownError(f"has no {missing.args[0]} in its config.json") from None
    except (TypeError, ValueError, ZeroDivisionError):
        raise UnknownError("has a config.json with a size that is no whole number") from None
    if min(found[1:9]) < 1:
        raise UnknownError("has a config.json with a size below 1")
    return found
