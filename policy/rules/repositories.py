"""Repositories of Artifact Registry: each fetches from a publisher, and what it fetches is judged as that one's."""

from collections.abc import Iterable, Iterator, Mapping

from .allowed import REGISTRIES
from .resource import UNKNOWN, Resource, Rule, at, differs, shown

REPOSITORY = "gcp:artifactregistry/repository:Repository"


def _publisher(resource: Resource) -> str | None:
    """The host of the publisher that a repository fetches from, in the words of its images' names."""
    config = resource.props.get("remoteRepositoryConfig")
    if at(config, "dockerRepository", "publicRepository") == "DOCKER_HUB":
        return "docker.io"
    uri = at(config, "commonRepository", "uri")
    hosts = {registry.partition("/")[0] for registry in REGISTRIES}
    return next((host for host in hosts if uri == f"https://{host}"), None)


def _remote(resource: Resource) -> Iterator[str]:
    if resource.type != REPOSITORY:
        return
    mode, config = resource.props.get("mode"), resource.props.get("remoteRepositoryConfig")
    if differs(mode, "REMOTE_REPOSITORY"):
        yield f"mode is {shown(mode)}, so who may push to it says what runs. Set it to REMOTE_REPOSITORY."
    elif config != UNKNOWN and _publisher(resource) is None:
        yield (
            f"remoteRepositoryConfig is {shown(config)}, which fetches from no publisher of images of ours. Name the "
            "registry of one in REGISTRIES in policy/rules/allowed.py."
        )
    project, own = resource.props.get("project"), resource.provider.get("project")
    if differs(project, None, own):
        yield (
            f"project is {shown(project)}, and the stack's is {shown(own)}: who owns the other one says what runs. "
            "Leave it out."
        )


def caches(resources: Iterable[Resource]) -> dict[str, str]:
    """The publisher's host by how the names of images begin in a repository, of those that keep the rule."""
    found: dict[str, str] = {}
    for of in resources:
        publisher = _publisher(of) if of.type == REPOSITORY and not list(_remote(of)) else None
        if publisher:
            project = str(of.props.get("project") or of.provider.get("project")).replace(":", "/")
            found[f"{of.props.get('location')}-docker.pkg.dev/{project}/{of.props.get('repositoryId')}"] = publisher
    return found


def with_caches(resources: Iterable[Resource]) -> list[Resource]:
    """The resources of a stack, each with the caches among them."""
    resources = list(resources)
    found = caches(resources)
    return [resource._replace(caches=found) for resource in resources]


def origin(image: str, places: Mapping[str, str]) -> str:
    """The name at its publisher of an image that comes by one of the caches, or else the name itself."""
    for place, host in places.items():
        if image.startswith(f"{place}/"):
            return f"{host}{image.removeprefix(place)}"
    return image


RULES = (
    Rule(
        "remote-repositories",
        "Repositories fetch from known publishers, in the stack's own project, and nobody pushes to them.",
        "https://cloud.google.com/artifact-registry/docs/repositories/remote-overview",
        _remote,
    ),
)
