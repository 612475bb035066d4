"""What Helm, GKE, istiod and KServe make of an object in a simulated cluster, and what they say if it does not work."""

from typing import Any

from . import buckets, certificates, compute_classes, keda
from .calls import NotReadyError
from .google_kinds import ADDRESS, FORWARDING_RULE, free_address, last
from .google_machines import TPU_MACHINES
from .inventory import CloudError, Item
from .kubernetes_cluster import CONTROLLER, LLM_CRDS, PRESETS, Cluster, most_nodes
from .kubernetes_kinds import (
    ACCOUNT,
    CERTIFICATE,
    CERTIFICATE_REQUEST,
    CLAIM,
    COMPUTE_CLASS,
    GATEWAY,
    ISSUER,
    JOB,
    LLM,
    NAMESPACE,
    RELEASE,
    SCALED_OBJECT,
    SECRET,
    SERVICE,
    VOLUME,
    kind_of,
)

TOPOLOGY = "cloud.google.com/gke-tpu-topology"
NEEDED_CHARTS = {
    CONTROLLER: (
        ("cert-manager", 'no matches for kind "Certificate" in version "cert-manager.io/v1"'),
        (LLM_CRDS, 'no matches for kind "LLMInferenceServiceConfig" in version "serving.kserve.io/v1alpha2"'),
    ),
    PRESETS: ((CONTROLLER, 'failed calling webhook "llminferenceserviceconfig.kserve-webhook-server.v1alpha2"'),),
    "istiod": (("base", 'no matches for kind "EnvoyFilter" in version "networking.istio.io/v1alpha3"'),),
    "gateway": (("istiod", "timed out: Pods ImagePullBackOff, as no webhook replaced the image `auto`"),),
}
"""What a chart needs to be installed before it, and what it fails with otherwise."""


def _load_balancer(service: Item) -> str | None:
    ingress = service.props["status"]["loadBalancer"].get("ingress")
    return ingress[0]["ip"] if ingress else None


def _stopped(service: Item) -> bool:
    """Whether KServe has deleted what it had made for a service, and calls it not Ready on purpose."""
    return service.inputs["metadata"].get("annotations", {}).get("serving.kserve.io/stop") == "true"


def _tpu_demand(service: Item) -> tuple[tuple[int, str | None, str], int]:
    """What a service asks for: chips and topology of a host, the class of its pool, and how many hosts; of a stopped
    one none."""
    template = service.inputs["spec"].get("template", {})
    limits = [c.get("resources", {}).get("limits", {}) for c in template.get("containers", [])]
    chips = max((int(limit.get("google.com/tpu", 0)) for limit in limits), default=0)
    selector = template.get("nodeSelector", {})
    hosts = 0 if _stopped(service) else int(service.inputs["spec"].get("replicas", 1))
    return (chips, selector.get(TOPOLOGY), selector.get(compute_classes.LABEL, "")), hosts


def settle(cluster: Cluster, item: Item) -> None:
    """Give the object its status, or refuse with what Pulumi would say after waiting in vain."""
    if item.kind == RELEASE:
        _install(cluster, item)
    elif item.kind == SERVICE:
        _balance(cluster, item)
    elif item.kind == JOB:
        _run(cluster, item)
    elif item.kind == COMPUTE_CLASS:
        if refused := list(compute_classes.problems(item.inputs)):
            raise CloudError(f'ComputeClass "{item.name}" is invalid: {", ".join(refused)}')
    elif item.kind == SCALED_OBJECT:
        keda.settle(cluster, item)
    elif item.kind == CLAIM:
        if problem := buckets.unbound(cluster, item):
            raise CloudError(f"timed out: PersistentVolumeClaim {item.id} is Pending: {problem}")
    elif item.kind in (ISSUER, CERTIFICATE, CERTIFICATE_REQUEST):
        certificates.settle(cluster, item)
    elif item.kind in (GATEWAY, LLM):
        condition = "Programmed" if item.kind == GATEWAY else "Ready"
        problem = _gateway_problem(cluster, item) if item.kind == GATEWAY else _llm_problem(cluster, item)
        waits = item.inputs["metadata"].get("annotations", {}).get("pulumi.com/waitFor", "")
        if waits and bool(problem) != waits.endswith("=False"):
            wanted = waits if not problem else f"condition {condition}"
            raise CloudError(f"timed out waiting for {wanted} of {kind_of(item)} {item.id}: {problem or 'it is true'}")
        status = {"type": condition, "status": "False" if problem else "True", "message": problem or ""}
        item.computed = item.computed | {"status": {"conditions": [status]}}
        addresses = [ip for service in cluster.find(SERVICE) if (ip := _load_balancer(service))]
        if item.kind == LLM and not problem and addresses:
            item.computed["status"]["url"] = f"http://{addresses[0]}/{item.id}"


