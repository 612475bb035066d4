"""GKE's managed collection: the real Prometheus, which scrapes what PodMonitorings and ClusterPodMonitorings say.

It stands in for the collectors that GKE runs on every node, for their operator, and for the store that they write to:
`monitoring_api` asks it. It starts with the first object, as a Pod of `gmp-system` would: in a network of its own, from
which NetworkPolicies let it open what they let such a Pod open. `collection` says what it is told. Time passes faster,
as in Pods: an endpoint is scraped `SPEED` times as often as it says.

An object has the condition `ConfigurationCreateSuccess`, as Google's operator writes it. A Secret is read if the
account `collector` may read it, which GKE lets nobody grant by itself
(https://cloud.google.com/stackdriver/docs/managed-prometheus/setup-managed#secrets-authorization); otherwise it counts
as empty, and the target refuses. Left out: Rules, OperatorConfig and `endpointStatuses`; a second cluster of the
project; limits and quotas of ingestion; what is older than `RETENTION`.
"""

import json
import shutil
from collections.abc import Iterable
from contextlib import suppress

import httpx2

from sandbox.api_client import MERGE, ApiException, Json, now
from sandbox.build import places
from sandbox.clouds.monitoring import Place

from . import collection
from .addresses import COLLECTOR
from .collection import CollectionError
from .control_plane import ControlPlane
from .pod import Pod
from .probes import SPEED

GROUP = "/apis/monitoring.googleapis.com/v1"
NAMESPACE, ACCOUNT = "gmp-system", "collector"
LABELS = {"app": "managed-prometheus-collector", "app.kubernetes.io/name": "collector"}
POD: Json = {
    "metadata": {"name": "collector", "namespace": NAMESPACE, "uid": "collector", "labels": LABELS},
    "spec": {"serviceAccountName": ACCOUNT, "containers": []},
    "status": {"podIP": COLLECTOR},
}
"""The Pod as policies see it; the API server has none. Labels as in manifests/operator.yaml of prometheus-engine."""
URL = f"http://{COLLECTOR}:9090"
RETENTION = ("--storage.tsdb.retention.time=6h", "--storage.tsdb.retention.size=256MB")
CREATED = "ConfigurationCreateSuccess"
BUILD = "python -m sandbox.build prometheus"


class Collectors:
    """Follows the objects of one cluster. `problem` is why nothing is collected although something is asked for."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane, self._api = plane, plane.api
        self._folder = plane.home / "prometheus"
        self._pod: Pod | None = None
        self._written = ""
        self.problem = ""

    @property
    def pods(self) -> list[Json]:
        """The Pods that collect, as policies see them."""
        return [POD] if self._pod else []

    def follow(self, place: Place | None) -> None:
        """Do what has changed. `place` is the cluster, if its metrics are to be collected."""
        found = list(self._objects()) if place else []
        if not self._pod and (not found or not self._start()):
            return
        said = [(monitoring, *self._jobs(monitoring, place)) for monitoring in found if place]
        self._tell([job for _, jobs, _ in said for job in jobs])
        for monitoring, _, problem in said:
            self._report(monitoring, problem)

    def close(self) -> None:
        """Collect no more."""
        if self._pod:
            self._plane.processes.stop(self._process)
            self._pod.unplug()
            self._pod = None

    def _objects(self) -> Iterable[Json]:
        """As the API server has them; a list does not name the kind of its items."""
        for kind in ("PodMonitoring", "ClusterPodMonitoring"):
            for item in self._api.items(f"{GROUP}/{kind.lower()}s"):
                yield {**item, "kind": kind}

    def _start(self) -> bool:
        """Whether Prometheus runs now."""
        if not (places.BIN / "prometheus").exists():
            self.problem = f"the sandbox has no Prometheus: run `{BUILD}`"
            return False
        shutil.rmtree(self._folder, ignore_errors=True)  # what it knows of a cluster that is gone
        self._folder.mkdir()
        self._written = ""
        self._write([])
        self._pod = Pod(self._plane, POD, COLLECTOR)
        self._pod.plug_in()
        command = [
            str(places.BIN / "prometheus"),
            f"--config.file={self._folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            *RETENTION,
            f"--web.listen-address={COLLECTOR}:9090",
            "--web.enable-lifecycle",
            "--log.level=warn",
        ]
        self._process = self._plane.processes.start("prometheus", command, netns=self._pod.netns)
        return True

    def _jobs(self, monitoring: Json, place: Place) -> tuple[list[Json], str]:
        """The jobs of an object, and what is wrong with it."""
        try:
            return collection.jobs(monitoring, place, self._secret, speed=SPEED), ""
        except CollectionError as error:
            return [], str(error)

    def _secret(self, namespace: str, name: str, key: str) -> str:
        """What stands in a Secret, as far as the collectors may read it."""
        asked = {"verb": "get", "resource": "secrets", "namespace": namespace, "name": name}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}",
                "groups": ["system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated"],
                "resourceAttributes": asked,
            },
        }
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        if not self._api("POST", path, review)["status"].get("allowed"):
            return ""
        with suppress(ApiException):
            data = self._api("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}").get("data", {})
            return collection.decoded(data.get(key, ""))
        return ""

    def _write(self, jobs: list[Json]) -> None:
        kubernetes = {"role": "pod", "kubeconfig_file": str(self._plane.kubeconfig)}
        jobs = [{**job, "kubernetes_sd_configs": [kubernetes]} for job in jobs]
        # JSON is YAML.
        text = json.dumps({"global": {"scrape_interval": "1m"}, "scrape_configs": jobs}, indent=1)
        (self._folder / "prometheus.yaml").write_text(text)

    def _tell(self, jobs: list[Json]) -> None:
        """Let Prometheus read its configuration again if it has changed, as soon as it answers."""
        text = json.dumps(jobs)
        if text == self._written:
            return
        self._write(jobs)
        with suppress(httpx2.HTTPError):
            answer = httpx2.post(f"{URL}/-/reload", trust_env=False)
            self._written = text
            self.problem = "" if answer.is_success else answer.text  # it goes on with what it had before

    def _report(self, monitoring: Json, problem: str) -> None:
        """Say in an object's status whether it became a configuration, unless it says so already."""
        meta, status = monitoring["metadata"], monitoring.get("status", {})
        condition: Json = {"type": CREATED, "status": "False" if problem else "True"}
        if problem:
            condition |= {"reason": "ScrapeConfigError", "message": problem}
        old = next((c for c in status.get("conditions", []) if c["type"] == CREATED), {})
        if status.get("observedGeneration") == meta["generation"] and condition.items() <= old.items():
            return
        condition |= {"lastUpdateTime": now(), "lastTransitionTime": now()}
        within = f"/namespaces/{meta['namespace']}" if "namespace" in meta else ""
        path = f"{GROUP}{within}/{monitoring['kind'].lower()}s/{meta['name']}/status"
        said = {"conditions": [condition], "observedGeneration": meta["generation"]}
        self._api("PATCH", path, {"status": said}, content=MERGE)
