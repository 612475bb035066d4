"""What each source of certificates makes of the gateway, and that without one everything is as it was."""

import base64
import json
from typing import Any

import pytest
from cryptography import x509

from infra.platform import tls
from infra.settings.load import parse
from tests.support.dependencies import made_of, needs
from tests.support.program import ADDRESS, AUTHORITY, UNKNOWN, Declared, Run
from tests.support.stack_settings import stack

NAME = "llm.example.com"
SELF_SIGNED = {"tls": "self-signed"}
LETS_ENCRYPT = {"tls": "lets-encrypt", "hostname": NAME, "acmeEmail": "ops@example.com"}
SECRET = {"tls": "secret", "hostname": NAME, "tlsSecret": "mine"}
SOURCES = [SELF_SIGNED, LETS_ENCRYPT, SECRET]
EVERY = pytest.mark.parametrize("source", SOURCES, ids=[source["tls"] for source in SOURCES])


def spec(declared: Declared, kind: str, name: str) -> dict[str, Any]:
    """What an object is to be, by its name in the cluster."""
    found = [r.inputs for r in declared.all(f":{kind}") if ":infra:" not in r.type]
    [wanted] = [inputs["spec"] for inputs in found if inputs["metadata"]["name"] == name]
    return wanted


def test_without_tls_nothing_is_declared_for_it(dev: Declared) -> None:
    kinds = {r.type.rsplit(":", 1)[-1] for r in dev}
    assert not {"Issuer", "Certificate", "HTTPRoute", "Https", "RecordSet"} & kinds
    assert dev.one("core/v1:Service").inputs["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": 80}]
    assert "tlsDefaults" not in dev.one(":Release", "istiod").inputs["values"]["meshConfig"]
    assert "caCertificate" not in dev.outputs


@EVERY
def test_https_takes_every_route_and_http_those_of_the_gateway_alone(run: Run, source: dict[str, str]) -> None:
    declared = run(**source)
    http, https = spec(declared, "Gateway", "inference-gateway")["listeners"]
    assert http == {
        "name": "http",
        "port": 80,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "Same"}},
    }
    assert https == {
        "name": "https",
        "port": 443,
        "protocol": "HTTPS",
        "allowedRoutes": {"namespaces": {"from": "All"}},
        "tls": {
            "mode": "Terminate",
            "certificateRefs": [{"kind": "Secret", "name": source.get("tlsSecret", "gateway-tls")}],
        },
    }


@EVERY
def test_routes_of_models_are_the_same_so_that_no_model_is_replaced(
    dev: Declared, run: Run, source: dict[str, str]
) -> None:
    assert run(**source).one(":LLMInferenceService").inputs == dev.one(":LLMInferenceService").inputs


@EVERY
def test_load_balancer_is_open_at_both_ports(run: Run, source: dict[str, str]) -> None:
    assert run(**source).one("core/v1:Service").inputs["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": 80},
        {"name": "https", "port": 443, "targetPort": 443},
    ]


@EVERY
def test_tls_is_of_version_1_2_at_least(run: Run, source: dict[str, str]) -> None:
    values = run(**source).one(":Release", "istiod").inputs["values"]
    assert values["meshConfig"]["tlsDefaults"] == {"minProtocolVersion": "TLSV1_2"}
    assert values["meshConfig"]["accessLogFile"] == "/dev/stdout"
    assert values["pilot"]["env"]["ENABLE_GATEWAY_API_INFERENCE_EXTENSION"] == "true"


@pytest.mark.parametrize(
    ("source", "to"),
    [
        (SELF_SIGNED, {"scheme": "https", "statusCode": 301}),
        ({**SELF_SIGNED, "hostname": NAME}, {"scheme": "https", "statusCode": 301, "hostname": NAME}),
        (SECRET, {"scheme": "https", "statusCode": 301, "hostname": NAME}),
    ],
)
def test_plain_http_is_redirected_to_where_the_certificate_is_good(
    run: Run, source: dict[str, str], to: dict[str, Any]
) -> None:
    declared = run(**source)
    assert spec(declared, "HTTPRoute", "to-https") == {
        "parentRefs": [{"name": "inference-gateway", "sectionName": "http"}],
        "rules": [{"filters": [{"type": "RequestRedirect", "requestRedirect": to}]}],
    }
    assert len(declared.all(":HTTPRoute")) == 1


