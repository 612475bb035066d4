"""Why a model's Pod has a node and does not get ready: image, weights, vLLM.

The words are those of the part that says them: containerd, the kubelet, `huggingface_hub` (as KServe's storage
initializer passes them on), vLLM 0.27 and tpu-inference 0.27.0, XLA. docs/troubleshooting.md quotes them.
"""

import re
from collections.abc import Iterator

from . import vllm_log
from .cause import Look, Sign
from .objects import Container, Pod
from .observed import Observed
from .phases import INITIALIZER, PULLING, VLLM, phase

UNREACHABLE = re.compile(
    r"i/o timeout|ConnectTimeout|Connection to \S+ timed out|LocalEntryNotFoundError|check your internet connection"
    r"|Network is unreachable|No route to host",
)
PULLS = {
    UNREACHABLE.pattern: "the registry does not answer: see NAT",
    r"pkg\.dev/.*403 Forbidden": "the nodes' account may not read that repository: see docs/images.md",
}
"""What an image that cannot be pulled is told beside its own words, by a pattern of these."""
NAMES = re.compile(
    r"Temporary failure in name resolution|Name or service not known|NameResolutionError|Failed to resolve"
    r"|no such host|server misbehaving|lookup \S+ on \S+: ",
)
GATED = re.compile(
    r"Cannot access gated repo|Access to model \S+ is restricted|GatedRepoError|403 (?:Client Error|Forbidden)"
    r"|Invalid user token|awaiting a review|(?:Bad|invalid) credentials",
)
NOT_FOUND = re.compile(
    r"Repository Not Found|Revision Not Found|RepositoryNotFoundError|RevisionNotFoundError|Entry Not Found"
    r"|Cannot recognize storage type|Invalid Hugging Face URI",
)
DISK = re.compile(r"no space left on device|ephemeral[- ]storage|DiskPressure|disk quota exceeded", re.IGNORECASE)
HBM = re.compile(
    r"exceeds available HBM|Ran out of memory (?:on|in memory space) HBM|larger than the available KV cache memory"
    r"|No available memory for the cache blocks|RESOURCE_EXHAUSTED: (?:Error (?:allocating|loading)|Attempting to)"
    r"|Out of memory while trying to allocate",
    re.IGNORECASE,
)
FLAG = re.compile(
    r"vllm[\w ]*: error: |unrecognized arguments|TypeError: Error: |validation errors? for \w*(?:Args|Config)"
    r"|(?:Value|Assertion|NotImplemented)Error: .*(?:--|argument|must be|not supported)|Insufficient devices for"
    r"|Mosaic failed to compile",
)
BUCKET = re.compile(r"gcsfuse|GCS bucket|Cloud Storage bucket|storage\.objects\.")
CHIPS = re.compile(r"Unable to initialize backend 'tpu'|No TPU devices found")


def _pods(seen: Observed, model: str) -> Iterator[Pod]:
    """The model's Pods that are not ready: vLLM's."""
    return (pod for pod in seen.pods_of(model) if not pod.ready)


def _what(pod: Pod, container: Container) -> str:
    return f"container {container.name} of Pod {pod.place}"


def told(seen: Observed, pod: Pod, container: Container) -> str:
    """All that a container has said on its way to its end: the message of that, or its log."""
    ended = container.failed
    return "\n".join(filter(None, [ended.message if ended else "", seen.log(pod, container.name) if ended else ""]))


def line(words: re.Pattern[str], text: str) -> str:
    """The last line with these words, and a little of what comes after."""
    lines = [one for one in text.splitlines() if one.strip()]
    at = next((i for i in reversed(range(len(lines))) if words.search(lines[i])), None)
    return " ".join(lines[at : at + 2]) if at is not None else ""


def _ended(words: re.Pattern[str], *names: str) -> Look:
    """A container of these names has ended with these words."""

    def look(seen: Observed, model: str) -> Iterator[Sign]:
        for pod in _pods(seen, model):
            for container in pod.containers:
                if container.name in names and (said := line(words, told(seen, pod, container))):
                    ended = container.failed
                    yield Sign(_what(pod, container), said, ended.finished_at if ended else None)

    return look


gated = _ended(GATED, INITIALIZER)
flag = _ended(FLAG, VLLM)
chip_memory = _ended(HBM, VLLM)
chips = _ended(CHIPS, VLLM)
names = _ended(NAMES, INITIALIZER)


