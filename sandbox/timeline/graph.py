"""What waits for what from the first resource to the first token: a graph, and a name for each of its parts.

What the engine waits for is read from a state, so it is the program's own. What goes on in the cluster is put together
from the specs of the Jobs and the model that stand in that state, by the rules of Kubernetes:

- a node comes when a Pod asks for it. Its images are pulled side by side (`maxParallelImagePulls`);
- the image of a Pod's main container is pulled when its init containers have ended, if it is not there. It is streamed
  if it lies in Artifact Registry, but for the first time from a repository that the stack itself makes, which has to
  fetch it;
- weights that are mounted are read by vLLM, so after its image is there, and have no init container that downloads;
- a Pod that is deleted while its image is pulled ends after the pull, and frees its chips only then
  (https://github.com/kubernetes/kubernetes/issues/125050, https://github.com/kubernetes/kubernetes/issues/88662).
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from infra.models import compile_cache
from infra.platform.names import WARM_UP
from infra.releases.pins import STORAGE_INITIALIZER_IMAGE
from infra.settings import registry, uris
from ops.diagnose.phases import STOP, VLLM
from ops.timeline import state
from ops.tokens import MODEL, REPOSITORY
from sandbox.clouds.kubernetes_kinds import JOB
from sandbox.cluster.container_rules import CHIPS

from .durations import Bounds, Durations

Json = dict[str, Any]

NODE, POD, WEIGHTS, START, COMPILATION, READY = "node", "pod", "weights", "start", "compilation", "ready"
PULL_INITIALIZER, PULL_VLLM, GONE = "pull initializer", "pull vllm", "preemption"
NAMES = {
    NODE: "a TPU node comes",
    PULL_INITIALIZER: "pull of the initializer's image",
    PULL_VLLM: "pull of vLLM's image",
    POD: "the model's Pod is made",
    GONE: "the holder gives way",
    WEIGHTS: "weights",
    START: "vLLM starts",
    COMPILATION: "compilation",
    READY: "Ready, and known to the gateway",
}
FIRST_PULL, STREAM, MOUNTED = "first pull vllm", "stream vllm", "mounted weights"
"""Rows that a part takes in place of the one of its own name."""


class NoModelError(Exception):
    """There is no token to wait for; the message says so."""


class Part(NamedTuple):
    """What takes time: its name, how long, and the keys of what it waits for."""

    name: str
    takes: Bounds
    needs: tuple[str, ...]


class Served(NamedTuple):
    """The model that a start is reckoned for: its URN, where KServe takes its weights from, the stack's name for them,
    vLLM's image, and whether what was compiled is kept from one start to the next."""

    urn: str
    uri: str
    source: str
    image: str
    compiled: bool

    @property
    def repository(self) -> str:
        """Its repository at Hugging Face, without the revision; of others their source."""
        found = uris.repository(self.source)
        return found.name if found else self.source

    @property
    def mounted(self) -> bool:
        """Whether its weights lie in a bucket, its own or the one of `weightsCache`: KServe is told of a claim then."""
        return self.uri.startswith("pvc://")


Graph = dict[str, Part]
NO_TIME = Bounds(low=0, high=0, why="it ends with what it waits for", source="")


def asked(urn: str) -> str:
    """The key of the making of an object, which has its own only when what it waits for has come about."""
    return f"made: {urn}"


def _source(uri: str, resources: Iterable[Json]) -> str:
    """Where weights are from: what the Job copies into the claim that KServe is told of, if there is one."""
    copy = f"{uri.removeprefix('pvc://')}-copy"
    for resource in resources:
        if resource["type"] == JOB and resource["inputs"]["metadata"]["name"] == copy:
            return next((word for word in _container(resource)["command"] if word.startswith("hf://")), uri)
    return uri


def _container(job: Json) -> Json:
    [container] = job["inputs"]["spec"]["template"]["spec"]["containers"]
    return container


def served(resources: list[Json]) -> Served:
    """The model that has a Pod, the first by name: a state has them in the order in which they came about. Raises
    `NoModelError`."""
    for resource in sorted(resources, key=lambda resource: resource["urn"]):
        if resource["type"] != MODEL or STOP in (resource["inputs"]["metadata"].get("annotations") or {}):
            continue
        spec = resource["inputs"]["spec"]
        vllm = next(container for container in spec["template"]["containers"] if container["name"] == VLLM)
        volumes = [volume["name"] for volume in spec["template"].get("volumes") or []]
        uri = spec["model"]["uri"]
        return Served(resource["urn"], uri, _source(uri, resources), vllm["image"], compile_cache.NAME in volumes)
    raise NoModelError("no model of the stack has a Pod, so there is no first token: all are paused")


def streamed(image: str) -> bool:
    """Whether GKE may stream an image: it does from Artifact Registry alone."""
    return registry.repository(image) is not None


def first_pull(image: str, resources: Iterable[Json]) -> str:
    """The row of the first pull of vLLM's image: by a repository that the stack makes itself it is not there yet."""
    place = registry.repository(image)
    if place is None:
        return PULL_VLLM
    own = [resource["inputs"]["repositoryId"] for resource in resources if resource["type"] == REPOSITORY]
    return FIRST_PULL if place.name in own else STREAM


