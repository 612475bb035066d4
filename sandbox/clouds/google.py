"""Simulated Google Cloud: the resource types that `infra/` and `bootstrap/` use, as the official provider shows them.

What exists is in `google_kinds`, what the provider makes of inputs and outputs in `google_provider`, what is refused in
`google_rules`; keys and service agents are in `google_keys`, budgets in `google_budgets`, Cloud Monitoring in
`google_monitoring`. To simulate another type, add a line to `KINDS` (and to `REFERENCES` if it points at others), and
one to `data/google_provider.yaml`.
"""
# The methods of `Google` are described in `calls.Cloud`.
# ruff: noqa: D102

import json
import uuid

from pulumi.runtime.rpc import UNKNOWN

from . import google_provider
from .calls import Call, Props, unknown
from .google_buckets import refuse_grant_on_bucket
from .google_budgets import refuse_budget
from .google_keys import by_number, make_agent, read_agent
from .google_kinds import (
    ACCOUNT,
    ADDRESS,
    ALERT,
    BUCKET,
    BUDGET,
    CHANNEL,
    CLUSTER,
    FIREWALL,
    FOLDER,
    IDENTITY_POOL,
    IDENTITY_PROVIDER,
    KEEP_THEIR_NAME,
    KEY,
    KINDS,
    MEMBER,
    MEMBER_REMOVED,
    NETWORK,
    OBJECT,
    POOL,
    REFERENCES,
    REPOSITORY,
    ROLE,
    ROUTER,
    SERVICE,
    SERVICE_IDENTITY,
    SUBNET,
    UPTIME_CHECK,
    dns_endpoint,
    free_address,
    last,
    refers,
)
from .google_machines import DEFAULT, machines
from .google_monitoring import refuse_monitoring
from .google_rules import removed_by, validate
from .inventory import CloudError, Inventory, Item, merge

LABELS = {CLUSTER: "resourceLabels", ADDRESS: "labels", BUCKET: "labels", KEY: "labels", REPOSITORY: "labels"}
"""Types with labels, and the input that has them."""