def _install(cluster: Cluster, item: Item) -> None:
    chart = last(item.inputs["chart"])
    failed = f'Helm release "{item.id}" was not installed'
    for needed, message in NEEDED_CHARTS.get(chart, ()):
        if not cluster.release(needed):
            raise CloudError(f"{failed}: {message} (there is no release of the chart {needed})")
    if not cluster.has_system_nodes:
        raise CloudError(f"{failed}: timed out waiting for the condition: Pods Pending, no node without TPU")
    if images := cluster.unpullable(item):
        raise CloudError(f"{failed}: timed out waiting for the condition: Pods ImagePullBackOff, {images[0]}")
    if chart == CONTROLLER and not item.inputs.get("takeOwnership") and cluster.serves("inference.networking.k8s.io"):
        crd = 'CustomResourceDefinition "inferencepools.inference.networking.k8s.io"'
        raise CloudError(f"{failed}: {crd} cannot be imported into the current release: invalid ownership metadata")
    revision = item.computed.get("status", {}).get("revision", 0) + 1
    facts = {key: item.inputs.get(key, "") for key in ("name", "namespace", "version")}
    item.computed = {"status": facts | {"status": "deployed", "chart": chart, "revision": revision}}


def _balance(cluster: Cluster, item: Item) -> None:
    """The load balancer that GKE makes for a Service, and the forwarding rule it leaves in the VPC."""
    rules, spec = cluster.rules(item), item.inputs.get("spec", {})
    if spec.get("type") != "LoadBalancer":
        for rule in rules:
            cluster.inventory.record("delete", rule)
        item.computed["status"] = {"loadBalancer": {}}
        return
    if not cluster.release("gateway", item.inputs["metadata"]["namespace"]):
        raise CloudError(f"timed out: Service {item.id} does not target any Pods")
    address = spec.get("loadBalancerIP")
    others = [r for r in cluster.inventory.find(FORWARDING_RULE) if r not in rules and r.inputs["address"] == address]
    reserved = [a for a in cluster.inventory.find(ADDRESS) if a.props["address"] == address]
    if address and (others or not any(a.props["region"] == cluster.region for a in reserved)):
        problem = f"in use by {others[0].id}" if others else f"not a reserved address of {cluster.region}"
        raise CloudError(f"timed out: Service {item.id}: SyncLoadBalancerFailed: {address} is {problem}")
    address = address or (rules[0].inputs["address"] if rules else free_address(cluster.inventory))
    scope = f"projects/{cluster.project}/regions/{cluster.region}/forwardingRules"
    name = rules[0].name if rules else f"a{cluster.inventory.unique(item.id)[:31]}"
    points = {"network": cluster.gke.inputs["network"], "address": address}
    rule = Item("gcp", FORWARDING_RULE, scope, name, f"{scope}/{name}", points)
    rule.inputs["service"] = f"{item.kind} {item.scope} {item.id}"
    cluster.inventory.record("update" if rules else "create", rule)
    item.computed["status"] = {"loadBalancer": {"ingress": [{"ip": address}]}}


