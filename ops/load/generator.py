"""Runs inference-perf, the load generator of Kubernetes' SIGs: https://github.com/kubernetes-sigs/inference-perf."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

LAST_LINES = 15


class GeneratorError(Exception):
    """It did not come to its end; the message has its last words."""


def ask(program: Path, config: Mapping[str, Any], folder: Path, env: Mapping[str, str] | None = None) -> Path:
    """Have a configuration asked; the folder of the reports. Raises `GeneratorError`.

    `folder` is where it writes. Only who runs this can read it: it holds the configuration, and that may hold a key.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    file, log = folder / "config.yaml", folder / "inference-perf.log"
    file.write_text(yaml.safe_dump(dict(config)))
    try:
        with log.open("w") as said:
            command = [str(program), "--config_file", str(file)]
            code = subprocess.run(  # noqa: S603
                command, check=False, stdout=said, stderr=said, env={**os.environ, **(env or {})}
            ).returncode
    except OSError as error:
        raise GeneratorError(f"inference-perf cannot be run: {program}: {error.strerror}") from None
    reports = Path(config["storage"]["local_storage"]["path"])
    by_stage = config["report"]["request_lifecycle"].get("per_stage", True)
    wanted = len(config["load"]["stages"]) if by_stage else 1
    if code or len(list(reports.glob(f"{'stage_' if by_stage else ''}*_lifecycle_metrics.json"))) < wanted:
        raise GeneratorError(f"inference-perf has failed, with these last words:\n{_last(log, config)}")
    return reports


def _last(log: Path, config: Mapping[str, Any]) -> str:
    """The end of what it said, without the key."""
    text = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
    key = config["server"].get("api_key")
    return text.replace(key, "...") if key else text