class _Job(NamedTuple):
    """A Job: the key of its making, whether the engine waits for its end, its image, whether it holds chips, and
    whether it is one of the warm-up."""

    urn: str
    awaited: bool
    image: str
    holds: bool
    warms_up: bool

    @property
    def made(self) -> str:
        return asked(self.urn) if self.awaited else self.urn


def _jobs(resources: Iterable[Json]) -> Iterator[_Job]:
    for resource in resources:
        if resource["type"] != JOB:
            continue
        metadata, container = resource["inputs"]["metadata"], _container(resource)
        holds = CHIPS in ((container.get("resources") or {}).get("requests") or {})
        awaited = "pulumi.com/skipAwait" not in (metadata.get("annotations") or {})
        yield _Job(resource["urn"], awaited, container["image"], holds, metadata["namespace"] == WARM_UP)


def _of_engine(resources: list[Json], durations: Durations) -> Graph:
    """The resources, as the engine makes them."""
    by_urn = {resource["urn"]: resource for resource in resources}
    return {
        urn: Part(state.name(urn), durations.of(by_urn[urn]), needs) for urn, needs in state.needs(resources).items()
    }


def _split(graph: Graph, urn: str, *needs: str, takes: Bounds = NO_TIME) -> None:
    """Let an object be made, and have the engine wait for something more: for `needs`, or for the object's own end."""
    graph[asked(urn)] = graph[urn]
    graph[urn] = Part(f"{graph[urn].name}, awaited", takes, (asked(urn), *needs))


def of_model(durations: Durations, *, waits: Graph, mounted: bool = False, compiled: bool = False) -> Graph:
    """A model from its Pod on: `waits` are the parts that the cluster adds to the needs of `WEIGHTS` and `START`. Its
    weights are `mounted` or downloaded, its programs `compiled` before or not."""
    row = durations.cluster
    graph: Graph = {**waits}
    before = (GONE, NODE, PULL_VLLM if mounted else PULL_INITIALIZER)
    for key, needs in (
        (WEIGHTS, (POD, *(key for key in before if key in waits))),
        (START, (WEIGHTS, *(key for key in (PULL_VLLM,) if key in waits))),
        *([] if compiled else [(COMPILATION, (START,))]),
        (READY, (START if compiled else COMPILATION,)),
    ):
        graph[key] = Part(NAMES[key], row[MOUNTED if mounted and key == WEIGHTS else key], needs)
    return graph


def cold(resources: list[Json], durations: Durations) -> Graph:
    """From an empty project to the first model's first token, with empty caches. Raises `NoModelError`."""
    graph = _of_engine(resources, durations)
    row = durations.cluster
    model = served(resources)
    jobs = list(_jobs(resources))
    warm_up = [job for job in jobs if job.warms_up]
    small = next((job.image for job in warm_up if job.awaited), STORAGE_INITIALIZER_IMAGE)
    pulls = {small: PULL_INITIALIZER, model.image: PULL_VLLM}

    _split(graph, model.urn, READY)
    for job in jobs:
        if job.awaited and job.warms_up:
            _split(graph, job.urn, pulls[job.image])
        elif job.awaited:  # it copies weights
            _split(graph, job.urn, takes=row[WEIGHTS])
    waits: Graph = {POD: Part(NAMES[POD], row[POD], (asked(model.urn),))}
    first = next((job.made for job in warm_up if job.holds), POD)
    waits[NODE] = Part(NAMES[NODE], row[NODE], (first,))
    for image, key in pulls.items():
        by = [job.made for job in warm_up if job.image == image]
        late = POD if key == PULL_INITIALIZER or model.mounted else WEIGHTS
        takes = row[first_pull(image, resources) if key == PULL_VLLM else key]
        waits[key] = Part(NAMES[key], takes, (NODE, by[0] if by else late))
    if held := [pulls[job.image] for job in warm_up if job.holds]:
        waits[GONE] = Part(NAMES[GONE], row[GONE], (POD, *held))
    return graph | of_model(durations, waits=waits, mounted=model.mounted)


def again(durations: Durations, *, node: bool, streams: bool, mounted: bool, compiled: bool) -> Graph:
    """From a new Pod of a model to its first token, the rest as it is: on a new `node` or on that of the one before,
    with vLLM's image streamed or pulled whole, its weights mounted or downloaded, its programs `compiled` before or
    not."""
    row = durations.cluster
    waits: Graph = {POD: Part(NAMES[POD], row[POD], ())}
    if node:
        waits[NODE] = Part(NAMES[NODE], row[NODE], (POD,))
        if not mounted:
            waits[PULL_INITIALIZER] = Part(NAMES[PULL_INITIALIZER], row[PULL_INITIALIZER], (NODE,))
        pull = row[STREAM if streams else PULL_VLLM]
        waits[PULL_VLLM] = Part(NAMES[PULL_VLLM], pull, (NODE if mounted else WEIGHTS,))
    return of_model(durations, waits=waits, mounted=mounted, compiled=compiled)
