"""A project of Compute Engine, as the client libraries' own REST transport sees it.

The clients, their requests and their messages are Google's. In place of the network stands `Project.send`, which
answers from messages of the client library's types, and says no as the API does.
"""

import json
import re
from itertools import count
from typing import Any

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1 as gce
from requests.adapters import BaseAdapter

HOST = "https://www.googleapis.com/compute/v1/"
LISTS: dict[str, Any] = {
    "forwardingRules": gce.ForwardingRule,
    "targetPools": gce.TargetPool,
    "backendServices": gce.BackendService,
    "healthChecks": gce.HealthCheck,
    "networkEndpointGroups": gce.NetworkEndpointGroup,
    "instanceGroups": gce.InstanceGroup,
    "firewalls": gce.Firewall,
    "addresses": gce.Address,
    "disks": gce.Disk,
    "instances": gce.Instance,
}


class Project(BaseAdapter):
    """The resources of one project, by path. `client` is for `ops.compute.Compute`.

    `denied` are collections that answer 403, `vanishing` paths that are gone when they are to be deleted, `failing`
    those whose deletion starts and then fails. `deleted` are the paths that were deleted, in order.
    """

    def __init__(self, project: str) -> None:
        super().__init__()
        self.name = project
        self.resources: dict[str, Any] = {}
        self.denied: set[str] = set()
        self.vanishing: set[str] = set()
        self.failing: set[str] = set()
        self.deleted: list[str] = []
        self._ids = count(1)

    def link(self, path: str) -> str:
        """The link of a path in the project."""
        return f"{HOST}projects/{self.name}/{path}"

    def add(self, path: str, **fields: Any) -> str:
        """Put a resource at `global/firewalls/NAME` or the like; returns its link."""
        collection, name = path.split("/")[-2:]
        message = LISTS[collection](name=name, id=next(self._ids), self_link=self.link(path), **fields)
        self.resources[f"projects/{self.name}/{path}"] = message
        return message.self_link

    def client(self, kind: Any) -> Any:
        """A client of this type that talks to this project."""
        client = kind(transport=kind.get_transport_class("rest")(credentials=AnonymousCredentials()))
        client.transport._session.mount("https://", self)
        if not kind.__name__.endswith("OperationsClient"):
            client.transport._extended_operations_services |= {
                "global_operations": self.client(gce.GlobalOperationsClient),
                "region_operations": self.client(gce.RegionOperationsClient),
                "zone_operations": self.client(gce.ZoneOperationsClient),
            }
        return client

    # What `requests` asks of an adapter.

    def close(self) -> None:
        """Nothing is open."""

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Answer a request."""
        path = str(request.url).split("?")[0].split("/compute/v1/")[1]
        collection = path.split("/")[-1 if request.method == "GET" else -2]
        if "/operations/" in path:
            failed = {"http_error_status_code": 500, "http_error_message": "INTERNAL"} if "fails" in path else {}
            return self._answer(gce.Operation(name="o", status=gce.Operation.Status.DONE, **failed))
        if collection in self.denied:
            return self._refuse(403, f"Required 'compute.{collection}.list' permission for 'projects/{self.name}'")
        return self._list(path) if request.method == "GET" else self._delete(path)

    def _list(self, path: str) -> requests.Response:
        collection = path.rsplit("/", maxsplit=1)[-1]
        found = {p: m for p, m in self.resources.items() if p.split("/")[-2] == collection}
        if "/aggregated/" not in path:
            return self._answer(gce.FirewallList(items=list(found.values())))
        items: dict[str, Any] = {}
        for place, message in found.items():
            scope = "/".join(place.split("/")[2:-2])
            items.setdefault(scope, {}).setdefault(collection, []).append(json.loads(type(message).to_json(message)))
        return self._json(200, {"items": items | {"regions/empty-1": {"warning": {"code": "NO_RESULTS_ON_PAGE"}}}})

    def _delete(self, path: str) -> requests.Response:
        message = self.resources.get(path)
        if message is None or path in self.vanishing:
            self.resources.pop(path, None)
            return self._refuse(404, f"The resource '{path}' was not found")
        users = [user for user, other in self.resources.items() if user != path and self._refers(other, path)]
        if users:
            return self._refuse(400, f"The resource '{path}' is already being used by '{users[0]}'")
        running = gce.Operation.Status.RUNNING
        if path in self.failing:
            return self._answer(gce.Operation(name="fails", status=running))
        del self.resources[path]
        self.deleted.append(path)
        return self._answer(gce.Operation(name="ends", status=running))

    @staticmethod
    def _refers(message: Any, path: str) -> bool:
        """Whether a resource keeps another one from being deleted: it names its link."""
        text = type(message).to_json(message, preserving_proto_field_name=True)
        links = set(re.findall(r'"https://[^"]*"', text)) - {json.dumps(message.self_link)}
        return any(link.strip('"').endswith("/" + path) for link in links)

    def _answer(self, message: Any) -> requests.Response:
        return self._json(200, json.loads(type(message).to_json(message)))

    def _refuse(self, status: int, message: str) -> requests.Response:
        return self._json(status, {"error": {"code": status, "message": message, "errors": [{"message": message}]}})

    @staticmethod
    def _json(status: int, body: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response._content = status, json.dumps(body).encode()
        response.headers["Content-Type"] = "application/json"
        response.request = requests.Request("GET", HOST).prepare()
        return response
