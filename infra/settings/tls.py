"""HTTPS at the gateway: where its certificate comes from, for which name, and what each source needs."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, ValidationInfo

TlsSource = Literal["none", "self-signed", "lets-encrypt", "secret"]

_LABEL = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
PRIVATE = ("example", "home.arpa", "internal", "invalid", "local", "localhost", "onion", "test")
"""Ends of names that no public authority signs (RFC 2606, 6761, 6762, 7686, 8375)."""


def _source(info: ValidationInfo) -> TlsSource | None:
    """What `tls` says; nothing if that has a problem of its own."""
    return info.data.get("tls")


def _hostname(name: str, info: ValidationInfo) -> str:
    tls = _source(info)
    # A last part of digits alone makes every client take the whole for an IP address.
    if name and (len(name) > 253 or not re.fullmatch(rf"({_LABEL}\.)+(?![0-9]+$){_LABEL}", name)):
        raise ValueError(
            "is not a host name. Use the whole name alone, like llm.example.com: lower-case letters, digits, hyphens "
            "and at least one dot, no scheme, port, path, wildcard or IP address."
        )
    if name and tls == "none":
        raise ValueError(
            "is set, but `tls` is none, and nothing else needs a name. Set `tls` to self-signed, lets-encrypt or "
            "secret, or remove it."
        )
    if tls == "lets-encrypt" and not name:
        raise ValueError(
            "is empty, and `tls` is lets-encrypt, which signs for names. Set the name that leads to the output "
            "`gatewayAddress`, like llm.example.com, or set `tls` to self-signed."
        )
    if tls == "lets-encrypt" and name.endswith(tuple(f".{end}" for end in PRIVATE)):
        raise ValueError(
            "is a name that no public authority signs, and `tls` is lets-encrypt. Use a name of a domain of yours, or "
            "set `tls` to self-signed."
        )
    return name


def _mail(address: str, info: ValidationInfo) -> str:
    tls = _source(info)
    if address and not re.fullmatch(r"[!-?A-~]+@[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+", address):
        raise ValueError("is not a mail address. Use one that is read, like ops@example.com.")
    if address and tls in ("none", "self-signed", "secret"):
        raise ValueError(f"is set, but `tls` is {tls}. Set `tls` to lets-encrypt, or remove it.")
    if tls == "lets-encrypt" and not address:
        raise ValueError("is empty, and `tls` is lets-encrypt. Set the mail address of the account there.")
    return address


def _zone(name: str, info: ValidationInfo) -> str:
    if name and not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name):
        raise ValueError(
            "is not the name of a zone in Cloud DNS. Use its name, not its domain: `gcloud dns managed-zones list` "
            "shows both."
        )
    if name and info.data.get("hostname") == "":
        raise ValueError("is set, but `hostname` is empty, so there is no record to make. Set it, or remove this.")
    return name


def _secret(name: str, info: ValidationInfo) -> str:
    tls = _source(info)
    if name and (len(name) > 253 or not re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", name)):
        raise ValueError(
            "is not the name of a Secret. Use one of `kubectl get secrets --namespace istio-ingress`, without a "
            "namespace."
        )
    if name and tls in ("none", "self-signed", "lets-encrypt"):
        raise ValueError(f"is set, but `tls` is {tls}. Set `tls` to secret, or remove it.")
    if tls == "secret" and not name:
        raise ValueError(
            "is empty, and `tls` is secret. Name a Secret of type kubernetes.io/tls in the namespace istio-ingress."
        )
    return name


Hostname = Annotated[str, AfterValidator(_hostname)]
AcmeMail = Annotated[str, AfterValidator(_mail)]
DnsZone = Annotated[str, AfterValidator(_zone)]
TlsSecret = Annotated[str, AfterValidator(_secret)]


def warnings(tls: TlsSource, hostname: str) -> Iterator[str]:
    """What may be wrong with a certificate of the user's."""
    if tls == "secret" and not hostname:
        yield (
            "hostname: is empty, so the base URLs have the gateway's address, and few certificates are for one. Set "
            "the name that the certificate in `tlsSecret` is for."
        )
