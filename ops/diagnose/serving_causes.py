"""Why a model is not Ready although it is not its Pod: what stands around it."""

import re
from collections.abc import Iterator
from datetime import datetime

from infra.platform.names import CERT_MANAGER, GATEWAY, ISTIO_INGRESS, ISTIO_SYSTEM, KSERVE, deployment_of, picker_of

from .cause import Sign
from .objects import Thing
from .observed import Observed
from .phases import STOP, is_asleep, is_paused

WEBHOOKS = {
    f"{KSERVE}/llmisvc-controller-manager": "KServe's webhook and controller",
    f"{ISTIO_SYSTEM}/istiod": "Istio's webhook and controller",
    f"{CERT_MANAGER}/cert-manager-webhook": "cert-manager's webhook",
    f"{CERT_MANAGER}/cert-manager": "cert-manager's controller",
    f"{CERT_MANAGER}/cert-manager-cainjector": "what tells the API server whom webhooks' certificates are from",
}
"""The Deployments of the platform that have to answer, and what they are."""
CALLED = re.compile(r"failed calling webhook")
ACCOUNT = re.compile(r'serviceaccount "?[^"]*"? not found|service account \S+ (?:was )?not found', re.IGNORECASE)
SECRET = re.compile(r'secrets? "[^"]+" not found')
CREATING = ("FailedCreate", "FailedMount", "Failed", "Error")


def _unready(model: Thing) -> Iterator[tuple[str, Sign]]:
    """Each condition of a model that is False, with its words."""
    for condition in model.status.conditions:
        if condition.status != "True":
            words = condition.message or condition.reason
            sign = Sign(f"condition {condition.type} of {model.place}", words, condition.last_transition_time)
            yield condition.type, sign


def _news_since(seen: Observed, model: str) -> datetime | None:
    """When the newest of a model's Pods was made, or the model became Ready or ceased to be, whichever came later."""
    found = seen.model(model)
    ready = found.condition("Ready") if found else None
    times = [pod.metadata.creation_timestamp for pod in seen.pods_of(model)]
    return max(filter(None, [*times, ready.last_transition_time if ready else None]), default=None)


def _said(seen: Observed, model: str, words: re.Pattern[str]) -> Iterator[Sign]:
    """In which condition of a model, or event about it or what is made of it, something is said, the first of them.

    What was said before the newest of its Pods was made, or while it was last Ready, is over: events stay for an hour.
    So is all that was said of one that is gone. Without all Pods, which of them is the newest is not known.
    """
    found = seen.model(model)
    for _, sign in _unready(found) if found else ():
        if words.search(sign.said):
            yield sign
            return
    namespace, name = model.split("/")
    since = _news_since(seen, model)
    judged = seen.whole("pods") and bool(found or not seen.whole("models"))
    for event in seen.events_in(namespace, *CREATING) if judged else ():
        about = event.involved_object
        ours = about.name == name or about.name.startswith(deployment_of(name))
        over = since and event.when and event.when < since
        if ours and not over and words.search(event.message):
            yield Sign(f"{about.kind} {about.namespace}/{about.name}", event.message, event.when)
            return


def none_yet(seen: Observed, model: str) -> Iterator[Sign]:
    """Neither the stack's state nor the cluster has a model: the platform comes first."""
    if model not in seen.expected and not seen.model(model) and seen.whole("models"):
        yield Sign("the cluster", "it has no model yet: pulumi up has not come as far")


def gone(seen: Observed, model: str) -> Iterator[Sign]:
    """The stack's state has the model, and the cluster has not."""
    if model in seen.expected and not seen.model(model) and seen.whole("models"):
        yield Sign(f"LLMInferenceService {model}", "it is not in the cluster")


def stopped(seen: Observed, model: str) -> Iterator[Sign]:
    """Somebody has stopped it by hand."""
    found = seen.model(model)
    if found and found.metadata.annotations.get(STOP) == "true" and not is_paused(found):
        yield Sign(f"LLMInferenceService {model}", f"annotation {STOP}=true")


def paused(seen: Observed, model: str) -> Iterator[Sign]:
    """The stack file says that it serves nothing for now."""
    if (found := seen.model(model)) and is_paused(found):
        yield Sign(f"LLMInferenceService {model}", "`paused: true` in the stack file")


def asleep(seen: Observed, model: str) -> Iterator[Sign]:
    """Nobody has asked for it for a while, and its replicas may be none."""
    if (found := seen.model(model)) and not is_paused(found) and is_asleep(seen, found):
        yield Sign(f"Deployment {deployment_of(model)}", "0 replicas, and Ready: `min: 0` in the stack file")


