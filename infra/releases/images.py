"""Under which name an image is pulled: from its publisher or from a registry of one's own, by tag or by digest too."""

from collections.abc import Mapping
from typing import Any, cast

from . import pins


def pulled(image: str, *, registry: str = "", by_digest: bool = False) -> str:
    """An image of `pins.IMAGES` as a container names it.

    With `registry`, that stands in place of the publisher's host and nothing else changes: a registry which passes
    requests on to the publishers, as a virtual repository of Artifact Registry does, finds it as well as one that
    holds copies. With `by_digest`, the digest stands behind the tag, which is then only for the reader, if it is known.
    """
    name = f"{registry}/{image.partition('/')[2]}" if registry else image
    digest = pins.DIGESTS.get(image) if by_digest else None
    return f"{name}@{digest}" if digest else name


def _merged(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Values with others beside them, which win where both have one."""
    both = {key: _merged(values[key], others[key]) for key in values.keys() & others.keys() if _nested(values[key])}
    return {**values, **others, **both}


def _nested(value: object) -> bool:
    return isinstance(value, dict) and bool(cast(dict[str, Any], value))


def _cert_manager(registry: str, by_digest: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"imageRegistry": registry} if registry else {}
    for part, image in pins.CERT_MANAGER_IMAGES.items() if by_digest else ():
        if digest := pins.DIGESTS.get(image):
            of_part = {"image": {"tag": image.rpartition(":")[2], "digest": digest}}
            found |= of_part if part == "controller" else {part: of_part}
    return found


def _kserve(registry: str) -> dict[str, Any]:
    def of(name: str) -> dict[str, str]:
        return {"image": f"{registry}/kserve/{name}"}

    # The controller and the storage initializer are pulled. The others stand in the ConfigMap of all of KServe and are
    # not, but nothing there should name a registry that is not the stack's.
    of_all = {
        "llmisvc": {"controller": of("llmisvc-controller")},
        "storage": of("storage-initializer"),
        "agent": of("agent"),
        "router": of("router"),
        "servingruntime": {"art": of("art-explainer")},
        "localmodel": {"defaultJobImage": f"{registry}/kserve/storage-initializer"},
    }
    return {"kserve": of_all} if registry else {}


def values(chart: pins.Chart, own: Mapping[str, Any], *, registry: str, by_digest: bool) -> dict[str, Any]:
    """The values of a chart, with those by which its images come from `registry`, and by digest where one is known.

    Istiod writes the hub into what it injects, so the gateway's proxy, whose chart names no image, follows it. Istio's
    tag gets no digest, as the chart writes the variant behind it. KServe's presets have no values for images; what a
    service uses of them it names itself.
    """
    others: dict[str, Any] = {}
    if chart == pins.ISTIOD and registry:
        others = {"global": {"hub": f"{registry}/release"}}
    elif chart == pins.CERT_MANAGER:
        others = _cert_manager(registry, by_digest)
    elif chart == pins.KSERVE_CONTROLLER:
        others = _kserve(registry)
    return _merged(own, others)
