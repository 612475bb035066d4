"""Compute Engine: what a project has of the types that GKE makes for a cluster, and how each is removed."""

import re
import shlex
from collections.abc import Callable
from typing import Any, NamedTuple

from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.cloud import compute_v1 as gce

TIMEOUT = 600
"""Seconds for one removal."""


class Kind(NamedTuple):
    """A type of resource: its name, the client that lists it, and those that delete it by the scope that it is in."""

    what: str
    argument: str
    lists: Any
    deletes: dict[str, Any]


KINDS = {
    "forwardingRules": Kind(
        "forwarding rule",
        "forwarding_rule",
        gce.ForwardingRulesClient,
        {"regions": gce.ForwardingRulesClient, "global": gce.GlobalForwardingRulesClient},
    ),
    "targetPools": Kind("target pool", "target_pool", gce.TargetPoolsClient, {"regions": gce.TargetPoolsClient}),
    "backendServices": Kind(
        "backend service",
        "backend_service",
        gce.BackendServicesClient,
        {"regions": gce.RegionBackendServicesClient, "global": gce.BackendServicesClient},
    ),
    "healthChecks": Kind(
        "health check",
        "health_check",
        gce.HealthChecksClient,
        {"regions": gce.RegionHealthChecksClient, "global": gce.HealthChecksClient},
    ),
    "networkEndpointGroups": Kind(
        "network endpoint group",
        "network_endpoint_group",
        gce.NetworkEndpointGroupsClient,
        {
            "zones": gce.NetworkEndpointGroupsClient,
            "regions": gce.RegionNetworkEndpointGroupsClient,
            "global": gce.GlobalNetworkEndpointGroupsClient,
        },
    ),
    "instanceGroups": Kind(
        "instance group", "instance_group", gce.InstanceGroupsClient, {"zones": gce.InstanceGroupsClient}
    ),
    "firewalls": Kind("firewall rule", "firewall", gce.FirewallsClient, {"global": gce.FirewallsClient}),
    "addresses": Kind(
        "address",
        "address",
        gce.AddressesClient,
        {"regions": gce.AddressesClient, "global": gce.GlobalAddressesClient},
    ),
    "disks": Kind("disk", "disk", gce.DisksClient, {"zones": gce.DisksClient, "regions": gce.RegionDisksClient}),
}
"""In the order in which they can be removed: what refers to another one comes before it."""


def path(link: str) -> str:
    """A link without its host: `projects/P/global/networks/N`."""
    return re.sub(r"^.*?(?=projects/)", "", link)


class Thing(NamedTuple):
    """A resource of Google Cloud: its collection, and the message of the client library."""

    collection: str
    message: Any

    @property
    def path(self) -> str:
        """Where it is, which is what makes it unique."""
        return path(self.message.self_link)

    @property
    def scope(self) -> list[str]:
        """`[global]`, or `[regions, R]`, or `[zones, Z]`."""
        return self.path.split("/")[2:-2]

    @property
    def by_hand(self) -> str:
        """The command that removes it; gcloud asks first."""
        noun = KINDS[self.collection].what.replace(" ", "-")
        noun += "es" if noun.endswith("s") else "s"
        nouns = [noun, "unmanaged"] if self.collection == "instanceGroups" else [noun]
        scope, *place = self.scope
        where = [f"--{scope.removesuffix('s')}", *place] if self.collection != "firewalls" else []
        project = self.path.split("/")[1]
        return shlex.join(["gcloud", "compute", *nouns, "delete", self.message.name, *where, "--project", project])


class Compute:
    """Compute Engine. `client` makes a client of a type; by default it has the application-default credentials."""

    def __init__(self, client: Callable[[Any], Any] = lambda kind: kind()) -> None:
        self._make = client
        self._clients: dict[Any, Any] = {}

    def _client(self, kind: Any) -> Any:
        if kind not in self._clients:
            self._clients[kind] = self._make(kind)
        return self._clients[kind]

    def things(self, project: str) -> list[Thing]:
        """All that a project has of `KINDS`."""
        found: list[Thing] = []
        for collection, kind in KINDS.items():
            client, request = self._client(kind.lists), {"project": project}
            if collection == "firewalls":
                found += [Thing(collection, message) for message in client.list(request=request)]
                continue
            plural = kind.argument + ("es" if kind.argument.endswith("s") else "s")
            for _, scoped in client.aggregated_list(request=request):
                found += [Thing(collection, message) for message in getattr(scoped, plural)]
        return found

    def instances(self, project: str) -> list[Any]:
        """All machines of a project."""
        pages = self._client(gce.InstancesClient).aggregated_list(request={"project": project})
        return [instance for _, scoped in pages for instance in scoped.instances]

    def remove(self, thing: Thing) -> str:
        """Remove it and wait until it is gone. Returns what Google Cloud says against it, if it does."""
        kind, (scope, *place) = KINDS[thing.collection], thing.scope
        request = {"project": thing.path.split("/")[1], kind.argument: thing.message.name}
        request |= dict(zip([scope.removesuffix("s")], place, strict=True)) if place else {}
        try:
            self._client(kind.deletes[scope]).delete(request=request).result(timeout=TIMEOUT)
        except NotFound:
            return ""
        except GoogleAPICallError as error:
            return str(error)
        except TimeoutError:
            return f"not gone after {TIMEOUT} s"
        return ""
