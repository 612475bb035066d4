"""What Google Cloud refuses, on creation and on update, in the words that the user would see.

Where the words are known from a report they are Google's, with the report beside them; else they are ours, in the form
of Google's. Refused are: references to what is not there, unknown roles, principals and regions, ranges that overlap,
labels against the rules, maintenance windows that are too short, rules of the firewall that say two things at once,
audit logs of calls that there are not, and what `google_nodes`, `google_keys` and `google_repositories` refuse. Left
out: quotas, permissions of the caller, GKE versions, which ports a firewall rule may name, for what a role may be
granted, and which services can be audited.
"""

import itertools
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_network

from infra.settings.maintenance import DAYS, HOURS, fewest_hours

from .calls import Props
from .google_buckets import pool_of
from .google_keys import refuse_encryption
from .google_kinds import (
    ACCOUNT,
    ADDRESS,
    AUDIT,
    CLUSTER,
    FIREWALL,
    IDENTITY_POOL,
    MEMBER,
    MEMBER_REMOVED,
    POOL,
    REFERENCES,
    REPOSITORY,
    REPOSITORY_MEMBER,
    ROLE,
    ROUTER,
    SUBNET,
    last,
    refers,
)
from .google_machines import data, regions, zones_of
from .google_nodes import bad, refuse_locations, refuse_nodes, refuse_pool
from .google_provider import relative
from .google_repositories import refuse_grant_on_repository, refuse_repository, refuse_streaming
from .inventory import CloudError, Inventory, Item


def validate(inventory: Inventory, item: Item, labels: Mapping[str, str]) -> None:
    """Raise a `CloudError` if Google would refuse this object, which bears all these labels."""
    _refuse_references(inventory, item)
    refuse_labels(item.kind, labels)
    if item.kind == MEMBER_REMOVED:
        refuse_role(item.inputs["role"], item.inputs["member"], project=item.inputs["project"])
    elif "role" in item.inputs and "member" in item.inputs:
        _refuse_grant(inventory, item)
    refuse_region(item)
    if item.kind == AUDIT:
        _refuse_audit(item.inputs)
    elif item.kind == REPOSITORY:
        refuse_repository(item.inputs)
    elif item.kind == REPOSITORY_MEMBER:
        refuse_grant_on_repository(inventory, item.inputs)
    elif item.kind == SUBNET:
        _refuse_subnet(inventory, item)
    elif item.kind == FIREWALL:
        _refuse_firewall(item.inputs)
    elif item.kind == CLUSTER:
        _refuse_cluster(inventory, item)
        refuse_encryption(inventory, item)
    elif item.kind == POOL:
        cluster = next(c for c in inventory.find(CLUSTER) if refers(item.inputs["cluster"], c))
        refuse_pool(item.inputs, item.inputs.get("nodeLocations") or _places(cluster))
        refuse_streaming(inventory, cluster.props["project"], item.inputs)


def _refuse_references(inventory: Inventory, item: Item) -> None:
    for key, target in REFERENCES.get(item.kind, ()):
        value = item.inputs.get(key, "default")
        if not any(refers(value, other) for other in inventory.find(target)):
            raise CloudError(f"googleapi: Error 404: The resource '{value}' was not found, notFound")
    config = item.inputs.get("nodeConfig", {})
    _refuse_account(inventory, config.get("serviceAccount", "default"))


def _refuse_account(inventory: Inventory, email: str) -> None:
    made = {account.props["email"] for account in inventory.find(ACCOUNT)}
    known = {"default", *inventory.agents, *inventory.outside, *made}
    if email not in known:
        raise bad(f"Service account {email} does not exist.")


# Access


@cache
def roles() -> frozenset[str]:
    """The predefined roles that are known."""
    table = data("google_roles.yaml")
    basic = {f"roles/{name}" for name in table["basic"]}
    return frozenset(basic | {f"roles/{s}.{n}" for s, names in table.items() if s != "basic" for n in names})


def _refuse_grant(inventory: Inventory, item: Item) -> None:
    role, who = item.inputs["role"], item.inputs["member"]
    if who.startswith("serviceAccount:") and not pool_of(who):
        _refuse_account(inventory, who.removeprefix("serviceAccount:"))
    if who.startswith("principalSet://") and not any(
        f"/{pool.computed['name']}/" in who for pool in inventory.find(IDENTITY_POOL)
    ):
        raise bad(f"Identity Pool does not exist ({who}).")
    if role.startswith("roles/"):
        refuse_role(role, who, project=item.inputs["project"] if item.kind == MEMBER else None)
    elif not any(role == custom.id for custom in inventory.find(ROLE)):
        raise bad(f"Role ({role}) does not exist in the resource's hierarchy.")