def test_redirect_has_the_name_too_where_challenges_have_it(run: Run) -> None:
    declared = run(**LETS_ENCRYPT)
    by_any, by_name = spec(declared, "HTTPRoute", "to-https"), spec(declared, "HTTPRoute", "to-https-by-name")
    assert "hostnames" not in by_any
    assert by_name == by_any | {"hostnames": [NAME]}


def test_every_object_is_in_the_gateways_namespace_and_waited_for(run: Run) -> None:
    declared = run(**SELF_SIGNED)
    made = [r for r in declared if r.type.startswith("kubernetes:cert-manager.io/v1:")]
    assert len(made) == 5
    for one in made:
        assert made_of(one, "metadata") == {"Namespace istio-ingress"}
        assert one.inputs["metadata"]["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}
        assert {one.request.customTimeouts.create, one.request.customTimeouts.update} == {"5m"}
    for route in declared.all(":HTTPRoute"):
        assert route.inputs["metadata"]["namespace"] == "istio-ingress"


@pytest.mark.parametrize(("name", "dns"), [("", {}), (NAME, {"dnsNames": [NAME]})])
def test_own_authority_signs_for_the_address_and_the_name(
    run: Run, phase: str, name: str, dns: dict[str, list[str]]
) -> None:
    declared = run(**SELF_SIGNED, hostname=name)
    assert spec(declared, "Issuer", "self-signed") == {"selfSigned": {}}
    assert spec(declared, "Certificate", "gateway-authority") == {
        "secretName": "gateway-authority",
        "issuerRef": {"kind": "Issuer", "name": "self-signed"},
        "privateKey": {"algorithm": "ECDSA", "size": 256},
        "usages": ["digital signature", "cert sign"],
        "commonName": "gke-tpu-inference gateway",
        "isCA": True,
        "duration": "87600h",
    }
    assert spec(declared, "Issuer", "gateway-authority") == {"ca": {"secretName": "gateway-authority"}}
    assert spec(declared, "Certificate", "gateway-tls") == {
        "secretName": "gateway-tls",
        "issuerRef": {"kind": "Issuer", "name": "gateway-authority"},
        "privateKey": {"algorithm": "ECDSA", "size": 256},
        "usages": ["digital signature", "server auth"],
        "ipAddresses": [ADDRESS if phase == "up" else UNKNOWN],
        **dns,
    }


def test_each_object_needs_the_one_before_and_the_models_need_the_last(run: Run) -> None:
    declared = run(**SELF_SIGNED)
    order = [
        "Release kserve-runtime-configs",
        "Gateway inference-gateway",
        "Issuer self-signed-issuer",
        "Certificate gateway-authority",
        "Issuer gateway-authority-issuer",
        "Certificate gateway-tls",
        "CertificateRequest gateway-trust",
    ]
    needed = needs(declared, declared.one(":LLMInferenceService"))
    assert set(order) <= needed
    for i, later in enumerate(order[2:], 2):
        kind, name = later.split()
        assert set(order[:i]) <= needs(declared, declared.one(f":{kind}", name))


def test_gateway_itself_does_not_wait_for_cert_manager(run: Run) -> None:
    """It has to answer challenges before there is a certificate."""
    declared = run(**LETS_ENCRYPT)
    assert "Release cert-manager" not in needs(declared, declared.one(":Gateway", "inference-gateway"))


def test_authority_is_told_and_no_secret_is_read_for_it(run: Run, phase: str) -> None:
    """CI previews with an identity that reads none."""
    declared = run(**SELF_SIGNED)
    assert declared.outputs["caCertificate"] == (AUTHORITY if phase == "up" else UNKNOWN)
    assert not declared.all("core/v1:Secret")


def test_request_by_which_the_authority_is_known_is_of_nobody_and_for_nothing(run: Run) -> None:
    wanted = spec(run(**SELF_SIGNED), "CertificateRequest", "gateway-trust")
    request = x509.load_pem_x509_csr(base64.b64decode(wanted["request"]))
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert request.is_signature_valid
    assert names.get_values_for_type(x509.DNSName) == ["nobody.invalid"]
    assert wanted["usages"] == ["digital signature", "timestamping"]
    assert wanted["issuerRef"] == {"group": "cert-manager.io", "kind": "Issuer", "name": "gateway-authority"}


def test_lets_encrypt_is_asked_by_http_through_the_gateway(run: Run) -> None:
    declared = run(**LETS_ENCRYPT)
    parent = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": "inference-gateway",
        "sectionName": "http",
    }
    assert spec(declared, "Issuer", "lets-encrypt")["acme"] == {
        "server": "https://acme-v02.api.letsencrypt.org/directory",
        "email": "ops@example.com",
        "privateKeySecretRef": {"name": "lets-encrypt-account"},
        "solvers": [{"http01": {"gatewayHTTPRoute": {"parentRefs": [parent]}}}],
    }
    assert spec(declared, "Certificate", "gateway-tls") == {
        "secretName": "gateway-tls",
        "issuerRef": {"kind": "Issuer", "name": "lets-encrypt"},
        "privateKey": {"algorithm": "ECDSA", "size": 256},
        "usages": ["digital signature", "server auth"],
        "dnsNames": [NAME],
    }
    assert declared.one("cert-manager.io/v1:Certificate").request.customTimeouts.create == "20m"
    assert "caCertificate" not in declared.outputs


