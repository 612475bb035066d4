"""Let's Encrypt end to end, in a closed stack with keys and limits: its certificate comes by a challenge there.

Let's Encrypt is pebble, its own server for tests, under its own name: the program knows nothing of it.
"""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import httpx2
import openai
import pytest
import trustme
from cryptography import x509

from infra.platform.tls import SECRET
from ops.smoke import Smoke
from sandbox.api_client import Json
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.cluster.e2e import key, smoke
from sandbox.cluster.internet import SOMEWHERE, lets_encrypts_root
from sandbox.cluster.isolation import publish
from sandbox.cluster.stack import on_control_plane
from sandbox.engine.stack import SandboxStack
from tests.support import token_issuer
from tests.support.cluster_faults import diagnosed
from tests.support.faster import FASTER, faster_gateway
from tests.support.isolated import NAME as MODEL
from tests.support.isolated import NAMESPACE
from tests.support.reach import FREE, GATEWAY, WEBHOOK, address, connects
from tests.support.token_issuer import TokenIssuer

TOKENS = 600 * 50 // FASTER
"""At two hundredths of a second each."""
HOST = "llm.example.com"
INGRESS = "--namespace=istio-ingress"
SOLVER = "--selector=acme.cert-manager.io/http01-solver=true"
STACK = {
    "tls": "lets-encrypt",
    "hostname": HOST,
    "acmeEmail": "ops@example.com",
    "auth": "tokens",
    "tokenIssuers": [token_issuer.SETTING],
    "isolation": True,
    "requestsPerMinute": 600,
}


@pytest.fixture(scope="module")
def issuer(plane: ControlPlane) -> Iterator[TokenIssuer]:
    """Somebody else who issues tokens, on the internet."""
    with token_issuer.serve(plane.internet) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def encrypted(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory, issuer: TokenIssuer
) -> Iterator[tuple[SandboxStack, str]]:
    """The dev stack, isolated, with keys, limits and Let's Encrypt, up for all tests here, and a key."""
    assert issuer
    home = tmp_path_factory.mktemp("encrypted")
    with (
        faster_gateway(),
        on_control_plane(home=home, plane=plane, config=STACK, patience=180) as sandbox,
    ):
        try:
            made = key(sandbox)
            sandbox.up()
            yield sandbox, made
        finally:
            sandbox.destroy()


@pytest.fixture
def gateway(encrypted: tuple[SandboxStack, str]) -> str:
    """Its address."""
    return str(encrypted[0].outputs()["gatewayAddress"])


def certificate(gateway: str, authority: str = "") -> x509.Certificate:
    """What the gateway shows to who asks for the name and trusts one authority alone, in PEM, or Let's Encrypt."""
    trusted = ssl.create_default_context(cadata=authority or lets_encrypts_root())
    with (
        socket.create_connection((gateway, 443), timeout=10) as plain,
        trusted.wrap_socket(plain, server_hostname=HOST) as secure,
    ):
        return x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")


def plain_http(gateway: str, path: str) -> tuple[int, str | None]:
    """The status and the location of an answer to a request without a key."""
    connection = HTTPConnection(gateway, timeout=10)
    connection.request("GET", path, headers={"Host": HOST})
    answer = connection.getresponse()
    return answer.status, answer.getheader("location")


def solvers(plane: ControlPlane) -> list[dict[str, Any]]:
    """What there is to answer a challenge."""
    kinds = "pods,services,httproutes.gateway.networking.k8s.io,challenges.acme.cert-manager.io"
    return json.loads(plane.kubectl("get", kinds, INGRESS, SOLVER, "--output=json"))["items"]


def test_models_answer_by_the_name_to_who_trusts_lets_encrypt(encrypted: tuple[SandboxStack, str]) -> None:
    stack, made = encrypted
    assert stack.outputs()["baseUrl"] == f"https://{HOST}/{NAMESPACE}/{MODEL}"
    assert "caCertificate" not in stack.outputs()
    smoke(stack, made)


