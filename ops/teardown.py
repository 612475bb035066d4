"""Deletes a stack, then looks for what Google Cloud has left behind: `python -m ops teardown --stack NAME`.

What GKE makes for a Service or a claim is no resource of Pulumi's: if a cluster goes before its Services, load
balancers and firewall rules stay, and keep the VPC from being deleted
(https://github.com/kubernetes/ingress-gce/issues/1195). A claim with the reclaim policy `Retain` leaves its disk on
purpose. Only what can be shown to belong to the stack's VPC or cluster is touched, and nothing while the cluster has
nodes.
"""

import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.auth.exceptions import GoogleAuthError
from google.cloud import compute_v1 as gce
from pulumi import automation
from rich.console import Console
from rich.table import Table

NETWORK = "gcp:compute/network:Network"
SUBNET = "gcp:compute/subnetwork:Subnetwork"
ADDRESS = "gcp:compute/address:Address"
CLUSTER = "gcp:container/cluster:Cluster"

TIMEOUT = 600
"""Seconds for one removal."""

CLUSTER_LABEL, LOCATION_LABEL = "goog-k8s-cluster-name", "goog-k8s-cluster-location"
"""What GKE puts on the disks of nodes and claims
(https://cloud.google.com/kubernetes-engine/docs/how-to/creating-managing-labels)."""

MARK = re.compile(r"(?:k8s-fw-)?(a[0-9a-f]{31})$|k8s[123]-(?:(?:tcp|udp|l3)-)?([a-z0-9]{8})-")
"""What no other cluster has in the names that GKE gives: the UID of the Service (`a...`, `k8s-fw-a...`) or a hash of
the cluster's (https://github.com/kubernetes/ingress-gce/blob/master/pkg/utils/namer/l4_namer.go)."""


class TeardownError(Exception):
    """Something that the user can fix; the message says how."""


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


@dataclass(frozen=True)
class Scope:
    """What a stack has, by which its leftovers are known.

    Networks and subnets are paths, `addresses` the numbers that the stack still holds, `clusters` pairs of name and
    location (empty if not known), `marks` the clusters' parts of generated names, `managed` what Pulumi deletes itself.
    """

    project: str
    networks: frozenset[str] = frozenset()
    subnets: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    clusters: frozenset[tuple[str, str]] = frozenset()
    marks: frozenset[str] = frozenset()
    managed: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def named(cls, project: str, networks: list[str], clusters: list[str], marks: list[str]) -> "Scope":
        """What a command line names; a cluster is LOCATION/NAME."""
        pairs = [cluster.rpartition("/") for cluster in clusters]
        return cls(
            project,
            networks=frozenset(f"projects/{project}/global/networks/{name}" for name in networks),
            clusters=frozenset((name, location) for location, _, name in pairs),
            marks=frozenset(marks),
        )

    def command(self) -> str:
        """How to look again once the stack's state is empty."""
        pairs = [("--network", path.rsplit("/", 1)[-1]) for path in sorted(self.networks)]
        pairs += [("--cluster", f"{place}/{name}" if place else name) for name, place in sorted(self.clusters)]
        pairs += [("--mark", mark) for mark in sorted(self.marks)]
        words = ["--leftovers-only", "--project", self.project, *(word for pair in pairs for word in pair)]
        return shlex.join([".venv/bin/python", "-m", "ops", "teardown", *words])


def scope_of(resources: Iterable[dict[str, Any]]) -> Scope | None:
    """What the engine's state tells of the stack's place; None if it never got as far as that.

    The cluster's name is also an output of the stack: it is still there when a destroy has stopped at the VPC.
    """
    of_kind: dict[str, list[dict[str, Any]]] = {}
    managed: set[str] = set()
    name = ""
    for resource in resources:
        outputs = resource.get("outputs") or {}
        of_kind.setdefault(resource["type"], []).append(outputs | {"path": resource.get("id", "")})
        managed.add(resource.get("id", ""))
        if resource["type"] == "pulumi:pulumi:Stack":
            name = outputs.get("clusterName") or ""
    places = [thing["path"] for kind in (NETWORK, CLUSTER, ADDRESS) for thing in of_kind.get(kind, [])]
    if not places:
        return None
    clusters = {(cluster["name"], cluster["location"]) for cluster in of_kind.get(CLUSTER, [])}
    return Scope(
        project=places[0].split("/")[1],
        networks=frozenset(thing["path"] for thing in of_kind.get(NETWORK, [])),
        subnets=frozenset(thing["path"] for thing in of_kind.get(SUBNET, [])),
        addresses=frozenset(thing["address"] for thing in of_kind.get(ADDRESS, [])),
        clusters=frozenset(clusters or ({(name, "")} if name else ())),
        managed=frozenset(managed),
    )


