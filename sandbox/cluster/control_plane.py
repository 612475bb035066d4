"""A real Kubernetes control plane: etcd, kube-apiserver, kube-controller-manager and kube-scheduler.

It runs inside the namespaces of `isolation`, in a network of its own on the bridge of the Pods, and brings what GKE
brings: the standard Gateway API and the InferencePool. It has no machines; those are `gke_controllers` and `kubelet`.
"""

import json
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from infra.google import slices
from sandbox.api_client import Api, Json
from sandbox.build import parts, places
from sandbox.clouds import google_machines
from sandbox.clouds.registries import Remote
from sandbox.engine.stack import SandboxError

from . import front_proxy
from .addresses import API_SERVER, CONTROL_PLANE
from .internet import Internet
from .isolation import AUTHORITY, HOME, PLUGINS, isolated, publish

ETCD = "http://127.0.0.1:2379"
AUTH_PLUGIN = "gke-gcloud-auth-plugin"
SCALING_SECONDS, STABLE_SECONDS = 1.5, 30
"""How often HorizontalPodAutoscalers are looked at, and for how long one stays up whose object says nothing of it."""

PASSING = {"events", "events.events.k8s.io", "leases.coordination.k8s.io", "componentstatuses"}


class ClusterError(SandboxError):
    """Something of the cluster does not run; the message names its log."""


def wait_until(condition: Callable[[], Any], what: str, seconds: float, *, pause: float = 0.1) -> Any:
    """The first true value of `condition`, or a `ClusterError` that says what did not happen."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise ClusterError(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)
    return value


class Processes:
    """Programs with one log each; all end with `stop`."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._lock = threading.Lock()
        self._running: list[subprocess.Popen[bytes]] = []
        logs.mkdir(parents=True, exist_ok=True)

    def log(self, name: str) -> Path:
        """Where a program writes."""
        return self.logs / f"{name}.log"

    def start(
        self,
        name: str,
        command: list[str],
        *,
        env: Mapping[str, str] | None = None,
        netns: str | None = None,
        cwd: Path | None = None,
    ) -> "subprocess.Popen[bytes]":
        """Start a program, in a network namespace of `ip netns` if one is named."""
        place = ["ip", "netns", "exec", netns] if netns else []
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                [*place, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                cwd=cwd,
                start_new_session=True,  # Ctrl-C is for us, and we stop them in order
            )
        with self._lock:
            self._running = [p for p in self._running if p.poll() is None] + [process]
        return process

    def stop(self, process: "subprocess.Popen[bytes]", seconds: float = 5) -> None:
        """End one program: ask, wait, kill."""
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_all(self) -> None:
        """End all, the newest first."""
        with self._lock:
            running, self._running = self._running, []
        for process in reversed(running):
            self.stop(process)


