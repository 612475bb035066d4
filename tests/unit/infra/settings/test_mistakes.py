"""Whatever is wrong with a stack file is told in one message of one line for each problem, at once, with no secret."""

import json
import time
from typing import Any

import pulumi
import pytest

from infra.settings import load as program
from infra.settings.configuration import SettingsError
from tests.support.bad_input import KINDS
from tests.support.mistakes import KEY, PREFIX, SECRET, Kind, apply, examples
from tests.support.stack_settings import stack

FILES_OF_A_KIND = 25
SECONDS = 5
"""Of processor time, as a loaded machine is no fault of ours."""


def load(values: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Load a configuration as the engine passes it: all of it text, structures as JSON."""
    wire = {
        key if ":" in key else PREFIX + key: value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }
    secrets = [PREFIX + "huggingFaceToken"] if values.get("huggingFaceToken") else []
    with monkeypatch.context() as patch:
        patch.setattr(pulumi, "get_project", lambda: PREFIX[:-1])
        patch.setattr(pulumi, "get_stack", lambda: "dev")
        patch.delenv("PULUMI_CONFIG", raising=False)
        pulumi.runtime.set_all_config(wire, secrets)
        program.load()


@pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
def test_mistake_is_told_at_once_in_one_line_that_shows_nothing_secret(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for bad in examples(kind, FILES_OF_A_KIND):
        start = time.process_time()
        with pytest.raises(SettingsError) as error:
            load(apply(stack(), bad), monkeypatch)
        assert time.process_time() - start < SECONDS
        header, *lines = str(error.value).split("\n")
        assert header.startswith(f"Pulumi.dev.yaml has {len(lines)} problem")
        assert SECRET not in str(error.value)
        assert KEY not in str(error.value)
        assert all(c.isprintable() for line in lines for c in line)
        assert all(line.startswith("  ") and ": " in line and line.endswith(".") for line in lines)
        key = bad.value[0] if isinstance(bad.value, tuple) else bad.where
        assert any(key[:7] in line for line in lines), bad


def test_there_are_five_hundred_different_files() -> None:
    files = {repr(bad) for kind in KINDS for bad in examples(kind, FILES_OF_A_KIND)}

    assert len(files) >= 500
