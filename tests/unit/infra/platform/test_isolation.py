"""What may be opened where: the table of flows, and what settings change in it."""

from ipaddress import IPv4Network
from typing import Any

import pytest

from infra.platform import isolation
from infra.platform.isolation import NOT_THE_INTERNET, NOTHING, Policy
from infra.settings.load import parse
from infra.settings.schema import Settings
from sandbox.cluster.flows import Flow
from tests.support.isolated import PEERS, STRANGER, policies
from tests.support.pods import model
from tests.support.program import Run
from tests.support.reader import passes
from tests.support.stack_settings import stack
from tests.support.stacks import MODEL
from tests.support.table_of_flows import ALLOWED, REFUSED


def settings_of(**changes: Any) -> Settings:
    """Those of dev, changed."""
    return parse(stack(changes))


def test_flows_that_are_needed_pass_and_no_others(run: Run) -> None:
    closed = policies(run(isolation=True, models=[MODEL, STRANGER], tpuMaxNodes=2))
    assert [row for row in ALLOWED if not passes(closed, PEERS, Flow(*row))] == []
    assert [row for row in REFUSED if passes(closed, PEERS, Flow(*row))] == []


def egress(policy: Policy, port: int) -> list[Any]:
    """To whom a port is open."""
    return [
        rule["to"] for rule in policy.spec().get("egress", []) if port in [open_["port"] for open_ in rule["ports"]]
    ]


