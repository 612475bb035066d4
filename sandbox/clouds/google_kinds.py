"""The types of Google Cloud that the sandbox simulates: their APIs, their ids, and what points at what."""

import ipaddress
import itertools
from typing import Any, NamedTuple

from .inventory import Inventory, Item

SERVICE = "gcp:projects/service:Service"
MEMBER = "gcp:projects/iAMMember:IAMMember"
ACCOUNT = "gcp:serviceaccount/account:Account"
NETWORK = "gcp:compute/network:Network"
SUBNET = "gcp:compute/subnetwork:Subnetwork"
ROUTER = "gcp:compute/router:Router"
NAT = "gcp:compute/routerNat:RouterNat"
ADDRESS = "gcp:compute/address:Address"
FIREWALL = "gcp:compute/firewall:Firewall"
RECORD = "gcp:dns/recordSet:RecordSet"
CLUSTER = "gcp:container/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
BUCKET = "gcp:storage/bucket:Bucket"
BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
FOLDER = "gcp:storage/managedFolder:ManagedFolder"
FOLDER_MEMBER = "gcp:storage/managedFolderIamMember:ManagedFolderIamMember"
KEY_RING = "gcp:kms/keyRing:KeyRing"
KEY = "gcp:kms/cryptoKey:CryptoKey"
KEY_MEMBER = "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember"
SERVICE_IDENTITY = "gcp:projects/serviceIdentity:ServiceIdentity"
ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"
ACCOUNT_MEMBER = "gcp:serviceaccount/iAMMember:IAMMember"
AUDIT = "gcp:projects/iAMAuditConfig:IAMAuditConfig"
MEMBER_REMOVED = "gcp:projects/iamMemberRemove:IamMemberRemove"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
REPOSITORY_MEMBER = "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember"
IDENTITY_POOL = "gcp:iam/workloadIdentityPool:WorkloadIdentityPool"
IDENTITY_PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
BUDGET = "gcp:billing/budget:Budget"
ALERT = "gcp:monitoring/alertPolicy:AlertPolicy"
CHANNEL = "gcp:monitoring/notificationChannel:NotificationChannel"
DASHBOARD = "gcp:monitoring/dashboard:Dashboard"
UPTIME_CHECK = "gcp:monitoring/uptimeCheckConfig:UptimeCheckConfig"
FORWARDING_RULE = "gcp:forwardingRule"  # made by GKE for a LoadBalancer Service; no Pulumi resource stands behind it
OBJECT = "gcp:object"  # in a bucket, which is its scope; written by Pulumi's backend


class Kind(NamedTuple):
    """The API a type belongs to, the form of its id, and the input that is auto-named."""

    api: str
    path: str
    name: str = "name"


