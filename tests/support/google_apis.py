"""A project of Google Cloud, as the client libraries' REST transports see it, for `ops.preflight`.

The clients, their requests and their messages are Google's. In place of the network stands `Apis.send`, which answers
from messages of the libraries' types and says no as the APIs do: an API that is not enabled, a caller without the
right, a permission, region or constraint that does not exist, a machine that Compute Engine would not make.

Left out: pages, quota projects, and that a change of a role or an API takes minutes to be seen.
"""

import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1 as gce
from google.cloud.cloudquotas_v1 import DimensionsInfo, QuotaDetails, QuotaInfo
from google.cloud.container_v1 import Cluster, ListClustersResponse, ReleaseChannel, ServerConfig
from google.cloud.orgpolicy_v2 import Policy, PolicySpec
from google.cloud.service_usage_v1 import BatchGetServicesResponse, Service, State
from google.iam.v1.iam_policy_pb2 import TestIamPermissionsResponse
from requests.adapters import BaseAdapter

from infra.google import apis
from ops.preflight import permissions, policies, tpu_quota
from ops.preflight.buckets import GRANT
from sandbox.clouds import google_machines

from .cloud_storage import STORAGE, told_of_bucket
from .google_refusal import RefusedError

ALWAYS = ("serviceusage", "cloudquotas", "orgpolicy")
CHANNELS = {"RAPID": "1.36.1-gke.100", "REGULAR": "1.35.2-gke.200", "STABLE": "1.34.3-gke.300"}
QUOTAS = {"CPUS": (72, 0), "SSD_TOTAL_GB": (2048, 0), "HDB_TOTAL_GB": (4096, 0)}
QUOTAS |= {"IN_USE_ADDRESSES": (8, 0), "STATIC_ADDRESSES": (8, 0)}


def quota(**chips: int) -> QuotaInfo:
    """The limits of on-demand chips by region, `europe_west4=4`; `everywhere` is that of all other regions."""
    entries = []
    for place, value in reversed(chips.items()):  # the general one first, as it is not to be taken for being first
        named = {} if place == "everywhere" else {"region": place.replace("_", "-")}
        dimensions = {"tpu_family": tpu_quota.FAMILY, **named}
        entries.append(DimensionsInfo(dimensions=dimensions, details=QuotaDetails(value=value)))
    entries.append(DimensionsInfo(dimensions={"tpu_family": "CT5P"}, details=QuotaDetails(value=999)))
    return QuotaInfo(dimensions_infos=entries)


def policy(**rule: Any) -> Policy:
    """An effective policy of one rule."""
    return Policy(spec=PolicySpec(rules=[PolicySpec.PolicyRule(**rule)] if rule else []))


