"""HTTPS at the gateway as plain values: scheme, listeners, redirect, issuers and certificates.

Everything that depends on `tls` is decided here, so that all ends agree; but for the lowest version of TLS, which only
the mesh as a whole can be told.
"""

import base64
import json
from typing import Any, NamedTuple

from infra.settings.schema import Settings

SECRET = "gateway-tls"  # noqa: S105 - the name of a Secret
"""Where cert-manager keeps the certificate of the listener and its key."""
AUTHORITY = "gateway-authority"
"""The stack's own authority: Certificate, Secret and issuer."""
TRUST = "gateway-trust"
"""A request for a certificate that nobody can use: `Https` says what for."""
NOBODY = """-----BEGIN CERTIFICATE REQUEST-----
MIHpMIGRAgEAMAAwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASaY3c5pd6C5WqW
3hDfVSgvqTpO+JDzI/kjY6jCFkAsqhEk+MnUUfrM8QhH303atgqRidonIdQ8JvgX
hisNykZhoC8wLQYJKoZIhvcNAQkOMSAwHjAcBgNVHREBAf8EEjAQgg5ub2JvZHku
aW52YWxpZDAKBggqhkjOPQQDAgNHADBEAiBRy6NcGlLSnQWBKbU+BEj7dQssNoOX
2nuTwU+2qc9ygAIgSqlDGqJW2w33c0SYLR7exEEuJ1ps31Qy7nOGlz0qszs=
-----END CERTIFICATE REQUEST-----
"""
"""Of a key that was made for it and never kept, for a name that nobody has (RFC 6761)."""
SELF_SIGNED, LETS_ENCRYPT = "self-signed", "lets-encrypt"
ACME_DIRECTORY = "https://acme-v02.api.letsencrypt.org/directory"
"""https://letsencrypt.org/getting-started/"""
TEN_YEARS = f"{10 * 365 * 24}h"
KEY = {"algorithm": "ECDSA", "size": 256}


def origin(settings: Settings, address: str) -> str:
    """Scheme and host of every URL at a gateway of this address."""
    return f"{'http' if settings.tls == 'none' else 'https'}://{settings.hostname or address}"


def listeners(settings: Settings) -> list[dict[str, Any]]:
    """The gateway's listeners. With TLS, plain HTTP is for routes of the gateway's own namespace: the redirect's and
    those by which cert-manager answers challenges.

    The models' routes name no listener, and are in other namespaces: they belong to the one listener that takes them.
    With a `sectionName` a change of `tls` would replace every model's service.
    """
    http: dict[str, Any] = {"name": "http", "port": 80, "protocol": "HTTP"}
    if settings.tls == "none":
        return [http | _routes_from("All")]
    secret = {"kind": "Secret", "name": settings.tls_secret or SECRET}
    https: dict[str, Any] = {"name": "https", "port": 443, "protocol": "HTTPS"}
    https["tls"] = {"mode": "Terminate", "certificateRefs": [secret]}
    return [http | _routes_from("Same"), https | _routes_from("All")]


def _routes_from(namespaces: str) -> dict[str, Any]:
    return {"allowedRoutes": {"namespaces": {"from": namespaces}}}


def conditions(settings: Settings) -> str:
    """What `up` waits for at the Gateway. Istiod calls it Programmed also if one listener has no certificate yet.

    That is as it must be for cert-manager, whose challenge comes by the other listener; a Secret of the user's has to
    be there.
    """
    programmed = "condition=Programmed"
    if settings.tls != "secret":
        return programmed
    https = '{.status.listeners[?(@.name=="https")].conditions[?(@.type=="Programmed")].status}'
    return json.dumps([programmed, f"jsonpath={https}=True"])


def redirects(settings: Settings, gateway: str) -> dict[str, dict[str, Any]]:
    """The HTTPRoutes, by name, that answer plain HTTP with 301.

    A challenge's route is for the host name, and goes before routes for any, the redirect among them: so the redirect
    comes once more with the name. Among those of one name the challenge's is the longer path.
    """
    if settings.tls == "none":
        return {}
    to: dict[str, Any] = {"scheme": "https", "statusCode": 301}
    if settings.hostname:
        to["hostname"] = settings.hostname
    route: dict[str, Any] = {
        "parentRefs": [{"name": gateway, "sectionName": "http"}],
        "rules": [{"filters": [{"type": "RequestRedirect", "requestRedirect": to}]}],
    }
    by_name = {"to-https-by-name": route | {"hostnames": [settings.hostname]}} if settings.tls == LETS_ENCRYPT else {}
    return {"to-https": route} | by_name


class Wanted(NamedTuple):
    """An object of cert-manager's; each one needs the one before it to be Ready."""

    kind: str
    name: str
    spec: dict[str, Any]


def issued(settings: Settings, gateway: str, address: Any) -> list[Wanted]:
    """The issuers and certificates of a gateway at an address."""
    if settings.tls == SELF_SIGNED:
        return _self_signed([settings.hostname] if settings.hostname else [], address)
    return _lets_encrypt(settings, gateway) if settings.tls == LETS_ENCRYPT else []


def _self_signed(names: list[str], address: Any) -> list[Wanted]:
    authority = {"commonName": "gke-tpu-inference gateway", "isCA": True, "duration": TEN_YEARS}
    leaf = _certificate(SECRET, AUTHORITY, "server auth")
    request = {
        "request": base64.b64encode(NOBODY.encode()).decode(),
        "issuerRef": {"group": "cert-manager.io", "kind": "Issuer", "name": AUTHORITY},
        "usages": ["digital signature", "timestamping"],  # a purpose that no client takes for a server's
    }
    return [
        Wanted("Issuer", SELF_SIGNED, {"selfSigned": {}}),
        Wanted("Certificate", AUTHORITY, _certificate(AUTHORITY, SELF_SIGNED, "cert sign") | authority),
        Wanted("Issuer", AUTHORITY, {"ca": {"secretName": AUTHORITY}}),
        Wanted("Certificate", SECRET, leaf | {"ipAddresses": [address]} | ({"dnsNames": names} if names else {})),
        Wanted("CertificateRequest", TRUST, request),
    ]


def _lets_encrypt(settings: Settings, gateway: str) -> list[Wanted]:
    parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gateway, "sectionName": "http"}
    acme = {
        "server": ACME_DIRECTORY,
        "email": settings.acme_email,
        "privateKeySecretRef": {"name": f"{LETS_ENCRYPT}-account"},
        "solvers": [{"http01": {"gatewayHTTPRoute": {"parentRefs": [parent]}}}],
    }
    return [
        Wanted("Issuer", LETS_ENCRYPT, {"acme": acme}),
        Wanted(
            "Certificate", SECRET, _certificate(SECRET, LETS_ENCRYPT, "server auth") | {"dnsNames": [settings.hostname]}
        ),
    ]


def _certificate(secret: str, issuer: str, usage: str) -> dict[str, Any]:
    return {
        "secretName": secret,
        "issuerRef": {"kind": "Issuer", "name": issuer},
        "privateKey": KEY,
        "usages": ["digital signature", usage],
    }


def patience(settings: Settings) -> str:
    """How long a certificate may take: a challenge waits for the host name to lead to the gateway everywhere."""
    return "20m" if settings.tls == LETS_ENCRYPT else "5m"
