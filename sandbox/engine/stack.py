"""One stack on the real engine, through the Automation API, and on the clouds that it is given."""

import json
import logging
import os
import runpy
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import yaml
from pulumi import automation

from sandbox.clouds.calls import Call, Cloud, Clouds
from sandbox.clouds.inventory import Inventory
from sandbox.clouds.simulated import simulated

from . import language_host, pulumi_cli, stack_file
from .hang_up import ends_with_engine
from .patience import impatient
from .provider import serve

REPO = Path(__file__).resolve().parents[2]
PLACEHOLDER = "simulated-secret"
PROJECT = {"gcp:project": "simulated-project"}
OUTSIDE = ("nodeServiceAccount", "kmsKey")
"""Settings that name what somebody else has made, most often with `bootstrap/`."""


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
    except (yaml.YAMLError, RecursionError, ValueError):
        parsed = value
    if not isinstance(parsed, dict | list):
        return key, value
    try:
        json.dumps(parsed, allow_nan=False)
    except (RecursionError, TypeError, ValueError) as problem:
        raise ArgumentTypeError(f"{text!r} is no list or mapping that JSON has ({problem}); quote times") from None
    return key, parsed


def _oneline(problem: object) -> str:
    return " ".join(str(problem).split())


def _reason(refused: automation.CommandError) -> str:
    """What the engine said, in a line."""
    said = str(refused).partition("stderr:")[2].strip() or str(refused)
    return _oneline(said.removeprefix("error: "))


def _as_config(value: Any) -> dict[str, Any]:
    """A value as `pulumi config --json` shows it."""
    if isinstance(value, str):
        return {"value": value, "secret": False}
    shown = {"value": json.dumps(value), "secret": False}
    return shown | {"objectValue": value} if isinstance(value, dict | list) else shown


@cache
def _pulumi(root: str | None) -> automation.PulumiCommand:
    """The CLI; making this asks it for its version."""
    return automation.PulumiCommand(root)


