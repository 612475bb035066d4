"""A stack whose Kubernetes is real: a control plane, the project's charts, the images' own programs.

Google Cloud stays simulated, and with it the machines that its node pools would have.
"""

import os
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .control_plane import ControlPlane
from .gke import Gke
from .google import CLUSTER, Google, dns_endpoint
from .live import LiveKubernetes
from .provider import Cloud
from .stack import Sandbox
from .world import Item


def official_plugin() -> Path | None:
    """Pulumi's Kubernetes plugin of the SDK's version, where `pulumi plugin install` has put it."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    folder = home / "plugins" / f"resource-kubernetes-v{version('pulumi_kubernetes')}"
    return folder if (folder / "pulumi-resource-kubernetes").exists() else None


class RealSandbox(Sandbox):
    """A `Sandbox` on a real control plane, its charts from the folder where `make tools` has laid them out.

    `gke` is what stands in for the machines. Where the official Kubernetes plugin is installed, it is used, unless
    `official` is false; where not, `sandbox.live` is, which waits for nothing longer than `kubernetes.patience`
    seconds: the hour that a model may take on a TPU is not needed here.
    """

    gke: Gke
    kubernetes: LiveKubernetes

    def __init__(
        self,
        stack: str = "dev",
        *,
        home: Path,
        plane: ControlPlane,
        config: dict[str, Any] | None = None,
        patience: float = 300,
        official: bool = True,
    ) -> None:
        super().__init__(stack, home=home, config={"chartMirror": str(plane.chart_mirror), **(config or {})})
        self._plane = plane
        self._patience, self._official = patience, official

    def _clouds(self) -> dict[str, Cloud]:
        self.world.listeners.append(self._publish)
        self.gke = self._cleanup.enter_context(Gke(self._plane, self.world))
        clouds: dict[str, Cloud] = {"gcp": Google(self.world)}
        self.kubernetes = LiveKubernetes(self.world, patience=self._patience)
        plugin = official_plugin()
        if plugin and self._official:
            # A copy, as the engine passes over links.
            shutil.copytree(plugin, self.home / "pulumi" / "plugins" / plugin.name, dirs_exist_ok=True)
        else:
            clouds["kubernetes"] = self.kubernetes
        return clouds

    def _publish(self, operation: str, item: Item) -> None:
        if operation == "create" and item.kind == CLUSTER:
            self._plane.publish(dns_endpoint(item))
