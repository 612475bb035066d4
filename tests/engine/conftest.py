"""A stack on the real engine and simulated clouds, in a folder of its own."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation

from sandbox.engine.stack import SandboxStack
from tests.support.stacks import MODEL, OTHER, OWN, Make


@pytest.fixture(autouse=True)
def outputs_only_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Automation API runs the CLI twice more after each `up`, for outputs that the stack reads itself."""
    up = automation.Stack.up

    def up_alone(self: automation.Stack, **options: Any) -> automation.UpResult:
        with monkeypatch.context() as during:
            during.setattr(automation.Stack, "outputs", lambda _: {})
            return up(self, **options)

    monkeypatch.setattr(automation.Stack, "up", up_alone)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Make]:
    """Makes a sandbox of the dev stack, its configuration changed by the keywords, with nothing in it."""
    with ExitStack() as stack:
        yield lambda **config: stack.enter_context(SandboxStack(home=tmp_path / "home", config={**OWN, **config}))


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], Path]:
    """The folder of a stack that is up with a configuration; the same one is brought up once."""
    homes: dict[str, Path] = {}

    def home(config: dict[str, Any]) -> Path:
        key = json.dumps(config, sort_keys=True)
        if key not in homes:
            homes[key] = tmp_path_factory.mktemp("deployed")
            with SandboxStack(home=homes[key], config={**OWN, **config}) as stack:
                stack.up()
        return homes[key]

    return home


@pytest.fixture
def up(sandbox: Make, deployed: Callable[[dict[str, Any]], Path], tmp_path: Path) -> Make:
    """Like `sandbox`, with everything deployed: a copy of a stack that is up."""

    def copy(**config: Any) -> SandboxStack:
        shutil.copytree(deployed(config), tmp_path / "home")
        return sandbox(**config)

    return copy


@pytest.fixture
def two_models(up: Make) -> SandboxStack:
    """A stack with two models, up."""
    return up(models=[MODEL, OTHER], tpuMaxNodes=3)
