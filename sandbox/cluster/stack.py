"""A stack whose Kubernetes is real: a control plane, the project's charts, Pulumi's own plugin, the images' programs.

Google Cloud stays simulated, and with it the machines that its node pools would have.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from infra.platform import serving
from infra.releases.pins import KSERVE_CONTROLLER
from sandbox.build import places, programs
from sandbox.clouds.calls import Cloud
from sandbox.clouds.google import Google
from sandbox.clouds.google_kinds import CLUSTER, dns_endpoint
from sandbox.clouds.inventory import Inventory, Item
from sandbox.engine.stack import SandboxStack

from .control_plane import ControlPlane
from .gke_controllers import GkeControllers
from .internet import follow_names

PLUGIN = "pulumi-resource-kubernetes"
TAKEN_OVER = "inferencepools.inference.networking.k8s.io"


def on_control_plane(
    stack: str = "dev",
    *,
    plane: ControlPlane,
    home: Path,
    config: dict[str, Any] | None = None,
    patience: float = 300,
) -> SandboxStack:
    """A stack on a real control plane, its charts from the folder where `make tools` has laid them out.

    Nothing in the cluster is waited for longer than `patience` seconds. Releases have a timeout of their own.
    """
    return SandboxStack(
        stack,
        home=home,
        config={"chartMirror": str(plane.chart_mirror), **(config or {})},
        clouds=partial(google_alone, plane, home.resolve(), stack),
        patience=patience,
    )


@contextmanager
def google_alone(plane: ControlPlane, home: Path, stack: str, inventory: Inventory) -> Iterator[dict[str, Cloud]]:
    """Google Cloud in place of the real one, with nodes in the control plane, and a plugin that speaks to that.

    The Kubernetes plugin is the official one where it is installed, else the one that `make tools` has built from the
    same source: release 4.25.0, the newest that is a Go module. That one does not know `takeOwnership`, which came with
    4.34, so the CRD that GKE brings and the program's release takes over is given to the release before.
    """

    def publish(operation: str, item: Item) -> None:
        if operation == "create" and item.kind == CLUSTER:
            plane.publish(dns_endpoint(item))
        follow_names(operation, item, home / "work" / f"Pulumi.{stack}.yaml")

    inventory.listeners.append(publish)
    with GkeControllers(plane, inventory):
        plugin = official_plugin()
        if plugin is None:
            plugin = places.BIN / programs.KUBERNETES_PLUGIN
            give_to_release(plane)
        install(plugin, home / "pulumi")
        yield {"gcp": Google(inventory)}


def official_plugin() -> Path | None:
    """Pulumi's Kubernetes plugin of the SDK's version, where `pulumi plugin install` has put it."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    plugin = home / "plugins" / plugin_folder() / PLUGIN
    return plugin if plugin.exists() else None


def plugin_folder() -> str:
    """What the engine calls the folder of the plugin that the SDK asks for."""
    return f"resource-kubernetes-v{version('pulumi_kubernetes')}"


def install(plugin: Path, pulumi_home: Path) -> None:
    """Put the plugin where the engine looks for it, which passes over a link in place of the folder."""
    place = pulumi_home / "plugins" / plugin_folder() / PLUGIN
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(plugin)


def give_to_release(plane: ControlPlane) -> None:
    """Let Helm take the CRD that GKE brings for one of KServe's release."""
    crd = ("crd", TAKEN_OVER, "--overwrite")
    if plane.kubectl("get", "crd", TAKEN_OVER, "--ignore-not-found", "--output=name"):
        # https://helm.sh/docs/topics/advanced: how Helm knows what is a release's
        release = f"meta.helm.sh/release-name={KSERVE_CONTROLLER.name}"
        plane.kubectl("annotate", *crd, release, f"meta.helm.sh/release-namespace={serving.NAMESPACE}")
        plane.kubectl("label", *crd, "app.kubernetes.io/managed-by=Helm")
