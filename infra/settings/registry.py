"""Where images are taken from."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from infra.releases import images

from . import uris
from .places import REGIONS
from .projects import is_project

CACHE, PUBLISHERS = "cache", "publishers"
"""By remote repositories of the stack's own in Artifact Registry, or straight from who publishes them."""
ARTIFACT_REGISTRY = "docker.pkg.dev"
MULTI_REGIONS = ("asia", "europe", "us")
"""https://cloud.google.com/artifact-registry/docs/repositories/repo-locations"""
_FORM = "LOCATION-docker.pkg.dev/PROJECT/REPOSITORY"


class Repository(NamedTuple):
    """A repository of Artifact Registry."""

    project: str
    location: str
    name: str

    @property
    def prefix(self) -> str:
        """How the names of its images begin. A project of a domain has two parts there."""
        return f"{self.location}-{ARTIFACT_REGISTRY}/{self.project.replace(':', '/')}/{self.name}"


def repository(registry: str) -> Repository | None:
    """The repository of Artifact Registry that a registry is or lies in; none if it is another's.

    A project of a domain has two parts: https://cloud.google.com/artifact-registry/docs/docker/names#domain.
    """
    host, *path = registry.split("/")
    location = host.removesuffix(f"-{ARTIFACT_REGISTRY}")
    project, rest = (f"{path[0]}:{path[1]}", path[2:]) if path[1:] and "." in path[0] else ("".join(path[:1]), path[1:])
    return Repository(project, location, rest[0]) if location != host and rest else None


def of_stack(stack: str) -> str:
    """A stack's name as a part of a repository's or a bucket's, which take lower-case letters, digits and hyphens: as
    it is, or with a hash of it, so that no two stacks of a project share one."""
    if re.fullmatch("[a-z0-9-]{1,30}", stack):
        return stack
    digest = hashlib.sha256(stack.encode()).hexdigest()[:8]
    return f"{re.sub('[^a-z0-9]+', '-', stack.lower())[:20]}-{digest}"


def caches(registry: str, *, project: str, region: str, stack: str) -> Mapping[str, Repository]:
    """The stack's own remote repositories by the publisher's host that each fetches from; none unless `registry` says
    so. Each is one publisher's, and there is no virtual one in front: whoever took a publisher's name at another would
    have images in it otherwise."""
    name = f"tpu-inference-{of_stack(stack)}"
    hosts = images.HOSTS if registry == CACHE else ()
    return {host: Repository(project, region, f"{name}-{host.replace('.', '-')}") for host in hosts}


def _check(registry: str) -> str:
    if registry in (CACHE, PUBLISHERS):
        return registry
    if "://" in registry:
        raise ValueError(f"is a URL. Use the beginning of images' names, without a scheme, like {_FORM}.")
    host = registry.split("/", maxsplit=1)[0]
    if not re.fullmatch(uris.IMAGE_PREFIX, registry, re.ASCII) or not re.search("[.:]|^localhost$", host):
        raise ValueError(
            f"is neither {CACHE} nor {PUBLISHERS} nor the beginning of images' names: a registry's host, and behind it "
            "lower-case letters, digits, dots, hyphens and underscores; no user, no tag, no slash last. Use one like "
            f"{_FORM}."
        )
    if host.endswith(ARTIFACT_REGISTRY):
        place = repository(registry)
        if place is None or not is_project(place.project) or not re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", place.name):
            raise ValueError(
                f"is no repository of Artifact Registry. Use {_FORM}, as its page in the console shows it."
            )
    return registry


ImageRegistry = Annotated[str, AfterValidator(_check)]


def warnings(registry: str) -> Iterator[str]:
    """What may be wrong with a registry."""
    place = repository(registry)
    if place is None and registry not in (CACHE, PUBLISHERS):
        yield (
            f"imageRegistry: {registry} is not in Artifact Registry, so the nodes' account is granted nothing there. "
            "The nodes pull from it only if it asks for no credentials."
        )
    if place and place.location not in {*REGIONS, *MULTI_REGIONS}:
        yield (
            f"imageRegistry: {place.location} was not known to be a location of Artifact Registry when this was "
            "written. If there is none of that name, nothing can be pulled: `gcloud artifacts locations list`."
        )
