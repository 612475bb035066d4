"""Every check: what it asks, and which rules judge the answer."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple

from google.api_core.exceptions import GoogleAPICallError

from infra.google import apis as of_stack
from infra.settings.schema import Settings

from . import (
    apis,
    buckets,
    machine_zones,
    metrics,
    neighbours,
    permissions,
    policies,
    quotas,
    reservations,
    tpu_quota,
    versions,
)
from .cloud import Cloud
from .findings import Finding
from .needs import classes, machine_types, tpu_nodes


class Project:
    """A stack's settings and the project that it goes to, with what more than one check asks for: its clusters, which
    are asked for once and are the answer, or the error, of each."""

    def __init__(self, settings: Settings, cloud: Cloud, clusters: "Future[list[Any]]") -> None:
        self.settings, self.cloud = settings, cloud
        self._clusters = clusters

    @property
    def own_clusters(self) -> list[str]:
        """The clusters that seem to be the stack's."""
        return neighbours.own_clusters(self._clusters.result(), self.settings.labels)

    @property
    def is_up(self) -> bool:
        """Whether the stack seems to be up; not if nobody can tell."""
        try:
            return bool(self.own_clusters)
        except GoogleAPICallError:
            return False


class Check(NamedTuple):
    """A check: its name, the API that it asks, a role that may, and what asks and judges."""

    name: str
    api: str
    role: str
    run: Callable[[Project], Iterator[Finding]]


def _apis(of: Project) -> Iterator[Finding]:
    wanted = of_stack.names(of.settings)
    return apis.findings(wanted, of.cloud.enabled(wanted), of.settings.project)


def _permissions(of: Project) -> Iterator[Finding]:
    return permissions.findings(of.settings, of.cloud.granted(permissions.wanted(of.settings)))


def _tpu_quota(of: Project) -> Iterator[Finding]:
    s, ways = of.settings, classes(of.settings)
    limits = {
        quota: tpu_quota.limit(of.cloud.quota_info(quota), tpu_quota.dimensions(quota, s.region))
        for quota in tpu_quota.asked(ways)
    }
    return tpu_quota.findings(ways, limits, tpu_nodes(s), region=s.region, project=s.project)


def _quotas(of: Project) -> Iterator[Finding]:
    yield from quotas.unknown(of.settings)
    region, project = of.cloud.quotas(of.settings.region)
    yield from quotas.findings(quotas.of_region(of.settings), region, of.settings.region, is_up=of.is_up)
    yield from quotas.findings(quotas.of_project(), project, "the project", is_up=of.is_up)


def _machines(of: Project) -> Iterator[Finding]:
    wanted = machine_types(of.settings)
    return machine_zones.findings(wanted, {kind: of.cloud.zones_with(kind) for kind in wanted})


def _reservations(of: Project) -> Iterator[Finding]:
    for name in (capacity.reservation for capacity in classes(of.settings) if capacity.reservation):
        if "/" in name:
            yield reservations.of_others(name)
            continue
        zones = of.settings.tpu_zones
        yield from reservations.findings(name, of.cloud.reservation(name, zones), zones, tpu_nodes(of.settings))


def _clusters(of: Project) -> Iterator[Finding]:
    return neighbours.clusters(of.own_clusters)


def _networks(of: Project) -> Iterator[Finding]:
    yield from neighbours.vpcs(of.cloud.vpcs(), is_up=of.is_up)
    yield from neighbours.ranges(of.settings, of.cloud.subnets())


def _policies(of: Project) -> Iterator[Finding]:
    return policies.findings(of.settings, of.cloud.policies(policies.CONSTRAINTS))


def _versions(of: Project) -> Iterator[Finding]:
    return versions.findings(of.settings, of.cloud.versions(of.settings.location), is_up=of.is_up)


def _buckets(of: Project) -> Iterator[Finding]:
    return buckets.findings(of.settings, of.cloud)


def _metrics(of: Project) -> Iterator[Finding]:
    return metrics.findings(of.settings, of.cloud.project_policy()) if metrics.asked(of.settings) else iter(())


COMPUTE, GKE = "compute.googleapis.com", "container.googleapis.com"
CHECKS = (
    Check(apis.CHECK, "serviceusage.googleapis.com", "roles/serviceusage.serviceUsageViewer", _apis),
    Check(permissions.CHECK, "cloudresourcemanager.googleapis.com", "roles/browser", _permissions),
    Check(policies.CHECK, "orgpolicy.googleapis.com", "roles/orgpolicy.policyViewer", _policies),
    Check(tpu_quota.CHECK, "cloudquotas.googleapis.com", "roles/cloudquotas.viewer", _tpu_quota),
    Check(quotas.CHECK, COMPUTE, "roles/compute.viewer", _quotas),
    Check(machine_zones.CHECK, COMPUTE, "roles/compute.viewer", _machines),
    Check(reservations.CHECK, COMPUTE, "roles/compute.viewer", _reservations),
    Check(neighbours.CHECK, GKE, "roles/container.clusterViewer", _clusters),
    Check(neighbours.CHECK, COMPUTE, "roles/compute.viewer", _networks),
    Check(buckets.CHECK, "storage.googleapis.com", "roles/storage.objectViewer", _buckets),
    Check(metrics.CHECK, "cloudresourcemanager.googleapis.com", "roles/browser", _metrics),
    Check(versions.CHECK, GKE, "roles/container.clusterViewer", _versions),
)
"""In the order in which they are told. They are asked side by side."""
