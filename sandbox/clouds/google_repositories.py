"""Repositories of Artifact Registry: which Google refuses to make, what each fetches, who may read it, and what
streaming from them takes.

Refused are names, locations, modes and upstreams that there are not, and a mode that does not go with the rest. An
upstream is known if `published.json` has images of it; Google asks each whether it is a registry
(https://cloud.google.com/artifact-registry/docs/repositories/remote-repo). Left out: formats but Docker's, credentials
for an upstream, virtual repositories, policies that clean up, quotas, and an upstream's own limits.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra.settings.registry import MULTI_REGIONS, Repository, repository

from . import registries
from .calls import Props
from .google_kinds import ACCOUNT, MEMBER, POOL, REPOSITORY, REPOSITORY_MEMBER
from .google_machines import regions
from .google_nodes import bad
from .inventory import CloudError, Inventory, Item
from .registries import Remote

NAME = "[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
MODES = ("STANDARD_REPOSITORY", "VIRTUAL_REPOSITORY", "REMOTE_REPOSITORY")
READERS = tuple(f"roles/artifactregistry.{name}" for name in ("reader", "writer", "repoAdmin", "admin"))
"""Roles with `artifactregistry.repositories.downloadArtifacts`."""


def upstream(inputs: Props) -> str | None:
    """The host that a remote repository fetches from, as the names of its images have it; none if there is no such."""
    config: Props = inputs.get("remoteRepositoryConfig", {})
    docker = config.get("dockerRepository", {})
    if docker.get("publicRepository", "DOCKER_HUB") != "DOCKER_HUB":
        return None
    uri = (config.get("commonRepository") or docker.get("customRepository") or {}).get("uri", "")
    if not uri:
        return registries.DOCKER_HUB if docker else None
    return registries.upstreams().get(uri.removesuffix("/"))


def refuse_repository(inputs: Props) -> None:
    """Refuse a repository that cannot be made; the words are ours."""
    mode, config = inputs.get("mode", MODES[0]), inputs.get("remoteRepositoryConfig", {})
    if not re.fullmatch(NAME, inputs["repositoryId"]):
        raise bad(f"Invalid repository ID {inputs['repositoryId']!r}: it must match {NAME}")
    if inputs["location"] not in {*regions(), *MULTI_REGIONS}:
        raise bad(f"Location {inputs['location']} is not found or access is unauthorized.")
    if mode not in MODES:
        raise bad(f"expected mode to be one of {list(MODES)}, got {mode}")
    if (mode == MODES[2]) != bool(config):
        raise bad("a remote repository, and no other, takes remote_repository_config")
    kinds = [key for key in config if key.endswith("Repository")]
    if config and len(kinds) != 1:
        raise bad(f"remote_repository_config takes exactly one of its repositories, not {kinds}")
    if config and upstream(inputs) is None:
        raise bad(f"the upstream of {inputs['repositoryId']} is no registry that answers: {config}")


def refuse_grant_on_repository(inventory: Inventory, inputs: Props) -> None:
    """Refuse a grant on what is not there. Those that are made by hand are the mirrors of `published.json`."""
    project, location, name = (inputs[key] for key in ("project", "location", "repository"))
    of_stack = f"projects/{project}/locations/{location}/repositories/{name}"
    made = any(item.id == of_stack for item in inventory.find(REPOSITORY))
    if not made and not registries.is_mirror(f"{location}-docker.pkg.dev/{project}/{name}"):
        raise CloudError(
            f'Error retrieving IAM policy for artifactregistry repository "projects/{project}/locations/{location}/'
            f'repositories/{name}": googleapi: Error 404: Requested entity was not found.'
        )


def refuse_streaming(inventory: Inventory, project: str, inputs: Props) -> None:
    """Refuse a pool that streams images without what it takes, see
    https://cloud.google.com/kubernetes-engine/docs/how-to/image-streaming#requirements."""
    config = inputs.get("nodeConfig", {})
    if not config.get("gcfsConfig", {}).get("enabled"):
        return
    if f"{project}/containerfilesystem.googleapis.com" not in inventory.enabled_apis:
        raise bad("Container File System API is not enabled in the project, and image streaming needs it")
    if (image := config.get("imageType", "COS_CONTAINERD")) != "COS_CONTAINERD":
        raise bad(f"image streaming is not supported on the image type {image}")


def _grants(items: Iterable[Item], place: Repository) -> Iterator[str]:
    for item in items:
        of_project = item.kind == MEMBER and item.inputs["project"] == place.project
        here = [item.inputs.get(key) for key in ("project", "location", "repository")] == list(place)
        if (of_project or (item.kind == REPOSITORY_MEMBER and here)) and item.inputs["role"] in READERS:
            yield item.inputs["member"]


def remotes(items: Iterable[Item], account: str) -> dict[str, Remote]:
    """The remote repositories of an inventory by how the names of their images begin, as a service account sees them.
    An account that is not in the inventory has been given its roles by who made it."""
    items = list(items)
    ours = any(item.kind == ACCOUNT and item.props["email"] == account for item in items)
    found: dict[str, Remote] = {}
    for item in (item for item in items if item.kind == REPOSITORY):
        place = Repository(item.props["project"], item.inputs["location"], item.inputs["repositoryId"])
        if host := upstream(item.inputs):
            readable = not ours or f"serviceAccount:{account}" in _grants(items, place)
            found[place.prefix] = Remote(host, readable)
    return found


def of_pool(items: Iterable[Item], pool_id: str) -> dict[str, Remote]:
    """The same as the nodes of a pool see them; those of a pool that nobody knows may read all."""
    items = list(items)
    pool = next((item for item in items if item.kind == POOL and item.id == pool_id), None)
    return remotes(items, pool.inputs.get("nodeConfig", {}).get("serviceAccount", "") if pool else "")


def unpullable(inputs: Any, known: Mapping[str, Remote]) -> Iterator[str]:
    """The names of images, and their beginnings, that are in repositories of Artifact Registry which are not `known`,
    or not to be read."""
    if isinstance(inputs, dict | list):
        for each in inputs.values() if isinstance(inputs, dict) else inputs:
            yield from unpullable(each, known)
    elif isinstance(inputs, str) and (place := repository(inputs)) and not registries.is_mirror(place.prefix):
        remote = known.get(place.prefix)
        if remote is None or not remote.readable:
            yield f"{inputs}: {'403 Forbidden' if remote else 'not found'}"


def unpullable_by(items: Iterable[Item], pool_id: str, inputs: Any) -> list[str]:
    """The same for the nodes of a pool."""
    return list(unpullable(inputs, of_pool(items, pool_id)))