def test_certificate_is_lets_encrypts_and_for_the_name_alone(gateway: str) -> None:
    shown = certificate(gateway)
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    assert names.get_values_for_type(x509.IPAddress) == []
    assert "Pebble Intermediate" in shown.issuer.rfc4514_string()


@pytest.mark.usefixtures("encrypted")
def test_nothing_that_answered_the_challenge_is_left(plane: ControlPlane) -> None:
    assert solvers(plane) == []


@pytest.mark.parametrize("path", ["/", f"/{NAMESPACE}/{MODEL}/v1/models", "/.well-known/acme-challenge/none"])
def test_plain_http_leads_to_https(gateway: str, path: str) -> None:
    assert plain_http(gateway, path) == (301, f"https://{HOST}{path}")


def test_nothing_changes_once_all_is_up(encrypted: tuple[SandboxStack, str]) -> None:
    assert set(encrypted[0].preview().change_summary) == {"same"}


def test_token_of_another_issuer_is_a_key_as_istiod_may_fetch_its_public_one(
    encrypted: tuple[SandboxStack, str], issuer: TokenIssuer
) -> None:
    url, trusted = encrypted[0].outputs()["baseUrl"], ssl.create_default_context(cadata=lets_encrypts_root())

    def status(token: str) -> int:
        with httpx2.Client(verify=trusted, headers={"Authorization": f"Bearer {token}"}) as client:
            return client.get(f"{url}/v1/models").status_code

    wait_until(lambda: status(issuer.token("ann")) == 200, "istiod has the issuer's keys", 70, pause=1)
    assert status(issuer.token("ann", aud="somebody-else")) == 401


def renew(plane: ControlPlane) -> None:
    """As `cmctl renew` does."""
    path = ("certificate", SECRET, INGRESS)
    conditions = json.loads(plane.kubectl("get", *path, "--output=json"))["status"]["conditions"]
    conditions.append({"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": "by hand"})
    patch = json.dumps({"status": {"conditions": conditions}})
    plane.kubectl("patch", *path, "--subresource=status", "--type=merge", f"--patch={patch}")


def ten_minutes(stack: SandboxStack, key: str, begun: threading.Event) -> list[str | None]:
    """Why the answer goes on or ends, at each token of one of ten minutes, as the gateway's times are."""
    trusted = ssl.create_default_context(cadata=lets_encrypts_root())
    client = openai.OpenAI(
        base_url=stack.outputs()["baseUrl"] + "/v1",
        api_key=key,
        max_retries=0,
        timeout=120,
        http_client=openai.DefaultHttpxClient(verify=trusted),
    )
    start, reasons = time.monotonic(), list[str | None]()
    for event in client.completions.create(
        model="/mnt/models", prompt="Hello", max_tokens=TOKENS, stream=True, extra_body={"ignore_eos": True}
    ):
        begun.set()
        reasons.append(event.choices[0].finish_reason)
    assert time.monotonic() - start > 600 / FASTER
    return reasons


def test_stream_of_ten_minutes_is_whole_while_the_certificate_is_renewed(
    encrypted: tuple[SandboxStack, str], gateway: str, plane: ControlPlane
) -> None:
    begun, before = threading.Event(), certificate(gateway)
    with ThreadPoolExecutor(1) as client:
        stream = client.submit(ten_minutes, *encrypted, begun)
        assert begun.wait(60)
        renew(plane)
        wait_until(lambda: certificate(gateway) != before, "a new certificate", 90, pause=0.5)
        reasons = stream.result()
    assert (len(reasons), set(reasons[:-1]), reasons[-1]) == (TOKENS, {None}, "length")


