"""What publishers have published: charts, images, and models on Hugging Face, as far as the sandbox knows.

The sandbox reaches no registry, so what is in these lists is there and everything else is not, in the registry's own
words. To add something, write it into its file with the page that shows it:

- `sandbox/clouds/data/published.json`: `charts` by their OCI reference, `images` by their full name, each with its
  versions or tags, and the tag of each of its `digests`; `mirrors` are registries that have all these images behind
  their own name. A publisher's registry answers at https://HOST, if `upstreams` does not say where.
- models are those of `infra/settings/known_models.json`, which the program reads too: `model_config.py` beside it says
  what the fields are. `head_dim` stands in all, also where the published file leaves it to be computed.

Standard library only: `sandbox.build` asks for charts while the SDKs may not be installed yet.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from infra.settings import model_config

DATA = Path(__file__).resolve().parent / "data"
DOCKER_HUB = "docker.io"
HUB = "https://huggingface.co"


class UnpublishedError(Exception):
    """There is no such thing; the message is its registry's, with what to do."""


class Remote(NamedTuple):
    """A remote repository as a machine sees it: the publisher's host that it fetches from, and whether it may be
    read."""

    host: str
    readable: bool = True


class Reference(NamedTuple):
    """An image reference in full: `name` has its registry, and one of `tag` and `digest` is set."""

    name: str
    tag: str
    digest: str = ""

    @property
    def host(self) -> str:
        """The registry."""
        return self.name.partition("/")[0]

    @property
    def repository(self) -> str:
        """The name within its registry."""
        return self.name.partition("/")[2]

    def __str__(self) -> str:
        """As it stands in messages."""
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.tag}"


def _read(name: str) -> dict[str, Any]:
    return json.loads((DATA / name).read_text())


def reference(text: str) -> Reference:
    """An image reference as container runtimes complete it: Docker Hub, its `library`, the tag `latest`."""
    rest, _, digest = text.partition("@")
    host, slash, path = rest.partition("/")
    if not slash or (host != "localhost" and {".", ":"}.isdisjoint(host)):
        host, path = DOCKER_HUB, rest
    repository, _, tag = path.partition(":")
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(f"{host}/{repository}", "" if digest else tag or "latest", digest)


def upstreams() -> dict[str, str]:
    """The publishers' registries by the address at which each answers."""
    hosts = {name.partition("/")[0] for name in _read("published.json")["images"]}
    return {_read("published.json")["upstreams"].get(host, f"https://{host}"): host for host in hosts}


def _remote(name: str, remotes: Mapping[str, Remote]) -> tuple[str, Remote] | None:
    """The remote repository that an image is pulled by, and its path there."""
    found = ((name.removeprefix(f"{prefix}/"), of) for prefix, of in remotes.items() if name.startswith(f"{prefix}/"))
    return next(found, None)


def _origin(name: str, published: dict[str, Any], remotes: Mapping[str, Remote]) -> str:
    """The name at its publisher of an image that a mirror has or a remote repository fetches, or else the name
    itself. Behind a remote repository stands the whole path: Docker Hub's official images are in `library`."""
    if through := _remote(name, remotes):
        return f"{through[1].host}/{through[0]}"
    for mirror in published["mirrors"]:
        for origin in published["images"]:
            if name == f"{mirror}/{origin.partition('/')[2]}":
                return origin
    return name


def image(text: str, remotes: Mapping[str, Remote] = {}) -> Reference:
    """The image that a reference pulls, as its publisher names it by tag, or an `UnpublishedError` in containerd's
    words. `remotes` are the remote repositories by how the names of their images begin."""
    wanted, published = reference(text), _read("published.json")
    origin, through = _origin(wanted.name, published, remotes), _remote(wanted.name, remotes)
    failed = f'failed to pull and unpack image "{wanted}": failed to resolve reference "{wanted}": '
    if through and not through[1].readable:
        asked = f"https://{wanted.host}/v2/{wanted.repository}/manifests/{wanted.digest or wanted.tag}"
        raise UnpublishedError(f"{failed}unexpected status from HEAD request to {asked}: 403 Forbidden")
    found = published["images"].get(origin)
    tag = found.get("digests", {}).get(wanted.digest) if found and wanted.digest else wanted.tag
    if found and tag in found["tags"]:
        return Reference(origin, tag)
    known = f"known tags are {', '.join(found['tags'])}" if found else "no image of this name is known"
    hint = f"({known}; if it has been published, add it to sandbox/clouds/data/published.json with its source)"
    if not found and wanted.host == DOCKER_HUB:
        raise UnpublishedError(
            f"{failed}pull access denied, repository does not exist or may require authorization: server message: "
            f"insufficient_scope: authorization failed {hint}"
        )
    raise UnpublishedError(f"{failed}{wanted}: not found {hint}")


def is_mirror(registry: str) -> bool:
    """Whether there is a registry of this name that mirrors what is published."""
    return registry in _read("published.json")["mirrors"]


def chart(source: str, name: str, version: str) -> None:
    """Raises an `UnpublishedError` in Helm's words unless there is such a chart."""
    found = _read("published.json")["charts"].get(f"{source}/{name}")
    if not found or version not in found["versions"]:
        place = f"{source.removeprefix('oci://')}/{name}:{version}"
        known = f"known versions are {', '.join(found['versions'])}" if found else "no chart of this name is known"
        raise UnpublishedError(
            f'failed to perform "FetchReference" on source: {place}: not found ({known}; if it has been published, '
            "add it to sandbox/clouds/data/published.json with its source)"
        )


def model(repository: str, revision: str = "", token: str = "") -> dict[str, Any]:
    """The facts of a model, or an `UnpublishedError` in Hugging Face's words.

    Only the branch `main` and the commits that `known_models.json` has are revisions here. A token is good if it looks
    like one, and its owner has then been granted whatever is gated. Words: PyPI `huggingface_hub` 2.4.0,
    `utils/_http.py`; what follows them is the server's.
    """
    found = model_config.known().get(repository)
    asked = f"{HUB}/api/models/{repository}/revision/{revision or 'main'}"
    signed_in = token.startswith("hf_")
    if not found:
        status, said = (404, "Repository not found") if signed_in else (401, "Invalid username or password.")
        raise UnpublishedError(
            f"{status} Client Error.\n\nRepository Not Found for url: {asked}.\n"
            "Please make sure you specified the correct `repo_id` and `repo_type`.\n"
            "If you are trying to access a private or gated repo, make sure you are authenticated and your token has "
            "the required permissions.\n"
            "For more details, see https://huggingface.co/docs/huggingface_hub/authentication\n"
            f"{said}\n"
            "(The sandbox reaches no Hugging Face. If this repository exists, add it to "
            "infra/settings/known_models.json with its source.)"
        )
    if not model_config.is_known(found, revision):
        raise UnpublishedError(
            f"404 Client Error.\n\nRevision Not Found for url: {asked}.\nInvalid rev id: {revision}\n"
            "(The sandbox knows the branch main. If this revision exists, add it to infra/settings/known_models.json "
            "with its source.)"
        )
    if found["gated"] and not signed_in:
        raise UnpublishedError(
            f"401 Client Error.\n\nCannot access gated repo for url {HUB}/{repository}/resolve/main/config.json.\n"
            f"Access to model {repository} is restricted. You must have access to it and be authenticated to access "
            "it. Please log in."
        )
    return found
