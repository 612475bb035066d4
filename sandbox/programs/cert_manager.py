"""Cert-manager, whose programs are not in its Go module: `python -m sandbox.programs.cert_manager ROLE FLAGS`.

It runs in the place of each of its Pods, as the Pod's service account. The controller is the real one, but for its
start (`sandbox/build/tools/cert-manager/main.go` says what that leaves out). The others are stand-ins: the CA injector
writes authorities into webhooks and CRDs, the webhook allows everything, and the start-up check is done when the API
server takes a request through it.

It refuses what `cert_manager_flags` has no name for; the API server refuses objects by the CRDs, which are the real
ones. Left out: what the real webhook refuses beyond the CRDs, and what it adds to requests; of flags and configuration,
which are checked, the stand-ins follow none, and the controller the few that `CONTROLLER_FLAGS` and its main.go name.
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

from sandbox.api_client import MERGE, UNREACHABLE, Api, ApiException, Json
from sandbox.build import places
from sandbox.build.programs import CERT_MANAGER

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
HEALTH_PORTS = {"webhook": 6080}
CONTROLLER_FLAGS = ("--cluster-resource-namespace", "--acme-http01-solver-image")
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


def kept_authority(api: Api, namespace: str, name: str) -> trustme.CA:
    """The authority in a Secret, or a new one that is put there. As with the real webhook it outlives the Pod: what the
    CA injector has written before goes on to hold."""
    path = f"/api/v1/namespaces/{namespace}/secrets"
    made = trustme.CA()
    data = {"ca.crt": made.cert_pem.bytes(), "tls.crt": made.cert_pem.bytes(), "tls.key": made.private_key_pem.bytes()}
    annotations = {"cert-manager.io/allow-direct-injection": "true"}
    secret: Json = {"metadata": {"name": name, "annotations": annotations}}
    try:
        api("POST", path, {**secret, "data": {key: encode(pem) for key, pem in data.items()}})
    except ApiException as error:
        if error.status != 409:
            raise
        kept = {key: base64.b64decode(pem) for key, pem in api("GET", f"{path}/{name}")["data"].items()}
        return trustme.CA.from_pem(kept["tls.crt"], kept["tls.key"])
    return made


def webhook(api: Api, flags: argparse.Namespace) -> None:
    """Allow everything over TLS, by an authority that stands in a Secret for the CA injector."""
    authority = kept_authority(api, flags.dynamic_serving_ca_secret_namespace, flags.dynamic_serving_ca_secret_name)
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
    "cainjector": cainjector,
    "webhook": webhook,
    "startupapicheck": startupapicheck,
}


def main() -> None:
    """Play one role until told to stop; all but the check never end."""
    parser = argparse.ArgumentParser(prog="cert-manager", description=__doc__, allow_abbrev=False)
    parser.add_argument("role", choices=("controller", *ROLES))
    parser.add_argument("--secure-port", type=int)
    parser.add_argument("--dynamic-serving-ca-secret-namespace")
    parser.add_argument("--dynamic-serving-ca-secret-name")
    parser.add_argument("--dynamic-serving-dns-names", action="append")
    parser.add_argument("--config")
    flags, rest = parser.parse_known_args()
    try:
        check_arguments(flags.role, sys.argv[2:])
        if flags.config:  # a container's files are below its working directory
            check_configuration(flags.role, Path(flags.config.lstrip("/")).read_text())
    except RefusedError as error:
        sys.exit(f"Error: {error}")
    if flags.role == "controller":
        config = [f"--config={flags.config.lstrip('/')}"] if flags.config else []
        program = str(places.BIN / CERT_MANAGER)
        os.execv(program, [program, *config, *(flag for flag in rest if flag.startswith(CONTROLLER_FLAGS))])  # noqa: S606
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