def unreachable(seen: Observed, model: str) -> Iterator[Sign]:
    """Nothing answers; of a name that nobody knows `huggingface_hub` says the same, after that."""
    if not any(names(seen, model)):
        yield from _ended(UNREACHABLE, INITIALIZER)(seen, model)


def not_found(seen: Observed, model: str) -> Iterator[Sign]:
    """No such model; of a gated one without a token, Hugging Face says `gated` beside it."""
    if not any(gated(seen, model)):
        yield from _ended(NOT_FOUND, INITIALIZER)(seen, model)


def image(seen: Observed, model: str) -> Iterator[Sign]:
    """An image that cannot be pulled, by the model's Pods or its pickers'; as long as it has none, by those that others
    have made to ask for its chips."""
    for pod in [*_pods(seen, model), *seen.pods_before(model), *(p for p in seen.pickers_of(model) if not p.ready)]:
        for container in pod.containers:
            waiting = container.state.waiting
            if waiting and waiting.reason in PULLING:
                more = next((what for said, what in PULLS.items() if re.search(said, waiting.message)), "")
                yield Sign(_what(pod, container), waiting.message or waiting.reason, more=more)


def disk(seen: Observed, model: str) -> Iterator[Sign]:
    """The boot disk is full, or the Pod had to go because of that."""
    yield from _ended(DISK, INITIALIZER, VLLM)(seen, model)
    for pod in _pods(seen, model):
        evicted = pod.status.message if pod.status.reason == "Evicted" else ""
        for said in [evicted, *(event.message for event in seen.events_of(pod, "Evicted", "Failed", "FailedMount"))]:
            if DISK.search(said):
                yield Sign(f"Pod {pod.place}", said)
                break


def bucket(seen: Observed, model: str) -> Iterator[Sign]:
    """GKE's driver cannot mount a bucket, in the model's Pod or its picker's."""
    for pod in [*_pods(seen, model), *(p for p in seen.pickers_of(model) if not p.ready)]:
        for event in seen.events_of(pod, "FailedMount"):
            if BUCKET.search(event.message):
                yield Sign(f"Pod {pod.place}", event.message)
                break


def memory(seen: Observed, model: str) -> Iterator[Sign]:
    """The kernel has killed a container for its memory."""
    for pod in _pods(seen, model):
        for container in pod.containers:
            ended = container.failed
            if ended and ended.reason == "OOMKilled":
                yield Sign(_what(pod, container), "OOMKilled, exit code 137", ended.finished_at)


def config(seen: Observed, model: str) -> Iterator[Sign]:
    """The kubelet makes no container: something that it names is not there, or a rule is broken."""
    for pod in _pods(seen, model):
        for container in pod.containers:
            waiting = container.state.waiting
            if waiting and waiting.reason in (
                "CreateContainerConfigError",
                "CreateContainerError",
                "RunContainerError",
            ):
                yield Sign(_what(pod, container), waiting.message)


def crash(seen: Observed, model: str) -> Iterator[Sign]:
    """A container ends, in words that no other cause knows."""
    for pod in _pods(seen, model):
        for container in pod.containers:
            if ended := container.failed:
                said = [one for one in told(seen, pod, container).splitlines() if one.strip()]
                last = said[-1] if said else ended.reason
                yield Sign(_what(pod, container), f"exit code {ended.exit_code}: {last}", ended.finished_at)


def pulling(seen: Observed, model: str) -> Iterator[Sign]:
    """Image and volumes come onto the node."""
    now = phase(seen, model)
    if now.name == "image":
        yield Sign(f"model {model}", now.detail or "onto the node, with its volumes", now.since)


def loading(seen: Observed, model: str) -> Iterator[Sign]:
    """Weights are downloaded, or put on the chips."""
    now = phase(seen, model)
    if now.name in ("weights", "load"):
        what = "download" if now.name == "weights" else "onto the chips"
        yield Sign(f"model {model}", f"{what}: {now.detail or 'its log does not say how far'}", now.since)


def compiling(seen: Observed, model: str) -> Iterator[Sign]:
    """vLLM compiles its programs."""
    now = phase(seen, model)
    if now.name == "compilation" and now.detail != vllm_log.STARTED:
        yield Sign(f"model {model}", now.detail, now.since)
