"""The settings of a stack, read and checked: `load()` is the only place that reads the configuration."""

from collections.abc import Collection, Mapping
from typing import Any

import pulumi

from infra.releases import compatibility, pins

from . import access, configuration, fitting, whole
from .access import SIGNING_KEY, PublicKey, Token, TokenIssuer
from .configuration import SettingsError
from .explain import PROJECT_KEY, line
from .maintenance import MaintenanceWindow
from .model import Model
from .schema import Settings
from .whole import TOKEN_KEY

STRUCTURED = frozenset(
    {"tpuZones", "authorizedNetworks", "allowedClients", "maintenanceWindow", "models", "labels"}
    | {"tokenIssuers", "tokenPublicKeys", "tokens"}
)
"""Settings that the engine passes as JSON."""


def parse(
    values: Mapping[str, Any],
    *,
    secrets: Collection[str] = (),
    stack: str = "dev",
    others: Collection[str] = (),
    project: str = "gke-tpu-inference",
) -> Settings:
    """The checked settings from the names and values of a stack's configuration.

    `secrets` names the ones that were encrypted, `others` the keys of other namespaces than `project`. Raises
    `SettingsError`, which lists every problem.
    """
    problems_of_signing_key = list(access.signing_key_problems(values.get(SIGNING_KEY), secrets))
    values = {key: value for key, value in values.items() if key != SIGNING_KEY}
    sound = configuration.sound(values)
    settings, problems = configuration.check(
        Settings,
        values,
        secrets={TOKEN_KEY, *secrets},
        parts={
            "models": Model,
            "maintenanceWindow": MaintenanceWindow,
            **{"tokenIssuers": TokenIssuer, "tokenPublicKeys": PublicKey, "tokens": Token},
        },
        context=sound.get("tpuSlice"),
    )
    problems = [*configuration.misplaced(others, project), *problems]
    models = None if "models" in secrets else sound.get("models")
    problems += whole.between_models(models, sound.get("tpuMaxNodes"))
    problems += fitting.problems(models, sound.get("tpuSlice"))
    problems += whole.not_pinned(models, sound.get("protect"))
    problems += whole.token_problems(sound.get(TOKEN_KEY), secrets)
    problems += whole.open_in_production(sound)
    problems += problems_of_signing_key
    problems += [
        f"{key}: is encrypted, but only {TOKEN_KEY} stays so: the rest is plain text in the cluster. Set it without "
        "`--secret`, and keep secrets out of it."
        for key in sorted(set(secrets) - {TOKEN_KEY, SIGNING_KEY, PROJECT_KEY})
    ]
    if settings is None or problems:
        raise configuration.refused(stack, problems)
    return settings


def load() -> Settings:
    """The settings of the running stack. Raises `SettingsError`, also for the versions; logs `Settings.warnings`."""
    if broken := list(compatibility.problems(pins.VERSIONS)):
        lines = "\n".join(f"  {problem}" for problem in broken)
        raise SettingsError(f"infra/releases/pins.py pins what does not go together; nothing was changed.\n{lines}")
    values, secrets, others = configuration.read(STRUCTURED)
    settings = parse(values, secrets=secrets, stack=pulumi.get_stack(), others=others, project=pulumi.get_project())
    for warning in settings.warnings:
        pulumi.log.warn(line(warning))
    return settings