def test_deny_is_for_all_pods_and_both_ways() -> None:
    assert NOTHING.spec() == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_policy_says_what_it_opens_and_for_whom() -> None:
    into, out = {"ports": [{"protocol": "TCP", "port": 1}]}, {"ports": [{"protocol": "TCP", "port": 2}]}
    assert Policy("name", {"a": "b"}, (into,), (out,)).spec() == {
        "podSelector": {"matchLabels": {"a": "b"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [into],
        "egress": [out],
    }


@pytest.mark.parametrize(
    ("uri", "copied", "reached", "picker_reaches"),
    [
        ("hf://a/b", False, 1, 1),
        (f"hf://a/b:{'0' * 40}", True, 1, 0),
        ("gs://bucket/path", False, 1, 0),
        ("pvc://claim/path", False, 0, 0),
        ("oci://registry/image:tag", False, 0, 0),
    ],
)
def test_only_weights_from_hugging_face_and_cloud_storage_are_fetched_by_the_pod(
    uri: str, copied: bool, reached: int, picker_reaches: int
) -> None:
    settings = settings_of(weightsCache=copied, models=[{**MODEL, "uri": uri}])
    vllm, picker = isolation.of_model(settings.models[0], settings)
    assert len(egress(vllm, 443)) == reached
    assert len(egress(picker, 443)) == picker_reaches + 1  # and the Kubernetes API


def test_vllms_pod_alone_asks_the_metadata_server_for_a_token_and_both_ask_dns() -> None:
    settings = settings_of(models=[{**MODEL, "uri": "gs://bucket/path"}])
    vllm, picker = isolation.of_model(settings.models[0], settings)
    assert (len(egress(vllm, 8080)), len(egress(picker, 8080))) == (1, 0)
    assert (len(egress(vllm, 53)), len(egress(picker, 53))) == (1, 1)


@pytest.mark.parametrize(("place", "reached"), [("none", 0), ("own", 1), ("gs://my-programs", 1)])
def test_vllm_alone_gets_out_to_where_compiled_programs_are_kept(place: str, reached: int) -> None:
    settings = settings_of(compileCache=place)
    vllm, picker = isolation.of_model(model(uri="pvc://claim/path"), settings)
    assert (len(egress(vllm, 443)), len(egress(vllm, 8080))) == (reached, 1)
    assert (len(egress(picker, 443)), len(egress(picker, 8080))) == (1, 0)


def test_proxy_asks_the_models_of_every_namespace_once() -> None:
    models = [{**MODEL, "name": name, "namespace": where} for name, where in (("x", "b"), ("x", "a"), ("y", "b"))]
    proxy, _ = isolation.of_istio_ingress(settings_of(models=models, tpuMaxNodes=3))
    for port in (8000, 9002):
        [[pods]] = egress(proxy, port)
        [names] = pods["namespaceSelector"]["matchExpressions"]
        assert names == {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a", "b"]}


def test_challenge_of_lets_encrypt_passes_and_nothing_asks_for_one_without() -> None:
    name = {"tls": "lets-encrypt", "hostname": "llm.example.com", "acmeEmail": "ops@example.com"}
    assert len(isolation.of_istio_ingress(settings_of())) == 2
    assert [policy.name for policy in isolation.of_cert_manager(settings_of())] == ["api-server", "webhook"]

    proxy, solver, _ = isolation.of_istio_ingress(settings_of(**name))
    assert egress(proxy, 8089) == [[{"podSelector": {"matchLabels": solver.pods}}]]
    assert [rule["ports"][0]["port"] for rule in solver.spec()["ingress"]] == [8089]
    [acme, *_] = isolation.of_cert_manager(settings_of(**name))
    assert acme.pods == {"app.kubernetes.io/name": "cert-manager"}
    [[of_port_80], [gateway]], [[of_port_443]] = egress(acme, 80), egress(acme, 443)
    assert of_port_80["ipBlock"]["cidr"] == of_port_443["ipBlock"]["cidr"] == "0.0.0.0/0"
    assert gateway["podSelector"]["matchLabels"] == proxy.pods  # its address leads to the Pod


def test_istiod_fetches_the_keys_of_other_issuers_alone() -> None:
    other = {"issuer": "https://a", "audiences": ["b"], "jwksUri": "https://a/keys"}
    given: list[dict[str, Any]] = [{}, {"auth": "tokens", "tokenIssuers": [other]}]
    without, with_keys = (isolation.of_istio_system(settings_of(**changes))[0] for changes in given)
    assert (len(egress(without, 443)), len(egress(with_keys, 443))) == (1, 2)  # one is the Kubernetes API
    assert (egress(without, 53), len(egress(with_keys, 53))) == ([], 1)


def test_api_server_is_where_the_setting_says() -> None:
    settings = settings_of(controlPlaneCidr="172.20.0.0/28")
    [[block]] = egress(isolation.of_kserve(settings)[0], 443)
    assert block == {"ipBlock": {"cidr": "172.20.0.0/28"}}
    [webhook] = isolation.of_kserve(settings)[0].spec()["ingress"]
    assert webhook["from"][0] == block


def test_internet_is_what_is_global() -> None:
    [block] = isolation.to_the_internet(settings_of(), 443)["to"]
    assert block["ipBlock"] == {"cidr": "0.0.0.0/0", "except": list(NOT_THE_INTERNET)}
    for private in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16"):
        assert private in NOT_THE_INTERNET


def test_internet_is_without_the_stacks_own_ranges_wherever_they_lie() -> None:
    settings = settings_of(podCidr="34.0.0.0/14", subnetCidr="10.0.0.0/20")
    [block] = isolation.to_the_internet(settings, 443)["to"]
    assert block["ipBlock"]["except"] == [*NOT_THE_INTERNET, "34.0.0.0/14"]


def test_exceptions_are_ranges_that_overlap_nowhere() -> None:
    ranges = [IPv4Network(cidr) for cidr in NOT_THE_INTERNET]
    assert not any(a.overlaps(b) for a in ranges for b in ranges if a is not b)


def test_keda_opens_what_scaling_takes_and_nothing_else() -> None:
    settings = settings_of(controlPlaneCidr="172.20.0.16/28")
    operator, metrics, webhooks, closed = isolation.of_keda(settings)
    api_server = {"to": [{"ipBlock": {"cidr": "172.20.0.16/28"}}], "ports": [{"protocol": "TCP", "port": 443}]}
    to_operator = [{"protocol": "TCP", "port": 9666}]
    asked = {"podSelector": {"matchLabels": {"app": "keda-operator"}}}
    asks = {"podSelector": {"matchLabels": {"app": "keda-operator-metrics-apiserver"}}}

    assert (operator.name, operator.pods) == ("operator", {"app": "keda-operator"})
    assert operator.into == ({"from": [asks], "ports": to_operator},)
    assert operator.out == (
        api_server,
        isolation.dns(),
        isolation.metadata_server(),
        isolation.to_the_internet(settings, 443),
    )
    assert (metrics.name, metrics.pods) == ("metrics", {"app": "keda-operator-metrics-apiserver"})
    assert metrics.into == (isolation.from_api_server(settings, 6443),)
    assert metrics.out == (api_server, isolation.dns(), {"to": [asked], "ports": to_operator})
    assert webhooks == Policy(
        "webhooks", {"app": "keda-admission-webhooks"}, (isolation.from_api_server(settings, 9443),), (api_server,)
    )
    assert closed is NOTHING
