"""What Managed Service for Prometheus reads of the platform, and the shape of all that it reads.

GKE's collectors run on every node and scrape the Pods there that a PodMonitoring of their namespace selects
(https://cloud.google.com/stackdriver/docs/managed-prometheus/setup-managed). Each sample that is kept is paid for, so
every endpoint has a list of what is kept, and nothing else passes: what `infra/monitoring/queries.py` asks for. Of the
proxy, Istio's counter of requests stays; its histograms go, as a stream lasts as long as its answer, and so do some
thousand metrics of Envoy's, most of them once for each cluster and listener.

Nothing is read of KServe's controller: it shows its metrics to its own Pod alone, at 127.0.0.1, and what it does is
seen in the Pods that it makes.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.settings.schema import Settings

from .names import CERT_MANAGER, GATEWAY, GATEWAY_NAME_LABEL, ISTIO_INGRESS, ISTIO_SYSTEM

Json = dict[str, Any]

API_VERSION = "monitoring.googleapis.com/v1"
INTERVAL = "30s"
"""Google's own examples have it; a minute is two samples, so a rate over two minutes or more has what it needs."""


def histogram(name: str) -> tuple[str, ...]:
    """The names of a histogram's series."""
    return (f"{name}_bucket", f"{name}_count", f"{name}_sum")


PROXY = ("istio_requests_total",)
ISTIOD = ("pilot_xds", "pilot_total_xds_rejects")
CERTIFICATES = ("certmanager_certificate_expiration_timestamp_seconds",)


def kept(names: Iterable[str]) -> Json:
    """The rule that lets these metrics through and drops all others."""
    return {"action": "keep", "sourceLabels": ["__name__"], "regex": "|".join(names)}


def pod_monitoring(
    name: str,
    namespace: str,
    pods: Mapping[str, str],
    *,
    port: int,
    rules: Iterable[Json],
    path: str = "/metrics",
    labels: Mapping[str, str] = {},
) -> Json:
    """A PodMonitoring of the Pods with these labels, whose metrics pass the rules in turn.

    Each time series has the labels `project_id`, `location`, `cluster`, `namespace`, `job` (the PodMonitoring's name)
    and `instance` by itself; here it gets `pod` and `node`, and each of `labels` from the Pod's label of that name.
    Its fields are those of https://github.com/GoogleCloudPlatform/prometheus-engine/blob/main/doc/api.md.
    """
    targets: Json = {"metadata": ["node", "pod"]}
    if labels:
        targets["fromPod"] = [{"from": of_pod, "to": label} for label, of_pod in labels.items()]
    return {
        "apiVersion": API_VERSION,
        "kind": "PodMonitoring",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": dict(pods)},
            "endpoints": [{"port": port, "path": path, "interval": INTERVAL, "metricRelabeling": list(rules)}],
            "targetLabels": targets,
        },
    }


def of_istio_system() -> Json:
    """Istiod: whether the proxies have its configuration."""
    return pod_monitoring("istiod", ISTIO_SYSTEM, {"app": "istiod"}, port=15014, rules=[kept(ISTIOD)])


def of_istio_ingress() -> Json:
    """The gateway's proxies: every request, by where it went and how it ended."""
    pods = {GATEWAY_NAME_LABEL: GATEWAY}
    return pod_monitoring(GATEWAY, ISTIO_INGRESS, pods, port=15090, path="/stats/prometheus", rules=[kept(PROXY)])


def of_cert_manager() -> Json:
    """Cert-manager's controller: when certificates end."""
    pods = {"app.kubernetes.io/component": "controller", "app.kubernetes.io/name": "cert-manager"}
    return pod_monitoring("cert-manager", CERT_MANAGER, pods, port=9402, rules=[kept(CERTIFICATES)])


CLIENT = "metadata.filter_metadata['envoy.filters.http.jwt_authn']['payload']['sub']"
"""The subject of a request's token, where Envoy's filter of tokens has put it, in the words of
https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes; `envoy_limits` counts by the same.
"""


def by_client(settings: Settings) -> Json | None:
    """The spec of a Telemetry by which the proxy counts requests for each client, too, in the label `client`; None
    where nobody has a name, or where others give the names out, which may be any number and each makes new series.

    What has no token is `unknown` (https://istio.io/latest/docs/tasks/observability/metrics/customize-metrics/).
    """
    if not settings.monitoring or settings.auth == "none" or settings.token_issuers:
        return None
    named = {"match": {"metric": "REQUEST_COUNT"}, "tagOverrides": {"client": {"value": CLIENT}}}
    return {"metrics": [{"providers": [{"name": "prometheus"}], "overrides": [named]}]}


def made(
    prefix: str,
    manifest: Json,
    *,
    namespace: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
    after: Sequence[pulumi.Resource] = (),
) -> None:
    """The resource of a PodMonitoring, in its namespace, which is to be there first.

    It has to come `after` something that runs on a node: before v0.17 of Google's operator its webhook is asked, and a
    new cluster has no node for it at first.
    """
    name = manifest["metadata"]["name"]
    k8s.apiextensions.CustomResource(
        f"{prefix}.{name}",
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        metadata={"name": name, "namespace": namespace},
        spec=manifest["spec"],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=list(after))),
    )
