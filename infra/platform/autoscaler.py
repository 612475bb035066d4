"""KEDA, which scales models by what Google's Monitoring says of them."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.releases.pins import KEDA as CHART
from infra.settings.autoscaling import reader
from infra.settings.schema import Settings

from .charts import release
from .isolation import of_keda
from .names import KEDA
from .namespaces import namespace

TRUST = "google-monitoring"
"""The ClusterTriggerAuthentication by which KEDA asks Google's Monitoring."""


def values(stack: str) -> dict[str, Any]:
    """The values of KEDA's chart: its operator runs as the stack's `reader`, reads no Secret outside of its namespace,
    and scales no kinds but Kubernetes' own.

    By itself it could read every Secret of the cluster, for triggers with passwords, and scale objects of any kind.
    What is left to it no value takes away but one by namespaces, which would have to be there before: it may scale
    every Deployment and StatefulSet, make and delete HorizontalPodAutoscalers and Jobs, and read ConfigMaps, Pods and
    Services of all namespaces
    (https://github.com/kedacore/charts/blob/main/keda/templates/manager/clusterrole.yaml).
    """
    closed = {"restrict": {"secret": True}}
    return {
        "permissions": {"operator": closed, "metricServer": closed},
        "rbac": {"enabledCustomScaledRefKinds": False},
        "serviceAccount": {"operator": {"name": reader(stack).account}},
    }


class Autoscaler(pulumi.ComponentResource):
    """KEDA's operator, its API of metrics for HorizontalPodAutoscalers, and its webhook.

    Makes the namespace `keda`, closed with `isolation`, the chart with its CRDs, and a ClusterTriggerAuthentication by
    which the operator asks Google as its own service account (`podIdentity: gcp`,
    https://keda.sh/docs/2.21/authentication-providers/gcp-workload-identity/): `infra/google/metrics_reader.py` says
    what that one may. It scales nothing itself: a model has a ScaledObject (`infra/models/scaling.py`). There is one
    Pod of each part: while one is away nothing is scaled. What serves goes on with the Pods that it has, and a model
    that sleeps is not woken.

    It goes after every ScaledObject, as KEDA alone takes the finalizers of those away. `cluster` is the cluster's id;
    another one replaces everything.
    """

    made: Sequence[pulumi.Resource]
    """The chart, and by what it asks Google."""

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Autoscaler", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        inside, closed = namespace(KEDA, "restricted", of_keda(settings), settings=settings, opts=child)
        keda = release(
            CHART,
            name=CHART.name,
            namespace=inside.metadata.name,
            mirror=settings.chart_mirror,
            values=settings.values(CHART, values(settings.stack)),
            opts=pulumi.ResourceOptions(parent=self, depends_on=closed, replacement_trigger=cluster),
        )
        trust = k8s.apiextensions.CustomResource(
            TRUST,
            api_version="keda.sh/v1alpha1",
            kind="ClusterTriggerAuthentication",
            metadata={"name": TRUST},
            spec={"podIdentity": {"provider": "gcp"}},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[keda], replacement_trigger=cluster),
        )
        self.made = [keda, trust]
        self.register_outputs({})
