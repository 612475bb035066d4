"""The settings of a stack from its file alone, as the program reads them: no engine, no backend, nothing deployed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from infra.settings.configuration import SettingsError
from infra.settings.explain import PROJECT_KEY, PROVIDERS
from infra.settings.load import STRUCTURED, parse
from infra.settings.schema import Settings

from .stacks import ROOT, stacks
from .words import one_line

NO_PROJECT = "no-project-is-set"
"""In place of `gcp:project`, which the repository's own files do not name."""
PLACEHOLDER = "encrypted"
"""In place of each encrypted value: only the engine, with the stack's key, reads these."""


class StackFileError(Exception):
    """The file cannot be read, or settings in it are wrong; the message says what to do."""


class Stack(NamedTuple):
    """A stack's settings, whether its file names the project, and which settings it has encrypted."""

    settings: Settings
    has_project: bool
    secrets: frozenset[str]


def _encrypted(value: Any) -> bool:
    if isinstance(value, Mapping):
        return set(value) == {"secure"} or any(map(_encrypted, value.values()))
    return isinstance(value, list) and any(map(_encrypted, value))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text("utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise StackFileError(f"{path.name} cannot be read: {one_line(error)}") from None
    if not isinstance(found, dict) or not isinstance(found.get("config") or {}, dict):
        raise StackFileError(f"{path.name} cannot be read: it is no mapping with `config` in it")
    if wrong := [repr(key) for key in found.get("config") or {} if not isinstance(key, str)]:
        raise StackFileError(
            f"{path.name} cannot be read: `config` has keys that are no text: {', '.join(wrong)}. Remove them"
        )
    return found


def stack(name: str, folder: Path = ROOT, *, project: str = "") -> Stack:
    """A stack's settings with the defaults of Pulumi.yaml; a project that is given comes before the file's.

    The name may have an organization before it, as the CLI takes it. Raises `StackFileError`.
    """
    program = _read(folder / "Pulumi.yaml")
    name = name.rsplit("/", 1)[-1]
    file = folder / f"Pulumi.{name}.yaml"
    if not file.exists():
        known = ", ".join(stacks(folder)) or "none"
        raise StackFileError(f"there is no {file.name}. Stacks with a file: {known}. Copy Pulumi.dev.yaml to start one")
    prefix = f"{program['name']}:"
    own = {key.removeprefix(prefix): value for key, value in (_read(file).get("config") or {}).items()}
    own |= {PROJECT_KEY: project} if project else {}
    secrets = frozenset(key for key, value in own.items() if _encrypted(value))
    others = [key for key in own if ":" in key and not key.startswith(PROVIDERS)]
    values = {key: setting["default"] for key, setting in program["config"].items()}
    values |= {PROJECT_KEY: NO_PROJECT}
    ignored = {*others, "gcp:disableGlobalProjectWarning"}
    values |= {key: value for key, value in own.items() if key not in ignored}
    values |= dict.fromkeys(secrets - STRUCTURED, PLACEHOLDER)
    try:
        settings = parse(values, secrets=secrets, stack=name, others=others, project=program["name"])
    except SettingsError as wrong:
        raise StackFileError(str(wrong)) from None
    return Stack(settings, PROJECT_KEY in own, secrets)
