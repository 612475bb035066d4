"""Looks at a cluster once: what there is, what was said of it, and the last lines of what does not run."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kubernetes.client import ApiException

from infra.settings.explain import masked, printable

from .cluster import PARALLEL, UNREACHABLE, Cluster, ClusterError, why
from .objects import Event, Pod, Thing
from .observed import Observed, Pool
from .phases import INITIALIZER, VLLM

MOST = 1000
"""Objects of one kind that are read at the most."""
LINES = 200
"""Of a log that are read at the most."""
LONGEST = 65536
"""Characters of a log that are kept, the last ones: an argument of a compilation may be a long array."""

LISTS = {
    "models": "/apis/serving.kserve.io/v1alpha2/llminferenceservices",
    "pods": "/api/v1/pods",
    "events": "/api/v1/events",
    "deployments": "/apis/apps/v1/deployments",
    "services": "/api/v1/services",
    "service_accounts": "/api/v1/serviceaccounts",
    "gateways": "/apis/gateway.networking.k8s.io/v1/gateways",
    "certificates": "/apis/cert-manager.io/v1/certificates",
    "issuers": "/apis/cert-manager.io/v1/issuers",
    "orders": "/apis/acme.cert-manager.io/v1/orders",
    "challenges": "/apis/acme.cert-manager.io/v1/challenges",
}
"""What is read, of all namespaces. No Secrets."""
TYPED = ("pods", "events")
"""Those with a class of their own."""
OF_CERTIFICATES = {"certificates": "Certificate", "issuers": "Issuer", "orders": "Order", "challenges": "Challenge"}


class Answer(NamedTuple):
    """What one list had, or why it could not be read."""

    name: str
    items: list[dict[str, Any]]
    left_out: str = ""


def _list(cluster: Cluster, name: str) -> Answer:
    try:
        items, whole = cluster.objects(LISTS[name], MOST)
    except ApiException as error:
        return Answer(name, [], f"{name}: {why(error)}")
    return Answer(name, items, "" if whole else f"{name}: only the first {MOST} were read")


def _lists(cluster: Cluster, each: ThreadPoolExecutor) -> dict[str, Answer]:
    """Every list. Raises `ClusterError` if the cluster is not there, or gives nothing at all."""
    try:
        answers = list(each.map(lambda name: _list(cluster, name), LISTS))
    except UNREACHABLE as error:
        raise cluster.silent(error) from None
    if not any(answer.items for answer in answers):
        told = "; ".join(filter(None, (answer.left_out for answer in answers))) or "nothing is in it"
        raise ClusterError(f"{cluster.server} tells nothing: {told}. It takes roles/container.viewer")
    return {answer.name: answer for answer in answers}


def wanted_logs(pods: Iterable[Pod]) -> list[tuple[Pod, str, bool]]:
    """Of which containers the log is read, and whether that before the last restart: what does not get ready."""
    found: list[tuple[Pod, str, bool]] = []
    for pod in pods:
        for container in [] if pod.ready else pod.containers:
            if container.name in (INITIALIZER, VLLM) and (container.state.running or container.failed):
                found.append((pod, container.name, bool(container.failed and not container.state.terminated)))
    return found


def _log(cluster: Cluster, pod: Pod, container: str, previous: bool) -> tuple[str, str, str]:
    """Key, text, and why there is none."""
    meta, key = pod.metadata, f"{pod.place}/{container}"
    try:
        text = cluster.log(meta.namespace, meta.name, container, lines=LINES, previous=previous)
    except (ApiException, *UNREACHABLE) as error:
        return key, "", f"the log of {key}: {why(error)}"
    lines = text[-LONGEST:].replace("\r", "\n").splitlines()
    return key, masked("\n".join(printable(line) for line in lines)), ""


def observe(cluster: Cluster, expected: list[str], pools: list[Pool]) -> Observed:
    """What there is now. Raises `ClusterError`."""
    with ThreadPoolExecutor(PARALLEL) as each:
        lists = _lists(cluster, each)
        things = {
            name: [Thing.model_validate(item) for item in answer.items]
            for name, answer in lists.items()
            if name not in TYPED
        }
        seen = Observed(
            at=datetime.now(UTC),
            expected=expected,
            pools=pools,
            models=things["models"],
            pods=[Pod.model_validate(item) for item in lists["pods"].items],
            events=[Event.model_validate(item) for item in lists["events"].items],
            deployments=things["deployments"],
            services=things["services"],
            service_accounts=things["service_accounts"],
            gateways=things["gateways"],
            certificates=[
                one.model_copy(update={"kind": kind}) for name, kind in OF_CERTIFICATES.items() for one in things[name]
            ],
        )
        of_models = [pod for place in seen.places() for pod in [*seen.pods_of(place), *seen.pickers_of(place)]]
        logs = list(each.map(lambda one: _log(cluster, *one), wanted_logs(of_models)))
    incomplete = [name for name, answer in lists.items() if answer.left_out]
    left_out = [answer.left_out for answer in lists.values()] + [problem for *_, problem in logs]
    return seen.model_copy(
        update={
            "logs": {key: text for key, text, problem in logs if not problem},
            "left_out": list(filter(None, left_out)),
            "incomplete": incomplete,
        }
    )
