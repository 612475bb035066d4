"""The namespaces of the models."""

import pulumi

from infra.platform.admission import in_force
from infra.platform.isolation import NOTHING
from infra.platform.namespaces import namespace
from infra.settings.schema import Settings

from . import admission


def made(settings: Settings, *, opts: pulumi.ResourceOptions) -> dict[str, pulumi.Output[str]]:
    """One for each that models name, as several may share one; the names, to be had once they are there.

    With `isolation` it is closed, and each model opens what it needs for itself; what its Pods may have is in
    `admission`, which is in force before there is anything in it.
    """
    names = list(dict.fromkeys(model.namespace for model in settings.models))
    rules = [in_force(admission.policy(names), opts)] if settings.isolation else []
    held = pulumi.ResourceOptions(depends_on=rules)
    inside = pulumi.ResourceOptions.merge(opts, held)
    ours = {name: namespace(name, "privileged", [NOTHING], settings=settings, opts=inside)[0] for name in names}
    return {name: of.metadata.name for name, of in ours.items()}