def _run(cluster: Cluster, job: Item) -> None:
    """Let a Job complete if there is a node for its Pods that can pull their images. Who waits for it gets the plugin's
    words, and keeps the Job.

    It knows of one bad end of a Pod alone, that of a gated model fetched without a token, and no sleep: a Job that
    sleeps is complete here, so nothing may wait for it.
    """
    pod = job.inputs["spec"]["template"]["spec"]
    annotations = job.inputs["metadata"].get("annotations", {})
    problem = _no_tpu_node(cluster, pod.get("nodeSelector", {})) or buckets.unmounted_by(cluster, job)
    problem = problem or next((f"Pods ImagePullBackOff: {image}" for image in cluster.unpullable(job)), None)
    failed = None if problem else _gated(cluster, pod)
    if not problem and not failed:
        job.computed["status"] = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
        return
    job.computed["status"] = {"active": 1} if problem else {"conditions": [{"type": "Failed", "status": "True"}]}
    if annotations.get("pulumi.com/skipAwait") != "true":
        # With `waitFor` the plugin looks at that condition alone, and at nothing that the Job says of its failure.
        seen = failed and "pulumi.com/waitFor" not in annotations
        why = (
            f"[BackoffLimitExceeded] {failed}" if seen else f"timed out waiting for the condition ({problem or failed})"
        )
        raise NotReadyError(
            job.id,
            job.props,
            f"resource {job.id} was successfully created, but the Kubernetes API server reported that it failed to "
            f"fully initialize or become live: {why}",
        )


def _gated(cluster: Cluster, pod: dict[str, Any]) -> str | None:
    """Why a container ends that fetches a model without a token, if it is gated: `gated hf://...` outside."""
    for container in pod["containers"]:
        named = {variable["name"] for variable in container.get("env", [])}
        gated = [word for word in container.get("command", []) if f"gated {word}" in cluster.inventory.outside]
        if gated and "HF_TOKEN" not in named:
            return f"Job has reached the specified backoff limit: {gated[0]} is gated"
    return None


def _no_tpu_node(cluster: Cluster, selector: dict[str, str]) -> str | None:
    """Why no node of a slice is there or comes, if a Pod selects one: there is one where a model runs."""
    topology = selector.get(TOPOLOGY)
    if topology is None:
        return None
    if any(_tpu_demand(model)[0][1] == topology and _is_ready(model) for model in cluster.find(LLM)):
        return None
    machines = {machine for machine, (_, of) in TPU_MACHINES.items() if of == topology}
    led_to = compute_classes.pools(cluster, selector.get(compute_classes.LABEL, ""))
    fitting = [pool for pool in led_to if pool.inputs.get("nodeConfig", {}).get("machineType") in machines]
    if not fitting:
        return f"no node pool has topology {topology}"
    tried = [compute_classes.sold_out(cluster, pool) for pool in fitting]
    return f"GCE out of resources: {', '.join(where for pool in tried for where in pool)}" if all(tried) else None


def _is_ready(model: Item) -> bool:
    conditions = model.props.get("status", {}).get("conditions", [])
    return any((c["type"], c["status"]) == ("Ready", "True") for c in conditions)


def _gateway_problem(cluster: Cluster, item: Item) -> str | None:
    if not cluster.release("istiod"):
        return "no controller: istiod is not running"
    waits = item.inputs["metadata"].get("annotations", {}).get("pulumi.com/waitFor", "")
    for listener in item.inputs["spec"]["listeners"] if "https" in waits else []:
        for secret in listener.get("tls", {}).get("certificateRefs", []):
            if not cluster.find(SECRET, item.inputs["metadata"]["namespace"], secret["name"]):
                return f"listener {listener['name']}: secret {secret['name']} not found"
    for address in item.inputs["spec"].get("addresses", []):
        name, namespace = [*address["value"].split("."), ""][:2]
        if any(_load_balancer(service) for service in cluster.find(SERVICE, namespace, name)):
            return None
    return "no Service in spec.addresses has a load-balancer address"