class SandboxStack:
    """A stack with its state, its copy of the stack file and the inventory of its clouds in the folder `home`.

    A context manager; everything in `home` outlives it. The stack file of the project is read, never written:
    its encrypted values become `PLACEHOLDER`, and an unset `gcp:project` becomes `simulated-project`. What it names
    of others (`OUTSIDE`, and buckets) is there, and may be used: only Google Cloud knows whether somebody has made it.
    `config` overrides it; a key without a namespace is the project's own. `program` runs in place of the project's.
    `project` is the folder of another Pulumi project: its stacks need no file, as their program says what is missing.

    `clouds` stands in for the clouds; a provider that it does not name is a plugin of the engine's. No object of
    Kubernetes is waited for longer than `patience` seconds, if it is given.
    """

    inventory: Inventory
    stack_file: Path
    """The copy that the engine reads and writes."""

    def __init__(
        self,
        stack: str = "dev",
        *,
        project: Path = REPO,
        home: Path,
        config: dict[str, Any] | None = None,
        program: Callable[[], Any] | None = None,
        clouds: Clouds = simulated,
        patience: float | None = None,
    ) -> None:
        self.home = home.resolve()
        self.name = stack
        self.patience = patience
        self._clouds = clouds
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
        for folder in ("work", "state", "pulumi"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        self.stack_file = self.home / "work" / source.name
        # When an update fails, the engine hangs up on the program, and gRPC would log that as an error of its own.
        logging.getLogger("grpc._server").setLevel(logging.CRITICAL)
        language_host.install()
        secrets, late = self._copy_settings(source)
        self.inventory = Inventory(self.home / "inventory.json")
        if not late:
            written = self.stack_file.read_text()
            self.inventory.outside = stack_file.texts(written, [self._key(k) for k in OUTSIDE])
            self.inventory.outside |= stack_file.buckets(written)
        try:
            clouds = self._cleanup.enter_context(self._clouds(self.inventory))
            self._select({name: self._serve(cloud, name) for name, cloud in clouds.items()})
            if late:
                self.stack.set_all_config_json(json.dumps(late))
            for path in secrets:
                value = automation.ConfigValue(PLACEHOLDER, secret=True)
                self.stack.set_config(path, value, path=True)
        except automation.CommandError as refused:
            self.__exit__()
            raise SandboxError(f"{source.name}: {_reason(refused)}") from None
        except BaseException:
            self.__exit__()
            raise
        return self

    def _select(self, ports: dict[str, int]) -> None:
        """Create the stack, or select it, with the providers that answer at these ports."""
        environment = {
            # Without the files that it keeps beside the state, which a killed engine may leave half written.
            "PULUMI_BACKEND_URL": f"{(self.home / 'state').as_uri()}?metadata=skip",
            "PULUMI_CONFIG_PASSPHRASE": "sandbox",
            "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name, port in ports.items()),
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # An engine lives for seconds, and a tenth of what it computes is the collection of garbage.
            "GOGC": "400",
            # The Kubernetes plugin and its Helm keep what they learn of clusters and registries in the user's home.
            "KUBECACHEDIR": str(self.home / "kube"),
            **{f"HELM_{kind}_HOME": str(self.home / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")},
        }
        self.stack = automation.create_or_select_stack(
            self.name,
            project_name=self._project,
            program=ends_with_engine(impatient(self._program, lambda: self.patience)),
            opts=automation.LocalWorkspaceOptions(
                work_dir=str(self.home / "work"),
                pulumi_home=str(self.home / "pulumi"),
                pulumi_command=_pulumi(pulumi_cli.root()),
                env_vars=environment,
            ),
        )

    def __exit__(self, *_: object) -> None:
        """Stop the providers."""
        self._cleanup.close()

    def _around(self, _operation: str, _call: Call) -> AbstractContextManager[None]:
        """What happens around each create, update and delete: nothing."""
        return nullcontext()

    def _serve(self, cloud: Cloud, name: str) -> int:
        server, port = serve(cloud, version(f"pulumi_{name}"), self._around)
        self._cleanup.callback(server.stop, None)
        return port

    def _copy_settings(self, source: Path) -> tuple[list[str], dict[str, Any]]:
        """Copy project and stack file for the engine to write to, the stack file as it stands but for `config`.

        Returns the paths of the secrets to set, and what is left for the engine to set, in its own format, where only
        the engine can read the file.
        """
        project = (self._folder / "Pulumi.yaml").read_bytes()
        (self.home / "work" / "Pulumi.yaml").write_bytes(project)
        try:
            self._project: str = yaml.safe_load(project)["name"]
        except (yaml.YAMLError, KeyError, TypeError) as problem:
            raise SandboxError(f"project {self._folder}: Pulumi.yaml cannot be read: {_oneline(problem)}") from None
        given = source.read_bytes() if source.exists() else b""
        config = {self._key(k): v for k, v in self._config.items()}
        try:
            # The engine keeps the salt of the passphrase in the stack file: the copy's own has to survive.
            old = self.stack_file.read_text() if self.stack_file.exists() else ""
            text = stack_file.with_config(given.decode(), config, defaults=PROJECT)
            secrets = stack_file.secure_paths(text)
            text = stack_file.without_secrets(text, PLACEHOLDER)
            text = stack_file.with_secrets_state(text, stack_file.secrets_state(old))
        except (UnicodeDecodeError, stack_file.UnreadableError):
            self.stack_file.write_bytes(given)
            return [], {key: _as_config(value) for key, value in (PROJECT | config).items()}
        self.stack_file.write_text(text)
        return secrets, {}

    def _key(self, key: str) -> str:
        return key if ":" in key else f"{self._project}:{key}"

    def set_config(self, key: str, value: Any, *, secret: bool = False) -> None:
        """Set a value of any shape in this sandbox; None removes it. It holds until the sandbox is entered again."""
        if secret:
            self.stack.set_config(self._key(key), automation.ConfigValue(str(value), secret=True))
            return
        change = {self._key(key): stack_file.REMOVED if value is None else value}
        try:
            self.stack_file.write_text(stack_file.with_config(self.stack_file.read_text(), change))
        except stack_file.UnreadableError:
            if value is None:
                self.stack.remove_config(self._key(key))
            else:
                self.stack.set_all_config_json(json.dumps({self._key(key): _as_config(value)}))

    def environment(self) -> dict[str, str]:
        """The environment in which a command of a user meets this stack: its backend, the CLI, and our own modules."""
        path = os.pathsep.join([str(Path(pulumi_cli.ensure()).parent), os.environ["PATH"]])
        workspace = self.stack.workspace
        modules = os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH")]))
        of_stack = {"PULUMI_HOME": str(workspace.pulumi_home), "PYTHONPATH": modules, "PATH": path}
        return {**os.environ, **workspace.env_vars, **of_stack}

    def preview(self, **options: Any) -> automation.PreviewResult:
        """What `up` would do; `options` are those of the Automation API, such as `on_output` and `on_event`."""
        return self.stack.preview(**options)

    def up(self, **options: Any) -> automation.UpResult:
        """Create and update."""
        return self.stack.up(**options)

    def refresh(self, **options: Any) -> automation.RefreshResult:
        """Read what exists in the simulated clouds into the state. The engine does not run the program."""
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
