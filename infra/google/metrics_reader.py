"""Who may read the metrics that models are scaled by."""

import pulumi
import pulumi_gcp as gcp

from infra.settings.autoscaling import READER_ROLE, member
from infra.settings.schema import Settings


def metrics_reader(settings: Settings, *, opts: pulumi.ResourceOptions) -> None:
    """Grants KEDA's account of the stack `READER_ROLE` in the project, if a model is autoscaled.

    It has to come after the cluster, as a bucket's grants do (`Storage`). If the settings name the nodes' account it
    grants nothing, as whoever deploys then has no right to, and an administrator does (docs/scaling.md).
    """
    if settings.autoscaled and settings.grants:
        gcp.projects.IAMMember(
            "metrics-reader",
            project=settings.project,
            role=READER_ROLE,
            member=member(settings.project, settings.stack),
            opts=opts,
        )
