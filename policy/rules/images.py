"""Names of images: where from, and whether the same one is meant tomorrow."""

import re

from .allowed import IMAGE_REGISTRIES, REGISTRIES
from .repositories import origin
from .resource import Resource

DIGEST = "sha256:[0-9a-f]{64}"
RELEASE = r"v?\d+\.\d+\.\d+([-+._][\w.+-]+)?"
NUMBERED = r"v?\d+(\.\d+)*([-+._][\w.+-]+)?"


def _pinned(image: str, tags: str) -> bool:
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return bool(re.fullmatch(DIGEST, digest) if digest else re.fullmatch(tags, tag))


def released(image: str) -> bool:
    """Whether an image is named by a digest or by a release: three numbers, and perhaps a variant."""
    return _pinned(image, RELEASE)


def numbered(image: str) -> bool:
    """The same for weights, which people number as they like."""
    return _pinned(image, NUMBERED)


def from_registry(resource: Resource, image: str) -> bool:
    """Whether it comes from where images of this stack come from."""
    own = tuple(f"{place}/" for place in (*IMAGE_REGISTRIES, *resource.own))
    return image.startswith(own) or origin(image, resource.caches).startswith(REGISTRIES)
