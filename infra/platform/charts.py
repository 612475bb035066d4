"""How a pinned Helm chart becomes a release."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.releases.pins import Chart

TIMEOUT_SECONDS = 600
"""How long a release may take until all its Pods are ready, image pulls included."""


def source(chart: Chart, mirror: str) -> dict[str, Any]:
    """The arguments of a release that say where its chart is.

    A repository of charts stands beside the chart's name, as Helm asks it for the chart's place.

    `mirror` replaces the chart's own source: an OCI prefix under which the charts have their own names and versions,
    or a directory with one unpacked chart in a folder of its name, whose versions settings have compared. Empty means
    none.
    """
    origin = mirror or chart.source
    if origin.startswith("https://"):
        return {"chart": chart.name, "version": chart.version, "repository_opts": {"repo": origin}}
    location = {"chart": f"{origin}/{chart.name}"}
    return location | {"version": chart.version} if origin.startswith("oci://") else location


def release(
    chart: Chart,
    *,
    name: str,
    namespace: pulumi.Input[str],
    mirror: str,
    values: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    take_ownership: bool = False,
) -> k8s.helm.v3.Release:
    """Installs `chart` as the release `name` and waits until everything in it is ready.

    `helm.v3.Release` and not `v4.Chart`, which fails a preview while the kubeconfig is unknown and runs no hooks. The
    name is fixed, because charts derive the names of their objects from it; so a release goes before its replacement
    comes.
    """
    return k8s.helm.v3.Release(
        name,
        name=name,
        namespace=namespace,
        values=values,
        timeout=TIMEOUT_SECONDS,
        take_ownership=take_ownership,
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=True)),
        **source(chart, mirror),
    )