class Google:
    """The simulated cloud behind the `gcp` provider."""

    config_replaces = ""
    config_target: tuple[str, ...] = ()

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory

    def check(self, call: Call, old: Props, new: Props, suffix: str) -> Props:
        kind = KINDS.get(call.kind)
        if kind is None:
            raise CloudError(
                f"the sandbox does not simulate {call.kind}; add it to KINDS in sandbox/clouds/google_kinds.py"
            )
        new = self.unchanged(call, old, new)
        if not kind.name or kind.name in new:
            return new
        # The real provider, too, remembers in `__defaults` which names it made.
        kept = old.get(kind.name) if kind.name in old.get("__defaults", []) else None
        return new | {kind.name: kept or f"{call.name}-{suffix[:7]}", "__defaults": [kind.name]}

    def unchanged(self, call: Call, old: Props, new: Props) -> Props:
        return google_provider.unchanged(call.kind, old, new)

    def replaces(self, call: Call, path: str) -> bool:
        return google_provider.forces(call.kind, path)

    def delete_before_replace(self, call: Call, old: Props, new: Props) -> bool:
        name = KINDS[call.kind].name
        return bool(name) and "__defaults" not in new and old.get(name) == new.get(name)

    def drift(self, call: Call, object_id: str, new: Props) -> list[str]:
        item = self._get(call, object_id)
        labels = item.computed.get("pulumiLabels") if item else None
        changed = labels not in (None, self._labels(call, new).get("pulumiLabels"))
        return google_provider.beyond_schema(call.kind, call.state, new) + (["pulumiLabels"] if changed else [])

    def preview(self, call: Call, object_id: str | None, inputs: Props) -> Props:
        shown = {k: v for k, v in inputs.items() if not k.startswith("__")}
        item = self._get(call, object_id)
        if item:
            return google_provider.read_back(call.kind, merge(item.computed, shown))
        fields = self._fields(call, inputs)
        known = {key: fields[key] for key in ("project", "region", "location") if key in fields}
        return merge(unknown(self._computed(call, inputs, "")), known | shown)

    def create(self, call: Call, inputs: Props) -> tuple[str, Props]:
        kind, fields = KINDS[call.kind], self._fields(call, inputs)
        project, condition = fields["project"], inputs.get("condition")
        of_condition = [condition.get(key, "") for key in ("title", "description", "expression")] if condition else []
        object_id = "/".join([kind.path.format(**fields), *of_condition])
        if kind.api and f"{project}/{kind.api}" not in self.inventory.enabled_apis:
            raise CloudError(
                f"googleapi: Error 403: {kind.api} API has not been used in project {project} before or it is "
                f"disabled. Enable it by visiting https://console.developers.google.com/apis/api/{kind.api}, forbidden"
            )
        if call.kind == SERVICE_IDENTITY:
            agent = make_agent(self.inventory, project, inputs["service"])
            return object_id, {"project": project} | inputs | agent
        name = inputs.get(kind.name, object_id)
        item = Item("gcp", call.kind, object_id.removesuffix("/" + name), name, object_id, inputs)
        there = item.key in self.inventory.items and call.kind != MEMBER_REMOVED  # that is no object, and done again
        if there or object_id in self.inventory.taken:
            raise CloudError(f"googleapi: Error 409: The resource '{object_id}' already exists, alreadyExists")
        item.computed = self._computed(call, inputs, object_id)
        self._refuse(item)
        if call.kind == SERVICE:
            self.inventory.enabled_apis.add(object_id)
        for removed in removed_by(self.inventory, item):
            self.inventory.record("delete", removed)
        self.inventory.record("create", item)
        return object_id, self._outputs(item)

    def read(self, call: Call, object_id: str) -> Props | None:
        if call.kind == SERVICE_IDENTITY:
            return read_agent(call)
        item = self._get(call, object_id)
        if item and removed_by(self.inventory, item):
            return None  # the provider forgets that it has removed what is there again
        # What GKE does not know, the real provider keeps from its state; in an import it takes the safe way.
        kept = {"deletionProtection": call.state.get("deletionProtection", True)} if call.kind == CLUSTER else {}
        return self._outputs(item) | kept if item else None

    def update(self, call: Call, object_id: str, inputs: Props) -> Props:
        item = self._get(call, object_id)
        if item is None:
            raise CloudError(f"googleapi: Error 404: The resource '{object_id}' was not found, notFound")
        nodes = self._nodes(inputs) if call.kind == POOL else {}
        computed = item.computed | self._labels(call, inputs) | nodes
        changed = Item(item.cloud, item.kind, item.scope, item.name, item.id, inputs, computed)
        self._refuse(changed)
        self.inventory.record("update", changed)
        return self._outputs(changed)

    def delete(self, call: Call, object_id: str) -> None:
        item = self._get(call, object_id)
        if item is None:
            return
        if item.kind == CLUSTER and call.state.get("deletionProtection", True):
            raise CloudError(f"Cannot destroy cluster {item.name} because deletion_protection is set to true.")
        for user in self.inventory.find():
            references = REFERENCES.get(user.kind, ()) if user.kind != POOL else ()
            if any(target == item.kind and refers(user.props.get(key), item) for key, target in references):
                raise CloudError(
                    f"googleapi: Error 400: The {item.kind.rsplit(':', 1)[-1].lower()} resource '{object_id}' is "
                    f"already being used by '{user.id}', resourceInUseByAnotherResource"
                )
        held = [o.id for o in self.inventory.find(OBJECT) if o.id.startswith(object_id.rstrip("/") + "/")]
        if held and item.kind in (BUCKET, FOLDER) and not item.inputs.get("forceDestroy"):
            raise CloudError(f"Error trying to delete {object_id}, which holds {held[0]}, without `forceDestroy`")
        if item.kind in KEEP_THEIR_NAME:
            self.inventory.taken.add(object_id)
        if item.kind == SERVICE and item.inputs.get("disableOnDestroy"):
            self.inventory.enabled_apis.discard(object_id)
        if item.kind == CLUSTER:
            # All that was in it goes with it, but not the forwarding rules of its Services: nobody is left to do that.
            for inside in self.inventory.find():
                if inside.scope.startswith((dns_endpoint(item) + "/", item.id + "/")):
                    self.inventory.record("delete", inside)
        self.inventory.record("delete", item)

    def _refuse(self, item: Item) -> None:
        validate(self.inventory, item, item.computed.get("effectiveLabels", {}))
        refuse_budget(item)
        refuse_monitoring(self.inventory, item)
        refuse_grant_on_bucket(self.inventory, item)

    @staticmethod
    def _outputs(item: Item) -> Props:
        return google_provider.read_back(item.kind, item.props)

    def _get(self, call: Call, object_id: str | None) -> Item | None:
        return next((item for item in self.inventory.find(call.kind) if item.id == object_id), None)

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
        fields["uuid"] = str(uuid.UUID(self.inventory.unique(call.urn)[:32]))
        return fields | {"email": f"{inputs.get('accountId')}@{fields['project']}.iam.gserviceaccount.com"}

    @staticmethod
    def _labels(call: Call, inputs: Props) -> Props:
        """The provider's labels and the resource's own, for types that have them."""
        if call.kind not in LABELS:
            return {}
        defaults = call.config.get("defaultLabels") or {}
        own = inputs.get(LABELS[call.kind]) or {}
        labels = (json.loads(defaults) if isinstance(defaults, str) else defaults) | own
        return {"pulumiLabels": labels, "effectiveLabels": labels | {"goog-pulumi-provisioned": "true"}}

    def _computed(self, call: Call, inputs: Props, object_id: str) -> Props:
        """What the cloud adds to the inputs."""
        fields, random = self._fields(call, inputs), self.inventory.unique(object_id)
        of_kind: dict[str, Props] = {
            MEMBER: {"etag": random[:12]},
            ACCOUNT: {
                "email": fields["email"],
                "member": f"serviceAccount:{fields['email']}",
                "name": object_id,
                "uniqueId": str(int(random[:16], 16)),
            },
            ADDRESS: {"address": free_address(self.inventory)},
            CLUSTER: {
                "endpoint": f"34.90.{int(random[:2], 16)}.{int(random[2:4], 16)}",
                "masterVersion": "1.34.1-gke.1",
                "masterAuth": {"clusterCaCertificate": "c2ltdWxhdGVk"},
                "controlPlaneEndpointsConfig": {
                    "dnsEndpointConfig": {"endpoint": f"gke-{random[:12]}.{fields.get('location')}.gke.goog"}
                },
                "selfLink": f"https://container.googleapis.com/v1/{object_id}",
            },
            POOL: self._nodes(inputs)
            | {
                "instanceGroupUrls": [],
                "managedInstanceGroupUrls": [],
                "version": "1.34.1-gke.1",
            },
            BUCKET: {
                "url": f"gs://{inputs.get('name')}",
                "timeCreated": f"2026-01-01T00:00:00.{int(random[:6], 16):09}Z",
            },
            BUDGET: {"name": last(object_id)},
            ALERT: {"name": object_id},
            CHANNEL: {"name": object_id},
            UPTIME_CHECK: {"name": object_id, "uptimeCheckId": last(object_id)},
            SERVICE_IDENTITY: {"email": "", "member": ""},
            ROLE: {"name": object_id},
            REPOSITORY: {"name": inputs.get("repositoryId"), "createTime": "2026-01-01T00:00:00Z"},
            IDENTITY_POOL: {"name": by_number(object_id), "state": "ACTIVE"},
            IDENTITY_PROVIDER: {"name": by_number(object_id), "state": "ACTIVE"},
        }
        common = {key: fields[key] for key in ("project", "region", "location") if key in fields}
        if call.kind in (NETWORK, SUBNET, ROUTER, ADDRESS, FIREWALL):  # a NAT is a part of its router, and has none
            common |= {"selfLink": f"https://www.googleapis.com/compute/v1/{object_id}"}
        return common | self._labels(call, inputs) | of_kind.get(call.kind, {})

    @staticmethod
    def _nodes(inputs: Props) -> Props:
        """What GKE fills in of a pool's nodes by their machine.

        On TPU hosts it turns simultaneous multithreading off and says so:
        https://github.com/GoogleCloudPlatform/cloud-foundation-fabric/pull/3972.
        """
        known = machines().get(inputs.get("nodeConfig", {}).get("machineType", DEFAULT))
        if known is None:
            return {}
        threads = {"advancedMachineFeatures": {"threadsPerCore": 1}} if known.chips else {}
        return {"nodeConfig": {"diskType": known.disks[0], **threads}}
