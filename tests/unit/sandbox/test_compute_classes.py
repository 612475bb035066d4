"""What the simulated API server refuses of a ComputeClass: what GKE's refuses, and what no program here writes."""

from copy import deepcopy
from typing import Any

import pytest

from sandbox.clouds.compute_classes import problems

GOOD: dict[str, Any] = {
    "apiVersion": "cloud.google.com/v1",
    "kind": "ComputeClass",
    "metadata": {"name": "tpu"},
    "spec": {
        "priorities": [{"nodepools": ["a"]}, {"nodepools": ["b"]}],
        "whenUnsatisfiable": "DoNotScaleUp",
        "nodePoolAutoCreation": {"enabled": False},
        "activeMigration": {"optimizeRulePriority": True},
    },
}


def test_a_class_that_orders_pools_is_taken() -> None:
    assert list(problems(GOOD)) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("whenUnsatisfiable", "ScaleUp", ".spec.whenUnsatisfiable: Unsupported value: 'ScaleUp'"),
        ("priorities", [], ".spec.priorities: should have at least 1 items"),
        ("priorities", [{"nodepools": []}], ".spec.priorities[0].nodepools: should have at least 1 items"),
        ("priorities", [{"nodepools": "a"}], ".spec.priorities[0].nodepools: must be of type array"),
        ("priorities", [{"nodepool": ["a"]}], ".spec.priorities[0].nodepools: Required value"),
        (
            "priorities",
            [{"nodepools": ["a"], "spot": True}],
            ".spec.priorities[0].spot: field not declared in schema",
        ),
        ("nodePoolAutoCreation", {"enabled": True}, ".spec.nodePoolAutoCreation.enabled: Unsupported value: True"),
        ("activeMigration", {}, ".spec.activeMigration.optimizeRulePriority: Required value"),
        ("activeMigrations", {}, ".spec.activeMigrations: field not declared in schema"),
    ],
)
def test_a_class_that_is_wrong_is_refused(path: str, value: object, problem: str) -> None:
    bad = deepcopy(GOOD)
    bad["spec"][path] = value
    assert problem in list(problems(bad))
