"""Simulated cert-manager: Issuers, Certificates and CertificateRequests, with certificates that are really signed.

An Issuer of type selfSigned is ready, one of type CA if its Secret has the certificate of an authority, one of type
ACME if cert-manager was told of the Gateway API and its solver's Gateway has the listener. A Certificate needs an
Issuer that is ready, and gets a Secret, which stays when the Certificate goes; a CertificateRequest is told who signs,
and gets no certificate. What is not ready is told in cert-manager's words. Other types of Issuers are refused, and so
is what refers to a ClusterIssuer, as none is simulated. Left out: renewal, and of ACME all that passes between two
parties, also whether the name leads there.
"""

import base64
from typing import Any

import trustme
from cryptography import x509

from .inventory import CloudError, Item
from .kubernetes_cluster import Cluster
from .kubernetes_kinds import CERTIFICATE_REQUEST, GATEWAY, ISSUER, SECRET, kind_of


def settle(cluster: Cluster, item: Item) -> None:
    """Make an object Ready, or say why it is not; with `pulumi.com/waitFor` that is an error."""
    problem = (_issuer_problem if item.kind == ISSUER else _reference_problem)(cluster, item)
    if problem and "pulumi.com/waitFor" in item.inputs["metadata"].get("annotations", {}):
        raise CloudError(f"timed out waiting for condition Ready of {kind_of(item)} {item.id}: {problem}")
    status = {"type": "Ready", "status": "False" if problem else "True", "message": problem or ""}
    item.computed = item.computed | {"status": {"conditions": [status]}}
    if item.kind != ISSUER and not problem:
        _answer(cluster, item)


def _issuer_problem(cluster: Cluster, issuer: Item) -> str | None:
    [(kind, spec)] = issuer.inputs["spec"].items()
    match kind:
        case "selfSigned":
            return None
        case "ca":
            return _authority_problem(cluster, issuer, spec["secretName"])
        case "acme":
            return next(filter(None, (_solver_problem(cluster, issuer, solver) for solver in spec["solvers"])), None)
    raise CloudError(f"the sandbox simulates no Issuer of type {kind}; add it to sandbox/clouds/certificates.py")


def _authority_problem(cluster: Cluster, issuer: Item, name: str) -> str | None:
    secret = _secret(cluster, issuer.inputs["metadata"]["namespace"], name)
    if secret is None:
        return f'Error getting keypair for CA issuer: secrets "{name}" not found'
    certificate = x509.load_pem_x509_certificate(_of(secret, "tls.crt"))
    if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
        return "Error getting keypair for CA issuer: certificate is not a CA"
    return None


def _solver_problem(cluster: Cluster, issuer: Item, solver: dict[str, Any]) -> str | None:
    release, namespace = cluster.release("cert-manager"), issuer.inputs["metadata"]["namespace"]
    if not (release and release.inputs.get("values", {}).get("config", {}).get("gatewayAPI", {}).get("enabled")):
        return "couldn't Present challenge: gateway api is not enabled"
    for parent in solver["http01"]["gatewayHTTPRoute"]["parentRefs"]:
        gateways = cluster.find(GATEWAY, parent.get("namespace", namespace), parent["name"])
        listeners = [one["name"] for gateway in gateways for one in gateway.inputs["spec"]["listeners"]]
        if parent["sectionName"] not in listeners:
            return f"Waiting for HTTP-01 challenge propagation: no listener {parent['sectionName']} of {parent['name']}"
    return None


def _reference_problem(cluster: Cluster, certificate: Item) -> str | None:
    namespace, reference = certificate.inputs["metadata"]["namespace"], certificate.inputs["spec"]["issuerRef"]
    issuers = cluster.find(ISSUER, namespace, reference["name"]) if reference.get("kind") == "Issuer" else []
    if not issuers:
        kind, name = reference.get("kind", "Issuer"), reference["name"]
        return f'Referenced "{kind}" not found: {kind.lower()}.cert-manager.io "{name}" not found'
    if _issuer_problem(cluster, issuers[0]):
        return "Referenced issuer does not have a Ready status condition"
    return None


def _answer(cluster: Cluster, asked: Item) -> None:
    """Tell who signs for a CertificateRequest, or make the Secret of a Certificate that has none."""
    spec, namespace = asked.inputs["spec"], asked.inputs["metadata"]["namespace"]
    [issuer] = cluster.find(ISSUER, namespace, spec["issuerRef"]["name"])
    [(kind, of)] = issuer.inputs["spec"].items()
    signer = _secret(cluster, namespace, of["secretName"]) if kind == "ca" else None
    authority = trustme.CA() if signer is None else trustme.CA.from_pem(_of(signer, "tls.crt"), _of(signer, "tls.key"))
    if asked.kind == CERTIFICATE_REQUEST:
        asked.computed["status"]["ca"] = base64.b64encode(authority.cert_pem.bytes()).decode()
    elif _secret(cluster, namespace, spec["secretName"]) is None:
        _keep(cluster, asked, authority)


def _keep(cluster: Cluster, certificate: Item, authority: trustme.CA) -> None:
    """Make the Secret of a Certificate."""
    spec, namespace = certificate.inputs["spec"], certificate.inputs["metadata"]["namespace"]
    name = spec["secretName"]
    data = {"ca.crt": authority.cert_pem.bytes()}
    if spec.get("isCA"):
        data |= {"tls.crt": authority.cert_pem.bytes(), "tls.key": authority.private_key_pem.bytes()}
    else:
        leaf = authority.issue_cert(*spec.get("dnsNames", []), *spec.get("ipAddresses", []))
        data |= {"tls.crt": leaf.cert_chain_pems[0].bytes(), "tls.key": leaf.private_key_pem.bytes()}
    annotations = {"cert-manager.io/certificate-name": certificate.name}
    inputs: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "type": "kubernetes.io/tls",
        "data": {key: base64.b64encode(value).decode() for key, value in data.items()},
    }
    scope = cluster.scope(namespace)
    cluster.inventory.record("create", Item("kubernetes", SECRET, scope, name, f"{namespace}/{name}", inputs))


def _secret(cluster: Cluster, namespace: str, name: str) -> Item | None:
    return next(iter(cluster.find(SECRET, namespace, name)), None)


def _of(secret: Item, key: str) -> bytes:
    return base64.b64decode(secret.inputs["data"][key])
