"""Under which name an image is pulled: from its publisher or from elsewhere, by tag or by digest too."""

from collections.abc import Mapping
from typing import Any, cast

from . import pins

Places = Mapping[str, str]
"""What stands in place of a publisher's host at the beginning of names, by that host; without it images are pulled from
the publisher."""

HOSTS = tuple(sorted({image.partition("/")[0] for image in (*pins.IMAGES, *pins.KEDA_IMAGES)}))
"""The publishers' registries."""


def mirror(registry: str) -> Places:
    """One registry in place of all, with the same names behind it: it holds copies, or passes requests on to the
    publishers, as a virtual repository of Artifact Registry does."""
    return dict.fromkeys(HOSTS, registry)


def pulled(image: str, *, places: Places, by_digest: bool = False) -> str:
    """An image of `pins.IMAGES` as a container names it. What is behind the publisher's host stays as it is.

    With `by_digest`, the digest stands behind the tag, which is then only for the reader, if it is known.
    """
    host, _, path = image.partition("/")
    name = f"{places.get(host, host)}/{path}"
    digest = pins.DIGESTS.get(image) if by_digest else None
    return f"{name}@{digest}" if digest else name


def _merged(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Values with others beside them, which win where both have one."""
    both = {key: _merged(values[key], others[key]) for key in values.keys() & others.keys() if _nested(values[key])}
    return {**values, **others, **both}


def _nested(value: object) -> bool:
    return isinstance(value, dict) and bool(cast(dict[str, Any], value))


def _cert_manager(places: Places, by_digest: bool) -> dict[str, Any]:
    place = places.get(pins.CERT_MANAGER_IMAGES["controller"].partition("/")[0])
    found: dict[str, Any] = {"imageRegistry": place} if place else {}
    for part, image in pins.CERT_MANAGER_IMAGES.items() if by_digest else ():
        if digest := pins.DIGESTS.get(image):
            of_part = {"image": {"tag": image.rpartition(":")[2], "digest": digest}}
            found |= of_part if part == "controller" else {part: of_part}
    return found


def _kserve(places: Places) -> dict[str, Any]:
    place = places.get(pins.STORAGE_INITIALIZER_IMAGE.partition("/")[0])

    def of(name: str) -> dict[str, str]:
        return {"image": f"{place}/kserve/{name}"}

    # The controller and the storage initializer are pulled. The others stand in the ConfigMap of all of KServe and are
    # not, but nothing there should name a registry that is not the stack's.
    of_all = {
        "llmisvc": {"controller": of("llmisvc-controller")},
        "storage": of("storage-initializer"),
        "agent": of("agent"),
        "router": of("router"),
        "servingruntime": {"art": of("art-explainer")},
        "localmodel": {"defaultJobImage": f"{place}/kserve/storage-initializer"},
    }
    return {"kserve": of_all} if place else {}


def _keda(places: Places) -> dict[str, Any]:
    """One registry for its three images (`global.image.registry` in
    https://github.com/kedacore/charts/blob/main/keda/values.yaml)."""
    place = places.get(pins.KEDA_IMAGES[0].partition("/")[0])
    return {"global": {"image": {"registry": place}}} if place else {}


def values(chart: pins.Chart, own: Mapping[str, Any], *, places: Places, by_digest: bool) -> dict[str, Any]:
    """The values of a chart, with those by which its images come from `places`, and by digest where one is known.

    Istiod writes the hub into what it injects, so the gateway's proxy, whose chart names no image, follows it. Istio's
    tag gets no digest, as the chart writes the variant behind it. KServe's presets have no values for images; what a
    service uses of them it names itself.
    """
    others: dict[str, Any] = {}
    if chart == pins.ISTIOD:
        others = {"global": {"hub": pulled(pins.ISTIO_HUB, places=places)}}
    elif chart == pins.CERT_MANAGER:
        others = _cert_manager(places, by_digest)
    elif chart == pins.KSERVE_CONTROLLER:
        others = _kserve(places)
    elif chart == pins.KEDA:
        others = _keda(places)
    return _merged(own, others)
