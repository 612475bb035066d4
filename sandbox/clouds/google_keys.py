"""Service agents, and what a key takes before GKE encrypts a cluster's Secrets with it.

An agent is no object that anyone can list: asked for again it is the same one, the provider reads nothing of it, and
nobody can delete it (resource_project_service_identity.go in terraform-provider-google-beta).

Refused are a key that does not exist, one of another region, and one that GKE's agent may not use; a key that others
have made outside of the inventory is taken to exist and to be granted. Left out: versions that are disabled or
destroyed, and what becomes of Secrets whose key goes.
"""

import hashlib
import re

from .calls import Call, Props
from .google_kinds import CLUSTER, KEY, KEY_MEMBER, last
from .google_nodes import bad
from .inventory import Inventory, Item

AGENTS = {"container.googleapis.com": "container-engine-robot"}
"""The part of an agent's address that is the service's: https://cloud.google.com/iam/docs/service-agents."""
USE = ("roles/cloudkms.cryptoKeyEncrypterDecrypter", "roles/owner")


def number(project: str) -> str:
    """The number of a project."""
    return str(int(hashlib.sha256(project.encode()).hexdigest()[:10], 16))


def by_number(name: str) -> str:
    """The name of an object whose project Google calls by its number, as `projects/NUMBER/locations/...`."""
    return re.sub(r"^projects/([a-z][^/]*)", lambda project: f"projects/{number(project[1])}", name)


def agent(project: str, service: str) -> str:
    """The address of the agent of a service in a project."""
    return f"service-{number(project)}@{AGENTS[service]}.iam.gserviceaccount.com"


def make_agent(inventory: Inventory, project: str, service: str) -> Props:
    """The outputs of an agent, which is there from now on; a service that has none gives none."""
    if service not in AGENTS:
        return {}
    email = agent(project, service)
    inventory.agents.add(email)
    inventory.save()
    return {"email": email, "member": f"serviceAccount:{email}"}


def read_agent(call: Call) -> Props:
    """What the provider reads of an agent: what the engine knows already."""
    return dict(call.state)


def refuse_encryption(inventory: Inventory, item: Item) -> None:
    """Refuse a cluster whose Secrets could not be encrypted with the key that it names."""
    encryption = item.inputs.get("databaseEncryption", {})
    name = encryption.get("keyName")
    if item.kind != CLUSTER or encryption.get("state") != "ENCRYPTED":
        return
    key = next((key for key in inventory.find(KEY) if key.id == name), None)
    if key is None and name not in inventory.outside:
        raise bad(f"Cloud KMS key '{name}' was not found")
    place, location = name.split("/")[3], item.props["location"]
    if place not in (location, location.rsplit("-", 1)[0]):
        raise bad(f"Cloud KMS key '{name}' is not in the location of the cluster, {location}")
    if key is None:
        return
    member = f"serviceAccount:{agent(item.props['project'], 'container.googleapis.com')}"
    grants = [g.inputs for g in inventory.find(KEY_MEMBER) if g.inputs["cryptoKeyId"] == key.id]
    if not any(g["role"] in USE and g["member"] == member for g in grants):
        raise bad(f"{last(member)} has no permission cloudkms.cryptoKeyVersions.useToEncrypt on '{name}'")