_COMPUTE, _CONTAINER = "compute.googleapis.com", "container.googleapis.com"
_MONITORING = "monitoring.googleapis.com"
_IAM, _KMS, _STORAGE = "iam.googleapis.com", "cloudkms.googleapis.com", "storage.googleapis.com"
_IDENTITY_POOL = "projects/{project}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}"
_GLOBAL, _REGION = "projects/{project}/global/", "projects/{project}/regions/{region}/"
_LOCATION = "projects/{project}/locations/{location}/clusters/"
KINDS = {
    SERVICE: Kind("", "{project}/{service}", ""),
    MEMBER: Kind("cloudresourcemanager.googleapis.com", "{project}/{role}/{member}", ""),
    ACCOUNT: Kind("iam.googleapis.com", "projects/{project}/serviceAccounts/{email}", "accountId"),
    NETWORK: Kind(_COMPUTE, _GLOBAL + "networks/{name}"),
    SUBNET: Kind(_COMPUTE, _REGION + "subnetworks/{name}"),
    ROUTER: Kind(_COMPUTE, _REGION + "routers/{name}"),
    NAT: Kind(_COMPUTE, "{project}/{region}/{router}/{name}"),
    ADDRESS: Kind(_COMPUTE, _REGION + "addresses/{name}"),
    FIREWALL: Kind(_COMPUTE, _GLOBAL + "firewalls/{name}"),
    RECORD: Kind("dns.googleapis.com", "projects/{project}/managedZones/{managedZone}/rrsets/{name}/{type}", ""),
    CLUSTER: Kind(_CONTAINER, _LOCATION + "{name}"),
    POOL: Kind(_CONTAINER, _LOCATION + "{cluster}/nodePools/{name}"),
    BUCKET: Kind(_STORAGE, "{name}"),
    BUCKET_MEMBER: Kind(_STORAGE, "b/{bucket}/{role}/{member}", ""),
    FOLDER: Kind(_STORAGE, "{bucket}/{name}"),
    FOLDER_MEMBER: Kind(_STORAGE, "b/{bucket}/managedFolders/{managedFolder}/{role}/{member}", ""),
    KEY_RING: Kind(_KMS, "projects/{project}/locations/{location}/keyRings/{name}"),
    KEY: Kind(_KMS, "{keyRing}/cryptoKeys/{name}"),
    KEY_MEMBER: Kind(_KMS, "{cryptoKeyId}/{role}/{member}", ""),
    SERVICE_IDENTITY: Kind("", "projects/{project}/services/{service}", ""),
    ROLE: Kind(_IAM, "projects/{project}/roles/{roleId}", ""),
    ACCOUNT_MEMBER: Kind(_IAM, "{serviceAccountId}/{role}/{member}", ""),
    AUDIT: Kind("cloudresourcemanager.googleapis.com", "{project}/audit_config/{service}", ""),
    MEMBER_REMOVED: Kind("cloudresourcemanager.googleapis.com", "{project}/{member}/{role}", ""),
    REPOSITORY: Kind(
        "artifactregistry.googleapis.com", "projects/{project}/locations/{location}/repositories/{repositoryId}", ""
    ),
    # Its API is that of the repository's project, where somebody has used it to make the repository.
    REPOSITORY_MEMBER: Kind(
        "", "projects/{project}/locations/{location}/repositories/{repository}/{role}/{member}", ""
    ),
    # Google makes its name up, and several may look the same.
    BUDGET: Kind("billingbudgets.googleapis.com", "billingAccounts/{billingAccount}/budgets/{uuid}", ""),
    ALERT: Kind(_MONITORING, "projects/{project}/alertPolicies/{uuid}", ""),
    CHANNEL: Kind(_MONITORING, "projects/{project}/notificationChannels/{uuid}", ""),
    DASHBOARD: Kind(_MONITORING, "projects/{project}/dashboards/{uuid}", ""),
    UPTIME_CHECK: Kind(_MONITORING, "projects/{project}/uptimeCheckConfigs/{uuid}", ""),
    IDENTITY_POOL: Kind(_IAM, _IDENTITY_POOL, "workloadIdentityPoolId"),
    IDENTITY_PROVIDER: Kind(
        _IAM, _IDENTITY_POOL + "/providers/{workloadIdentityPoolProviderId}", "workloadIdentityPoolProviderId"
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

FIRST_ADDRESS = ipaddress.IPv4Address("34.7.208.8")


def last(path: str) -> str:
    """The name at the end of an id, a link or a chart's path."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def refers(value: Any, item: Item) -> bool:
    """Whether an input names this object: by name, id or link, and an address by its number."""
    return value in (item.name, item.id, item.props.get("address", item.id)) or str(value).endswith("/" + item.id)


def free_address(inventory: Inventory) -> str:
    """The lowest public address that nothing has, so a fresh inventory always begins with the same one."""
    taken = {item.props.get("address") for item in inventory.find()}
    return next(a for a in (str(FIRST_ADDRESS + i) for i in itertools.count()) if a not in taken)


def dns_endpoint(cluster: Item) -> str:
    """The host name under which the cluster's API server answers."""
    return cluster.computed["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"]
