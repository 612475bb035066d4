"""A stand-in for cert-manager, which is not in its Go module: `python -m sandbox.programs.cert_manager ROLE FLAGS`.

It runs in the place of each of its Pods, as the Pod's service account. What it does is what this project needs of it:
the controller signs what a Certificate asks of an Issuer that exists, the CA injector writes authorities into webhooks
and CRDs, the webhook allows everything, and the start-up check is done when the API server takes a request through it.
Every certificate has an authority of its own, and nothing is renewed.

It refuses what `cert_manager_flags` has no name for; the API server refuses objects by the CRDs, which are the real
ones. Left out: what the real webhook refuses beyond the CRDs, and following a configuration file: it is only checked.
"""

import argparse
import base64
import json
import os
import ssl
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer

import trustme

from sandbox.api_client import MERGE, UNREACHABLE, Api, ApiException, Json, now

from .cert_manager_flags import RefusedError, check_arguments, check_configuration

GROUP = "/apis/cert-manager.io/v1"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
INJECTED = (
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
    CRDS,
)
"""Where the CA injector writes."""
INJECT = "cert-manager.io/inject-ca-from"
METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"  # CRDs are large
HEALTH_PORTS = {"controller": 9403, "webhook": 6080}
PAUSE_SECONDS = 0.3


def encode(pem: bytes) -> str:
    """As it stands in a Secret."""
    return base64.b64encode(pem).decode()


class Handler(BaseHTTPRequestHandler):
    """Healthy, and allows every admission review."""

    def _answer(self, answer: Json) -> None:
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:  # noqa: D102
        self._answer({})

    def do_POST(self) -> None:  # noqa: D102
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        verdict = {"uid": review["request"]["uid"], "allowed": True}
        self._answer({"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": verdict})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, D102
        pass


def serve(port: int, context: ssl.SSLContext | None = None) -> None:
    """Answer at a port of the Pod."""
    server = ThreadingTCPServer(("", port), Handler)  # `HTTPServer` would look its own name up
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def sign(api: Api, certificate: Json) -> None:
    """The Secret and the condition of one Certificate, unless they are there."""
    meta, spec = certificate["metadata"], certificate["spec"]
    issuer = spec["issuerRef"]["name"]
    kind = spec["issuerRef"].get("kind", "Issuer")
    place = GROUP if kind == "ClusterIssuer" else f"{GROUP}/namespaces/{meta['namespace']}"
    secrets = f"/api/v1/namespaces/{meta['namespace']}/secrets"
    try:
        api("GET", f"{place}/{kind.lower()}s/{issuer}")
    except ApiException as error:
        if error.status != 404:
            raise
        message = f'Referenced "{kind}" not found: {kind.lower()}.cert-manager.io "{issuer}" not found'
        report(api, certificate, "False", "Pending", message)
        return
    try:
        api("GET", f"{secrets}/{spec['secretName']}")
    except ApiException as error:
        if error.status != 404:
            raise
        names = [spec["commonName"]] if spec.get("commonName") else []
        authority = trustme.CA()
        leaf = authority.issue_cert(*dict.fromkeys(names + spec.get("dnsNames", [])))
        data = {
            "tls.crt": b"".join(pem.bytes() for pem in leaf.cert_chain_pems),
            "tls.key": leaf.private_key_pem.bytes(),
        }
        data["ca.crt"] = authority.cert_pem.bytes()
        annotations = {"cert-manager.io/certificate-name": meta["name"], "cert-manager.io/issuer-name": issuer}
        metadata = {"name": spec["secretName"], "annotations": annotations}
        encoded = {key: encode(value) for key, value in data.items()}
        api("POST", secrets, {"metadata": metadata, "type": "kubernetes.io/tls", "data": encoded})
        print(f"signed {meta['namespace']}/{meta['name']}", flush=True)
    report(api, certificate, "True", "Ready", "Certificate is up to date and has not expired")


def report(api: Api, certificate: Json, status: str, reason: str, message: str) -> None:
    """Set the condition Ready, if it says something else."""
    meta = certificate["metadata"]
    ready: Json = {"type": "Ready", "status": status, "reason": reason, "message": message}
    ready["observedGeneration"] = meta["generation"]
    if any(ready.items() <= c.items() for c in certificate.get("status", {}).get("conditions", [])):
        return
    path = f"{GROUP}/namespaces/{meta['namespace']}/certificates/{meta['name']}/status"
    api("PATCH", path, {"status": {"conditions": [{**ready, "lastTransitionTime": now()}]}}, content=MERGE)


