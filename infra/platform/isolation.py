"""Which Pod may open which connection, in the namespaces of the platform and of the models: all else is dropped.

Plain values in the words of Kubernetes; `network_policies` makes resources of them. Every namespace has a policy that
lets nothing in or out, and one for each kind of Pod with the flows that it needs, at both ends. What needs none is
answers, and what comes from a Pod's own node, like probes and `kubectl port-forward`
(https://kubernetes.io/docs/concepts/services-networking/network-policies/#what-you-can-t-do-with-network-policies-at-least-not-yet).

Facts of GKE's Dataplane V2, which is Cilium:

- it judges what a connection is after Services are resolved, so policies name Pods and their ports, never Services;
- an `ipBlock` never means a Pod (https://docs.cilium.io/en/latest/security/policy/layer3/), so a rule with
  one opens nothing inside the cluster;
- the API server is outside of the cluster, in `controlPlaneCidr`, and an `ipBlock` does mean it
  (https://github.com/cilium/cilium/pull/25241). It calls webhooks from there, or through the konnectivity agents, which
  are Pods (https://github.com/tigera/operator/pull/5212);
- the metadata server, which gives out Workload Identity's tokens, is at 169.254.169.254, ports 80 and 8080
  (https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity).

Only who looks names up may ask DNS, which could carry anything out: Istio's agent beside the proxy, which asks for
istiod, the models with their pickers, and KEDA, for Google's Monitoring and for its own parts. The others find the API
server by the address in their environment.
"""

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any, NamedTuple

from infra.settings import compile_cache
from infra.settings.model import Model
from infra.settings.schema import Settings

from .names import (
    GATEWAY,
    GATEWAY_NAME_LABEL,
    ISTIO_INGRESS,
    ISTIO_SYSTEM,
    PICKER,
    VLLM,
    VLLM_PORT,
    kserve_labels,
    model_labels,
)
from .tls import LETS_ENCRYPT

Json = dict[str, Any]

NOT_THE_INTERNET = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
)
"""Ranges that are not globally reachable
(https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml), and multicast."""
SOLVER = {"acme.cert-manager.io/http01-solver": "true"}
"""What cert-manager calls the Pods that answer challenges, which it makes in the namespace of the Certificate."""
METADATA = "169.254.169.254/32"
PROXY_PORTS = (80, 443)
"""What the gateway's Service publishes, without TLS the first alone."""


class Policy(NamedTuple):
    """A NetworkPolicy of the Pods with these labels, of all in the namespace if there are none: nothing but these flows
    goes in and out."""

    name: str
    pods: Mapping[str, str] = {}
    into: tuple[Json, ...] = ()
    out: tuple[Json, ...] = ()

    def spec(self) -> Json:
        """As the API server has it."""
        flows = {"ingress": list(self.into), "egress": list(self.out)}
        selector = {"matchLabels": dict(self.pods)} if self.pods else {}
        return {
            "podSelector": selector,
            "policyTypes": ["Ingress", "Egress"],
            **{direction: rules for direction, rules in flows.items() if rules},
        }


# Who and where


def _pods(labels: Mapping[str, str], *namespaces: str) -> Json:
    """Pods with these labels, in these namespaces or, without any, in the policy's own."""
    selector: Json = {"podSelector": {"matchLabels": dict(labels)}}
    if namespaces:
        names = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}
        selector["namespaceSelector"] = {"matchExpressions": [names]}
    return selector


def _block(cidr: str, *excepted: str) -> Json:
    return {"ipBlock": {"cidr": cidr, **({"except": list(excepted)} if excepted else {})}}


def _ports(*ports: int, protocol: str = "TCP") -> list[Json]:
    return [{"protocol": protocol, "port": port} for port in ports]


PROXY = _pods({GATEWAY_NAME_LABEL: GATEWAY}, ISTIO_INGRESS)
ISTIOD = _pods({"app": "istiod"}, ISTIO_SYSTEM)

