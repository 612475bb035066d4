"""The flags and configuration files of cert-manager's programs, so that what they would refuse is refused here too.

Refused are flags that the program of a role does not have, words that it does not know, and a configuration file (chart
value `config`) of another kind or with unknown fields. Left out: the values of flags and fields.

`cert_manager_flags.json` has the names of cert-manager 1.21.2: flags of the webhook from `pkg/webhook/options` of its
module, of the others from `cmd/*/app/options` and `cmd/startupapicheck` of its repository (at the tag v1.21.1, as these
folders are not in the module), those for logs from `pkg/logs`; `switches` are the flags that take no next argument;
fields are from `pkg/apis/config/*/v1alpha1`, and null is one of any value.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

NAMES: dict[str, Any] = json.loads(Path(__file__).with_name("cert_manager_flags.json").read_text())
CONFIGURATIONS = {
    "controller": "ControllerConfiguration",
    "webhook": "WebhookConfiguration",
    "cainjector": "CAInjectorConfiguration",
}
CONFIGURATION_VERSION = "{role}.config.cert-manager.io/v1alpha1"
WORDS = {"startupapicheck": ["check", "api"]}
"""The commands of a program, before its flags."""


class RefusedError(Exception):
    """The real program would end at once; the message is its."""


def check_arguments(role: str, arguments: list[str]) -> None:
    """Raises a `RefusedError`, in the words of cobra and pflag, for what the program of a role would not take."""
    words, rest = list(WORDS.get(role, [])), iter(arguments)
    for argument in rest:
        name, equals, _ = argument.removeprefix("--").partition("=")
        if not argument.startswith("-"):
            if argument != (words.pop(0) if words else None):
                raise RefusedError(f'unknown command "{argument}" for "{role}"')
        elif not argument.startswith("--"):
            if argument[1] not in "hv":
                raise RefusedError(f"unknown shorthand flag: '{argument[1]}' in {argument}")
        elif name not in NAMES["flags"][role]:
            raise RefusedError(f"unknown flag: --{name}")
        elif not equals and name not in NAMES["switches"]:
            next(rest, None)


def check_configuration(role: str, text: str) -> None:
    """Raises a `RefusedError` for a configuration file that the program of a role would not take."""
    found: dict[str, Any] = yaml.safe_load(text) or {}
    kind, version = found.get("kind"), found.get("apiVersion")
    if (kind, version) != (CONFIGURATIONS[role], CONFIGURATION_VERSION.format(role=role)):
        raise RefusedError(f'no kind "{kind}" is registered for version "{version}"')
    if problems := list(_unknown(NAMES["config"][role], found)):
        raise RefusedError(f"strict decoding error: {', '.join(problems)}")


def _unknown(fields: Mapping[str, Any], found: Any, path: str = "") -> Iterator[str]:
    if isinstance(found, dict):
        for name, value in found.items():
            if name not in fields:
                yield f'unknown field "{path}{name}"'
            elif fields[name]:
                yield from _unknown(fields[name], value, f"{path}{name}.")
