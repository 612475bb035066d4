"""Changes in the text of a stack file, which leave the rest as it is: for the engine to read, and to judge.

What PyYAML reads here is only where things stand. Whatever a value means, and whether a file is one, the engine says.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import yaml
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

REMOVED = object()
"""In place of a value, that the key is to go."""
SECRETS_STATE = ("encryptionsalt", "encryptedkey", "secretsprovider")
"""What the engine keeps in a stack file about the key of its secrets."""

Edit = tuple[int, int, str]


class UnreadableError(Exception):
    """Nobody can tell here where things stand, or what else an edit would change; the engine may."""


def _root(text: str) -> MappingNode | None:
    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as problem:
        raise UnreadableError(str(problem)) from None
    if node is None:
        return None
    if not isinstance(node, MappingNode):
        raise UnreadableError("it is no mapping")
    return node


def _editable(text: str) -> MappingNode | None:
    """The root, where an edit changes nothing but what it is about: no value stands in two places, no brace around."""
    root = _root(text)
    if root and root.flow_style:
        raise UnreadableError("all of it stands in {...}")
    if any(isinstance(event, AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
        raise UnreadableError("it has aliases")
    return root


def _find(mapping: MappingNode | None, key: str) -> Node | None:
    return next((v for k, v in mapping.value if k.value == key), None) if mapping else None


def _end(text: str, node: Node) -> int:
    """Where a node ends; PyYAML counts the blank lines behind a block to it."""
    return node.start_mark.index + len(text[node.start_mark.index : node.end_mark.index].rstrip())


def _entry(mapping: MappingNode, key: str, value: Any) -> str:
    text = f"{json.dumps(key)}: {json.dumps(value)}"
    return f"{text}, " if mapping.flow_style else f"{text}\n{' ' * mapping.start_mark.column}"


def _into(mapping: MappingNode) -> int:
    """Where an entry can be put in front of all others."""
    return mapping.start_mark.index + (1 if mapping.flow_style else 0)


def _changed(text: str, mapping: MappingNode, changes: Mapping[str, Any]) -> Iterator[Edit]:
    """The edits that set and remove keys of a mapping."""
    for key, value in changes.items():
        found = [(k, v) for k, v in mapping.value if k.value == key]
        for k, v in found:
            if value is REMOVED:
                stop = max(k.end_mark.index + 1, _end(text, v))
                if mapping.flow_style:  # the comma stays valid behind the entry before, not alone
                    raise UnreadableError(f"{key} cannot be taken out of {{...}}")
                yield k.start_mark.index, stop, ""
            elif v.end_mark.index > v.start_mark.index:
                yield v.start_mark.index, _end(text, v), json.dumps(value)
            else:  # nothing stands behind the colon
                yield k.end_mark.index + 1, k.end_mark.index + 1, f" {json.dumps(value)}"
        if not found and value is not REMOVED:
            yield _into(mapping), _into(mapping), _entry(mapping, key, value)


def _secure(node: Node, path: str, seen: set[int]) -> Iterator[tuple[str, Node]]:
    """The encrypted values in a node, with their paths in the engine's syntax."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, MappingNode):
        if [k.value for k, _ in node.value] == ["secure"]:
            yield path, node
            return
        for key, value in node.value:
            yield from _secure(value, f"{path}[{json.dumps(str(key.value))}]" if path else str(key.value), seen)
    elif isinstance(node, SequenceNode):
        for i, value in enumerate(node.value):
            yield from _secure(value, f"{path}[{i}]", seen)


def secure_paths(text: str) -> list[str]:
    """The paths of the encrypted values. Raises `UnreadableError`."""
    config = _find(_root(text), "config")
    return [path for path, _ in _secure(config, "", set())] if config else []


def texts(text: str, keys: Collection[str]) -> set[str]:
    """What stands in `config` under these keys, where it is no list or mapping. Raises `UnreadableError`."""
    config = _find(_root(text), "config")
    found = (_find(config, key) for key in keys) if isinstance(config, MappingNode) else ()
    return {node.value for node in found if isinstance(node, ScalarNode) and node.value}


def buckets(text: str) -> set[str]:
    """The buckets of Cloud Storage that anything in it names, as `gs://NAME`."""
    return set(re.findall(r"gs://[a-z0-9][a-z0-9._-]*[a-z0-9]", text))


def _apply(text: str, edits: list[Edit]) -> str:
    for start, stop, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        text = text[:start] + new + text[stop:]
    return text


def with_config(text: str, changes: Mapping[str, Any], *, defaults: Mapping[str, Any] | None = None) -> str:
    """The text with these keys in `config`, in place of what it has of them; `defaults` only where it has none.

    Raises `UnreadableError`.
    """
    root = _editable(text)
    config = _find(root, "config")
    changes = {k: v for k, v in (defaults or {}).items() if not _find_key(config, k)} | dict(changes)
    changes = {k: v for k, v in changes.items() if v is not REMOVED or _find_key(config, k)}
    if not changes:
        return text
    if isinstance(config, MappingNode) and (config.value or config.flow_style):
        return _apply(text, list(_changed(text, config, changes)))
    block = "".join(f"\n  {json.dumps(key)}: {json.dumps(value)}" for key, value in changes.items())
    if root is None:
        return f"{text}\nconfig:{block}\n"
    if config is None:
        return _apply(text, [(_into(root), _into(root), f"config:{block}\n")])
    if isinstance(config, ScalarNode) and config.value in ("", "null", "~"):
        return _apply(text, [(config.start_mark.index, config.end_mark.index, block)])
    raise UnreadableError("its config is no mapping")


def _find_key(config: Node | None, key: str) -> bool:
    return isinstance(config, MappingNode) and _find(config, key) is not None


def without_secrets(text: str, placeholder: str) -> str:
    """The text with a placeholder for each encrypted value, and without what the engine knows them by.

    Raises `UnreadableError`.
    """
    root = _editable(text)
    if root is None:
        return text
    edits = list(_changed(text, root, dict.fromkeys(SECRETS_STATE, REMOVED)))
    config = _find(root, "config")
    secure = list(_secure(config, "", set())) if config else []
    edits += [(node.start_mark.index, _end(text, node), json.dumps(placeholder)) for _, node in secure]
    return _apply(text, edits)


def secrets_state(text: str) -> str:
    """The lines of a copy by which the engine knows its encrypted values, for another copy."""
    return "".join(line for line in text.splitlines(keepends=True) if line.startswith(SECRETS_STATE))


def with_secrets_state(text: str, lines: str) -> str:
    """The text with these lines in front of its first key. Raises `UnreadableError`."""
    root = _editable(text)
    at = _into(root) if root else 0
    return text[:at] + lines + text[at:] if lines else text