def inject(api: Api, path: str, annotations: dict[str, str]) -> None:
    """Write the authority that an annotation names into one object."""
    source = annotations.get(f"{INJECT}-secret", "")
    if not source:
        namespace, name = annotations[INJECT].split("/")
        certificate = api("GET", f"{GROUP}/namespaces/{namespace}/certificates/{name}")
        source = f"{namespace}/{certificate['spec']['secretName']}"
    namespace, name = source.split("/")
    authority = api("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")["data"]["ca.crt"]
    if path.startswith(CRDS):
        changed: Json = {"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": authority}}}}}
    else:
        found = api("GET", path)
        changed = {"webhooks": found["webhooks"], "metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}}
        for hook in changed["webhooks"]:
            hook["clientConfig"]["caBundle"] = authority
    api("PATCH", path, changed, content=MERGE, accept=METADATA_ONLY)
    print(f"injected {source} into {path}", flush=True)


def controller(api: Api, _: argparse.Namespace) -> None:
    """Sign every Certificate."""
    for certificate in api.items(f"{GROUP}/certificates"):
        sign(api, certificate)


def cainjector(api: Api, _: argparse.Namespace) -> None:
    """Inject into everything that is annotated, when it changes; each kind by itself, as one CRD may take seconds."""

    def keep(kind: str) -> None:
        todo: dict[str, dict[str, str]] = {}

        def follow() -> None:
            while True:
                with suppress(*UNREACHABLE):
                    for change in api.watch(kind, accept=METADATA_ONLY):
                        meta = change["object"]["metadata"]
                        path = f"{kind}/{meta.get('name')}"
                        todo.pop(path, None)
                        wanted = any(key.startswith(INJECT) for key in meta.get("annotations", {}))
                        if wanted and change["type"] != "DELETED":
                            todo[path] = meta["annotations"]
                time.sleep(PAUSE_SECONDS)

        threading.Thread(target=follow, daemon=True).start()
        while True:
            for path in list(todo):
                annotations = todo.pop(path, None)
                try:
                    if annotations:
                        inject(api, path, annotations)
                except UNREACHABLE:  # what it names is not there yet
                    todo.setdefault(path, annotations or {})
            time.sleep(PAUSE_SECONDS)

    for kind in INJECTED:
        threading.Thread(target=keep, args=[kind], daemon=True).start()
    threading.Event().wait()


def webhook(api: Api, flags: argparse.Namespace) -> None:
    """Allow everything over TLS, by an authority that stands in a Secret for the CA injector."""
    authority = trustme.CA()
    name = flags.dynamic_serving_ca_secret_name
    annotations = {"cert-manager.io/allow-direct-injection": "true"}
    pem = encode(authority.cert_pem.bytes())
    secret: Json = {"metadata": {"name": name, "annotations": annotations}, "data": {"ca.crt": pem}}
    path = f"/api/v1/namespaces/{flags.dynamic_serving_ca_secret_namespace}/secrets"
    try:
        api("POST", path, secret)
    except ApiException as error:
        if error.status != 409:
            raise
        api("PUT", f"{path}/{name}", secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*flags.dynamic_serving_dns_names).configure_cert(context)
    serve(flags.secure_port, context)
    threading.Event().wait()


def startupapicheck(api: Api, _: argparse.Namespace) -> None:
    """Make a request that is not kept, through the webhook."""
    namespace = os.environ["POD_NAMESPACE"]
    request = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "CertificateRequest",
        "metadata": {"generateName": "cert-manager-startup-"},
        "spec": {"request": encode(b"none"), "issuerRef": {"name": "none"}},
    }
    api("POST", f"{GROUP}/namespaces/{namespace}/certificaterequests", request, dryRun="All")
    sys.exit(0)


ROLES: dict[str, Callable[[Api, argparse.Namespace], None]] = {
    "controller": controller,
    "cainjector": cainjector,
    "webhook": webhook,
    "startupapicheck": startupapicheck,
}


def main() -> None:
    """Play one role until told to stop; all but the check never end."""
    parser = argparse.ArgumentParser(prog="cert-manager", description=__doc__, allow_abbrev=False)
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--secure-port", type=int)
    parser.add_argument("--dynamic-serving-ca-secret-namespace")
    parser.add_argument("--dynamic-serving-ca-secret-name")
    parser.add_argument("--dynamic-serving-dns-names", action="append")
    parser.add_argument("--config")
    flags, _ = parser.parse_known_args()
    try:
        check_arguments(flags.role, sys.argv[2:])
        if flags.config:  # a container's files are below its working directory
            check_configuration(flags.role, Path(flags.config.lstrip("/")).read_text())
    except RefusedError as error:
        sys.exit(f"Error: {error}")
    if flags.role in HEALTH_PORTS:
        serve(HEALTH_PORTS[flags.role])
    api, said = Api(), ""
    while True:
        try:
            ROLES[flags.role](api, flags)
        except UNREACHABLE as error:
            if str(error) != said:
                said = str(error)
                print(said, flush=True)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
