"""How the policies of a namespace become resources."""

from collections.abc import Iterable
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.settings.schema import Settings

from .isolation import NOTHING, Policy


def network_policies(
    policies: Iterable[Policy],
    *,
    settings: Settings,
    prefix: str,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Closes a namespace but for these flows, or with `isolation` off does nothing.

    What runs in the namespace is to depend on what this returns: then it is never open, and on the way down everything
    still speaks that has to. `NOTHING` comes after the others and goes before them, so that no one is cut off from what
    it may reach.
    """
    made: list[pulumi.Resource] = []
    for policy in sorted(policies, key=lambda policy: policy is NOTHING) if settings.isolation else ():
        spec: Any = policy.spec()
        after = pulumi.ResourceOptions(depends_on=list(made) if policy is NOTHING else [])
        made.append(
            k8s.networking.v1.NetworkPolicy(
                f"{prefix}.{policy.name}",
                metadata={"name": policy.name, "namespace": namespace},
                spec=spec,
                opts=pulumi.ResourceOptions.merge(opts, after),
            )
        )
    return made
