"""Simulated Google Cloud: the resource types that `infra/` uses, with the refusals that an empty project meets.

To simulate another type, add a line to `KINDS` (and to `REFERENCES` if it points at others).
"""
# The methods of `Google` are described in `provider.Cloud`.
# ruff: noqa: D102

import ipaddress
import itertools
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pulumi.runtime.rpc import UNKNOWN

from infra.maintenance import DAYS, HOURS, fewest_hours

from .provider import Call, Props, unknown
from .world import CloudError, Item, World, merge

SERVICE = "gcp:projects/service:Service"
MEMBER = "gcp:projects/iAMMember:IAMMember"
ACCOUNT = "gcp:serviceaccount/account:Account"
NETWORK = "gcp:compute/network:Network"
SUBNET = "gcp:compute/subnetwork:Subnetwork"
ROUTER = "gcp:compute/router:Router"
NAT = "gcp:compute/routerNat:RouterNat"
ADDRESS = "gcp:compute/address:Address"
FIREWALL = "gcp:compute/firewall:Firewall"
CLUSTER = "gcp:container/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
BUCKET = "gcp:storage/bucket:Bucket"
FOLDER = "gcp:storage/managedFolder:ManagedFolder"
FOLDER_MEMBER = "gcp:storage/managedFolderIamMember:ManagedFolderIamMember"
KEY_RING = "gcp:kms/keyRing:KeyRing"
KEY = "gcp:kms/cryptoKey:CryptoKey"
KEY_MEMBER = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"
ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
IDENTITY_POOL = "gcp:iam/workloadIdentityPool:WorkloadIdentityPool"
IDENTITY_PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
FORWARDING_RULE = "gcp:forwardingRule"  # made by GKE for a LoadBalancer Service; no Pulumi resource stands behind it
OBJECT = "gcp:object"  # in a bucket, which is its scope; written by Pulumi's backend


class Kind(NamedTuple):
    """The API a type belongs to, the form of its id, the inputs that cannot change in place, the auto-named one."""

    api: str
    path: str
    replace: str
    name: str = "name"


_COMPUTE, _CONTAINER = "compute.googleapis.com", "container.googleapis.com"
_IAM, _KMS, _STORAGE = "iam.googleapis.com", "cloudkms.googleapis.com", "storage.googleapis.com"
_IDENTITY_POOL = "projects/{project}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}"
_GLOBAL, _REGION = "projects/{project}/global/", "projects/{project}/regions/{region}/"
_LOCATION = "projects/{project}/locations/{location}/clusters/"
KINDS = {
    SERVICE: Kind("", "{project}/{service}", "project service", ""),
    MEMBER: Kind("cloudresourcemanager.googleapis.com", "{project}/{role}/{member}", "project role member", ""),
    ACCOUNT: Kind("iam.googleapis.com", "projects/{project}/serviceAccounts/{email}", "accountId project", "accountId"),
    NETWORK: Kind(_COMPUTE, _GLOBAL + "networks/{name}", "name autoCreateSubnetworks"),
    SUBNET: Kind(_COMPUTE, _REGION + "subnetworks/{name}", "name network region"),
    ROUTER: Kind(_COMPUTE, _REGION + "routers/{name}", "name network region"),
    NAT: Kind(_COMPUTE, "{project}/{region}/{router}/{name}", "name router region"),
    ADDRESS: Kind(_COMPUTE, _REGION + "addresses/{name}", "name region address addressType networkTier"),
    FIREWALL: Kind(_COMPUTE, _GLOBAL + "firewalls/{name}", "name network"),
    CLUSTER: Kind(
        _CONTAINER,
        _LOCATION + "{name}",
        "name location network subnetwork initialNodeCount nodeConfig ipAllocationPolicy datapathProvider "
        "privateClusterConfig.masterIpv4CidrBlock",
    ),
    POOL: Kind(
        _CONTAINER,
        _LOCATION + "{cluster}/nodePools/{name}",
        "name cluster location initialNodeCount placementPolicy nodeConfig.machineType nodeConfig.spot "
        "nodeConfig.reservationAffinity nodeConfig.serviceAccount",
    ),
    BUCKET: Kind(_STORAGE, "{name}", "name location project"),
    FOLDER: Kind(_STORAGE, "{bucket}/{name}", "name bucket"),
    FOLDER_MEMBER: Kind(
        _STORAGE, "b/{bucket}/managedFolders/{managedFolder}/{role}/{member}", "bucket managedFolder role member", ""
    ),
    KEY_RING: Kind(_KMS, "projects/{project}/locations/{location}/keyRings/{name}", "name location project"),
    KEY: Kind(_KMS, "{keyRing}/cryptoKeys/{name}", "name keyRing purpose"),
    KEY_MEMBER: Kind(_KMS, "{cryptoKeyId}/{role}/{member}", "cryptoKeyId role member", ""),
    ROLE: Kind(_IAM, "projects/{project}/roles/{roleId}", "roleId project", ""),
    ACCOUNT_MEMBER: Kind(_IAM, "{serviceAccountId}/{role}/{member}", "serviceAccountId role member condition", ""),
    IDENTITY_POOL: Kind(_IAM, _IDENTITY_POOL, "workloadIdentityPoolId project", "workloadIdentityPoolId"),
    IDENTITY_PROVIDER: Kind(
        _IAM,
        _IDENTITY_POOL + "/providers/{workloadIdentityPoolProviderId}",
        "workloadIdentityPoolId workloadIdentityPoolProviderId project",
        "workloadIdentityPoolProviderId",
    ),
}

