"""The namespaces of the models."""

import pulumi

from infra.platform.isolation import NOTHING
from infra.platform.namespaces import namespace
from infra.settings.schema import Settings


def namespaces(settings: Settings, *, opts: pulumi.ResourceOptions) -> dict[str, pulumi.Output[str]]:
    """One for each that models name, as several may share one; the names, to be had once they are there.

    With `isolation` it is closed, and each model opens what it needs for itself.
    """
    names = dict.fromkeys(model.namespace for model in settings.models)
    made = {name: namespace(name, "privileged", [NOTHING], settings=settings, opts=opts)[0] for name in names}
    return {name: of.metadata.name for name, of in made.items()}