def refuse_role(role: str, member: str, *, project: str | None) -> None:
    """Refuse a predefined role that is not known, for a project or for something in one.

    https://github.com/terraform-google-modules/terraform-google-iam/issues/219
    """
    if role in roles():
        return
    message = f"googleapi: Error 400: Role {role} is not supported for this resource., badRequest"
    if project:
        what = f'project "{project}"'
        message = (
            f"Request `Create IAM Members {role} {member} for {what}` returned error: Error applying IAM policy for "
            f"{what}: Error setting IAM policy for {what}: {message}"
        )
    raise CloudError(message)


def removed_by(inventory: Inventory, item: Item) -> list[Item]:
    """The grants that an object of `MEMBER_REMOVED` takes away: those of its role to its member in its project."""
    same = [item.inputs.get(key) for key in ("project", "role", "member")]
    if item.kind != MEMBER_REMOVED:
        return []
    return [m for m in inventory.find(MEMBER) if [m.inputs.get(key) for key in ("project", "role", "member")] == same]


CALLS = ("ADMIN_READ", "DATA_READ", "DATA_WRITE")


def _refuse_audit(inputs: Props) -> None:
    """Refuse kinds of calls that there are not; which of them a service has is not known here."""
    for config in inputs["auditLogConfigs"]:
        if config["logType"] not in CALLS:
            raise bad(
                f"Invalid value at 'policy.audit_configs[0].audit_log_configs[0].log_type', \"{config['logType']}\""
            )


# Labels


MOST_LABELS, LONGEST, MOST_BYTES = 64, 63, 128
RESERVED = ("goog-gke-", "goog-k8s-")
"""https://cloud.google.com/kubernetes-engine/docs/how-to/creating-managing-labels. Others with `goog-` are taken: the
provider itself adds one."""
_RULE = (
    "can only contain lowercase letters, numeric characters, underscores and dashes. "
    "The {} can be at most 63 characters long. International characters are allowed."
)
KEY_RULE = "The key must start with a lowercase character, " + _RULE.format("key")
VALUE_RULE = "The value " + _RULE.format("value")


def _lower(character: str) -> bool:
    return unicodedata.category(character) in ("Ll", "Lo")


def _allowed(text: str) -> bool:
    short = len(text) <= LONGEST and len(text.encode()) <= MOST_BYTES
    return short and all(_lower(c) or unicodedata.category(c)[0] == "N" or c in "_-" for c in text)


def refuse_labels(kind: str, labels: Mapping[str, str]) -> None:
    """Refuse labels that break https://cloud.google.com/compute/docs/labeling-resources#requirements.

    The words: https://github.com/googleapis/google-cloud-node-core/issues/314 and
    https://github.com/googleapis/google-cloud-node-core/issues/276.
    """
    problems: Iterable[str] = itertools.chain(
        (f"Label key '{key}' violates format constraints. {KEY_RULE}" for key in labels if not _is_key(key)),
        (f"Label value '{v}' violates format constraints. {VALUE_RULE}" for v in labels.values() if not _allowed(v)),
        (f"Label key '{key}' is reserved." for key in labels if kind == CLUSTER and key.startswith(RESERVED)),
        [f"There are {len(labels)} labels, the limit is {MOST_LABELS}."] if len(labels) > MOST_LABELS else [],
    )
    for problem in problems:
        raise CloudError(f"googleapi: Error 400: Invalid value for field 'resource.labels': ''. {problem}, invalid")


def _is_key(key: str) -> bool:
    return bool(key) and _lower(key[0]) and _allowed(key)


# Networks


def refuse_region(item: Item) -> None:
    """Refuse a region that is not known."""
    region = item.inputs.get("region")
    if item.kind in (SUBNET, ROUTER, ADDRESS) and region and last(region) not in regions():
        raise CloudError(
            f"googleapi: Error 400: Invalid value for field 'region': '{region}'. Unknown region., invalid"
        )


def _refuse_overlap(ranges: list[str]) -> None:
    for a, b in itertools.combinations(map(ip_network, ranges), 2):
        if a.overlaps(b):
            raise bad(f"Invalid IPCidrRange: {a} conflicts with {b} in the same network")