KEEP_THEIR_NAME = (KEY_RING, KEY, IDENTITY_POOL, IDENTITY_PROVIDER)
"""Kinds whose ids stay taken after a delete: keys and their rings for ever, the others for 30 days."""

REFERENCES = {
    SUBNET: (("network", NETWORK),),
    ROUTER: (("network", NETWORK),),
    NAT: (("router", ROUTER),),
    FIREWALL: (("network", NETWORK),),
    CLUSTER: (("network", NETWORK), ("subnetwork", SUBNET)),
    POOL: (("cluster", CLUSTER),),
    FORWARDING_RULE: (("network", NETWORK), ("address", ADDRESS)),
    FOLDER: (("bucket", BUCKET),),
    FOLDER_MEMBER: (("bucket", BUCKET), ("managedFolder", FOLDER)),
    KEY: (("keyRing", KEY_RING),),
    KEY_MEMBER: (("cryptoKeyId", KEY),),
    ACCOUNT_MEMBER: (("serviceAccountId", ACCOUNT),),
    IDENTITY_PROVIDER: (("workloadIdentityPoolId", IDENTITY_POOL),),
}
"""Inputs that point at another object: it must exist first, and cannot go before (except that pools go with theirs)."""

TPU_MACHINES = {"ct6e-standard-1t": (1, "1x1"), "ct6e-standard-4t": (4, "2x2"), "ct6e-standard-8t": (8, "2x4")}
"""Machine types with v6e chips: chips of a host, and the topology of a slice that is one host."""

FIRST_ADDRESS = ipaddress.IPv4Address("34.7.208.8")


def last(path: str) -> str:
    """The name at the end of an id, a link or a chart's path."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def refers(value: Any, item: Item) -> bool:
    """Whether an input names this object: by name, id or link, and an address by its number."""
    return value in (item.name, item.id, item.props.get("address", item.id)) or str(value).endswith("/" + item.id)


def free_address(world: World) -> str:
    """The lowest public address that nothing in this world has, so a fresh world always begins with the same one."""
    taken = {item.props.get("address") for item in world.find()}
    return next(a for a in (str(FIRST_ADDRESS + i) for i in itertools.count()) if a not in taken)


def dns_endpoint(cluster: Item) -> str:
    """The host name under which the cluster's API server answers."""
    return cluster.computed["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"]


def _bad(message: str) -> CloudError:
    return CloudError(f"googleapi: Error 400: {message}, badRequest")


def _refuse_overlap(ranges: list[str]) -> None:
    for a, b in itertools.combinations(map(ipaddress.ip_network, ranges), 2):
        if a.overlaps(b):
            raise _bad(f"Invalid IPCidrRange: {a} conflicts with {b} in the same network")


def _subnet_ranges(inputs: Props) -> list[str]:
    return [inputs["ipCidrRange"], *(r["ipCidrRange"] for r in inputs.get("secondaryIpRanges", []))]


def _master_range(inputs: Props) -> list[str]:
    block = inputs.get("privateClusterConfig", {}).get("masterIpv4CidrBlock")
    return [block] if block else []


