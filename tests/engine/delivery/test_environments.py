"""The committed stacks on the real engine, each from nothing to nothing, and what a change between them costs."""

from pathlib import Path

import pytest
from pulumi.automation import CommandError

from sandbox.clouds.kubernetes_kinds import LLM
from sandbox.engine.lifecycle import lifecycle
from sandbox.engine.stack import SandboxStack
from tests.support.stacks import MODEL, Make, since

BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
RELEASE = "kubernetes:helm.sh/v3:Release"
CLUSTER = "gcp:container/cluster:Cluster"
ROUTER = [("update", RELEASE, "inference-gateway"), ("update", RELEASE, "istiod"), ("update", LLM, MODEL["name"])]
WINDOW = {"start": "2026-01-03T05:00:00Z", "end": "2026-01-03T13:00:00Z", "recurrence": "FREQ=WEEKLY;BYDAY=SA,SU"}


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_stack_previews_goes_up_and_comes_down_prod_not_before_it_is_told_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with SandboxStack(name, home=tmp_path / "home") as stack:
        lifecycle(stack, verbose=False)
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(("  ", "policy"))]
    protection = ["destroy", "protect: false"] if name == "prod" else []
    assert [line.split("  ")[0] for line in lines] == ["preview", "up", "preview again", *protection, "destroy"]
    refusals = [line.split(" s   ")[1] for line in lines if "refused" in line]
    protected = "refused, as these are protected: tpu-inference-gateway, " + ", ".join(["tpu-inference"] * 3)
    assert refusals == ([protected] if name == "prod" else [])


def test_second_replica_of_the_router_replaces_nothing(up: Make) -> None:
    stack = up()
    stack.set_config("routerReplicas", 2)
    done = since(stack, stack.up)
    assert sorted(done) == sorted([*ROUTER, ("create", BUDGET, f"{MODEL['name']}-picker")])


def test_third_replica_of_the_router_replaces_nothing_and_one_again_takes_the_budget_away(up: Make) -> None:
    stack = up(routerReplicas=2)
    stack.set_config("routerReplicas", 3)
    assert sorted(since(stack, stack.up)) == sorted(ROUTER)
    stack.set_config("routerReplicas", 1)
    done = since(stack, stack.up)
    assert sorted(done) == sorted([*ROUTER, ("delete", BUDGET, f"{MODEL['name']}-picker")])


def test_maintenance_window_is_set_and_removed_in_place(up: Make) -> None:
    stack = up()
    [cluster] = stack.inventory.find(CLUSTER)
    for window in (WINDOW, None):
        stack.set_config("maintenanceWindow", window)
        assert since(stack, stack.up) == [("update", CLUSTER, cluster.name)]
    assert "maintenancePolicy" not in stack.inventory.find(CLUSTER)[0].inputs


def test_simulated_gke_refuses_the_window_that_gke_refuses(up: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = up()
    monkeypatch.setattr("infra.settings.maintenance.HOURS", 0)  # the program lets it pass
    stack.set_config("maintenanceWindow", {**WINDOW, "recurrence": "FREQ=WEEKLY;BYDAY=SA"})
    with pytest.raises(CommandError, match="would go longer than 32d without 48h maintenance availability"):
        stack.up()
