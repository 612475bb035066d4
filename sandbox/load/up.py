"""A stack on the real control plane, up, with a key if it wants one, and taken down in the end."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.platform.names import kserve_labels
from ops.smoke import Smoke
from sandbox.cluster import pods
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.cluster.e2e import key as key_of
from sandbox.cluster.kubelet import Kubelet
from sandbox.cluster.stack import on_control_plane
from sandbox.engine.lifecycle import step
from sandbox.engine.stack import SandboxStack

PATIENCE = 120
INGRESS, GATEWAY = "istio-ingress", "istio=inference-gateway"
"""Where the gateway's Pods are, and their label."""


@dataclass(frozen=True)
class Up:
    """A stack whose first model answers, and the key for it."""

    plane: ControlPlane
    stack: SandboxStack
    key: str

    @cached_property
    def of_stack(self) -> dict[str, Any]:
        """The stack's outputs, which nothing here changes: each look would start the CLI, beside what is measured."""
        return self.stack.outputs()

    @property
    def outputs(self) -> dict[str, Any]:
        """Those of its first model."""
        return next(iter(self.of_stack["models"].values()))

    @property
    def place(self) -> tuple[str, str]:
        """Namespace and name of that model."""
        namespace, _, name = next(iter(self.of_stack["models"])).partition("/")
        return namespace, name

    def of_model(self, component: str) -> list[dict[str, Any]]:
        """The Pods of the model, of KServe's name for one kind of them."""
        namespace, name = self.place
        labels = {**kserve_labels(component), "app.kubernetes.io/name": name}
        return pods.pods(self.plane, namespace, ",".join(f"{key}={value}" for key, value in labels.items()))

    def client(self, seconds: float) -> Smoke:
        """Who asks the model, and gives up after so long."""
        authority = self.of_stack.get("caCertificate")
        asked = Smoke(
            self.outputs["baseUrl"], seconds, ssl.create_default_context(cadata=authority) if authority else True
        )
        if self.key:
            asked.send_key(self.key)
        return asked

    def answers(self) -> bool:
        """Whether a completion comes back, which only the picker lets through."""
        asked = {"model": self.outputs["model"], "prompt": "ready", "max_tokens": 1}
        client = self.client(5)
        return client.http(f"{client.url}/v1/completions", asked)[0] == 200


@contextmanager
def _gone(sandbox: SandboxStack) -> Iterator[None]:
    """Destroy a stack in the end, however that comes, whether it is protected or not."""
    try:
        yield
    finally:
        if any(resource.get("protect") for resource in sandbox.resources()):
            sandbox.set_config("protect", False)
            step("unprotect", sandbox.up, verbose=False)
        step("destroy", sandbox.destroy, verbose=False)


@contextmanager
def on(plane: ControlPlane, name: str, home: Path, config: Mapping[str, Any]) -> Iterator[Up]:
    """The stack of that name with other settings, once its model answers through the picker."""
    with ExitStack() as stack:
        sandbox = stack.enter_context(on_control_plane(name, plane=plane, home=home))
        for setting, value in config.items():
            sandbox.set_config(setting, value)
        key = key_of(sandbox)
        stack.enter_context(_gone(sandbox))
        step(f"up {name}", sandbox.up, verbose=False)
        found = Up(plane, sandbox, key)
        wait_until(found.answers, "the model answers through the picker", PATIENCE)
        yield found


@contextmanager
def up(name: str, home: Path, config: Mapping[str, Any]) -> Iterator[Up]:
    """The same, on a control plane of its own."""
    with ControlPlane() as plane, Kubelet(plane), on(plane, name, home, config) as found:
        yield found
