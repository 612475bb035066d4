"""A stack whose Kubernetes is real: a control plane, the project's charts, Pulumi's own plugin, the images' programs.

Google Cloud stays simulated, and with it the machines that its node pools would have.
"""

import copy
import os
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pulumi

from infra.platform import serving
from infra.releases.pins import KSERVE_CONTROLLER
from sandbox.build import modules
from sandbox.clouds.calls import Cloud
from sandbox.clouds.google import Google
from sandbox.clouds.google_kinds import CLUSTER, dns_endpoint
from sandbox.clouds.inventory import Item
from sandbox.engine.stack import Sandbox, run_main

from .control_plane import ControlPlane
from .nodes import Gke

PLUGIN = "pulumi-resource-kubernetes"
TAKEN_OVER = "inferencepools.inference.networking.k8s.io"
SECONDS = {"h": 3600, "m": 60, "s": 1}


def official_plugin() -> Path | None:
    """Pulumi's Kubernetes plugin of the SDK's version, where `pulumi plugin install` has put it."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    plugin = home / "plugins" / plugin_folder() / PLUGIN
    return plugin if plugin.exists() else None


def plugin_folder() -> str:
    """What the engine calls the folder of the plugin that the SDK asks for."""
    return f"resource-kubernetes-v{version('pulumi_kubernetes')}"


def shortened(timeouts: pulumi.CustomTimeouts | None, seconds: float) -> pulumi.CustomTimeouts:
    """The same timeouts, none above `seconds`; one that is not set is the plugin's, ten minutes."""

    def shorter(timeout: str | None) -> str:
        own = sum(float(n) * SECONDS[unit] for n, unit in re.findall(r"([\d.]+)([hms])", timeout or "10m"))
        return f"{min(own, seconds):g}s"

    given = timeouts or pulumi.CustomTimeouts()
    return pulumi.CustomTimeouts(
        create=shorter(given.create), update=shorter(given.update), delete=shorter(given.delete)
    )


class RealSandbox(Sandbox):
    """A `Sandbox` on a real control plane, its charts from the folder where `make tools` has laid them out.

    `gke` is what stands in for the machines. The Kubernetes plugin is the official one where it is installed, else the
    one that `make tools` has built from the same source: release 4.25.0, the newest that is a Go module. That one does
    not know `takeOwnership`, which came with 4.34, so the CRD that GKE brings and the program's release takes over is
    given to the release before.

    Nothing in the cluster is waited for longer than `patience` seconds: the hour that a model may take on a TPU is not
    needed here. Releases have a timeout of their own.
    """

    gke: Gke

    def __init__(
        self,
        stack: str = "dev",
        *,
        home: Path,
        plane: ControlPlane,
        config: dict[str, Any] | None = None,
        patience: float = 300,
    ) -> None:
        config = {"chartMirror": str(plane.chart_mirror), **(config or {})}
        super().__init__(stack, home=home, config=config, program=self._run_impatiently)
        self._plane = plane
        self.patience = patience

    def _clouds(self) -> dict[str, Cloud]:
        self.inventory.listeners.append(self._publish)
        self.gke = self._cleanup.enter_context(Gke(self._plane, self.inventory))
        self._install(official_plugin() or self._built_plugin())
        return {"gcp": Google(self.inventory)}

    def _install(self, plugin: Path) -> None:
        """Put the plugin where the engine looks for it, which passes over a link in place of the folder."""
        place = self.home / "pulumi" / "plugins" / plugin_folder() / PLUGIN
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(plugin)

    def _built_plugin(self) -> Path:
        crd = ("crd", TAKEN_OVER, "--overwrite")
        if self._plane.kubectl("get", "crd", TAKEN_OVER, "--ignore-not-found", "--output=name"):
            # https://helm.sh/docs/topics/advanced: how Helm knows what is a release's
            release = f"meta.helm.sh/release-name={KSERVE_CONTROLLER.name}"
            self._plane.kubectl("annotate", *crd, release, f"meta.helm.sh/release-namespace={serving.NAMESPACE}")
            self._plane.kubectl("label", *crd, "app.kubernetes.io/managed-by=Helm")
        return modules.BIN / modules.KUBERNETES_PLUGIN

    def _run_impatiently(self) -> None:
        pulumi.runtime.register_stack_transformation(self._hurry)
        run_main()

    def _hurry(self, args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        # Not a transform, which the engine calls: what a preview does not know yet would be lost on the way to it.
        if not args.type_.startswith("kubernetes:"):
            return None
        options = copy.copy(args.opts)
        options.custom_timeouts = shortened(options.custom_timeouts, self.patience)
        return pulumi.ResourceTransformationResult(args.props, options)

    def _publish(self, operation: str, item: Item) -> None:
        if operation == "create" and item.kind == CLUSTER:
            self._plane.publish(dns_endpoint(item))