# Flows


def scraping(*ports: int) -> Json:
    """Google's collectors, which read metrics at these ports of the Pods on their node."""
    collectors = _pods({"app.kubernetes.io/name": "collector"}, "gmp-system", "gke-gmp-system")
    return {"from": [collectors], "ports": _ports(*ports)}


def from_api_server(settings: Settings, port: int) -> Json:
    """Calls of a webhook."""
    agents = _pods({"k8s-app": "konnectivity-agent"}, "kube-system")
    return {"from": [_block(settings.control_plane_cidr), agents], "ports": _ports(port)}


def to_api_server(settings: Settings) -> Json:
    """The Kubernetes API."""
    return {"to": [_block(settings.control_plane_cidr)], "ports": _ports(443)}


def dns() -> Json:
    """Every way in which GKE resolves names: kube-dns, NodeLocal DNSCache, which is on by default from GKE 1.34 on
    (https://docs.cloud.google.com/kubernetes-engine/docs/how-to/nodelocal-dns-cache) and to Dataplane V2 its Pods
    (https://github.com/world-federation-of-advertisers/cross-media-measurement/issues/3569), and Cloud DNS."""
    servers = [_pods({"k8s-app": name}, "kube-system") for name in ("kube-dns", "node-local-dns")]
    ports = [*_ports(53, protocol="UDP"), *_ports(53)]
    return {"to": [*servers, _block("169.254.20.10/32"), _block(METADATA)], "ports": ports}


def metadata_server() -> Json:
    """Google's metadata server on the node."""
    return {"to": [_block(METADATA)], "ports": _ports(80, 8080)}


def to_the_internet(settings: Settings, *ports: int) -> Json:
    """Anything outside, and nothing of the stack's own, wherever its ranges lie."""
    private = [IPv4Network(cidr) for cidr in NOT_THE_INTERNET]
    own = (settings.subnet_cidr, settings.pod_cidr, settings.service_cidr, settings.control_plane_cidr)
    more = [cidr for cidr in own if not any(IPv4Network(cidr).subnet_of(range_) for range_ in private)]
    return {"to": [_block("0.0.0.0/0", *NOT_THE_INTERNET, *more)], "ports": _ports(*ports)}


# Policies

NOTHING = Policy("default-deny")


def of_istio_system(settings: Settings) -> list[Policy]:
    """Istiod: the proxy asks it for its configuration and its certificate, the API server for admission. It fetches the
    public keys of other issuers."""
    into = ({"from": [PROXY], "ports": _ports(15012)}, from_api_server(settings, 15017), scraping(15014))
    keys = (dns(), to_the_internet(settings, 443)) if settings.token_issuers else ()
    return [Policy("istiod", {"app": "istiod"}, into, (to_api_server(settings), *keys)), NOTHING]


def of_istio_ingress(settings: Settings) -> list[Policy]:
    """The proxy: everybody may ask it, and it asks istiod, pickers and models. With `tls` lets-encrypt also what
    cert-manager runs beside it while it answers a challenge, at port 8089."""
    namespaces = sorted({model.namespace for model in settings.models})
    out = (
        {"to": [ISTIOD], "ports": _ports(15012)},
        {"to": [_pods(kserve_labels(VLLM), *namespaces)], "ports": _ports(VLLM_PORT)},
        {"to": [_pods(kserve_labels(PICKER), *namespaces)], "ports": _ports(9002)},
        dns(),
    )
    into = ({"ports": _ports(*PROXY_PORTS)}, scraping(15020, 15090))
    proxy = PROXY["podSelector"]["matchLabels"]
    if settings.tls != LETS_ENCRYPT:
        return [Policy("proxy", proxy, into, out), NOTHING]
    to_solver = {"to": [_pods(SOLVER)], "ports": _ports(8089)}
    solver = Policy("acme-solver", SOLVER, ({"from": [PROXY], "ports": _ports(8089)},))
    return [Policy("proxy", proxy, into, (*out, to_solver)), solver, NOTHING]