def protected(resources: Iterable[dict[str, Any]]) -> list[str]:
    """The resources that Pulumi or Google Cloud would refuse to delete."""
    return [
        "{} {}".format(resource["type"], resource["urn"].rsplit("::", 1)[-1])
        for resource in resources
        if resource.get("protect") or (resource.get("outputs") or {}).get("deletionProtection") is True
    ]


def mark(name: str) -> str | None:
    """The part of a generated name that is the cluster's or the Service's own."""
    match = MARK.match(name)
    return (match[1] or match[2]) if match else None


def _evidence(thing: Thing, scope: Scope) -> str:
    """By what of its own a thing belongs to the stack; empty if by nothing."""
    message = thing.message
    if path(getattr(message, "network", "")) in scope.networks:
        return "in the stack's VPC"
    if path(getattr(message, "subnetwork", "")) in scope.subnets:
        return "in the stack's subnet"
    if thing.collection == "forwardingRules" and message.I_p_address in scope.addresses:
        return "has the stack's address"
    if thing.collection == "disks":
        name, place = message.labels.get(CLUSTER_LABEL, ""), message.labels.get(LOCATION_LABEL, "")
        if any(name == cluster and (not location or place in ("", location)) for cluster, location in scope.clusters):
            return "labelled with the stack's cluster"
    return ""


def leftovers(things: Iterable[Thing], scope: Scope) -> list[tuple[Thing, str]]:
    """What belongs to the stack and is not Pulumi's, and why, in the order in which it can be removed."""
    candidates = [thing for thing in things if thing.path not in scope.managed]
    ours = {thing.path: reason for thing in candidates if (reason := _evidence(thing, scope))}
    marks = scope.marks | {mark(thing.message.name) for thing in candidates if thing.path in ours} - {None}
    for thing in candidates:
        if thing.path in ours:
            continue
        groups = [path(backend.group) for backend in getattr(thing.message, "backends", [])]
        if mark(thing.message.name) in marks:
            ours[thing.path] = "named after the stack's cluster"
        elif groups and all(group in ours for group in groups):
            ours[thing.path] = "its backends are in the stack's VPC"
    order = list(KINDS)
    found = [thing for thing in candidates if thing.path in ours]
    return [(thing, ours[thing.path]) for thing in sorted(found, key=lambda t: (order.index(t.collection), t.path))]


def nodes(instances: Iterable[Any], scope: Scope) -> list[str]:
    """The machines that show that a cluster of the stack is alive, so that nothing of it is left behind yet."""
    return [
        instance.name
        for instance in instances
        if (cluster := instance.labels.get(CLUSTER_LABEL))
        and (
            cluster in [name for name, _ in scope.clusters]
            or any(path(interface.network) in scope.networks for interface in instance.network_interfaces)
        )
    ]


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


def show(found: list[tuple[Thing, str]]) -> None:
    """Print a table of leftovers."""
    table = Table("what", "name", "where", "why", title="left behind by Google Cloud")
    for thing, reason in found:
        table.add_row(KINDS[thing.collection].what, thing.message.name, "/".join(thing.scope), reason)
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _look(compute: Compute, scope: Scope) -> list[tuple[Thing, str]]:
    try:
        return leftovers(compute.things(scope.project), scope)
    except (GoogleAPICallError, GoogleAuthError) as error:
        raise TeardownError(
            f"cannot look into project {scope.project}: {error}\nIt takes application-default credentials "
            "(`gcloud auth application-default login`) with roles/compute.viewer on the project."
        ) from None


def clean(compute: Compute, scope: Scope, *, remove: bool, disks: bool) -> bool:
    """Report what is left, and remove what may be removed. Returns whether nothing is left."""
    found = _look(compute, scope)
    if found and (alive := nodes(compute.instances(scope.project), scope)):
        raise TeardownError(
            f"nodes of the cluster still run: {', '.join(alive[:5])}. Nothing was removed: what a cluster uses is not "
            "left behind. If `pulumi destroy` has failed, see why, and run it again."
        )
    if not found:
        print("Google Cloud has left nothing behind")
        return True
    show(found)
    wanted = [thing for thing, _ in found if (disks if thing.collection == "disks" else remove)]
    for thing in wanted:
        problem = compute.remove(thing)
        print(f"{KINDS[thing.collection].what} {thing.message.name}: {problem or 'removed'}")
    left = _look(compute, scope) if wanted else found
    if left:
        print(f"{len(left)} left. To look again: {scope.command()}")
    return not left