def webhook(seen: Observed, model: str) -> Iterator[Sign]:
    """A webhook does not answer, or has no Pod."""
    for deployment in seen.deployments:
        if (what := WEBHOOKS.get(deployment.place)) and not deployment.status.ready_replicas:
            said = f"{what}: no Pod is ready, {deployment.spec.replicas} wanted"
            yield Sign(f"Deployment {deployment.place}", said)
    yield from _said(seen, model, CALLED)


def account(seen: Observed, model: str) -> Iterator[Sign]:
    """The model's service account, which has its name, is not there, and so no Pod can be made."""
    have = {one.place for one in seen.service_accounts}
    if seen.pods_of(model) or not seen.whole("pods") or model in have:
        return
    if not have or not seen.whole("service_accounts"):
        yield from _said(seen, model, ACCOUNT)
    elif seen.model(model):
        yield Sign(f"ServiceAccount {model}", "it is not in the cluster")


def secret(seen: Observed, model: str) -> Iterator[Sign]:
    """The Secret with the token is not there."""
    yield from _said(seen, model, SECRET)


def _service_of_gateway(seen: Observed) -> Thing | None:
    return next((s for s in seen.services if s.place == f"{ISTIO_INGRESS}/{GATEWAY}"), None)


def gateway(seen: Observed, model: str) -> Iterator[Sign]:  # noqa: ARG001 - the same for every model
    """The load balancer has no address, or is not there; Google Cloud's reason is in its events."""
    service = _service_of_gateway(seen)
    if not service and seen.gateways and seen.whole("services"):
        yield Sign(f"Service {ISTIO_INGRESS}/{GATEWAY}", "it is not in the cluster")
    elif service and not service.status.load_balancer.get("ingress"):
        why = [e for e in seen.events_in(ISTIO_INGRESS, "SyncLoadBalancerFailed") if e.involved_object.name == GATEWAY]
        said = why[0].message if why else "its load balancer has no address yet"
        yield Sign(f"Service {service.place}", said, service.metadata.creation_timestamp)


def proxy(seen: Observed, model: str) -> Iterator[Sign]:  # noqa: ARG001 - the same for every model
    """No proxy of the gateway is ready, or istiod does not program it."""
    for deployment in seen.deployments:
        if deployment.place == f"{ISTIO_INGRESS}/{GATEWAY}" and not deployment.status.ready_replicas:
            yield Sign(f"Deployment {deployment.place}", "no proxy of the gateway is ready")
            return
    service = _service_of_gateway(seen)
    for gate in seen.gateways if service and service.status.load_balancer.get("ingress") else []:
        programmed = gate.condition("Programmed")
        if programmed and programmed.status == "False":
            yield Sign(
                f"Gateway {gate.place}", programmed.message or programmed.reason, programmed.last_transition_time
            )


def certificate(seen: Observed, model: str) -> Iterator[Sign]:  # noqa: ARG001 - the same for every model
    """A certificate or its issuer is not Ready: in the words of what is asked for last, which is the challenge."""
    waiting = [one for one in seen.certificates if one.kind in ("Issuer", "Certificate") and not one.ready]
    deeper = [one for one in seen.certificates if one.kind in ("Order", "Challenge") and one.status.reason]
    for one in waiting:
        ready = one.condition("Ready")
        more = "; ".join(f"{d.kind} {d.metadata.name}: {d.status.reason}" for d in deeper)
        said = (ready.message or ready.reason) if ready else "cert-manager has not looked at it"
        yield Sign(f"{one.kind} {one.place}", said, ready.last_transition_time if ready else None, more)


def picker(seen: Observed, model: str) -> Iterator[Sign]:
    """No endpoint picker of the model is ready; of several only the leader is, so one is enough."""
    if not seen.whole("pods"):
        return
    pods = seen.pickers_of(model)
    if pods and not any(pod.ready for pod in pods):
        for pod in pods[:1]:
            words = [c.state.waiting.message or c.state.waiting.reason for c in pod.containers if c.state.waiting]
            words += [end.message or end.reason for c in pod.containers if (end := c.failed)]
            words += [event.message for event in seen.events_of(pod, "FailedScheduling", "Unhealthy")[:1]]
            said = next(filter(None, words), "its Pod is not ready")
            yield Sign(f"Pod {pod.place}", said, pod.metadata.creation_timestamp)
    made = picker_of(model)
    if not pods and any(one.place == made for one in seen.deployments):
        yield Sign(f"Deployment {made}", "it has no Pod")


def unknown(seen: Observed, model: str) -> Iterator[Sign]:
    """What to look at when nothing else is known: the conditions, in KServe's words."""
    found = seen.model(model)
    unready = list(_unready(found)) if found else []
    signs = [sign for kind, sign in unready if kind != "Ready"] or [sign for _, sign in unready]
    yield from signs or [Sign(f"LLMInferenceService {model}", "KServe has not looked at it yet")]
