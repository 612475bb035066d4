"""A namespace, closed if the stack isolates."""

from collections.abc import Iterable

import pulumi
import pulumi_kubernetes as k8s

from infra.settings.schema import Settings

from .isolation import Policy
from .network_policies import network_policies
from .pod_security import Level, labels


def namespace(
    name: str,
    level: Level,
    policies: Iterable[Policy],
    *,
    settings: Settings,
    opts: pulumi.ResourceOptions,
) -> tuple[k8s.core.v1.Namespace, list[pulumi.Resource]]:
    """A namespace whose Pods are held to `level`, and its NetworkPolicies, on which what runs in it is to depend.

    With `isolation` off it is a bare namespace and there are none.
    """
    metadata: k8s.meta.v1.ObjectMetaArgsDict = {"name": name}
    if settings.isolation:
        metadata["labels"] = labels(level)
    made = k8s.core.v1.Namespace(name, metadata=metadata, opts=opts)
    closed = network_policies(policies, settings=settings, prefix=name, namespace=made.metadata.name, opts=opts)
    return made, closed
