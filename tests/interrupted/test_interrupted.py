"""A run interrupted at each resource in turn: nothing is lost, and `up` and `destroy` succeed afterwards."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation import CommandError

from infra.google import cluster
from infra.google.nodes import node_config
from ops.object_ids import import_id
from ops.recover import MADE_IN_STEPS
from sandbox.engine.faults import KILLED_AFTER, KILLED_BEFORE, Fault, FaultyStack
from tests.support.interruptions import (
    Make,
    cases,
    command,
    everything_up,
    in_the_clouds,
    in_the_state,
    interrupt,
    nothing_left,
    recover,
    resources,
    short,
)
from tests.support.project import protected


def test_every_resource_of_the_stack_is_interrupted(up: Make) -> None:
    made = [r["urn"] for r in up().resources() if r["custom"] and not r["type"].startswith("pulumi:")]
    assert sorted(made) == sorted(resources())


def test_ids_computed_from_inputs_are_those_that_the_clouds_gave(up: Make) -> None:
    state = up().resources()
    inputs: dict[str, Any] = {r["urn"]: r.get("inputs", {}) for r in state}
    made = [r for r in state if r["urn"] in resources()]
    assert [import_id(r, inputs[r["provider"].rsplit("::", 1)[0]]) for r in made] == [r["id"] for r in made]


def test_engine_killed_while_it_wrote_the_file_beside_its_state(sandbox: Make) -> None:
    """What gocloud.dev's fileblob leaves, as it does not write this file at once; see `setAttrs` in its attrs.go."""
    stack = sandbox()
    [state] = (stack.home / "state").rglob("dev.json")
    beside = state.with_suffix(".json.attrs")
    beside.touch()
    plain = {"PULUMI_BACKEND_URL": (stack.home / "state").as_uri()}
    assert "failed to load checkpoint: EOF" in command(stack, "pulumi", "cancel", "--yes", **plain).stderr
    remedy = ["find", ".pulumi", "-name", "*.attrs", "-size", "0", "-delete"]
    subprocess.run(remedy, cwd=stack.home / "state", check=True)  # noqa: S603
    assert command(stack, "pulumi", "cancel", "--yes", **plain).returncode == 0
    assert not beside.exists()


@pytest.mark.parametrize(("urn", "effect"), cases(), ids=short)
def test_up_interrupted(sandbox: Make, copy_of: Callable[[Path], FaultyStack], urn: str, effect: str) -> None:
    stack = sandbox()
    interrupt(stack, Fault("create", urn, effect))
    if effect == KILLED_AFTER:  # or straight to destroy
        nothing_left(copy_of(stack.home))
    made = [thing for thing in in_the_clouds(stack) if thing[0] not in MADE_IN_STEPS]
    everything_up(stack)
    assert set(made) <= set(in_the_clouds(stack))
    assert "update" not in [operation for operation, _, _ in stack.inventory.log]
    if effect == KILLED_AFTER:  # of the others, all was made by this `up`
        assert set(stack.preview().change_summary) == {"same"}
    nothing_left(stack)


@pytest.mark.parametrize(("urn", "effect"), cases(1), ids=short)
def test_destroy_interrupted(up: Make, urn: str, effect: str) -> None:
    stack = up()
    interrupt(stack, Fault("delete", urn, effect))
    everything_up(stack)
    nothing_left(stack)


@pytest.mark.parametrize("effect", [KILLED_BEFORE, KILLED_AFTER])
def test_interrupted_replacement_leaves_the_old_one_in_use(
    up: Make, effect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No setting replaces anything that is made anew before the old one goes, but a change of the program may."""
    stack = up()
    [pool] = [urn for urn in resources() if urn.endswith("nodePool:NodePool::system")]
    [old] = [(r["type"], r["id"]) for r in stack.resources() if r["urn"] == pool]
    scopes = ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/userinfo.email"]
    monkeypatch.setattr(
        cluster, "node_config", lambda *args, **kwargs: {**node_config(*args, **kwargs), "oauth_scopes": scopes}
    )
    interrupt(stack, Fault("create", pool, effect))
    assert old in in_the_clouds(stack)
    everything_up(stack)
    assert old not in in_the_clouds(stack)
    nothing_left(stack)


@pytest.mark.parametrize("effect", [KILLED_BEFORE, KILLED_AFTER])
def test_interrupted_update_is_read_and_made_by_the_next_up(up: Make, effect: str) -> None:
    stack = up()
    [pool] = [urn for urn in resources() if urn.endswith("nodePool:NodePool::tpu")]
    stack.set_config("tpuMaxNodes", 2)
    interrupt(stack, Fault("update", pool, effect))
    [known] = [r for r in stack.resources() if r["urn"] == pool]
    assert known["outputs"]["autoscaling"]["totalMaxNodeCount"] == (2 if effect == KILLED_AFTER else 1)
    assert "initErrors" not in known
    everything_up(stack)
    assert set(stack.preview().change_summary) == {"same"}
    nothing_left(stack)


def test_recovery_after_another_up_finds_what_that_one_made_again(sandbox: Make) -> None:
    stack = sandbox()
    [network] = [urn for urn in resources() if "network:Network" in urn]
    stack.fail(Fault("create", network, KILLED_AFTER))
    with pytest.raises(CommandError):
        stack.up()
    stack.fail(None)
    assert command(stack, "pulumi", "cancel", "--yes").returncode == 0
    stack.up()
    assert in_the_state(stack) != in_the_clouds(stack)
    recover(stack)
    assert in_the_state(stack) == in_the_clouds(stack)
    everything_up(stack)
    nothing_left(stack)


def test_half_made_cluster_of_a_protected_stack_is_replaced_all_the_same(tmp_path: Path) -> None:
    [cluster] = [urn for urn in resources() if "cluster:Cluster" in urn]
    with FaultyStack(home=tmp_path, config=protected()) as stack:
        interrupt(stack, Fault("create", cluster, KILLED_AFTER))
        everything_up(stack)
        stack.set_config("protect", False)
        stack.up()
        nothing_left(stack)
