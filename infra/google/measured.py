"""What GKE measures of a cluster, and who collects the rest."""

import pulumi_gcp as gcp

from infra.settings.schema import Settings

SYSTEM = ["SYSTEM_COMPONENTS"]
COMPONENTS = [*SYSTEM, "POD", "DEPLOYMENT"]
"""System metrics, of nodes, containers and TPU chips, are free. Of GKE's packages of state only those that a query asks
for: they count as samples of Managed Service for Prometheus, and a cluster that is told nothing has all of them
(https://cloud.google.com/kubernetes-engine/docs/how-to/kube-state-metrics)."""


def monitoring(settings: Settings) -> gcp.container.ClusterMonitoringConfigArgsDict | None:
    """What a stack that is read says of it; GKE's own defaults if it is not.

    Managed collection is on by itself in a new cluster, and said here because everything else depends on it. GKE's
    automatic monitoring is off: it would add a PodMonitoring of its own to each vLLM Pod, which reads the same again
    with nothing dropped, and pays twice (https://cloud.google.com/kubernetes-engine/docs/how-to/configure-automatic-application-monitoring).
    It can be changed while the cluster lives; what is taken out again stays, as the block is Computed
    (`resource_container_cluster.go` of terraform-provider-google).

    Components are always named: the provider sends a block without any as an empty list of them, and a cluster that is
    made with it has not even system metrics
    (https://github.com/terraform-google-modules/terraform-google-kubernetes-engine/issues/1786).
    """
    if not settings.scraped:
        return None
    return {
        "enable_components": COMPONENTS if settings.monitoring else SYSTEM,
        "managed_prometheus": {"enabled": True, "auto_monitoring_config": {"scope": "NONE"}},
    }
