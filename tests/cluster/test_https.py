"""A stack with an authority of its own: HTTPS by a good certificate, and plain HTTP only leads there."""

import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from sandbox.cluster.control_plane import ControlPlane
from sandbox.cluster.stack import on_control_plane
from sandbox.engine.stack import SandboxStack
from tests.support.project import ROOT, stack_file

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
BASE = f"/{MODEL['namespace']}/{MODEL['name']}"
NAME = "llm.corp.internal"
CHALLENGE = "/.well-known/acme-challenge/token"


@pytest.fixture(scope="module")
def stack(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStack]:
    """The dev stack with TLS, up for all tests."""
    config = {"tls": "self-signed", "hostname": NAME, "huggingFaceToken": ""}
    with on_control_plane(home=tmp_path_factory.mktemp("https"), plane=plane, config=config, patience=120) as sandbox:
        try:
            sandbox.up()
            yield sandbox
        finally:
            sandbox.destroy()


@pytest.fixture
def address(stack: SandboxStack) -> str:
    """Where the gateway is."""
    return str(stack.outputs()["gatewayAddress"])


@pytest.fixture
def trusted(stack: SandboxStack) -> Callable[[], ssl.SSLContext]:
    """Makes contexts that trust the stack's authority alone, and take nothing that RFC 5280 forbids, as Python 3.13
    does by itself."""

    def make() -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=stack.outputs()["caCertificate"])
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    return make


def test_models_answer_over_https_to_who_trusts_the_output_alone(stack: SandboxStack, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(stack.outputs()["caCertificate"])
    url = stack.outputs()["baseUrl"]

    def smoke(*options: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "ops", "smoke", "--url", url, *options]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603

    done, refused = smoke("--ca", str(tmp_path / "ca.pem")), smoke()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "plain HTTP leads to HTTPS" in done.stdout
    assert refused.returncode == 1
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr


@pytest.mark.parametrize("name", ["", NAME])
def test_certificate_is_good_for_the_address_and_the_name(
    address: str, trusted: Callable[[], ssl.SSLContext], name: str
) -> None:
    with (
        socket.create_connection((address, 443), timeout=10) as plain,
        trusted().wrap_socket(plain, server_hostname=name or address) as secure,
    ):
        assert secure.version() == "TLSv1.3"
        assert secure.selected_alpn_protocol() is None


def test_certificate_is_good_for_no_other_name(address: str, trusted: Callable[[], ssl.SSLContext]) -> None:
    with socket.create_connection((address, 443), timeout=10) as plain, pytest.raises(ssl.SSLCertVerificationError):
        trusted().wrap_socket(plain, server_hostname="nobody.invalid")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2])
def test_tls_before_1_2_is_refused(
    address: str, trusted: Callable[[], ssl.SSLContext], version: ssl.TLSVersion
) -> None:
    context = trusted()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection((address, 443), timeout=10) as plain:
        if version == ssl.TLSVersion.TLSv1_2:
            assert context.wrap_socket(plain, server_hostname=address).version() == "TLSv1.2"
            return
        with pytest.raises(ssl.SSLError, match="TLSV1_ALERT_PROTOCOL_VERSION"):
            context.wrap_socket(plain, server_hostname=address)


def test_picker_is_asked_over_https_as_well(address: str, trusted: Callable[[], ssl.SSLContext]) -> None:
    connection = HTTPSConnection(address, context=trusted(), timeout=20)
    connection.request(
        "POST", f"{BASE}/v1/completions", b'{"model": "/mnt/models"}', {"Content-Type": "application/json"}
    )
    answer = connection.getresponse()
    assert (answer.status, "must have prompt field" in answer.read().decode()) == (400, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", f"{BASE}/health"),
        ("POST", f"{BASE}/v1/chat/completions"),
        ("GET", f"{BASE}/v1/models?a=b"),
        ("GET", CHALLENGE),
    ],
)
@pytest.mark.parametrize("host", ["", NAME, "other.example.com"])
def test_plain_http_leads_to_https_and_to_nothing_else(address: str, host: str, method: str, path: str) -> None:
    connection = HTTPConnection(address, timeout=10)
    connection.request(method, path, headers={"Host": host or address})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("location")) == (301, f"https://{NAME}{path}")
    assert answer.read() == b""


def test_no_key_is_in_the_state_even_if_that_is_opened(stack: SandboxStack, plane: ControlPlane) -> None:
    opened = json.dumps(stack.stack.export_stack().deployment)
    secrets = json.loads(plane.kubectl("get", "secrets", "--namespace=istio-ingress", "--output=json"))["items"]
    keys = {secret["metadata"]["name"]: secret["data"].get("tls.key", "") for secret in secrets}
    assert keys.keys() >= {"gateway-authority", "gateway-tls"}
    assert not [name for name, key in keys.items() if key and key in opened]
    assert "PRIVATE KEY" not in opened


def test_nothing_changes_once_all_is_up(stack: SandboxStack) -> None:
    assert set(stack.preview().change_summary) == {"same"}