class Google:
    """The simulated cloud behind the `gcp` provider."""

    config_replaces = ""
    config_target: tuple[str, ...] = ()

    def __init__(self, world: World) -> None:
        self.world = world

    def check(self, call: Call, old: Props, new: Props, suffix: str) -> Props:
        kind = KINDS.get(call.kind)
        if kind is None:
            raise CloudError(f"the sandbox does not simulate {call.kind}; add it to KINDS in sandbox/google.py")
        if not kind.name or kind.name in new:
            return new
        # The real provider, too, remembers in `__defaults` which names it made.
        kept = old.get(kind.name) if kind.name in old.get("__defaults", []) else None
        return new | {kind.name: kept or f"{call.name}-{suffix[:7]}", "__defaults": [kind.name]}

    def replaces(self, call: Call, path: str) -> bool:
        return any(path == p or path.startswith((p + ".", p + "[")) for p in KINDS[call.kind].replace.split())

    def delete_before_replace(self, call: Call, old: Props, new: Props) -> bool:
        name = KINDS[call.kind].name
        return bool(name) and "__defaults" not in new and old.get(name) == new.get(name)

    def drift(self, call: Call, object_id: str, new: Props) -> list[str]:
        item = self._get(call, object_id)
        labels = item.computed.get("pulumiLabels") if item else None
        return ["pulumiLabels"] if labels not in (None, self._labels(call, new).get("pulumiLabels")) else []

    def preview(self, call: Call, object_id: str | None, inputs: Props) -> Props:
        shown = {k: v for k, v in inputs.items() if not k.startswith("__")}
        item = self._get(call, object_id)
        if item:
            return merge(item.computed, shown)
        fields = self._fields(call, inputs)
        known = {key: fields[key] for key in ("project", "region", "location") if key in fields}
        return merge(unknown(self._computed(call, inputs, "")), known | shown)

    def create(self, call: Call, inputs: Props) -> tuple[str, Props]:
        kind, fields = KINDS[call.kind], self._fields(call, inputs)
        project, condition = fields["project"], inputs.get("condition")
        of_condition = [condition.get(key, "") for key in ("title", "description", "expression")] if condition else []
        object_id = "/".join([kind.path.format(**fields), *of_condition])
        if kind.api and f"{project}/{kind.api}" not in self.world.enabled_apis:
            raise CloudError(
                f"googleapi: Error 403: {kind.api} API has not been used in project {project} before or it is "
                f"disabled. Enable it by visiting https://console.developers.google.com/apis/api/{kind.api}, forbidden"
            )
        name = inputs.get(kind.name, object_id)
        item = Item("gcp", call.kind, object_id.removesuffix("/" + name), name, object_id, inputs)
        if item.key in self.world.items or object_id in self.world.taken:
            raise CloudError(f"googleapi: Error 409: The resource '{object_id}' already exists, alreadyExists")
        self._validate(item)
        item.computed = self._computed(call, inputs, object_id)
        if call.kind == SERVICE:
            self.world.enabled_apis.add(object_id)
        self.world.record("create", item)
        return object_id, item.props

    def read(self, call: Call, object_id: str) -> Props | None:
        item = self._get(call, object_id)
        # What GKE does not know, the real provider keeps from its state; in an import it takes the safe way.
        kept = {"deletionProtection": call.state.get("deletionProtection", True)} if call.kind == CLUSTER else {}
        return item.props | kept if item else None

    def update(self, call: Call, object_id: str, inputs: Props) -> Props:
        item = self._get(call, object_id)
        if item is None:
            raise CloudError(f"googleapi: Error 404: The resource '{object_id}' was not found, notFound")
        computed = item.computed | self._labels(call, inputs)
        changed = Item(item.cloud, item.kind, item.scope, item.name, item.id, inputs, computed)
        self._validate(changed)
        self.world.record("update", changed)
        return changed.props

    def delete(self, call: Call, object_id: str) -> None:
        item = self._get(call, object_id)
        if item is None:
            return
        if item.kind == CLUSTER and call.state.get("deletionProtection", True):
            raise CloudError(f"Cannot destroy cluster {item.name} because deletion_protection is set to true.")
        for user in self.world.find():
            references = REFERENCES.get(user.kind, ()) if user.kind != POOL else ()
            if any(target == item.kind and refers(user.props.get(key), item) for key, target in references):
                raise CloudError(
                    f"googleapi: Error 400: The {item.kind.rsplit(':', 1)[-1].lower()} resource '{object_id}' is "
                    f"already being used by '{user.id}', resourceInUseByAnotherResource"
                )
        held = [o.id for o in self.world.find(OBJECT) if o.id.startswith(object_id.rstrip("/") + "/")]
        if held and item.kind in (BUCKET, FOLDER) and not item.inputs.get("forceDestroy"):
            raise CloudError(f"Error trying to delete {object_id}, which holds {held[0]}, without `forceDestroy`")
        if item.kind in KEEP_THEIR_NAME:
            self.world.taken.add(object_id)
        if item.kind == SERVICE and item.inputs.get("disableOnDestroy"):
            self.world.enabled_apis.discard(object_id)
        if item.kind == CLUSTER:
            # All that was in it goes with it, but not the forwarding rules of its Services: nobody is left to do that.
            for inside in self.world.find():
                if inside.scope.startswith((dns_endpoint(item) + "/", item.id + "/")):
                    self.world.record("delete", inside)
        self.world.record("delete", item)

    def _get(self, call: Call, object_id: str | None) -> Item | None:
        return next((item for item in self.world.find(call.kind) if item.id == object_id), None)

    def _fields(self, call: Call, inputs: Props) -> Props:
        """The inputs with the provider's defaults, and references shortened to names: what ids are made of."""
        fields = {key: call.config[key] for key in ("project", "region") if key in call.config} | inputs
        of_cluster = str(inputs.get("cluster", "")).split("/")  # projects/P/locations/L/clusters/C, or unknown
        default = UNKNOWN if of_cluster == [UNKNOWN] else call.config.get("zone")
        fields.setdefault("location", of_cluster[3] if len(of_cluster) == 6 else default)
        fields |= {key: last(fields[key]) for key in ("cluster", "router") if key in fields}
        for key in ("project", "region", "location"):
            if f"{{{key}}}" not in KINDS[call.kind].path and key != "project":
                fields.pop(key, None)
            elif not fields.get(key):
                raise CloudError(f"{call.name}: {key}: required field is not set")
        return fields | {"email": f"{inputs.get('accountId')}@{fields['project']}.iam.gserviceaccount.com"}

    @staticmethod
    def _labels(call: Call, inputs: Props) -> Props:
        """The provider's labels and the resource's own, for types that have them."""
        if call.kind not in (ADDRESS, CLUSTER):
            return {}
        defaults = call.config.get("defaultLabels") or {}
        own = inputs.get("resourceLabels" if call.kind == CLUSTER else "labels") or {}
        labels = (json.loads(defaults) if isinstance(defaults, str) else defaults) | own
        return {"pulumiLabels": labels, "effectiveLabels": labels | {"goog-pulumi-provisioned": "true"}}

    def _computed(self, call: Call, inputs: Props, object_id: str) -> Props:
        """What the cloud adds to the inputs."""
        fields, random = self._fields(call, inputs), self.world.unique(object_id)
        of_kind: dict[str, Props] = {
            MEMBER: {"etag": random[:12]},
            ACCOUNT: {
                "email": fields["email"],
                "member": f"serviceAccount:{fields['email']}",
                "name": object_id,
                "uniqueId": str(int(random[:16], 16)),
            },
            ADDRESS: {"address": free_address(self.world), "addressType": "EXTERNAL", "networkTier": "PREMIUM"},
            CLUSTER: {
                "endpoint": f"34.90.{int(random[:2], 16)}.{int(random[2:4], 16)}",
                "masterVersion": "1.34.1-gke.1",
                "masterAuth": {"clusterCaCertificate": "c2ltdWxhdGVk"},
                "controlPlaneEndpointsConfig": {
                    "dnsEndpointConfig": {"endpoint": f"gke-{random[:12]}.{fields.get('location')}.gke.goog"}
                },
                "selfLink": f"https://container.googleapis.com/v1/{object_id}",
            },
            POOL: {"instanceGroupUrls": [], "managedInstanceGroupUrls": [], "version": "1.34.1-gke.1"},
            BUCKET: {"url": f"gs://{inputs.get('name')}"},
            ROLE: {"name": object_id},
            IDENTITY_POOL: {"name": object_id, "state": "ACTIVE"},
            IDENTITY_PROVIDER: {"name": object_id, "state": "ACTIVE"},
        }
        common = {key: fields[key] for key in ("project", "region", "location") if key in fields}
        if KINDS[call.kind].api == _COMPUTE:
            common |= {"selfLink": f"https://www.googleapis.com/compute/v1/{object_id}"}
        return common | self._labels(call, inputs) | of_kind.get(call.kind, {})

    def _validate(self, item: Item) -> None:
        """What the API refuses, on creation and on update."""
        inputs = item.inputs
        for key, target in REFERENCES.get(item.kind, ()):
            value = inputs.get(key, "default")
            if not any(refers(value, other) for other in self.world.find(target)):
                raise CloudError(f"googleapi: Error 404: The resource '{value}' was not found, notFound")
        email = inputs.get("nodeConfig", {}).get("serviceAccount", "default")
        who, role = inputs.get("member", ""), inputs.get("role", "roles/")
        if who.startswith("serviceAccount:"):
            email = who.removeprefix("serviceAccount:")
        if who.startswith("principalSet://") and not any(f"/{p.id}/" in who for p in self.world.find(IDENTITY_POOL)):
            raise _bad(f"Identity Pool does not exist ({who}).")
        if not role.startswith("roles/") and not any(role == custom.id for custom in self.world.find(ROLE)):
            raise _bad(f"Role ({role}) does not exist in the resource's hierarchy.")
        if email not in {"default", *(account.props["email"] for account in self.world.find(ACCOUNT))}:
            raise _bad(f"Service account {email} does not exist.")
        if item.kind == SUBNET:
            neighbours = [n for n in (*self.world.find(SUBNET), *self.world.find(CLUSTER)) if n.id != item.id]
            inputs_here = [n.inputs for n in neighbours if n.inputs.get("network") == inputs["network"]]
            taken = [r for i in inputs_here for r in (_subnet_ranges(i) if "ipCidrRange" in i else _master_range(i))]
            _refuse_overlap(_subnet_ranges(inputs) + taken)
            old = next((s.inputs for s in self.world.find(SUBNET) if s.id == item.id), inputs)
            if old.get("secondaryIpRanges") != inputs.get("secondaryIpRanges") and any(
                refers(cluster.inputs.get("subnetwork"), item) for cluster in self.world.find(CLUSTER)
            ):
                raise CloudError(f"googleapi: Error 400: secondary ranges of '{item.id}' are in use, resourceInUse")
        elif item.kind == CLUSTER:
            self._validate_cluster(item)
        elif item.kind == POOL:
            self._validate_pool(inputs)

    def _validate_cluster(self, item: Item) -> None:
        inputs = item.inputs
        subnet = next(s.inputs for s in self.world.find(SUBNET) if refers(inputs.get("subnetwork"), s))
        names = [r["rangeName"] for r in subnet.get("secondaryIpRanges", [])]
        for key in ("clusterSecondaryRangeName", "servicesSecondaryRangeName"):
            name = inputs.get("ipAllocationPolicy", {}).get(key)
            if name and name not in names:
                raise _bad(f'secondary range "{name}" does not exist in subnetwork "{inputs["subnetwork"]}"')
        others = [
            c.inputs for c in self.world.find(CLUSTER) if c.id != item.id and c.inputs["network"] == inputs["network"]
        ]
        _refuse_overlap(
            [*_master_range(inputs), *_subnet_ranges(subnet), *(r for o in others for r in _master_range(o))]
        )
        window = inputs.get("maintenancePolicy", {}).get("recurringWindow")
        if window:
            hours = fewest_hours(window["startTime"], window["endTime"], window["recurrence"], datetime.now(UTC))
            if hours < HOURS:
                raise _bad(
                    f"maintenance policy would go longer than {DAYS}d without {HOURS}h maintenance availability of "
                    ">=4h contiguous duration"
                )

    @staticmethod
    def _validate_pool(inputs: Props) -> None:
        machine = inputs.get("nodeConfig", {}).get("machineType", "e2-medium")
        topology = inputs.get("placementPolicy", {}).get("tpuTopology")
        if topology and topology == TPU_MACHINES.get(machine, (0, ""))[1]:
            raise _bad(f"a placement policy with tpu topology {topology} is not allowed on single-host {machine}")
        scaling = inputs.get("autoscaling", {})
        for low, high in (("totalMinNodeCount", "totalMaxNodeCount"), ("minNodeCount", "maxNodeCount")):
            if scaling.get(low, 0) > scaling.get(high, scaling.get(low, 0)):
                raise _bad(f"{low} ({scaling[low]}) is greater than {high} ({scaling[high]})")