def _subnet_ranges(inputs: Props) -> list[str]:
    return [inputs["ipCidrRange"], *(r["ipCidrRange"] for r in inputs.get("secondaryIpRanges", []))]


def _master_range(inputs: Props) -> list[str]:
    block = inputs.get("privateClusterConfig", {}).get("masterIpv4CidrBlock")
    return [block] if block else []


def _same_network(a: Item, b: Item) -> bool:
    one, other = (relative(item.inputs.get("network", "default")) for item in (a, b))
    return one == other


def _refuse_subnet(inventory: Inventory, item: Item) -> None:
    inputs = item.inputs
    neighbours = [
        n for n in (*inventory.find(SUBNET), *inventory.find(CLUSTER)) if n.id != item.id and _same_network(n, item)
    ]
    taken = [r for n in neighbours for r in (_subnet_ranges if n.kind == SUBNET else _master_range)(n.inputs)]
    _refuse_overlap(_subnet_ranges(inputs) + taken)
    old = next((s.inputs for s in inventory.find(SUBNET) if s.id == item.id), inputs)
    if old.get("secondaryIpRanges") != inputs.get("secondaryIpRanges") and any(
        refers(cluster.inputs.get("subnetwork"), item) for cluster in inventory.find(CLUSTER)
    ):
        raise CloudError(f"googleapi: Error 400: secondary ranges of '{item.id}' are in use, resourceInUse")


def _refuse_firewall(inputs: Props) -> None:
    """What the provider's schema refuses (resource_compute_firewall.go), and the API, for the other direction."""
    egress = inputs.get("direction", "INGRESS") == "EGRESS"
    sources = ("sourceRanges", "sourceTags", "sourceServiceAccounts")
    if not egress and not any(inputs.get(key) for key in sources):
        raise CloudError("one of source_tags, source_ranges, or source_service_accounts must be defined")
    if bool(inputs.get("allows")) == bool(inputs.get("denies")):
        raise CloudError("exactly one of `allow,deny` must be specified")
    accounts = inputs.get("sourceServiceAccounts") or inputs.get("targetServiceAccounts")
    if accounts and (inputs.get("sourceTags") or inputs.get("targetTags")):
        raise CloudError('"target_service_accounts": conflicts with source_tags, target_tags')
    if egress and (inputs.get("sourceTags") or inputs.get("sourceServiceAccounts")):
        raise bad("Source tags and source service accounts cannot be specified for a rule of direction EGRESS")


# Clusters


def _refuse_cluster(inventory: Inventory, item: Item) -> None:
    inputs = item.inputs
    refuse_locations([item.props["location"], *inputs.get("nodeLocations", [])])
    subnet = next(s.inputs for s in inventory.find(SUBNET) if refers(inputs.get("subnetwork"), s))
    names = [r["rangeName"] for r in subnet.get("secondaryIpRanges", [])]
    for key in ("clusterSecondaryRangeName", "servicesSecondaryRangeName"):
        name = inputs.get("ipAllocationPolicy", {}).get(key)
        if name and name not in names:
            raise bad(f'secondary range "{name}" does not exist in subnetwork "{inputs["subnetwork"]}"')
    others = [c.inputs for c in inventory.find(CLUSTER) if c.id != item.id and _same_network(c, item)]
    _refuse_overlap([*_master_range(inputs), *_subnet_ranges(subnet), *(r for o in others for r in _master_range(o))])
    window = inputs.get("maintenancePolicy", {}).get("recurringWindow")
    if window:
        hours = fewest_hours(window["startTime"], window["endTime"], window["recurrence"], datetime.now(UTC))
        if hours < HOURS:
            raise bad(
                f"maintenance policy would go longer than {DAYS}d without {HOURS}h maintenance availability of "
                ">=4h contiguous duration"
            )
    asks = inputs.get("binaryAuthorization", {}).get("evaluationMode", "DISABLED") != "DISABLED"
    if asks and f"{item.props['project']}/binaryauthorization.googleapis.com" not in inventory.enabled_apis:
        raise bad("Binary Authorization API is not enabled in the project")
    if inputs.get("initialNodeCount"):
        refuse_nodes(inputs.get("nodeConfig", {}), _places(item))


def _places(cluster: Item) -> list[str]:
    """The zones of a cluster's nodes."""
    return cluster.inputs.get("nodeLocations") or zones_of(cluster.props["location"])