def test_renewal_asks_by_the_gateway_and_opens_nothing_else(gateway: str, plane: ControlPlane) -> None:
    """While the name leads elsewhere, cert-manager waits, and what it has made can be looked at."""
    before = certificate(gateway)
    publish(HOST, SOMEWHERE)
    try:
        renew(plane)
        plane.kubectl("apply", "--filename=-", stdin=json.dumps(FREE))
        ready = ("--for=condition=Ready", "--timeout=60s")
        wait_until(lambda: len(solvers(plane)) >= 3, "there is something to answer the challenge", 60)
        plane.kubectl("wait", "pods", INGRESS, SOLVER, *ready)
        made = {item["kind"]: item for item in solvers(plane)}
        route = made["HTTPRoute"]["spec"]
        assert [(p["kind"], p["name"], p["sectionName"]) for p in route["parentRefs"]] == [
            ("Gateway", "inference-gateway", "http")
        ]
        path = route["rules"][0]["matches"][0]["path"]["value"]
        wait_until(lambda: plain_http(gateway, path)[0] == 200, "the challenge is answered", 30)
        for other in ("/", f"/{NAMESPACE}/{MODEL}/v1/models", f"{path}x", f"{path}/x", "/.well-known/acme-challenge/"):
            assert plain_http(gateway, other)[0] == 301, other
        proxy, webhook = address(plane, "istio-ingress", GATEWAY), address(plane, "cert-manager", WEBHOOK)
        solver = made["Pod"]["status"]["podIP"]
        assert connects(proxy, solver, 8089)
        assert not connects(webhook, solver, 8089)
        assert not connects(solver, proxy, 80)
        assert certificate(gateway) == before
    finally:
        plane.kubectl("delete", "networkpolicy", "free", "--namespace=cert-manager")
        publish(HOST, gateway)
    wait_until(lambda: certificate(gateway) != before, "a new certificate", 90, pause=0.5)
    wait_until(lambda: solvers(plane) == [], "all that answered is gone", 30, pause=0.5)


def test_certificate_for_a_name_that_leads_elsewhere_is_told(gateway: str, plane: ControlPlane) -> None:
    publish(HOST, SOMEWHERE)
    try:
        plane.kubectl("delete", "secret", SECRET, INGRESS)
        wait_until(lambda: "certificate pending" in diagnosed(plane, f"{NAMESPACE}/{MODEL}"), "it is not told", 60)
    finally:
        publish(HOST, gateway)
    plane.kubectl("wait", "certificate", SECRET, INGRESS, "--for=condition=Ready", "--timeout=90s")
    wait_until(lambda: solvers(plane) == [], "all that answered is gone", 30, pause=0.5)
    assert diagnosed(plane, f"{NAMESPACE}/{MODEL}") == set()


def secret(authority: trustme.CA) -> Json:
    """A certificate for the name and its key, as a user brings them."""
    leaf = authority.issue_cert(HOST)
    chain = b"".join(pem.bytes() for pem in leaf.cert_chain_pems).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "of-the-user", "namespace": "istio-ingress"},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": chain, "tls.key": leaf.private_key_pem.bytes().decode()},
    }


def test_secret_of_the_user_takes_its_place_and_is_shown_as_it_is_changed(
    encrypted: tuple[SandboxStack, str], gateway: str, plane: ControlPlane
) -> None:
    """Last, as the stack is another one afterwards."""
    stack, made = encrypted
    authority = trustme.CA()
    root = authority.cert_pem.bytes().decode()
    plane.kubectl("apply", "--filename=-", stdin=json.dumps(secret(authority)))
    for name, value in {"tls": "secret", "tlsSecret": "of-the-user", "acmeEmail": None}.items():
        stack.set_config(name, value)
    assert "replace" not in (stack.up().summary.resource_changes or {})
    wait_until(lambda: shows(gateway, root), "the certificate of the Secret", 30)
    first = certificate(gateway, root)
    plane.kubectl("apply", "--filename=-", stdin=json.dumps(secret(authority)))
    wait_until(lambda: certificate(gateway, root) != first, "the new certificate of the Secret", 30)
    file = stack.home / "authority.pem"
    file.write_text(root)
    asked = Smoke(stack.outputs()["baseUrl"], 60, ssl.create_default_context(cafile=file))
    assert [result for result in asked.run(key=made, wanted=True) if result.problem] == []
    assert set(stack.preview().change_summary) == {"same"}


def shows(gateway: str, authority: str) -> bool:
    """Whether the gateway has a certificate of an authority."""
    try:
        return bool(certificate(gateway, authority))
    except ssl.SSLCertVerificationError:
        return False
