"""The ComputeClass that orders a slice's pools."""

from infra.google.tpu_pools import planned
from infra.settings.load import parse
from sandbox.clouds.compute_classes import problems
from tests.support.program import UNKNOWN, Declared, Run, spec
from tests.support.stack_settings import stack

ALL = ["reservation:r", "on-demand", "flex-start", "spot"]
MODEL = {"namespace": "n", "uri": "hf://Qwen/Qwen3-8B"}


def test_one_class_of_capacity_makes_no_compute_class(dev: Declared) -> None:
    assert [r.name for r in dev if "ompute" in r.type and "kubernetes" in r.type] == []
    assert not dev.all(":ComputeClasses")


def test_each_pool_is_an_item_of_its_own_in_the_order_of_the_setting(run: Run) -> None:
    made = run(tpuCapacity=ALL).one(":ComputeClass").inputs
    names = [f"{plan.name}-1a2b3c4" for plan in planned(parse(stack({"tpuCapacity": ALL})))]
    assert made["spec"]["priorities"] in ([{"nodepools": [name]} for name in names], [{"nodepools": [UNKNOWN]}] * 4)
    assert made["metadata"]["name"] == "tpu-v6e-4"
    assert made["spec"]["whenUnsatisfiable"] == "DoNotScaleUp"
    assert made["spec"]["nodePoolAutoCreation"] == {"enabled": False}


def test_models_are_moved_only_if_that_is_asked_for(run: Run) -> None:
    def moved(**changes: object) -> bool:
        made = run(tpuCapacity=ALL, **changes).one(":ComputeClass").inputs
        return bool(made["spec"]["activeMigration"]["optimizeRulePriority"])

    assert not moved()
    assert moved(tpuCapacityMigration=True)


def test_pods_select_the_class_that_is_made(run: Run) -> None:
    declared = run(tpuCapacity=["on-demand", "spot"])
    selected = spec(declared)["template"]["nodeSelector"]["cloud.google.com/compute-class"]
    assert selected == declared.one(":ComputeClass").inputs["metadata"]["name"]


def test_each_slice_has_a_class_of_its_own(run: Run) -> None:
    two = [{**MODEL, "name": n, "slice": n} for n in ("v6e-1", "v6e-8")]
    made = run(models=two, tpuMaxNodes=2, tpuCapacity=["on-demand", "spot"]).all(":ComputeClass")
    assert {r.name for r in made} == {"tpu-v6e-1", "tpu-v6e-8"}
    assert [len(r.inputs["spec"]["priorities"]) for r in made] == [2, 2]


def test_api_server_takes_what_is_declared(run: Run) -> None:
    made = run(tpuCapacity=ALL, tpuCapacityMigration=True).one(":ComputeClass").inputs
    assert list(problems(made)) == []