class Apis(BaseAdapter):
    """A project in which the dev stack comes up. `make` makes its clients; tests change what it has.

    `forbidden` are hosts that the caller may not ask, `stockouts` zones without TPUs, `stuck` zones whose requests come
    to no end. `made` and `deleted` are the machines.
    """

    def __init__(self, project: str = "my-project") -> None:
        super().__init__()
        self.name = project
        names = {
            *apis.NAMES,
            *apis.CACHE,
            *apis.STREAMING,
            *apis.HARDENED,
            *apis.DNS,
            *apis.STORAGE,
            *(f"{name}.googleapis.com" for name in ALWAYS),
        }
        self.enabled = set(names)
        self.permissions = {one for of_role in permissions.ROLES.values() for one in of_role} | {GRANT}
        self.known_permissions = frozenset(self.permissions)
        self.quota_infos = {
            tpu_quota.ON_DEMAND: quota(europe_west4=8, us_east5=16, everywhere=0),
            tpu_quota.PREEMPTIBLE: QuotaInfo(dimensions_infos=[DimensionsInfo(details=QuotaDetails(value=1536))]),
        }
        self.quotas = dict(QUOTAS)
        self.project_quotas = {"NETWORKS": (15, 1), "ROUTERS": (10, 0)}
        self.machine_types = {name: machine.zones for name, machine in google_machines.machines().items()}
        self.vpcs = ["default"]
        self.subnets = [self.subnet("default", "default", "europe-west4", "10.164.0.0/20")]
        self.clusters: list[Cluster] = []
        self.reservations: dict[tuple[str, str], gce.Reservation] = {}
        self.channels = dict(CHANNELS)
        self.policies = {name: policy() for name in policies.CONSTRAINTS}
        self.objects: dict[str, set[str]] = {}
        self.readers: dict[str, list[str]] = {}
        self.grants: list[tuple[str, str]] = []
        self.forbidden: set[str] = set()
        self.stockouts: set[str] = set()
        self.stuck: set[str] = set()
        self.undeletable = False
        self.made: dict[str, gce.Instance] = {}
        self.deleted: list[str] = []

    def subnet(self, name: str, vpc: str, region: str, range_: str, *more: str) -> gce.Subnetwork:
        """A subnet of a VPC, with secondary ranges."""
        link = f"https://www.googleapis.com/compute/v1/projects/{self.name}"
        return gce.Subnetwork(
            name=name,
            network=f"{link}/global/networks/{vpc}",
            region=f"{link}/regions/{region}",
            self_link=f"{link}/regions/{region}/subnetworks/{name}",
            ip_cidr_range=range_,
            secondary_ip_ranges=[gce.SubnetworkSecondaryRange(ip_cidr_range=one) for one in more],
        )

    def make(self, kind: Any) -> Any:
        """A client of this type that talks to this project."""
        client = kind(transport=kind.get_transport_class("rest")(credentials=AnonymousCredentials()))
        client.transport._session.mount("https://", self)
        if kind is gce.InstancesClient:
            client.transport._extended_operations_services["zone_operations"] = self.make(gce.ZoneOperationsClient)
        return client

    # What `requests` asks of an adapter.

    def close(self) -> None:
        """Nothing is open."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Answer a request."""
        url = urlsplit(str(request.url))
        host, path = str(url.hostname), unquote(url.path)
        try:
            self._may(host, path)
            query = {k: v[0] for k, v in parse_qs(url.query).items()}
            answer = self._storage(path) if host == STORAGE else self._answer(host, path, request, query)
        except RefusedError as no:
            return self._json(no.status, self._error(no, host))
        return self._json(200, json.loads(answer if isinstance(answer, str) else type(answer).to_json(answer)))

    def _may(self, host: str, path: str) -> None:
        if f"projects/{self.name}" not in path and host != STORAGE:
            raise RefusedError(403, "Permission denied on resource project (or it may not exist)", "CONSUMER_INVALID")
        if host not in self.enabled:
            raise RefusedError(
                403, f"{host} has not been used in project {self.name} before or it is", "SERVICE_DISABLED"
            )
        if host in self.forbidden:
            raise RefusedError(403, "The caller does not have permission", "IAM_PERMISSION_DENIED")

    def _answer(self, host: str, path: str, request: requests.PreparedRequest, query: dict[str, str]) -> Any:
        service = host.removesuffix(".googleapis.com")
        body = json.loads(request.body if isinstance(request.body, (bytes, str)) else "{}")
        last = path.rsplit("/", 1)[-1]
        if service == "serviceusage":
            url = parse_qs(urlsplit(str(request.url)).query)
            return self._services([name.rsplit("/", 1)[-1] for name in url["names"]])
        if service == "cloudresourcemanager":
            return self._policy() if last.endswith(":getIamPolicy") else self._granted(body["permissions"])
        if service == "orgpolicy":
            return self._found(self.policies, last.removesuffix(":getEffectivePolicy"))
        if service == "cloudquotas":
            return self._found(self.quota_infos, last)
        if service == "container":
            return self._server_config() if last == "serverConfig" else ListClustersResponse(clusters=self.clusters)
        return self._compute(str(request.method), path.split(f"projects/{self.name}")[1].strip("/"), body, query)

    def _storage(self, path: str) -> str:
        bucket, _, rest = path.removeprefix("/storage/v1/b/").partition("/")
        granted = sorted(self.permissions & {GRANT})
        return told_of_bucket(bucket, rest, objects=self.objects, readers=self.readers, granted=granted)

    def _services(self, names: list[str]) -> Any:
        states = {True: State.ENABLED, False: State.DISABLED}
        return BatchGetServicesResponse(
            services=[Service(name=f"projects/1/services/{name}", state=states[name in self.enabled]) for name in names]
        )

    def _granted(self, asked: list[str]) -> str:
        if unknown := [one for one in asked if one not in self.known_permissions]:
            raise RefusedError(400, f"Permission {unknown[0]} is not valid for this resource.")
        granted = TestIamPermissionsResponse(permissions=[one for one in asked if one in self.permissions])
        return json.dumps({"permissions": list(granted.permissions)})

    def _policy(self) -> str:
        bindings = [{"role": role, "members": [who]} for role, who in self.grants]
        return json.dumps({"version": 1, "bindings": bindings})

    @staticmethod
    def _found(messages: dict[Any, Any], name: Any) -> Any:
        if name not in messages:
            raise RefusedError(404, f"{name} was not found")
        return messages[name]

    def _server_config(self) -> ServerConfig:
        channels = [
            ServerConfig.ReleaseChannelConfig(
                channel=ReleaseChannel.Channel[name], default_version=version, valid_versions=[version]
            )
            for name, version in self.channels.items()
        ]
        return ServerConfig(channels=channels)

    # Compute Engine

    def _compute(self, method: str, path: str, body: dict[str, Any], query: dict[str, str]) -> Any:
        words = path.split("/")
        if method == "POST":
            return self._insert(words[1], gce.Instance.from_json(json.dumps(body)))
        if method == "DELETE":
            return self._delete(words[-1])
        if path in ("", "global/networks"):
            networks = gce.NetworkList(items=[gce.Network(name=name) for name in self.vpcs])
            return networks if path else gce.Project(quotas=self._quotas(self.project_quotas))
        if words[0] == "aggregated":
            return self._aggregated(words[-1], query.get("filter", ""))
        return self._region(words[1]) if words[0] == "regions" else self._in_zone(words)

    def _region(self, name: str) -> gce.Region:
        if name not in google_machines.regions():
            raise RefusedError(404, f"The resource 'projects/{self.name}/regions/{name}' was not found")
        return gce.Region(quotas=self._quotas(self.quotas))

    def _in_zone(self, words: list[str]) -> Any:
        if words[-2] == "operations":
            return gce.Operation(name=words[-1], status=gce.Operation.Status.RUNNING)
        return self._found(self.reservations, (words[1], words[-1]))

    @staticmethod
    def _quotas(of: dict[str, tuple[int, int]]) -> list[gce.Quota]:
        return [gce.Quota(metric=metric, limit=limit, usage=usage) for metric, (limit, usage) in of.items()]

    def _aggregated(self, collection: str, wanted: str) -> str:
        items: dict[str, Any] = {"zones/empty": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}
        if collection == "machineTypes":
            named = re.fullmatch(r'name = "([\w-]+)"', wanted)
            if named is None:
                raise RefusedError(400, f"Invalid value for field 'filter': '{wanted}'.")
            for zone in self._zones(named[1]):
                items[f"zones/{zone}"] = {collection: [{"name": named[1]}]}
        for subnet in self.subnets if collection == "subnetworks" else ():
            scope = f"regions/{subnet.region.rsplit('/', 1)[-1]}"
            items.setdefault(scope, {}).setdefault(collection, []).append(json.loads(gce.Subnetwork.to_json(subnet)))
        return json.dumps({"items": items})

    def _zones(self, machine_type: str) -> list[str]:
        if machine_type not in self.machine_types:
            return []
        zones = self.machine_types[machine_type]
        return sorted(google_machines.zones() if zones is None else zones)

    def _insert(self, zone: str, machine: gce.Instance) -> gce.Operation:
        kind, how = machine.machine_type.rsplit("/", 1)[-1], machine.scheduling
        bounded = how.max_run_duration.seconds >= 30 and how.instance_termination_action
        wrong = (
            (zone in self._zones(kind), f"machine type {kind} does not exist in zone {zone}"),
            (how.on_host_maintenance == "TERMINATE", "Instances with TPUs do not support live migration"),
            (not how.max_run_duration.seconds or bounded, "maxRunDuration takes an instanceTerminationAction"),
            (bounded or how.provisioning_model == "STANDARD", "an action on termination has to be named"),
            (not how.automatic_restart, "automaticRestart cannot be true with maxRunDuration"),
            (machine.disks and machine.disks[0].initialize_params.source_image, "At least one disk is required"),
            (f"/regions/{zone.rsplit('-', 1)[0]}/" in machine.network_interfaces[0].subnetwork, "other region"),
        )
        if says := [message for right, message in wrong if not right]:
            raise RefusedError(400, f"Invalid value: {says[0]}")
        self.made[machine.name] = machine
        if zone in self.stuck:
            return gce.Operation(name="stuck", status=gce.Operation.Status.RUNNING)
        if zone not in self.stockouts:
            return gce.Operation(name="done", status=gce.Operation.Status.DONE)
        del self.made[machine.name]
        told = f"The zone 'projects/{self.name}/zones/{zone}' does not have enough resources available"
        errors = gce.Error(errors=[gce.Errors(code="ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", message=told)])
        return gce.Operation(
            name="failed",
            status=gce.Operation.Status.DONE,
            error=errors,
            http_error_status_code=503,
            http_error_message="SERVICE UNAVAILABLE",
        )

    def _delete(self, name: str) -> gce.Operation:
        if name not in self.made:
            raise RefusedError(404, f"The resource '{name}' was not found")
        if self.undeletable:
            raise RefusedError(403, "Required 'compute.instances.delete' permission")
        self.deleted.append(name)
        return gce.Operation(name="done", status=gce.Operation.Status.DONE)

    @staticmethod
    def _error(no: RefusedError, host: str) -> dict[str, Any]:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": no.reason, "domain": host}
        details = [info] if no.reason else []
        return {"error": {"code": no.status, "message": str(no), "status": "", "details": details}}

    @staticmethod
    def _json(status: int, body: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response._content = status, json.dumps(body).encode()
        response.headers["Content-Type"] = "application/json"
        response.request = requests.Request("GET", "https://googleapis.com").prepare()
        return response
