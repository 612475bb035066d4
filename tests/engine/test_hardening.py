"""The life of a hardened cluster, and a cluster that is hardened, and no longer, while it lives."""

from typing import Any

from pulumi.automation import OpType

from sandbox.clouds.google_keys import agent
from sandbox.clouds.google_kinds import CLUSTER, FIREWALL, KEY, KEY_MEMBER, KEY_RING, POOL
from sandbox.clouds.inventory import Item
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import Make, since, unchanged


def cluster(stack: SandboxStack) -> dict[str, Any]:
    """The cluster's properties in the cloud."""
    [found] = stack.inventory.find(CLUSTER)
    return found.props


def test_hardened_cluster_goes_up_and_then_shows_no_change_and_comes_down(sandbox: Make) -> None:
    stack = sandbox(hardenedCluster=True, protect=False)
    planned = stack.preview().change_summary
    assert stack.up().summary.resource_changes == planned
    assert unchanged(stack.preview())
    assert set(stack.refresh().summary.resource_changes or {}) == {"same"}
    assert unchanged(stack.preview())
    [key] = stack.inventory.find(KEY)
    assert cluster(stack)["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": key.id}
    gone = [(kind, name) for op, kind, name in since(stack, stack.destroy) if op == "delete"]
    kinds = [kind for kind, _ in gone]
    assert kinds.index(CLUSTER) < kinds.index(KEY_MEMBER) < kinds.index(KEY) < kinds.index(KEY_RING)
    rules = [name.rsplit("-", 1)[0] for kind, name in gone if kind == FIREWALL and "-out-" in name]
    assert (rules[0], len(rules)) == ("tpu-inference-out-denied", 5)
    assert stack.inventory.find() == []
    assert stack.resources() == []


def test_hardened_cluster_can_go_up_again_although_names_of_keys_are_taken(up: Make) -> None:
    stack = up(hardenedCluster=True)
    stack.destroy()
    stack.up()
    assert unchanged(stack.preview())


def test_living_cluster_is_hardened_and_nothing_is_replaced_or_deleted(up: Make) -> None:
    stack = up()
    before = cluster(stack)["name"]
    stack.set_config("hardenedCluster", True)
    planned = stack.preview().change_summary
    assert set(planned) <= {OpType.SAME, OpType.UPDATE, OpType.CREATE}
    done = since(stack, stack.up)
    assert {op for op, _, _ in done} == {"create", "update"}
    assert {kind for op, kind, _ in done if op == "update"} >= {CLUSTER, POOL}
    kinds = [kind for _, kind, _ in done]
    assert kinds.index(KEY_MEMBER) < kinds.index(CLUSTER)
    [key] = stack.inventory.find(KEY)
    assert cluster(stack)["name"] == before
    assert cluster(stack)["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": key.id}
    assert cluster(stack)["controlPlaneEndpointsConfig"]["ipEndpointsConfig"] == {"enabled": False}
    assert unchanged(stack.preview())


def test_cluster_that_is_hardened_no_longer_gives_its_key_up_before_the_key_goes(up: Make) -> None:
    stack = up(hardenedCluster=True)
    before = cluster(stack)["name"]
    stack.set_config("hardenedCluster", False)
    done = since(stack, stack.up)
    update, delete = (
        [i for i, (op, kind, _) in enumerate(done) if (op, kind) == what]
        for what in (
            ("update", CLUSTER),
            ("delete", KEY),
        )
    )
    assert max(update) < min(delete)
    assert cluster(stack)["name"] == before
    assert cluster(stack)["databaseEncryption"]["state"] == "DECRYPTED"
    assert cluster(stack)["controlPlaneEndpointsConfig"]["ipEndpointsConfig"] == {"enabled": True}
    assert cluster(stack)["anonymousAuthenticationConfig"] == {"mode": "LIMITED"}  # what GKE keeps
    assert [rule.inputs["direction"] for rule in stack.inventory.find(FIREWALL)] == ["INGRESS"]
    assert unchanged(stack.preview())


def test_key_of_the_user_is_taken_and_left(sandbox: Make) -> None:
    ring = "projects/my-keys/locations/europe-west4/keyRings/main"
    key = Item("gcp", KEY, f"{ring}/cryptoKeys", "gke", f"{ring}/cryptoKeys/gke", {"name": "gke", "keyRing": ring})
    stack = sandbox(hardenedCluster=True, kmsKey=key.id)
    stack.inventory.record("create", key)
    member = f"serviceAccount:{agent('simulated-project', 'container.googleapis.com')}"
    use = {"cryptoKeyId": key.id, "role": "roles/cloudkms.cryptoKeyEncrypterDecrypter", "member": member}
    grant = Item("gcp", KEY_MEMBER, key.id, "gke", f"{key.id}/gke", use)
    stack.inventory.record("create", grant)
    stack.up()
    assert cluster(stack)["databaseEncryption"]["keyName"] == key.id
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find() == [key, grant]
