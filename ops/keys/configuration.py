"""A stack's configuration, through the Pulumi CLI."""

import json
from pathlib import Path
from typing import Any

import yaml

from ops.cli import Cli, CliError
from ops.words import one_line


class ConfigurationError(Exception):
    """The CLI refused, or what it says makes no sense; the message says why."""


class Configuration:
    """The configuration of one stack of the project in a folder. A key without a namespace is the project's own.

    Raises `ConfigurationError` with the CLI's own words.
    """

    def __init__(self, stack: str, folder: Path) -> None:
        try:
            self._project = yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"]
        except (OSError, yaml.YAMLError, KeyError, TypeError):
            raise ConfigurationError(
                f"{folder.resolve()} has no Pulumi.yaml that names a project: give --cwd"
            ) from None
        self.stack = stack
        self._cli = Cli(stack, folder)

    def _pulumi(self, *command: str, given: str = "") -> str:
        try:
            return self._cli("config", *command, given=given)
        except CliError as error:
            raise ConfigurationError(f"`pulumi config` of stack {self.stack} failed: {one_line(error)}") from None

    def values(self) -> dict[str, Any]:
        """What is set, by key; those of secrets are None, and nothing is decrypted."""
        found = json.loads(self._pulumi("--json"))
        return {
            key.removeprefix(f"{self._project}:"): entry.get("objectValue", entry.get("value"))
            for key, entry in found.items()
        }

    def secret(self, key: str) -> str:
        """A secret, decrypted."""
        return self._pulumi("get", key).strip()

    def set_secret(self, key: str, value: str) -> None:
        """Encrypt a value."""
        self._pulumi("set", "--secret", key, given=value)

    def set(self, values: dict[str, list[Any]]) -> None:
        """Write lists in plain text, all at once."""
        entries = {
            f"{self._project}:{key}": {"value": json.dumps(value), "objectValue": value, "secret": False}
            for key, value in values.items()
        }
        self._pulumi("set-all", "--json", json.dumps(entries))

    def set_at(self, path: str, value: str | None) -> None:
        """Write what is at a path, or with None remove it; the rest of the file stays as it is, comments too."""
        command = ["rm"] if value is None else ["set"]
        self._pulumi(*command, "--path", f"{self._project}:{path}", *([] if value is None else [value]))