def of_cert_manager(settings: Settings) -> list[Policy]:
    """Cert-manager: all of it asks the API server, its check at the start too, and the webhook is asked by it.
    With `tls` lets-encrypt the controller asks Let's Encrypt, and the gateway for its own challenge: by the load
    balancer's address, which to a Pod is the proxy's Pods. The policy `api-server` is for every Pod here, so nothing
    else has to close the namespace."""
    webhook, controller = ({"app.kubernetes.io/name": name} for name in ("webhook", "cert-manager"))
    to_gateway = {"to": [PROXY], "ports": _ports(80)}
    outside = Policy("acme", controller, (), (dns(), to_the_internet(settings, 80, 443), to_gateway))
    return [
        *([outside] if settings.tls == LETS_ENCRYPT else []),
        Policy("api-server", {}, (scraping(9402),), (to_api_server(settings),)),
        Policy("webhook", webhook, (from_api_server(settings, 10250),)),
    ]


def of_kserve(settings: Settings) -> list[Policy]:
    """KServe's controller, which only speaks with the API server."""
    controller = {"control-plane": "llmisvc-controller-manager"}
    return [Policy("controller", controller, (from_api_server(settings, 9443),), (to_api_server(settings),)), NOTHING]


def of_keda(settings: Settings) -> list[Policy]:
    """KEDA: the API server asks its API of metrics and its webhook, the former asks the operator, and the operator asks
    Google's Monitoring as what the metadata server says that it is. Ports and labels are those of
    https://github.com/kedacore/charts/tree/main/keda/templates."""
    operator, metrics, webhooks = (
        {"app": name} for name in ("keda-operator", "keda-operator-metrics-apiserver", "keda-admission-webhooks")
    )
    api_server, at = to_api_server(settings), _ports(9666)
    asks = (api_server, dns(), metadata_server(), to_the_internet(settings, 443))
    return [
        Policy("operator", operator, ({"from": [_pods(metrics)], "ports": at},), asks),
        Policy(
            "metrics",
            metrics,
            (from_api_server(settings, 6443),),
            (api_server, dns(), {"to": [_pods(operator)], "ports": at}),
        ),
        Policy("webhooks", webhooks, (from_api_server(settings, 9443),), (api_server,)),
        NOTHING,
    ]


def of_model(model: Model, settings: Settings) -> list[Policy]:
    """A model's Pods, which proxy and picker ask, and its picker, which the proxy asks. Other models are strangers.

    Only weights from Hugging Face and from Cloud Storage come through the Pod's own network: claims of the user's and
    images are the node's. What mounts a bucket, also that of compiled programs, runs in the Pod, and asks the metadata
    server for the Pod's token. Of `hf://` weights KServe v0.20 has the picker's Pod fetch a copy, too (`scheduler.go`),
    though nothing reads it.
    """
    vllm, picker = (model_labels(model, kind) for kind in (VLLM, PICKER))
    mounted = settings.mounts_weights(model)
    downloaded = model.uri.startswith("hf://") and not mounted
    internet = (to_the_internet(settings, 443),)
    of_vllm = internet if downloaded or mounted or settings.compile_cache != compile_cache.NONE else ()
    asked = {"from": [PROXY, _pods(picker)], "ports": _ports(VLLM_PORT)}
    return [
        Policy(f"{model.name}-vllm", vllm, (asked, scraping(VLLM_PORT)), (metadata_server(), dns(), *of_vllm)),
        Policy(
            f"{model.name}-picker",
            picker,
            ({"from": [PROXY], "ports": _ports(9002)}, scraping(9090)),
            (
                {"to": [_pods(vllm)], "ports": _ports(VLLM_PORT)},
                to_api_server(settings),
                dns(),
                *(internet if downloaded else ()),
            ),
        ),
    ]
