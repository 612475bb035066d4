"""HTTPS at the gateway: each source of a certificate with what it needs, and nothing that it does not."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, problems, stack

NAME = "llm.example.com"
LETS_ENCRYPT = {"tls": "lets-encrypt", "hostname": NAME, "acmeEmail": "ops@example.com"}
SECRET = {"tls": "secret", "hostname": NAME, "tlsSecret": "wildcard"}
NO_NAME = (
    "is not a host name. Use the whole name alone, like llm.example.com: lower-case letters, digits, hyphens and at "
    "least one dot, no scheme, port, path, wildcard or IP address."
)
NO_SUCH = (
    "is not the name of a Secret. Use one of `kubectl get secrets --namespace istio-ingress`, without a namespace."
)

BAD: dict[str, tuple[Values, str]] = {
    "unknown source": (
        {"tls": "yes"},
        "tls: \"yes\" is not allowed. Use one of 'none', 'self-signed', 'lets-encrypt' or 'secret'.",
    ),
    "name without TLS": (
        {"hostname": NAME},
        'hostname: "llm.example.com" is set, but `tls` is none, and nothing else needs a name. Set `tls` to '
        "self-signed, lets-encrypt or secret, or remove it.",
    ),
    "Let's Encrypt without a name": (
        {**LETS_ENCRYPT, "hostname": ""},
        'hostname: "" is empty, and `tls` is lets-encrypt, which signs for names. Set the name that leads to the '
        "output `gatewayAddress`, like llm.example.com, or set `tls` to self-signed.",
    ),
    "Let's Encrypt with a name of no public domain": (
        {**LETS_ENCRYPT, "hostname": "llm.corp.internal"},
        'hostname: "llm.corp.internal" is a name that no public authority signs, and `tls` is lets-encrypt. Use a name '
        "of a domain of yours, or set `tls` to self-signed.",
    ),
    "Let's Encrypt without a mail address": (
        {**LETS_ENCRYPT, "acmeEmail": ""},
        'acmeEmail: "" is empty, and `tls` is lets-encrypt. Set the mail address of the account there.',
    ),
    "what is no mail address": (
        {**LETS_ENCRYPT, "acmeEmail": "ops@localhost"},
        'acmeEmail: "ops@localhost" is not a mail address. Use one that is read, like ops@example.com.',
    ),
    "two mail addresses": (
        {**LETS_ENCRYPT, "acmeEmail": "a@example.com,b@example.com"},
        'acmeEmail: "a@example.com,b@example.com" is not a mail address. Use one that is read, like ops@example.com.',
    ),
    "mail address without Let's Encrypt": (
        {"tls": "self-signed", "acmeEmail": "ops@example.com"},
        'acmeEmail: "ops@example.com" is set, but `tls` is self-signed. Set `tls` to lets-encrypt, or remove it.',
    ),
    "mail address without TLS": (
        {"acmeEmail": "ops@example.com"},
        'acmeEmail: "ops@example.com" is set, but `tls` is none. Set `tls` to lets-encrypt, or remove it.',
    ),
    "mail address with a Secret": (
        {**SECRET, "acmeEmail": "ops@example.com"},
        'acmeEmail: "ops@example.com" is set, but `tls` is secret. Set `tls` to lets-encrypt, or remove it.',
    ),
    "domain in place of a zone": (
        {**LETS_ENCRYPT, "dnsZone": "example.com."},
        'dnsZone: "example.com." is not the name of a zone in Cloud DNS. Use its name, not its domain: `gcloud dns '
        "managed-zones list` shows both.",
    ),
    "zone that is too long": (
        {**LETS_ENCRYPT, "dnsZone": "z" * 64},
        f'dnsZone: "{"z" * 64}" is not the name of a zone in Cloud DNS. Use its name, not its domain: `gcloud dns '
        "managed-zones list` shows both.",
    ),
    "zone without a name": (
        {"tls": "self-signed", "dnsZone": "example"},
        'dnsZone: "example" is set, but `hostname` is empty, so there is no record to make. Set it, or remove this.',
    ),
    "no Secret": (
        {**SECRET, "tlsSecret": ""},
        'tlsSecret: "" is empty, and `tls` is secret. Name a Secret of type kubernetes.io/tls in the namespace '
        "istio-ingress.",
    ),
    "Secret of another namespace": ({**SECRET, "tlsSecret": "web/tls"}, f'tlsSecret: "web/tls" {NO_SUCH}'),
    "Secret of a name too long": ({**SECRET, "tlsSecret": "a." * 127}, f'tlsSecret: "{"a." * 127}" {NO_SUCH}'),
    "Secret without TLS": (
        {"tlsSecret": "mine"},
        'tlsSecret: "mine" is set, but `tls` is none. Set `tls` to secret, or remove it.',
    ),
    "Secret with an authority of the stack's own": (
        {"tls": "self-signed", "tlsSecret": "mine"},
        'tlsSecret: "mine" is set, but `tls` is self-signed. Set `tls` to secret, or remove it.',
    ),
    "Secret with Let's Encrypt": (
        {**LETS_ENCRYPT, "tlsSecret": "mine"},
        'tlsSecret: "mine" is set, but `tls` is lets-encrypt. Set `tls` to secret, or remove it.',
    ),
}


@pytest.mark.parametrize(("changes", "problem"), BAD.values(), ids=list(BAD))
def test_problem_is_told_with_the_way_out(changes: Values, problem: str) -> None:
    assert problems(stack(changes)) == [problem]


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "LLM.example.com",
        "*.example.com",
        "llm.example.com.",
        "llm..example.com",
        "-llm.example.com",
        "llm-.example.com",
        "l_m.example.com",
        "https://llm.example.com",
        "llm.example.com:443",
        "llm.example.com/v1",
        "34.7.208.8",
        "llm.example.8",
        "::1",
        "a" * 64 + ".example.com",
        "a." * 126 + "com",
        " llm.example.com",
    ],
)
def test_what_is_no_host_name_is_refused(name: str) -> None:
    assert problems(stack({"tls": "self-signed", "hostname": name})) == [f'hostname: "{name}" {NO_NAME}']


@pytest.mark.parametrize(
    "name", ["a.b", "llm.example.com", "1.2.3.4a", "xn--bcher-kva.example", "a" * 63 + ".com", "a." * 125 + "com"]
)
def test_host_name_is_taken(name: str) -> None:
    assert parse(stack({"tls": "self-signed", "hostname": name})).hostname == name


@pytest.mark.parametrize(
    "changes",
    [
        {"tls": "self-signed"},
        {"tls": "self-signed", "hostname": "llm.corp.internal", "dnsZone": "corp"},
        LETS_ENCRYPT,
        {**LETS_ENCRYPT, "dnsZone": "a" + "-" * 61 + "z", "hostname": "internal.example.com"},
        SECRET,
        {**SECRET, "tlsSecret": "a.b-c", "dnsZone": "z"},
    ],
)
def test_source_with_what_it_needs_is_taken(changes: Values) -> None:
    settings = parse(stack(changes))
    assert (settings.tls, settings.hostname) == (changes["tls"], changes.get("hostname", ""))
    assert settings.warnings == []


def test_problem_of_one_setting_brings_no_second_one_with_it() -> None:
    """Without a usable `tls` nothing is known of what it needs, and without a name nothing of the zone."""
    bad = {"tls": "yes", "acmeEmail": "ops@example.com", "tlsSecret": "mine", "hostname": "x", "dnsZone": "zone"}
    assert [problem.partition(":")[0] for problem in problems(stack(bad))] == ["tls", "hostname"]


def test_certificate_of_the_users_without_a_name_is_warned_of() -> None:
    assert parse(stack({**SECRET, "hostname": ""})).warnings == [
        "hostname: is empty, so the base URLs have the gateway's address, and few certificates are for one. Set the "
        "name that the certificate in `tlsSecret` is for."
    ]
