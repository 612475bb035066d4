"""Where images come from, changed on a stack that is up: what docs/changes.md and docs/images.md say is touched."""

from collections import Counter

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.google_kinds import CLUSTER, MEMBER, POOL, REPOSITORY, REPOSITORY_MEMBER, SERVICE
from sandbox.clouds.kubernetes_kinds import JOB, LLM, RELEASE
from tests.support.stacks import Make, since, unchanged

MIRROR = "europe-docker.pkg.dev/simulated-project/images"


def done(operations: list[tuple[str, str, str]]) -> Counter[tuple[str, str]]:
    return Counter((op, kind) for op, kind, _ in operations)


def test_repositories_come_before_the_cluster_and_go_after_it(sandbox: Make) -> None:
    stack = sandbox()
    kinds = [kind for op, kind, _ in since(stack, stack.up) if op == "create"]
    assert kinds.count(REPOSITORY) == 3
    assert max(i for i, kind in enumerate(kinds) if kind == REPOSITORY) < kinds.index(CLUSTER)
    gone = [kind for op, kind, _ in since(stack, stack.destroy) if op == "delete"]
    assert gone.index(CLUSTER) < gone.index(REPOSITORY)
    assert stack.inventory.find() == []


def test_straight_from_publishers_and_back_restarts_models_and_leaves_the_nodes_as_they_are(up: Make) -> None:
    stack = up()
    stack.set_config("imageRegistry", "publishers")
    there = done(since(stack, stack.up))
    assert (there["delete", LLM], there["create", LLM]) == (1, 1)
    assert (there["delete", REPOSITORY], there["delete", REPOSITORY_MEMBER], there["delete", MEMBER]) == (3, 3, 1)
    assert there["update", RELEASE] == 3
    assert {kind for op, kind in there if op != "update"} == {LLM, JOB, REPOSITORY, REPOSITORY_MEMBER, MEMBER, SERVICE}
    assert not [op for op, kind in there if kind in (POOL, CLUSTER)]
    assert unchanged(stack.preview())

    stack.set_config("imageRegistry", "cache")
    back = [(op, kind) for op, kind, _ in since(stack, stack.up)]
    assert (back.count(("create", REPOSITORY)), back.count(("create", LLM))) == (3, 1)
    assert max(i for i, what in enumerate(back) if what == ("create", REPOSITORY)) < back.index(("update", RELEASE))
    assert not [op for op, kind in back if kind in (POOL, CLUSTER)]
    assert unchanged(stack.preview())


def test_nodes_that_never_streamed_are_told_to(sandbox: Make) -> None:
    stack = sandbox(imageRegistry="publishers")
    stack.up()
    assert not [pool for pool in stack.inventory.find(POOL) if "gcfsConfig" in pool.inputs["nodeConfig"]]
    stack.set_config("imageRegistry", "cache")
    assert done(since(stack, stack.up))["update", POOL] == 2
    assert [pool.inputs["nodeConfig"]["gcfsConfig"] for pool in stack.inventory.find(POOL)] == [{"enabled": True}] * 2


def test_repository_that_is_lost_comes_back_and_touches_nothing_else(up: Make) -> None:
    stack = up()
    lost = stack.inventory.find(REPOSITORY)[0]
    stack.inventory.record("delete", lost)
    touched = done(since(stack, lambda: stack.up(refresh=True)))
    assert touched == {("create", REPOSITORY): 1}
    assert unchanged(stack.preview())


def test_pods_do_not_start_without_the_right_to_pull(sandbox: Make) -> None:
    stack = sandbox()
    stack.up()
    [grant] = [g for g in stack.inventory.find(REPOSITORY_MEMBER) if "docker-io" in g.id]
    for what, said in (
        (LLM, r"docker-io/vllm/vllm-tpu:\S+"),
        ("::istiod", "docker-io/istio"),
        ("-arrival", r"docker-io/kserve/storage-initializer:\S+"),
    ):
        urns = [r["urn"] for r in stack.resources() if r["type"] == what or r["urn"].endswith(what)]
        stack.inventory.record("delete", grant)
        with pytest.raises(CommandError, match=f"Pods ImagePullBackOff[,:] .*{said}: 403 Forbidden"):
            stack.up(replace=urns)
        stack.inventory.record("create", grant)
        stack.up()


def test_registry_of_ones_own_takes_the_place_of_the_repositories(up: Make) -> None:
    stack = up()
    stack.set_config("imageRegistry", MIRROR)
    there = done(since(stack, stack.up))
    assert (there["delete", REPOSITORY], there["create", REPOSITORY_MEMBER], there["create", LLM]) == (3, 1, 1)
    assert not [op for op, kind in there if kind in (POOL, CLUSTER)]
