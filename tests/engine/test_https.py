"""HTTPS on the real engine: the order, the outputs, what the state holds, and what a change costs."""

import base64
import json

import pytest
from cryptography import x509
from pulumi.automation import CommandError

from sandbox.clouds.google_kinds import RECORD
from sandbox.clouds.kubernetes_kinds import CERTIFICATE, GATEWAY, ISSUER, LLM, SECRET
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import Make, since, unchanged

NAME = "llm.example.com"
LETS_ENCRYPT = {"tls": "lets-encrypt", "hostname": NAME, "acmeEmail": "ops@example.com", "dnsZone": "example"}


def secret(stack: SandboxStack, name: str) -> dict[str, bytes]:
    """What cert-manager has put into a Secret."""
    [found] = stack.inventory.find(SECRET, name=name)
    return {key: base64.b64decode(value) for key, value in found.inputs["data"].items()}


def test_own_authority_previews_goes_up_is_told_and_goes(sandbox: Make) -> None:
    stack = sandbox(tls="self-signed")
    planned = stack.preview().change_summary
    assert set(planned) == {"create"}
    assert stack.up().summary.resource_changes == planned
    assert unchanged(stack.preview())
    outputs = stack.outputs()
    assert outputs["baseUrl"].startswith(f"https://{outputs['gatewayAddress']}/")
    authority = x509.load_pem_x509_certificate(outputs["caCertificate"].encode())
    x509.load_pem_x509_certificate(secret(stack, "gateway-tls")["tls.crt"]).verify_directly_issued_by(authority)
    assert set(stack.refresh().summary.resource_changes or {}) == {"same"}
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find() == []


def test_no_key_is_in_the_state_even_if_that_is_opened(up: Make) -> None:
    stack = up(tls="self-signed")
    opened = json.dumps(stack.stack.export_stack().deployment)
    for name in ("gateway-authority", "gateway-tls"):
        assert base64.b64encode(secret(stack, name)["tls.key"]).decode() not in opened
    assert "PRIVATE KEY" not in opened


def test_tls_is_switched_on_and_off_without_replacing_a_model(up: Make) -> None:
    stack = up()
    for tls in ("self-signed", "none"):
        stack.set_config("tls", tls)
        changed = since(stack, stack.up)
        assert [what for what in changed if what[1] == LLM] == []
        assert {op for op, kind, _ in changed if kind == GATEWAY} == {"update"}
        assert unchanged(stack.preview())
    assert not stack.inventory.find(CERTIFICATE)
    assert stack.outputs()["baseUrl"].startswith("http://")
    assert "caCertificate" not in stack.outputs()


def test_lets_encrypt_is_asked_when_name_and_gateway_are_there(sandbox: Make) -> None:
    stack = sandbox(**LETS_ENCRYPT)
    made = [(kind, name) for op, kind, name in since(stack, stack.up) if op == "create"]
    order = [
        (RECORD, stack.inventory.find(RECORD)[0].name),
        (GATEWAY, "inference-gateway"),
        (ISSUER, "lets-encrypt"),
        (CERTIFICATE, "gateway-tls"),
        (LLM, "qwen2-3b-pattern1"),
    ]
    places = [made.index(what) for what in order]
    assert places[2:] == sorted(places[2:])
    assert max(places[:2]) < places[2]
    assert stack.outputs()["baseUrl"] == f"https://{NAME}/llm-d-inference-scheduling/qwen2-3b-pattern1"
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find() == []


def test_secret_that_is_not_there_is_told_at_the_gateway_and_not_after_an_hour(sandbox: Make) -> None:
    stack = sandbox(tls="secret", tlsSecret="mine", hostname=NAME)
    with pytest.raises(CommandError, match="Gateway istio-ingress/inference-gateway: listener https: secret mine not"):
        stack.up()
    assert not stack.inventory.find(LLM)
