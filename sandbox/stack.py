"""One stack on the simulated clouds: the real engine through the Automation API, used by the commands and by tests."""

import json
import logging
import runpy
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import yaml
from pulumi import automation

from . import cli
from .google import Google
from .kubernetes import Kubernetes
from .provider import Call, Cloud, serve
from .world import World

REPO = Path(__file__).resolve().parent.parent
PLACEHOLDER = "simulated-secret"
SECRETS_STATE = ("encryptionsalt", "encryptedkey", "secretsprovider")


class SandboxError(Exception):
    """Something about the stack or the machine that the user can fix; the message is one line."""


def run_main(project: Path = REPO) -> None:
    """A project's own program, as `pulumi up` runs it, with the modules that lie beside it."""
    if str(project) not in sys.path:
        sys.path.insert(0, str(project))
    runpy.run_path(str(project / "__main__.py"), run_name="__main__")


def setting(text: str) -> tuple[str, Any]:
    """The key and the value of KEY=VALUE; a value that is a YAML list or mapping is taken as one."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError:
        parsed = value
    return key, parsed if isinstance(parsed, dict | list) else value


def secure_paths(value: Any, path: str = "") -> Iterator[str]:
    """Paths of the encrypted values of a stack file, in the engine's syntax."""
    if isinstance(value, dict):
        if list(value) == ["secure"]:
            yield path
        for key, inner in value.items():
            yield from secure_paths(inner, f'{path}["{key}"]' if path else str(key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from secure_paths(inner, f"{path}[{i}]")


@cache
def _pulumi(root: str | None) -> automation.PulumiCommand:
    """The CLI; making this asks it for its version."""
    return automation.PulumiCommand(root)


class Sandbox:
    """A stack with its state, its copy of the stack file and its simulated world in the folder `home`.

    A context manager; everything in `home` outlives it. The stack file of the project is read, never written:
    its encrypted values become `PLACEHOLDER`, and an unset `gcp:project` becomes `simulated-project`. `config`
    overrides it; a key without a namespace is the project's own. `program` runs in place of the project's. `project`
    is the folder of another Pulumi project: its stacks need no file, as their program says what it is missing.
    """

    world: World

    def __init__(
        self,
        stack: str = "dev",
        *,
        project: Path = REPO,
        home: Path,
        config: dict[str, Any] | None = None,
        program: Callable[[], Any] | None = None,
    ) -> None:
        self.home = home.resolve()
        self.name = stack
        self._folder = project.resolve()
        self._config = config or {}
        self._program = program or partial(run_main, self._folder)
        self._cleanup = ExitStack()

    def __enter__(self) -> Self:
        """Prepare the folder, start the providers, and create or select the stack."""
        source = self._folder / f"Pulumi.{self.name}.yaml"
        if not (self._folder / "Pulumi.yaml").exists():
            raise SandboxError(f"project {self._folder}: there is no Pulumi.yaml in it")
        if self._folder == REPO and not source.exists():
            raise SandboxError(
                f"stack {self.name}: there is no {source.name} in {REPO}; copy Pulumi.dev.yaml to start one"
            )
        work_dir, state = self.home / "work", self.home / "state"
        for folder in (work_dir, state, self.home / "pulumi"):
            folder.mkdir(parents=True, exist_ok=True)
        self._stack_file = work_dir / source.name
        # When an update fails, the engine hangs up on the program, and gRPC would log that as an error of its own.
        logging.getLogger("grpc._server").setLevel(logging.CRITICAL)
        secrets = self._copy_settings(source, work_dir)
        self.world = World(self.home / "world.json")
        try:
            ports = [f"{name}:{self._serve(cloud, name)}" for name, cloud in self._clouds().items()]
            environment = {
                # Without the files that it keeps beside the state, which a killed engine may leave half written.
                "PULUMI_BACKEND_URL": f"{state.as_uri()}?metadata=skip",
                "PULUMI_CONFIG_PASSPHRASE": "sandbox",
                "PULUMI_DEBUG_PROVIDERS": ",".join(ports),
                "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                "PULUMI_SKIP_UPDATE_CHECK": "true",
            }
            self.stack = automation.create_or_select_stack(
                self.name,
                project_name=self._project,
                program=self._program,
                opts=automation.LocalWorkspaceOptions(
                    work_dir=str(work_dir),
                    pulumi_home=str(self.home / "pulumi"),
                    pulumi_command=_pulumi(cli.root()),
                    env_vars=environment,
                ),
            )
            for path in secrets:
                value = automation.ConfigValue(PLACEHOLDER, secret=True)
                self.stack.set_config(path, value, path=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the providers."""
        self._cleanup.close()

    def _clouds(self) -> dict[str, Cloud]:
        """What stands in for the clouds, by the name of the provider."""
        return {"gcp": Google(self.world), "kubernetes": Kubernetes(self.world)}

    def _around(self, _operation: str, _call: Call) -> AbstractContextManager[None]:
        """What happens around each create, update and delete: nothing."""
        return nullcontext()

    def _serve(self, cloud: Cloud, name: str) -> int:
        server, port = serve(cloud, version(f"pulumi_{name}"), self._around)
        self._cleanup.callback(server.stop, None)
        return port

    def _copy_settings(self, source: Path, work_dir: Path) -> list[str]:
        """Copy project and stack file for the engine to write to; returns the paths of the secrets to set."""
        (work_dir / "Pulumi.yaml").write_text((self._folder / "Pulumi.yaml").read_text())
        self._project: str = yaml.safe_load((work_dir / "Pulumi.yaml").read_text())["name"]
        # The engine keeps the salt of the passphrase in the stack file: the copy's own has to survive.
        old = yaml.safe_load(self._stack_file.read_text()) if self._stack_file.exists() else {}
        settings = (yaml.safe_load(source.read_text()) if source.exists() else None) or {}
        settings = {k: v for k, v in settings.items() if k not in SECRETS_STATE}
        settings |= {k: v for k, v in (old or {}).items() if k in SECRETS_STATE}
        config = {"gcp:project": "simulated-project"} | (settings.get("config") or {})
        config |= {self._key(k): v for k, v in self._config.items()}
        secrets = list(secure_paths(config))
        self._stack_file.write_text(yaml.safe_dump(settings | {"config": _without_secure(config)}))
        return secrets

    def _key(self, key: str) -> str:
        return key if ":" in key else f"{self._project}:{key}"

    def set_config(self, key: str, value: Any, *, secret: bool = False) -> None:
        """Set a value of any shape in this sandbox; None removes it. It holds until the sandbox is entered again."""
        if secret:
            self.stack.set_config(self._key(key), automation.ConfigValue(str(value), secret=True))
            return
        settings = yaml.safe_load(self._stack_file.read_text()) or {}
        config = {k: v for k, v in settings.get("config", {}).items() if k != self._key(key)}
        config |= {} if value is None else {self._key(key): value}
        self._stack_file.write_text(yaml.safe_dump(settings | {"config": config}))

    def preview(self, **options: Any) -> automation.PreviewResult:
        """What `up` would do; `options` are those of the Automation API, such as `on_output` and `on_event`."""
        return self.stack.preview(**options)

    def up(self, **options: Any) -> automation.UpResult:
        """Create and update."""
        return self.stack.up(**options)

    def refresh(self, **options: Any) -> automation.RefreshResult:
        """Read the simulated world into the state. The engine does not run the program."""
        return self.stack.refresh(**options)

    def destroy(self, **options: Any) -> automation.DestroyResult:
        """Delete everything, or nothing if something is protected."""
        if any(resource.get("protect") for resource in self.resources()):
            self.stack.preview_destroy(**options)  # refuses; the CLI previews by itself, the Automation API does not
        return self.stack.destroy(**options)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs as plain values."""
        return {key: output.value for key, output in self.stack.outputs().items()}

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the engine's state, as it keeps them: secrets are encrypted."""
        state = self.home / "state" / ".pulumi" / "stacks" / self._project / f"{self.name}.json"
        return (json.loads(state.read_text())["checkpoint"].get("latest") or {}).get("resources") or []


def _without_secure(value: Any) -> Any:
    """The same configuration with a plain placeholder for each encrypted value, for paths to be set on."""
    if isinstance(value, dict):
        return PLACEHOLDER if list(value) == ["secure"] else {k: _without_secure(v) for k, v in value.items()}
    return [_without_secure(v) for v in value] if isinstance(value, list) else value