def _llm_problem(cluster: Cluster, item: Item) -> str | None:
    """Why KServe would not make this service Ready; without its charts the API server refuses it at once."""
    if not cluster.release(CONTROLLER):
        raise CloudError('failed calling webhook "llminferenceservice.kserve-webhook-server": no endpoints available')
    if not cluster.release(PRESETS):
        raise CloudError('LLMInferenceServiceConfig "kserve-config-llm-template" not found: no presets')
    if _stopped(item):
        return "Service is stopped"
    if missing := _missing_reference(cluster, item) or _missing_chips(cluster, item):
        return missing
    if images := cluster.unpullable(item):
        return f"Pods ImagePullBackOff: {images[0]}"
    if unmounted := buckets.unmounted(cluster, item):
        return unmounted
    return None if cluster.has_system_nodes else "Pods of the endpoint picker are Pending: no node without TPU"


def _missing_reference(cluster: Cluster, service: Item) -> str | None:
    """What a service names and the cluster does not have: a Gateway, a ServiceAccount or its Secret."""
    spec, namespace = service.inputs["spec"], service.inputs["metadata"]["namespace"]
    needed = [
        (GATEWAY, ref.get("namespace", namespace), ref["name"])
        for ref in spec.get("router", {}).get("gateway", {}).get("refs", [])
    ]
    account = spec.get("template", {}).get("serviceAccountName")
    if account:
        needed.append((ACCOUNT, namespace, account))
    for found in cluster.find(ACCOUNT, namespace, account) if account else []:
        needed += [(SECRET, namespace, secret["name"]) for secret in found.inputs.get("secrets", [])]
    for kind, where, name in needed:
        if not cluster.find(kind, where, name):
            return f'{kind.rsplit(":", 1)[-1]} "{where}/{name}" not found'
    return None


def _missing_chips(cluster: Cluster, service: Item) -> str | None:
    """Why the node pools would not have hosts for a service beside all others."""
    wanted, replicas = _tpu_demand(service)
    if not wanted[0]:
        return None
    fitting = [
        pool
        for pool in compute_classes.pools(cluster, wanted[2])
        if TPU_MACHINES.get(pool.inputs.get("nodeConfig", {}).get("machineType")) == wanted[:2]
    ]
    others = [_tpu_demand(other) for other in cluster.find(LLM) if other.id != service.id]
    hosts = replicas + sum(n for demand, n in others if demand == wanted)
    tried = [compute_classes.sold_out(cluster, pool) for pool in fitting]
    if fitting and all(tried):
        return f"GCE out of resources: {', '.join(where for pool in tried for where in pool)}"
    most = sum(most_nodes(pool) for pool, vain in zip(fitting, tried, strict=True) if not vain)
    if hosts > most:
        wish = f"{hosts} hosts of {wanted[0]} chips with topology {wanted[1]}"
        return f"insufficient google.com/tpu: {wish} are wanted, the node pools have {most} at most"
    return None


def stuck(cluster: Cluster, item: Item) -> str | None:
    """Why the deletion would hang or be refused."""
    controller, services = cluster.release(CONTROLLER), cluster.find(LLM)
    if item.kind in (CLAIM, VOLUME):
        return buckets.in_use(cluster, item)
    orphaned = "timed out: finalizer serving.kserve.io/llmisvc-finalizer: its controller is gone"
    chart = last(item.inputs["chart"]) if item.kind == RELEASE else ""
    if not controller:
        if item.kind == LLM or chart == PRESETS or (item.kind == NAMESPACE and cluster.find(LLM, item.name)):
            return orphaned
    elif chart == PRESETS:
        env: Any = controller.inputs.get("values", {})
        for key in ("kserve", "llmisvc", "controller", "env"):
            env = env.get(key, {})
        if {"name": "PREVENT_WELL_KNOWN_CONFIG_DELETION", "value": "false"} not in list(env):
            return "admission webhook denied the request: well-known configs are protected from deletion"
    if chart == LLM_CRDS and services:
        return f"its CRDs hold LLMInferenceServices that would go with them, such as {services[0].id}"
    return None
