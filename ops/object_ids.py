"""The id that the provider would give an object, of what the state has of it before it is made."""

import re
from collections.abc import Mapping
from typing import Any

from . import tokens

_REGIONAL, _GLOBAL = "projects/{project}/regions/{region}", "projects/{project}/global"
_CLUSTER = "projects/{project}/locations/{location}/clusters"
_IDENTITY_POOL = "projects/{project}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}"
IDS = {
    tokens.CLUSTER: _CLUSTER + "/{name}",
    tokens.ADDRESS: _REGIONAL + "/addresses/{name}",
    tokens.RECORD: "projects/{project}/managedZones/{managedZone}/rrsets/{name}/{type}",
    tokens.FIREWALL: _GLOBAL + "/firewalls/{name}",
    tokens.NETWORK: _GLOBAL + "/networks/{name}",
    tokens.ROUTER: _REGIONAL + "/routers/{name}",
    tokens.NAT: "{project}/{region}/{router}/{name}",
    tokens.SUBNET: _REGIONAL + "/subnetworks/{name}",
    tokens.POOL: _CLUSTER + "/{cluster}/nodePools/{name}",
    tokens.IDENTITY_POOL: _IDENTITY_POOL,
    tokens.IDENTITY_PROVIDER: _IDENTITY_POOL + "/providers/{workloadIdentityPoolProviderId}",
    tokens.KEY: "{keyRing}/cryptoKeys/{name}",
    tokens.KEY_MEMBER: "{cryptoKeyId}/{role}/{member}",
    tokens.KEY_RING: "projects/{project}/locations/{location}/keyRings/{name}",
    tokens.SERVICE_IDENTITY: "projects/{project}/services/{service}",
    tokens.ROLE: "projects/{project}/roles/{roleId}",
    tokens.REPOSITORY: "projects/{project}/locations/{location}/repositories/{repositoryId}",
    tokens.REPOSITORY_MEMBER: "projects/{project}/locations/{location}/repositories/{repository}/{role}/{member}",
    tokens.PROJECT_MEMBER: "{project}/{role}/{member}",
    tokens.MEMBER_REMOVED: "{project}/{member}/{role}",
    tokens.AUDIT: "{project}/audit_config/{service}",
    tokens.API: "{project}/{service}",
    tokens.ACCOUNT: "projects/{project}/serviceAccounts/{accountId}@{project}.iam.gserviceaccount.com",
    tokens.ACCOUNT_MEMBER: "{serviceAccountId}/{role}/{member}",
    tokens.BUCKET: "{name}",
    tokens.BUCKET_MEMBER: "b/{bucket}/{role}/{member}",
    tokens.FOLDER: "{bucket}/{name}",
    tokens.FOLDER_MEMBER: "b/{bucket}/managedFolders/{managedFolder}/{role}/{member}",
}
"""The id that the provider gives a resource of each type, of its inputs: `SetId` in
https://github.com/hashicorp/terraform-provider-google/tree/main/google/services. A budget and what
`monitoring` makes have none here: Google makes their ids up (docs/recovery.md)."""


class UnknownIdError(Exception):
    """The id cannot be computed; the message says why and how to say it."""


def import_id(resource: Mapping[str, Any], provider: Mapping[str, Any]) -> str:
    """The id of the object that a resource of the state stands for, of its inputs and those of its provider.

    Raises `UnknownIdError` for a type that has no rule, or an input that is not there.
    """
    kind, name, inputs = resource["type"], resource["urn"].split("::")[-1], resource.get("inputs", {})
    if kind.startswith("kubernetes:"):
        place = inputs if kind == tokens.RELEASE else inputs.get("metadata", {})
        template = "{namespace}/{name}" if place.get("namespace") else "{name}"
    else:
        place = {key: provider[key] for key in ("project", "region") if provider.get(key)} | inputs
        # References are names, ids or links; the names at their ends are what ids are made of.
        place |= {key: str(place[key]).rsplit("/", 1)[-1] for key in ("cluster", "router") if key in place}
        template = IDS.get(kind, "")
    missing = [key for key in re.findall(r"{(\w+)}", template) if not isinstance(place.get(key), str)]
    if not template or missing:
        reason = f"without {', '.join(missing)} in its inputs" if missing else f"of a {kind}: there is no rule for it"
        raise UnknownIdError(
            f"{name}: cannot compute the id {reason}. Look it up, under Import on the type's page in "
            f"https://www.pulumi.com/registry/, and say it: --id '{resource['urn']}=ID'"
        )
    condition = inputs.get("condition") if "{member}" in template else None
    parts = [condition.get(key, "") for key in ("title", "description", "expression")] if condition else []
    return "/".join([template.format(**place), *parts])
