"""Google Cloud, asked: each method is one question to one API, and returns Google's own messages.

All by Google's client libraries and their REST transports, so that a wrong name of a field or a method is seen in
tests, and one stand-in serves them all.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any
from urllib.parse import quote

import google.auth
from google.api_core.exceptions import NotFound, from_http_response
from google.auth.credentials import CredentialsWithQuotaProject
from google.auth.transport.requests import AuthorizedSession, Request
from google.cloud import cloudquotas_v1, container_v1, orgpolicy_v2, resourcemanager_v3, service_usage_v1
from google.cloud import compute_v1 as gce
from google.oauth2.credentials import Credentials as UserCredentials

PATIENCE = 20
"""Seconds for an answer."""
ENABLED = service_usage_v1.State.ENABLED


def credentials(project: str) -> Any:
    """The application-default credentials, good for a request now. Raises `GoogleAuthError`.

    Some APIs want to know whose quota a person's request is counted against.
    """
    found, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
    if isinstance(found, UserCredentials) and isinstance(found, CredentialsWithQuotaProject):
        found = found if found.quota_project_id else found.with_quota_project(project)
    found.refresh(Request())
    return found


def who(of: Any) -> str:
    """Whose credentials these are, as far as they say it."""
    return str(getattr(of, "service_account_email", "") or getattr(of, "account", "") or "a person")


def maker(of: Any) -> Callable[[Any], Any]:
    """What makes a client of a type with these credentials."""
    return lambda kind: kind(transport=kind.get_transport_class("rest")(credentials=of))


class _Session:
    """What sends requests, by the name that the clients' transports have for it."""

    def __init__(self, credentials: Any) -> None:
        self._session = AuthorizedSession(credentials)


class Buckets:
    """Cloud Storage's JSON API, as far as it is asked here, in the shape of the other clients.

    Google's own client of it has no transport of theirs, and is three packages for two questions.
    """

    def __init__(self, transport: _Session) -> None:
        self.transport = transport

    @staticmethod
    def get_transport_class(_: str) -> type[_Session]:
        """The class of the transport."""
        return _Session

    def get(self, request: dict[str, Any], timeout: int, **_: Any) -> dict[str, Any]:
        """The answer to a question about a bucket: a `path` below it and `params`. Raises `GoogleAPICallError`."""
        url = f"https://storage.googleapis.com/storage/v1/b/{request['bucket']}/{request['path']}"
        answer = self.transport._session.get(url, params=request["params"], timeout=timeout)
        if not answer.ok:
            raise from_http_response(answer)
        return answer.json()


class Cloud:
    """A project, by clients that `make` makes of their types. Raises `GoogleAPICallError` and `GoogleAuthError`."""

    def __init__(self, project: str, make: Callable[[Any], Any]) -> None:
        self.project = project
        self._make = make

    def _ask(self, kind: Any, method: str, **request: Any) -> Any:
        return getattr(self._make(kind), method)(request=request, timeout=PATIENCE, retry=None)

    def enabled(self, names: Collection[str]) -> set[str]:
        """Which of these APIs are enabled; 30 may be asked for at once."""
        parent = f"projects/{self.project}"
        wanted = [f"{parent}/services/{name}" for name in names]
        answer = self._ask(service_usage_v1.ServiceUsageClient, "batch_get_services", parent=parent, names=wanted)
        return {service.name.rsplit("/", 1)[-1] for service in answer.services if service.state == ENABLED}

    def granted(self, permissions: Collection[str]) -> set[str]:
        """Which of these permissions the caller has on the project."""
        kind, resource = resourcemanager_v3.ProjectsClient, f"projects/{self.project}"
        return set(
            self._ask(kind, "test_iam_permissions", resource=resource, permissions=list(permissions)).permissions
        )

    def project_policy(self) -> Any:
        """Who may do what in the project, by its own policy."""
        return self._ask(resourcemanager_v3.ProjectsClient, "get_iam_policy", resource=f"projects/{self.project}")

    def quota_info(self, quota: str) -> Any:
        """A quota of Compute Engine with all its limits."""
        name = f"projects/{self.project}/locations/global/services/compute.googleapis.com/quotaInfos/{quota}"
        return self._ask(cloudquotas_v1.CloudQuotasClient, "get_quota_info", name=name)

    def quotas(self, region: str) -> tuple[list[Any], list[Any]]:
        """The quotas of a region, and of the project."""
        of_region = self._ask(gce.RegionsClient, "get", project=self.project, region=region)
        of_project = self._ask(gce.ProjectsClient, "get", project=self.project)
        return list(of_region.quotas), list(of_project.quotas)

    def zones_with(self, machine_type: str) -> list[str]:
        """The zones that offer a machine type."""
        wanted = f'name = "{machine_type}"'
        pages = self._ask(gce.MachineTypesClient, "aggregated_list", project=self.project, filter=wanted)
        return [scope.removeprefix("zones/") for scope, scoped in pages if scoped.machine_types]

    def subnets(self) -> list[Any]:
        """All subnets."""
        pages = self._ask(gce.SubnetworksClient, "aggregated_list", project=self.project)
        return [subnet for _, scoped in pages for subnet in scoped.subnetworks]

    def vpcs(self) -> list[str]:
        """The names of all VPCs."""
        return [vpc.name for vpc in self._ask(gce.NetworksClient, "list", project=self.project)]

    def clusters(self) -> list[Any]:
        """All GKE clusters."""
        parent = f"projects/{self.project}/locations/-"
        return list(self._ask(container_v1.ClusterManagerClient, "list_clusters", parent=parent).clusters)

    def reservation(self, name: str, zones: Iterable[str]) -> dict[str, Any]:
        """The reservation of a name, by the zones that have one."""
        found: dict[str, Any] = {}
        for zone in zones:
            try:
                request = {"project": self.project, "zone": zone, "reservation": name}
                found[zone] = self._ask(gce.ReservationsClient, "get", **request)
            except NotFound:
                continue
        return found

    def versions(self, location: str) -> Any:
        """What GKE offers in a location."""
        name = f"projects/{self.project}/locations/{location}"
        return self._ask(container_v1.ClusterManagerClient, "get_server_config", name=name)

    def has_object(self, bucket: str, name: str) -> None:
        """Ask for an object of a bucket. Raises `NotFound` if there is no such bucket, or no such object in it."""
        path, params = f"o/{quote(name, safe='')}", {"fields": "name"}
        self._ask(Buckets, "get", bucket=bucket, path=path, params=params)

    def bucket_policy(self, bucket: str) -> dict[str, Any]:
        """Who may do what in a bucket, by its own policy."""
        return self._ask(Buckets, "get", bucket=bucket, path="iam", params={"optionsRequestedPolicyVersion": 3})

    def granted_on_bucket(self, bucket: str, permissions: Collection[str]) -> set[str]:
        """Which of these permissions the caller has on a bucket."""
        params = {"permissions": list(permissions)}
        answer = self._ask(Buckets, "get", bucket=bucket, path="iam/testPermissions", params=params)
        return set(answer.get("permissions", []))

    def policies(self, constraints: Iterable[str]) -> dict[str, Any]:
        """The effective organisation policies of the project, by constraint."""
        kind = orgpolicy_v2.OrgPolicyClient
        parent = f"projects/{self.project}/policies"
        return {name: self._ask(kind, "get_effective_policy", name=f"{parent}/{name}") for name in constraints}