class ControlPlane:
    """A cluster of its own, empty on every start, in the folder of these namespaces. A context manager.

    `server` is the API server's URL, `ca` the certificate of its authority, `kubeconfig` a cluster administrator's and
    `api` one. `reaches` says whether a node, by its name, gets to a host outside, `closed` what of "names" and "the
    internet" policies keep the programs of a Pod from, and `filtered` whether the network at a Pod's address is as
    policies want it, `remotes` the remote repositories of Artifact Registry as a node sees them; `restart_autoscaler`
    makes the autoscaler forget what failed, once it has seen which nodes there are; `gke_controllers` does all that.
    `pulled` has the images that are on a node, `internet` the hosts that answer outside of the VPC.
    """

    server = f"https://{API_SERVER}:443"
    home = HOME
    ca = AUTHORITY
    api: Api

    def __init__(self) -> None:
        if not isolated():
            raise ClusterError("a control plane runs inside `python -m sandbox.cluster.isolation` only")
        missing = parts.missing()
        if missing:
            raise ClusterError(f"run `make tools` first: {', '.join(missing)} not built")
        shutil.rmtree(self.home, ignore_errors=True)
        self.pki = self.ca.parent
        self.pki.mkdir(parents=True)
        self.processes = Processes(self.home / "logs")
        self.kubeconfig = self.home / "kubeconfig"
        self.bin, self.chart_mirror = places.BIN, places.CHARTS
        self.reaches: Callable[[str, str], bool] = lambda _node, _host: True
        self.closed: Callable[[Json], frozenset[str]] = lambda _pod: frozenset()
        self.filtered: Callable[[str], bool] = lambda _address: True
        self.remotes: Callable[[str], Mapping[str, Remote]] = lambda _node: {}
        self.restart_autoscaler: Callable[[], None] = lambda: None
        self.pulled: dict[str, set[str]] = {}
        self._authority = trustme.CA()
        self.internet = Internet(self._authority, self.pki)
        self._token = secrets.token_hex(16)

    def __enter__(self) -> "ControlPlane":
        """Start everything and wait until it answers."""
        try:
            self._write_identities()
            self.api = Api(self.kubeconfig)
            command, env = self.internet.lets_encrypt()
            self.processes.start("lets-encrypt", command, env=env)
            self._start_programs()
            self._bring_what_gke_brings()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self.processes.stop_all()

    def publish(self, host: str) -> None:
        """Make a cluster's DNS endpoint lead here."""
        publish(host, API_SERVER)

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """The output of `kubectl`; a failure raises with what it said."""
        command = [str(Path(sys.executable).parent / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, input=stdin)  # noqa: S603
        if done.returncode:
            raise ClusterError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def objects(self) -> set[str]:
        """Everything in the cluster as `Kind/namespace/name`, but for what comes and goes by itself."""
        kinds = set(self.kubectl("api-resources", "--verbs=list", "--output=name").split()) - PASSING
        each = r'{range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\n"}{end}'
        return set(self.kubectl("get", ",".join(sorted(kinds)), "-A", f"--output=jsonpath={each}").split("\n")) - {""}

    def _write_identities(self) -> None:
        self._authority.cert_pem.write_to_path(str(self.ca))
        locations = {p for zone in slices.KNOWN_ZONES for p in (zone, zone.rsplit("-", 1)[0])}
        hosts = [f"*.{location}.gke.goog" for location in sorted(locations)]  # the DNS endpoints of simulated clusters
        leaf = self._authority.issue_cert(API_SERVER, "kubernetes.default.svc", *hosts)
        leaf.private_key_pem.write_to_path(str(self.pki / "server.key"))
        (self.pki / "server.pem").write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
        key = ec.generate_private_key(ec.SECP256R1())
        (self.pki / "accounts.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        )
        (self.pki / "accounts.pub").write_bytes(
            key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        )
        (self.pki / "tokens.csv").write_text(f"{self._token},admin,admin,system:masters\n")
        self.kubeconfig.write_text(json.dumps(self.kubeconfig_for(self._token)))
        credential = {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "kind": "ExecCredential",
            "status": {"token": self._token},
        }
        plugin = PLUGINS / AUTH_PLUGIN
        plugin.parent.mkdir()
        plugin.write_text(f"#!/bin/sh\necho '{json.dumps(credential)}'\n")
        plugin.chmod(0o700)

    def kubeconfig_for(self, token: str) -> dict[str, Any]:
        """A kubeconfig for the holder of a token."""
        named: dict[str, Any] = {"name": "sandbox"}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [named | {"cluster": {"server": self.server, "certificate-authority": str(self.ca)}}],
            "users": [named | {"user": {"token": token}}],
            "contexts": [named | {"context": {"cluster": "sandbox", "user": "sandbox"}}],
            "current-context": "sandbox",
        }

    def _start_programs(self) -> None:
        pki, kubeconfig = self.pki, f"--kubeconfig={self.kubeconfig}"
        self._start(
            "etcd",
            f"--data-dir={self.home / 'etcd'}",
            f"--listen-client-urls={ETCD}",
            f"--advertise-client-urls={ETCD}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )
        server = self._start_api_server()
        wait_until(lambda: self._ready(server), f"kube-apiserver, see {self.processes.log('kube-apiserver')}", 60)
        self._start(
            "kube-controller-manager",
            kubeconfig,
            f"--service-account-private-key-file={pki / 'accounts.key'}",
            f"--root-ca-file={self.ca}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            # A tenth of what it is by itself, as time passes faster for Pods too.
            f"--horizontal-pod-autoscaler-sync-period={SCALING_SECONDS}s",
            f"--horizontal-pod-autoscaler-downscale-stabilization={STABLE_SECONDS}s",
            # The nodes have no kubelet that renews a lease.
            "--controllers=*,-node-ipam-controller,-node-lifecycle-controller,-taint-eviction-controller",
            f"--cert-dir={pki}",
        )
        self._start("kube-scheduler", kubeconfig, "--leader-elect=false", f"--cert-dir={pki}")

    def _start_api_server(self) -> "subprocess.Popen[bytes]":
        pki = self.pki
        return self._start(
            "kube-apiserver",
            f"--etcd-servers={ETCD}",
            f"--bind-address={API_SERVER}",
            f"--advertise-address={API_SERVER}",
            "--secure-port=443",
            f"--tls-cert-file={pki / 'server.pem'}",
            f"--tls-private-key-file={pki / 'server.key'}",
            f"--cert-dir={pki}",
            f"--token-auth-file={pki / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki / 'accounts.pub'}",
            f"--service-account-signing-key-file={pki / 'accounts.key'}",
            "--service-cluster-ip-range=10.8.0.0/20",
            *front_proxy.identity(pki),
            "--enable-aggregator-routing",  # webhooks are called on their Pods' addresses: no kube-proxy is here
            "--endpoint-reconciler-type=none",
            "--allow-privileged",
            env={**os.environ, "GOGC": "200"},  # it makes its description of all CRDs anew with each that comes
        )

    def _start(self, name: str, *flags: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
        return self.processes.start(name, [str(self.bin / name), *flags], env=env, netns=CONTROL_PLANE)

    def _ready(self, server: "subprocess.Popen[bytes]") -> bool:
        if server.poll() is not None:
            raise ClusterError(f"kube-apiserver ended, see {self.processes.log('kube-apiserver')}")
        try:
            return self.kubectl("get", "--raw=/readyz") == "ok"
        except ClusterError:
            return False

    def _bring_what_gke_brings(self) -> None:
        """The CRDs that a GKE cluster with the Gateway API and managed collection has from the beginning (InferencePool
        since 1.34), and what it does to Pods that select a ComputeClass.

        The other kinds of the InferencePool's API come along, as the endpoint picker that is run here wants them.
        """
        data = google_machines.DATA
        ours = (data / f"{name}.yaml" for name in ("compute_class", "compute_class_toleration", "pod_monitoring"))
        for files in (places.CRDS / "gateway-api", places.CRDS / "inference", *ours):
            self.kubectl("apply", "--server-side", "--field-manager=gke", f"--filename={files}")
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
