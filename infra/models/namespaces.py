"""The namespaces of the models."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.platform.isolation import NOTHING
from infra.platform.namespaces import namespace
from infra.settings.schema import Settings

from . import admission


def namespaces(settings: Settings, *, opts: pulumi.ResourceOptions) -> dict[str, pulumi.Output[str]]:
    """One for each that models name, as several may share one; the names, to be had once they are there.

    With `isolation` it is closed, and each model opens what it needs for itself; what its Pods may have is in
    `admission`, which is in force before there is anything in it.
    """
    names = list(dict.fromkeys(model.namespace for model in settings.models))
    held = pulumi.ResourceOptions(depends_on=_held_to_rules(names, opts) if settings.isolation else [])
    inside = pulumi.ResourceOptions.merge(opts, held)
    made = {name: namespace(name, "privileged", [NOTHING], settings=settings, opts=inside)[0] for name in names}
    return {name: of.metadata.name for name, of in made.items()}


def _held_to_rules(names: Sequence[str], opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    held = admission.policy(names)
    rules: Any = held.spec
    binding: Any = held.binding()
    v1, metadata = k8s.admissionregistration.v1, {"name": admission.NAME}
    policy = v1.ValidatingAdmissionPolicy("model-pods", metadata=metadata, spec=rules, opts=opts)
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[policy]))
    return [v1.ValidatingAdmissionPolicyBinding("model-pods", metadata=metadata, spec=binding, opts=after)]
