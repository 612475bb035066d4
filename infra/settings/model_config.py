"""What of a model's `config.json` decides how much memory it takes: the file itself, or the facts of one that is known.

`known_models.json` has one model a line, by the id of its repository on Hugging Face: whether it is gated, the
`revisions` that are known beside the branch `main`, and the facts of its `config.json` by the names that they have
there, as far as its `sources` give them.
"""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from . import towers
from .architectures import FAMILIES
from .quantization import quantization
from .shape import Latent, Shape, Whole

KNOWN = Path(__file__).with_name("known_models.json")


class UnknownError(Exception):
    """What a model takes cannot be computed; the message says why, and is to follow its name."""


@cache
def known() -> Mapping[str, dict[str, Any]]:
    """The facts of the models that are known, by repository."""
    return json.loads(KNOWN.read_text("utf-8"))


def is_known(facts: Mapping[str, Any], revision: str) -> bool:
    """Whether facts are those of this revision; an empty one is the branch main."""
    return revision in ("", "main", *facts.get("revisions", []))


def _computable(config: Mapping[str, Any], text: Mapping[str, Any]) -> str:
    """The architecture of a model whose size can be computed. Raises `UnknownError` for others."""
    architectures = cast(list[str], config.get("architectures") or [])
    if len(architectures) != 1 or architectures[0] not in FAMILIES:
        named = ", ".join(architectures) or "none"
        raise UnknownError(f"has the architecture {named}; computed are {', '.join(FAMILIES)}")
    [architecture] = architectures
    windows = text.get("sliding_window") and text.get("use_sliding_window", True)
    if windows and not FAMILIES[architecture].sliding and not architecture.startswith("Gemma4"):
        raise UnknownError("has a sliding window, which is not computed for its architecture")
    if text.get("hidden_size_per_layer_input"):
        raise UnknownError("has embeddings for each layer, which are not computed")
    if architecture == "Llama4ForConditionalGeneration" and not text.get("num_local_experts"):
        raise UnknownError("has no experts, and Llama Guard 4 is not computed")
    return architecture


def _mixture(architecture: str, text: Mapping[str, Any]) -> dict[str, Any]:
    """The experts of a model, and what its layers have beside them or instead."""
    experts = int(text.get("num_experts") or text.get("num_local_experts") or text.get("n_routed_experts") or 0)
    if not experts:
        return {"intermediate": int(text["intermediate_size"])}
    width, layers = int(text.get("moe_intermediate_size") or text["intermediate_size"]), int(text["num_hidden_layers"])
    found = {
        "experts": experts,
        "experts_a_token": int(text.get("num_experts_per_tok") or text.get("top_k_experts") or 0),
    }
    found["intermediate"] = width
    if architecture.startswith("Gemma4"):
        found["beside"] = int(text["intermediate_size"])
    elif architecture.startswith("Llama4"):
        mixed = layers // int(text["interleave_moe_layer_step"])
        found |= {"beside": width, "dense_layers": layers - mixed, "dense": int(text["intermediate_size_mlp"])}
    elif architecture.startswith("Deepseek"):
        found["beside"] = int(text["n_shared_experts"]) * width
        found |= {"dense_layers": int(text["first_k_dense_replace"]), "dense": int(text["intermediate_size"])}
    return found


def _whole(text: Mapping[str, Any]) -> Whole | None:
    """The layers of Gemma 4 that look at everything."""
    layers = list(text.get("layer_types") or []).count("full_attention")
    if not text.get("global_head_dim") or not layers:
        return None
    heads = int(text.get("num_global_key_value_heads") or text["num_key_value_heads"])
    return Whole(layers, heads, int(text["global_head_dim"]), 1 if text.get("attention_k_eq_v") else 2)


def _latent(text: Mapping[str, Any]) -> Latent | None:
    names = ("q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
    return Latent(*(int(text[name]) for name in names)) if text.get("kv_lora_rank") else None


def _shape(config: Mapping[str, Any], text: Mapping[str, Any], architecture: str) -> Shape:
    heads, hidden = int(text["num_attention_heads"]), int(text["hidden_size"])
    return Shape(
        architecture,
        layers=int(text["num_hidden_layers"]),
        hidden=hidden,
        heads=heads,
        kv_heads=int(text.get("num_key_value_heads") or heads),
        head=int(text.get("head_dim") or hidden // heads),
        vocabulary=int(text["vocab_size"]),
        length=int(text["max_position_embeddings"]),
        tied=bool(text.get("tie_word_embeddings", FAMILIES[architecture].tied)),
        whole=_whole(text),
        latent=_latent(text),
        tower=towers.tower(architecture, cast(Mapping[str, Any], config.get("vision_config") or {}), hidden),
        **_mixture(architecture, text),
    )


def shape(config: Mapping[str, Any]) -> Shape:
    """The shape of a model, from its config.json or from facts. Raises `UnknownError` if it cannot be computed."""
    text = {**config, **cast(dict[str, Any], config.get("text_config") or {})}
    architecture = _computable(config, text)
    try:
        found = _shape(config, text, architecture)
    except KeyError as missing:
        raise UnknownError(f"has no {missing.args[0]} in its config.json") from None
    except (TypeError, ValueError, ZeroDivisionError):
        raise UnknownError("has a config.json with a size that is no whole number") from None
    if min(found[1:9]) < 1:
        raise UnknownError("has a config.json with a size below 1")
    try:
        return found._replace(quantization=quantization(config))
    except (TypeError, ValueError) as why:
        raise UnknownError(f"is quantised by {why}, and how many bits that takes is not known") from None
