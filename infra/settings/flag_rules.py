"""Which flags of the pinned vLLM a stack file may add, and why not the others.

`flag_rules.json` has every flag of `vllm_flags.json` once: under `allowed`, by what it is about, or under `refused`,
by the kind of harm, with the reason that the message gives. A flag that is in neither, as one of a newer release may
be, is refused: somebody has to look at it first. Of allowed flags, `values` has those whose value may be one of a few
only, as the others name code, files or other weights; `keys` has the first keys that the JSON of a flag may have; and
`never` has keys that no JSON may have, at any depth.

What each flag does is read in the sdist of `vllm-tpu` 0.27.0: whatever ends in `resolve_obj_by_qualname` or in an
import is code, `torch.load` of what a client sends is code, and `vllm/config/model.py` downloads what
`--generation-config` and `--tokenizer` name.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from .flags import RELEASE

_RULES: dict[str, Any] = json.loads(Path(__file__).with_name("flag_rules.json").read_text("utf-8"))
ALLOWED: Mapping[str, str] = {flag: kind for kind, of in _RULES["allowed"].items() for flag in of["flags"]}
"""The flags that a stack file may add, with the kind of each."""
REASONS: Mapping[str, str] = {kind: of["why"] for kind, of in _RULES["allowed"].items()}
"""What the flags of a kind are about."""
REFUSED: Mapping[str, str] = {flag: of["why"] for of in _RULES["refused"] for flag in of["flags"]}
"""The flags that it may not, with the reason."""
_VALUES: Mapping[str, list[str]] = _RULES["values"]
_KEYS: Mapping[str, list[str]] = _RULES["keys"]
_NEVER = frozenset(_RULES["never"])


def reason(flag: str) -> str | None:
    """Why a flag may not be added, if so."""
    if flag in ALLOWED:
        return None
    return REFUSED.get(
        flag, f"nobody has looked at it for vLLM {RELEASE}; infra/settings/flag_rules.json has those that may be added"
    )


def _never(value: object) -> Iterator[str]:
    """The keys in a value that no JSON may have."""
    if isinstance(value, Mapping):
        for key, inner in cast(Mapping[str, object], value).items():
            yield from [key] if key in _NEVER else _never(inner)
    elif isinstance(value, list):
        for inner in cast(list[object], value):
            yield from _never(inner)


def _is_of(keys: list[str], value: object) -> bool:
    """Whether a value is an object with no other keys than these."""
    return isinstance(value, dict) and cast(dict[str, object], value).keys() <= set(keys)


def value_problem(flag: str, value: object) -> str | None:
    """What a flag that may be added is not to be set to, and the way out."""
    if flag in _VALUES and value not in _VALUES[flag]:
        return (
            f"sets {flag} to {value!r}, which names code, files or weights of another source. Use one of "
            f"{', '.join(_VALUES[flag])}, or remove it."
        )
    if flag in _KEYS and not _is_of(_KEYS[flag], value):
        return f"sets {flag} to more than it may hold. Use an object with {', '.join(_KEYS[flag])}, or remove it."
    if found := next(_never(value), None):
        return f"has {found} in {flag}, by which code of others would run. Remove it."
    return None
