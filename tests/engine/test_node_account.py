"""A stack whose nodes run as an account that somebody else has made, with a key that somebody else has made."""

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.google_kinds import ACCOUNT, CLUSTER, KEY, MEMBER, POOL
from tests.support.stacks import Make, since, unchanged

EMAIL = "gke-nodes@simulated-project.iam.gserviceaccount.com"
NAME = "projects/simulated-project/locations/europe-west4/keyRings/prod-cluster/cryptoKeys/prod-cluster"


def test_stack_with_a_named_account_and_key_makes_neither_and_comes_down_whole(sandbox: Make) -> None:
    stack = sandbox(nodeServiceAccount=EMAIL, hardenedCluster=True, kmsKey=NAME)
    planned = stack.preview().change_summary
    assert stack.up().summary.resource_changes == planned
    assert [kind for kind in (ACCOUNT, MEMBER, KEY) if stack.inventory.find(kind)] == []
    pools = stack.inventory.find(POOL)
    assert [pool.props["nodeConfig"]["serviceAccount"] for pool in pools] == [EMAIL] * 2
    [cluster] = stack.inventory.find(CLUSTER)
    assert cluster.props["databaseEncryption"]["keyName"] == NAME
    assert unchanged(stack.preview())
    stack.destroy()
    assert stack.inventory.find() == []


def test_stack_that_is_given_an_account_makes_its_pools_anew_and_its_own_account_goes(up: Make) -> None:
    stack = up()
    stack.inventory.outside.add(EMAIL)
    stack.set_config("nodeServiceAccount", EMAIL)
    done = [(op, kind) for op, kind, _ in since(stack, stack.up)]
    assert done.count(("create", POOL)) == done.count(("delete", POOL)) == 2
    assert ("delete", ACCOUNT) in done
    assert ("delete", MEMBER) in done
    assert not [kind for op, kind in done if op == "delete" and kind == CLUSTER]
    assert max(i for i, what in enumerate(done) if what == ("delete", POOL)) < done.index(("delete", ACCOUNT))
    assert unchanged(stack.preview())


def test_account_that_nobody_has_made_is_refused(up: Make) -> None:
    stack = up()
    stack.set_config("nodeServiceAccount", EMAIL)
    with pytest.raises(CommandError, match=f"Service account {EMAIL} does not exist"):
        stack.up()
