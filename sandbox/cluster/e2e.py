"""The life of a stack on a real control plane; `python -m sandbox e2e` runs it inside `sandbox.cluster.isolation`."""

import argparse
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from infra.platform.tls import LETS_ENCRYPT
from sandbox.engine import pulumi_cli
from sandbox.engine.lifecycle import lifecycle, line, step
from sandbox.engine.stack import REPO, SandboxError, SandboxStack, setting

from .control_plane import ControlPlane
from .forward import forward
from .internet import lets_encrypts_root
from .isolation import HOME
from .kubelet import Kubelet
from .stack import on_control_plane

STAYS = re.compile(
    "|".join(
        (
            r"CustomResourceDefinition//.*\.(istio|cert-manager)\.io",  # Helm keeps what could hold a user's data
            r"APIService//.*\.(istio|cert-manager)\.io",  # follow the CRDs
            r"GatewayClass//istio(-remote)?",  # istiod makes them and never takes them away
            r"ConfigMap/(default|kube-.*)/istio-ca-.*",  # istiod's, in every namespace
            r"(ConfigMap|ServiceAccount)/(default|kube-.*)/.*",  # the control plane's own, which take a while to come
        )
    )
)
"""What a destroy leaves in a cluster, for the cluster itself goes next."""


NO_MODEL = "hf://Qwen/Qwen9-3B-Instruct"
GIVES_UP = 40
"""Seconds that a broken stack waits for its model."""


def models(sandbox: SandboxStack) -> list[dict[str, Any]]:
    """The outputs of each model."""
    return list(sandbox.outputs()["models"].values())


def setting_of(sandbox: SandboxStack, name: str) -> Any:
    """What the stack file says of a setting of the project, if anything."""
    config: dict[str, Any] = yaml.safe_load(sandbox.stack_file.read_text())["config"]
    return next((value for key, value in config.items() if key.endswith(f":{name}")), None)


def key(sandbox: SandboxStack) -> str:
    """A key, made as the users of a stack make one; none if it wants none. The next `up` puts it in force."""
    if setting_of(sandbox, "auth") != "tokens":
        return ""
    command = [sys.executable, "-m", "ops", "keys", "create", f"--stack={sandbox.name}", "--name=e2e"]
    folder = sandbox.stack_file.parent
    made = subprocess.run(  # noqa: S603
        command, check=False, cwd=folder, env=sandbox.environment(), stdout=subprocess.PIPE, text=True
    )
    if made.returncode:
        raise SandboxError("no key was made")
    return made.stdout.strip()


def smoke(sandbox: SandboxStack, with_key: str) -> None:
    """Ask every model what its users may ask, trusting the stack's own authority, or what Let's Encrypt is here."""
    options = ["--key", with_key] if with_key else []
    authority = sandbox.outputs().get("caCertificate")
    if setting_of(sandbox, "tls") == LETS_ENCRYPT:
        authority = lets_encrypts_root()
    if authority:
        file = sandbox.home / "ca.pem"
        file.write_text(authority)
        options += ["--ca", str(file)]
    for model in models(sandbox):
        command = [sys.executable, "-m", "ops", "smoke", "--url", model["baseUrl"], *options]
        if subprocess.run(command, check=False, cwd=REPO).returncode:  # noqa: S603
            raise SandboxError(f"{model['baseUrl']} does not answer as docs/api-access.md says")


def keep(sandbox: SandboxStack, listener: socket.socket) -> None:
    """Let the gateway answer at a socket of another network, until Ctrl-C."""
    gateway, port = str(sandbox.outputs()["gatewayAddress"]), listener.getsockname()[1]
    with forward(listener, lambda _client: (gateway, 80)):
        print("Try docs/api-access.md by hand, with these as base URLs; Ctrl-C goes on to destroy.")
        for model in models(sandbox):
            print(f"  {model['baseUrl'].replace(gateway, f'127.0.0.1:{port}')}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print()


def broken(sandbox: SandboxStack) -> None:
    """Bring the stack up with a model that does not exist, let `ops diagnose` say why it fails, and take it down."""
    [model, *_] = setting_of(sandbox, "models")
    sandbox.set_config("models", [{**model, "uri": NO_MODEL}])
    sandbox.patience = GIVES_UP
    with suppress(automation.CommandError):  # the engine has said that the model is not Ready
        step("up", sandbox.up, verbose=True)
    command = [sys.executable, "-m", "ops", "diagnose", f"--stack={sandbox.name}"]
    print(f"$ python -m ops diagnose --stack {sandbox.name}", flush=True)
    subprocess.run(command, check=False, cwd=sandbox.stack_file.parent, env=sandbox.environment())  # noqa: S603
    step("destroy", sandbox.destroy, verbose=False)


def run(arguments: argparse.Namespace) -> None:
    """Everything, from an empty cluster to an empty cluster."""

    def use() -> None:
        smoke(sandbox, made)
        if arguments.listener is not None:
            keep(sandbox, socket.socket(fileno=arguments.listener))

    with ExitStack() as stack:
        print(f"engine {pulumi_cli.ensure()}; Google Cloud is simulated, Kubernetes is real", flush=True)
        start = time.monotonic()
        plane = stack.enter_context(ControlPlane())
        stack.enter_context(Kubelet(plane))
        line("control plane", start, f"logs in {plane.processes.logs}")
        before = plane.objects()
        config = dict(arguments.config)
        sandbox = stack.enter_context(
            on_control_plane(arguments.stack, plane=plane, home=arguments.home, config=config)
        )
        made = key(sandbox)
        if arguments.broken:
            broken(sandbox)
        else:
            lifecycle(sandbox, arguments.verbose, use=use)
        left = sorted(name for name in plane.objects() - before if not STAYS.fullmatch(name))
        if left:
            raise SandboxError(f"destroy left in the cluster: {', '.join(left)}")
    print("nothing is left: no object in the cluster, no process, nothing in the engine's state and in Google Cloud")


def main() -> int:
    """Parse, run, and turn what the user can fix into one message."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.cluster.e2e", description=__doc__)
    parser.add_argument("--stack", required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--config", action="append", type=setting, default=[])
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--broken", action="store_true")
    parser.add_argument("--listener", type=int, help="file descriptor of a listening socket")
    try:
        run(parser.parse_args())
    except KeyboardInterrupt:
        return 130
    except (automation.CommandError, SandboxError) as error:
        if isinstance(error, SandboxError):  # of the others, the engine has said why
            print(error, file=sys.stderr)
        print(f"what each program said is in {HOME / 'logs'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
