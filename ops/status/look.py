"""Looks at a stack once: at its state and history, its file, its models by their public URL, its cluster, and at what
Cloud Monitoring knows."""

import json
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from kubernetes.client import ApiException

from infra.google.slices import TOPOLOGY_LABEL
from infra.settings.schema import Settings
from ops.cli import Cli, CliError
from ops.diagnose import state
from ops.diagnose.cluster import PARALLEL, UNREACHABLE, Cluster, ClusterError, why
from ops.diagnose.observe import MOST, observe
from ops.diagnose.observed import Observed
from ops.error_code import code
from ops.preflight.cloud import credentials
from ops.stack_file import StackFileError, stack
from ops.words import one_line

from . import history, monitoring
from .known import Alert, Deployed, Endpoint, Health, Known, NoCluster, Node, Traffic, Unknown

SECONDS = 10
"""For the answer of a model."""
POOL_LABEL = "cloud.google.com/gke-nodepool"
STACK = "pulumi:pulumi:Stack"
NO_PROJECT = "the stack file has no gcp:project"
Json = dict[str, Any]


def outputs(deployment: Json) -> Json:
    """The stack's outputs, as its state has them; what is secret stays encrypted."""
    resources = deployment.get("resources") or []
    return next((one.get("outputs") or {} for one in resources if one["type"] == STACK), {})


def endpoints(told: Json) -> dict[str, Endpoint]:
    """The models of the outputs, by `namespace/name`."""
    models: Mapping[str, Json] = told.get("models") or {}
    return {name: Endpoint(url=of["baseUrl"], paused=bool(of.get("paused"))) for name, of in models.items()}


def asked(url: str, trusted: ssl.SSLContext | bool) -> Health:
    """What a model at a base URL says of its health, as any client may ask."""
    try:
        answer = httpx2.get(f"{url}/health", timeout=SECONDS, verify=trusted)
    except (httpx2.HTTPError, OSError) as error:
        return Health(status=None, said=one_line(error) or type(error).__name__)
    said = code(answer.text)
    return Health(status=answer.status_code, code=said if isinstance(said, str) else "")


def trust(told: Json) -> ssl.SSLContext | bool:
    """Whom to trust: the stack's own authority if it has one, else those of this machine."""
    signed = told.get("caCertificate")
    return ssl.create_default_context(cadata=signed) if isinstance(signed, str) else True


def _health(models: Mapping[str, Endpoint], trusted: ssl.SSLContext | bool) -> dict[str, Health]:
    """What each says, asked side by side: one that does not answer holds up no other."""
    with ThreadPoolExecutor(PARALLEL) as each:
        return dict(zip(models, each.map(lambda of: asked(of.url, trusted), models.values()), strict=True))


def _history(name: str, folder: Path) -> Deployed | Unknown:
    try:
        text = Cli(name, folder)("stack", "history", "--json", f"--page-size={history.ENTRIES}", "--page=1")
    except CliError as error:
        return Unknown(because=one_line(error))
    return history.deployed(json.loads(text) or [])


def node(item: Json) -> Node:
    """A node, of the API server's object."""
    meta, labels = item["metadata"], item["metadata"].get("labels", {})
    conditions = item.get("status", {}).get("conditions", [])
    return Node(
        name=meta["name"],
        pool=labels.get(POOL_LABEL, ""),
        topology=labels.get(TOPOLOGY_LABEL, ""),
        ready=any(one["type"] == "Ready" and one["status"] == "True" for one in conditions),
        came=meta["creationTimestamp"],
    )


def _nodes(cluster: Cluster) -> list[Node] | Unknown:
    try:
        items, whole = cluster.page("/api/v1/nodes", MOST)
    except (ApiException, *UNREACHABLE) as error:
        return Unknown(because=f"the cluster does not list its nodes: {why(error)}")
    return [node(item) for item in items] if whole else Unknown(because=f"there are more than {MOST}")


def _cluster(told: state.State | Unknown) -> tuple[Observed | Unknown, list[Node] | Unknown]:
    if isinstance(told, Unknown):
        return told, told
    try:
        cluster = Cluster(told.kubeconfig)
        return observe(cluster, told.models, told.pools), _nodes(cluster)
    except ClusterError as error:
        unknown = Unknown(because=str(error))
        return unknown, unknown


def measured(
    session: Callable[[], Any], project: str, cluster: str | None, models: list[str], *, scraped: bool
) -> tuple[Mapping[str, Traffic] | Unknown, list[Alert] | Unknown]:
    """What Cloud Monitoring knows of models and of alerts, each by itself."""
    try:
        get = monitoring.getter(session())
    except GoogleAuthError as error:
        unknown = monitoring.no_answer(error)
        return unknown, unknown
    traffic: Mapping[str, Traffic] | Unknown = Unknown(because="the state has no cluster")
    try:
        if cluster:
            traffic = monitoring.traffic(get, project, cluster, models, scraped=scraped)
    except monitoring.FAILURES as error:
        traffic = monitoring.no_answer(error)
    try:
        alerts: list[Alert] | Unknown = monitoring.alerts(get, project)
    except monitoring.FAILURES as error:
        alerts = monitoring.no_answer(error)
    return traffic, alerts


def _settings(name: str, folder: Path) -> tuple[Settings | Unknown, str | None]:
    """The stack's settings, and its project if its file names one."""
    try:
        found = stack(name, folder)
    except StackFileError as wrong:
        return Unknown(because=str(wrong)), None
    return found.settings, found.settings.project if found.has_project else None


def look(name: str, folder: Path) -> Known:
    """All that can be learnt now; what cannot is `Unknown`."""
    settings, project = _settings(name, folder)
    told: state.State | Unknown
    found: Mapping[str, Endpoint] | Unknown
    of_outputs: Json = {}
    try:
        deployment = state.exported(name, folder)
        of_outputs = outputs(deployment)
        found, told = endpoints(of_outputs), state.read(deployment)
    except state.NoClusterError as error:
        found, told = {}, NoCluster(because=str(error))
    except state.StateError as error:
        found = told = Unknown(because=str(error))
    urls = {} if isinstance(found, Unknown) else found
    cluster, nodes = _cluster(told)
    unknown = Unknown(because=NO_PROJECT)
    traffic, alerts = (
        measured(
            lambda: AuthorizedSession(credentials(project)),
            project,
            of_outputs.get("clusterName"),
            list(urls),
            scraped=not isinstance(settings, Unknown) and settings.scraped,
        )
        if project
        else (unknown, unknown)
    )
    return Known(
        stack=name,
        at=datetime.now(UTC),
        settings=settings,
        deployed=_history(name, folder),
        endpoints=found,
        health=_health(urls, trust(of_outputs)),
        cluster=cluster,
        pools=[] if isinstance(told, Unknown) else told.pools,
        nodes=nodes,
        traffic=traffic,
        alerts=alerts,
    )
