"""How many of a model's Pods and pickers may be drained at once."""

from tests.support.program import Declared, Resource, Run
from tests.support.stacks import MODEL


def budgets(declared: Declared) -> dict[str, Resource]:
    return {r.name.rsplit(".", 1)[-1]: r for r in declared.all(":PodDisruptionBudget")}


def test_one_vllm_pod_at_a_time_may_be_drained(run: Run) -> None:
    declared = run(models=[{**MODEL, "replicas": 2}], tpuMaxNodes=2)
    assert budgets(declared).keys() == {"vllm"}
    budget = budgets(declared)["vllm"].inputs
    assert budget["spec"]["maxUnavailable"] == 1
    assert budget["metadata"]["namespace"] == MODEL["namespace"]
    assert budget["spec"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/component": "llminferenceservice-workload",
        "app.kubernetes.io/name": MODEL["name"],
        "app.kubernetes.io/part-of": "llminferenceservice",
    }


def test_leading_picker_may_be_drained(run: Run) -> None:
    budget = budgets(run(routerReplicas=2))["picker"].inputs["spec"]
    assert budget["minAvailable"] == 0
    assert "maxUnavailable" not in budget


def test_budgets_of_two_models_in_a_namespace_do_not_meet(run: Run) -> None:
    other = {**MODEL, "name": f"{MODEL['name']}-picker", "replicas": 2}
    declared = run(models=[{**MODEL, "replicas": 2}, other], tpuMaxNodes=4, routerReplicas=2)
    names = [r.inputs["metadata"]["name"] for r in declared.all(":PodDisruptionBudget")]
    assert len(set(names)) == 4


def test_budgets_are_named_after_the_model_and_what_they_are_for(run: Run) -> None:
    declared = run(models=[{**MODEL, "replicas": 2}], tpuMaxNodes=2, routerReplicas=2)
    names = {what: budget.inputs["metadata"]["name"] for what, budget in budgets(declared).items()}
    assert names == {"vllm": f"{MODEL['name']}-vllm", "picker": f"{MODEL['name']}-picker"}