def test_cert_manager_knows_the_gateway_api_for_challenges_alone(run: Run) -> None:
    def values(source: dict[str, str]) -> dict[str, Any]:
        return run(**source, imageRegistry="publishers").one(":Release", "cert-manager").inputs["values"]

    assert values(LETS_ENCRYPT) == {"crds": {"enabled": True}, "config": {"gatewayAPI": {"enabled": True}}}
    assert values(SELF_SIGNED) == values(SECRET) == {"crds": {"enabled": True}}


def test_certificate_of_the_users_is_waited_for_at_the_gateway(run: Run) -> None:
    def waits(source: dict[str, str]) -> str:
        return (
            run(**source).one(":Gateway", "inference-gateway").inputs["metadata"]["annotations"]["pulumi.com/waitFor"]
        )

    https = '{.status.listeners[?(@.name=="https")].conditions[?(@.type=="Programmed")].status}'
    assert json.loads(waits(SECRET)) == ["condition=Programmed", f"jsonpath={https}=True"]
    assert waits(SELF_SIGNED) == waits(LETS_ENCRYPT) == "condition=Programmed"
    assert not run(**SECRET).all("cert-manager.io/v1:Certificate")


def test_record_leads_to_the_address_before_the_certificate_is_asked_for(run: Run, phase: str) -> None:
    declared = run(**LETS_ENCRYPT, dnsZone="example")
    record = declared.one(":RecordSet")
    assert record.inputs == {
        "managedZone": "example",
        "name": f"{NAME}.",
        "type": "A",
        "ttl": 300,
        "rrdatas": [ADDRESS if phase == "up" else UNKNOWN],
    }
    assert "RecordSet tpu-inference-gateway" in needs(declared, declared.one("cert-manager.io/v1:Certificate"))
    assert not run(**LETS_ENCRYPT).all(":RecordSet")


def test_api_of_the_zone_is_enabled_with_a_zone_alone(run: Run) -> None:
    def apis(**source: str) -> set[str]:
        return {a.inputs["service"] for a in run(**source).all("projects/service:Service")}

    assert apis(**LETS_ENCRYPT, dnsZone="example") - apis(**LETS_ENCRYPT) == {"dns.googleapis.com"}
    assert apis(**LETS_ENCRYPT) == apis()


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ({}, f"http://{ADDRESS}"),
        (SELF_SIGNED, f"https://{ADDRESS}"),
        ({**SELF_SIGNED, "hostname": NAME}, f"https://{NAME}"),
        (LETS_ENCRYPT, f"https://{NAME}"),
        (SECRET, f"https://{NAME}"),
        ({"tls": "secret", "tlsSecret": "mine"}, f"https://{ADDRESS}"),
    ],
)
def test_urls_have_the_scheme_and_the_name(run: Run, phase: str, source: dict[str, str], url: str) -> None:
    assert tls.origin(parse(stack(source)), ADDRESS) == url
    if phase == "up":
        outputs = run(**source).outputs
        assert outputs["baseUrl"] == f"{url}/llm-d-inference-scheduling/qwen2-3b-pattern1"
        assert all(value.startswith(outputs["baseUrl"]) for value in outputs["endpoints"].values())