def _resources(stack: automation.Stack) -> list[dict[str, Any]]:
    return (stack.export_stack().deployment or {}).get("resources") or []


def _without_cluster(stack: automation.Stack) -> list[dict[str, Any]]:
    resources = _resources(stack)
    if any(resource["type"] == CLUSTER for resource in resources):
        raise TeardownError(f"stack {stack.name} still has its cluster; nothing is left behind before that is gone")
    return resources


def _complain(text: str) -> None:
    print(text, file=sys.stderr)


def _destroy(stack: automation.Stack) -> bool:
    try:
        stack.destroy(on_output=print, on_error=_complain, suppress_progress=True)
    except automation.CommandError:
        return False  # the engine has said why
    return True


def down(
    stack: automation.Stack, compute: Compute, *, answer: Callable[[], str], remove: bool = False, disks: bool = False
) -> bool:
    """Delete a stack and look for what is left. Returns whether it is gone and nothing is.

    `answer` asks for the stack's name; any other answer deletes nothing.
    """
    resources = _resources(stack)
    if not resources:
        raise TeardownError(
            f"stack {stack.name} is empty. To look for what an earlier run left behind: "
            ".venv/bin/python -m ops teardown --leftovers-only --project PROJECT --cluster LOCATION/CLUSTER"
        )
    if guarded := protected(resources):
        raise TeardownError(
            f"stack {stack.name} is protected; nothing was deleted. Protected: {', '.join(guarded)}.\n"
            "To lift the protection on purpose, and then run this again:\n"
            f"  pulumi config set protect false --stack {stack.name}\n  pulumi up --stack {stack.name}"
        )
    stack.preview_destroy(on_output=print, suppress_progress=True)
    if (said := answer().strip()) != stack.name:
        raise TeardownError(f"{said!r} is not the stack's name, {stack.name!r}; nothing was deleted")
    scope = scope_of(resources)
    if scope:
        # The rules of the VPC, whose names carry the marks, may be gone afterwards.
        marks = {mark(thing.message.name) for thing, _ in _look(compute, scope)} - {None}
        scope = replace(scope, marks=frozenset(marks))
        print(f"to look for leftovers later: {scope.command()}", flush=True)
    gone = _destroy(stack)
    now = _without_cluster(stack)
    if scope is None:
        return gone
    # An address that the stack has released may be somebody else's by now.
    rest = scope_of(now) or Scope(scope.project)
    nothing_left = clean(
        compute, replace(scope, addresses=rest.addresses, managed=rest.managed), remove=remove, disks=disks
    )
    if not gone and remove:
        gone = _destroy(stack)
    if not gone:
        _complain(f"stack {stack.name} is not gone: remove what is listed, or run this again with --remove")
    return gone and nothing_left


def run(
    stack: str, given: Scope | None, *, confirm: str = "", leftovers_only: bool = False, remove: bool, disks: bool
) -> int:
    """Delete a stack, or look for what is left of it or of a `given` place; the exit code.

    What the user can fix becomes one message.
    """
    compute = Compute()
    question = f"Type the stack's name, {stack}, to delete all this for good: "
    try:
        if given:
            return int(not clean(compute, given, remove=remove, disks=disks))
        with _selected(stack) as found:
            if leftovers_only:
                return int(not clean(compute, _left_by(found), remove=remove, disks=disks))
            return int(not down(found, compute, answer=lambda: confirm or input(question), remove=remove, disks=disks))
    except EOFError:
        _complain("there is nobody to ask for the stack's name; give it with --confirm NAME")
    except automation.StackNotFoundError:
        _complain(f"there is no stack {stack!r}: `pulumi stack ls` lists them")
    except (TeardownError, automation.CommandError, automation.InvalidVersionError, OSError) as error:
        _complain(str(error))
    return 1


@contextmanager
def _selected(name: str) -> Iterator[automation.Stack]:
    """A stack of the project in this folder. What the user has selected stays selected."""
    workspace = automation.LocalWorkspace(work_dir=str(Path.cwd()))
    selected = workspace.stack()
    try:
        yield automation.Stack.select(name, workspace)
    finally:
        if selected and selected.name != name:
            workspace.select_stack(selected.name)


def _left_by(stack: automation.Stack) -> Scope:
    """Where to look for what a stack has left behind."""
    scope = scope_of(_without_cluster(stack))
    if scope is None:
        raise TeardownError(
            f"stack {stack.name} has nothing in its state that says where to look. Say it: --project PROJECT "
            "--cluster LOCATION/CLUSTER, and what you know of --network NETWORK and --mark MARK"
        )
    return scope
