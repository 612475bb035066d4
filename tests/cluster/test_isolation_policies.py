"""The table of flows: what the program's NetworkPolicies let through and what not, by an evaluator of others."""

import pytest

from sandbox.build import places
from sandbox.cluster.flows import Flow
from tests.support.isolated import policies, verdicts, without_one
from tests.support.program import Run
from tests.support.stacks import MODEL

STRANGER = {**MODEL, "namespace": "strangers", "uri": "pvc://weights/of-a-stranger"}

ALLOWED = [
    # A request
    ("a client", "gateway", 80),
    ("a client", "gateway", 443),
    ("gateway", "vllm", 8000),
    ("gateway", "picker", 9002),
    ("gateway", "vllm of a stranger", 8000),
    ("gateway", "picker of a stranger", 9002),
    ("picker", "vllm", 8000),
    # The mesh
    ("gateway", "istiod", 15012),
    # Webhooks, called by the control plane itself or through its agents
    ("the API server", "istiod", 15017),
    ("the API server", "kserve", 9443),
    ("the API server", "cert-manager's webhook", 10250),
    ("konnectivity agent", "istiod", 15017),
    ("konnectivity agent", "kserve", 9443),
    ("konnectivity agent", "cert-manager's webhook", 10250),
    # The Kubernetes API, for controllers and for the pickers' election of a leader
    ("istiod", "the API server", 443),
    ("kserve", "the API server", 443),
    ("cert-manager", "the API server", 443),
    ("cert-manager's webhook", "the API server", 443),
    ("cert-manager's check", "the API server", 443),
    ("picker", "the API server", 443),
    # Names
    ("vllm", "kube-dns", 53, "UDP"),
    ("vllm", "kube-dns", 53),
    ("vllm", "node-local-dns", 53, "UDP"),
    ("vllm", "NodeLocal DNSCache", 53, "UDP"),
    ("vllm", "metadata server", 53, "UDP"),
    ("gateway", "kube-dns", 53, "UDP"),
    ("gateway", "kube-dns", 53),
    ("gateway", "node-local-dns", 53, "UDP"),
    ("gateway", "NodeLocal DNSCache", 53, "UDP"),
    ("gateway", "metadata server", 53, "UDP"),
    # The weights, and the metadata server
    ("vllm", "the internet", 443),
    ("vllm", "metadata server", 80),
    ("vllm", "metadata server", 8080),
    # Metrics
    ("collector", "vllm", 8000),
    ("collector", "picker", 9090),
    ("collector", "gateway", 15020),
    ("collector", "gateway", 15090),
    ("collector", "istiod", 15014),
    ("collector", "cert-manager", 9402),
]
REFUSED = [
    # Around the gateway, and so around its keys and limits
    ("something in default", "vllm", 8000),
    ("something in default", "picker", 9002),
    ("gateway's double", "vllm", 8000),
    ("something beside vllm", "vllm", 8000),
    ("something beside vllm", "picker", 9002),
    ("a client", "vllm", 8000),
    ("the node range", "vllm", 8000),
    ("konnectivity agent", "vllm", 8000),
    ("istiod", "vllm", 8000),
    ("kserve", "vllm", 8000),
    # From one model to others
    ("vllm", "other vllm", 8000),
    ("vllm", "vllm of a stranger", 8000),
    ("vllm", "picker", 9002),
    ("picker", "other vllm", 8000),
    ("picker", "vllm of a stranger", 8000),
    ("picker of a stranger", "vllm", 8000),
    ("vllm of a stranger", "vllm", 8000),
    # From a model to the rest
    ("vllm", "gateway", 80),
    ("vllm", "istiod", 15012),
    ("vllm", "istiod", 8080),
    ("vllm", "kserve", 9443),
    ("vllm", "the API server", 443),
    ("vllm", "something in default", 443),
    ("vllm", "something of kube-system", 443),
    ("vllm", "the pod range", 443),
    ("vllm", "the node range", 443),
    ("vllm", "the node range", 10250),
    ("vllm", "the service range", 443),
    ("vllm", "the control plane range", 443),
    ("vllm", "a private host", 443),
    ("vllm", "the internet", 80),
    ("vllm", "the internet", 53, "UDP"),
    ("vllm", "metadata server", 443),
    ("vllm of a stranger", "the internet", 443),
    ("something beside vllm", "the internet", 443),
    ("something beside vllm", "kube-dns", 53, "UDP"),
    # Other ports of what may be asked
    ("gateway", "vllm", 22),
    ("gateway", "picker", 9090),
    ("gateway", "istiod", 8080),
    ("gateway", "istiod", 15010),
    ("gateway", "istiod", 15014),
    ("a client", "gateway", 15000),
    ("a client", "gateway", 15021),
    ("collector", "picker", 9002),
    ("the API server", "vllm", 8000),
    ("the API server", "istiod", 8080),
    # Webhooks, by whom is not the API server
    ("something in default", "istiod", 15017),
    ("something of kube-system", "istiod", 15017),
    ("something in default", "kserve", 9443),
    ("something in default", "cert-manager's webhook", 10250),
    ("the node range", "kserve", 9443),
    ("something in default", "istiod", 15012),
    ("something in default", "istiod", 8080),
    ("vllm of a stranger", "istiod", 15012),
    # What leaves the platform
    ("gateway", "the internet", 443),
    ("gateway", "the API server", 443),
    ("gateway", "metadata server", 80),
    ("picker", "the internet", 443),
    ("picker", "kube-dns", 53, "UDP"),
    ("istiod", "the internet", 443),
    ("istiod", "kube-dns", 53, "UDP"),
    ("kserve", "the internet", 443),
    ("kserve", "vllm", 8000),
    ("cert-manager", "the internet", 443),
    ("cert-manager", "metadata server", 80),
    ("something in istio-system", "the internet", 443),
    ("something in istio-ingress", "the internet", 443),
    ("something in kserve", "the API server", 443),
]


@pytest.fixture
def closed(run: Run) -> list[dict[str, object]]:
    """The policies of dev with one more model, elsewhere."""
    assert (places.BIN / "netpol").exists(), "run `make tools` first"
    return policies(run(isolation=True, models=[MODEL, STRANGER], tpuMaxNodes=2))


@pytest.mark.parametrize("phase", ["up"], indirect=True)
def test_flows_that_are_needed_pass_and_no_others(closed: list[dict[str, object]]) -> None:
    allowed, refused = [Flow(*row) for row in ALLOWED], [Flow(*row) for row in REFUSED]
    assert [flow for flow, passes in zip(allowed, verdicts(closed, allowed), strict=True) if not passes] == []
    assert [flow for flow, passes in zip(refused, verdicts(closed, refused), strict=True) if passes] == []


@pytest.mark.parametrize("phase", ["up"], indirect=True)
def test_no_policy_peer_or_port_is_idle(closed: list[dict[str, object]]) -> None:
    """Without any one of them, a flow of the table is judged otherwise: what is not needed is not open."""
    flows = [Flow(*row) for row in ALLOWED + REFUSED]
    whole = verdicts(closed, flows)
    idle = [missing for missing, fewer in without_one(closed) if verdicts(fewer, flows) == whole]
    assert [missing for missing in idle if not missing.startswith("strangers/")] == []


@pytest.mark.parametrize("phase", ["up"], indirect=True)
def test_dev_has_no_policy(run: Run) -> None:
    assert policies(run()) == []
