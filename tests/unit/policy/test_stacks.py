"""Every committed stack keeps the policy, as the program declares it."""

import pytest

from policy.rules import ADDRESS, CLUSTER, POOL, Resource, violations
from tests.support.program import Declared, Run
from tests.support.project import STACKS

RELEASE = "kubernetes:helm.sh/v3:Release"
LLM = "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"


def declared(resources: Declared) -> list[Resource]:
    """What a run of the program declared, as the rules see it."""
    providers = {r.name: r.inputs for r in resources if r.type.startswith("pulumi:providers:")}
    return [
        Resource(r.type, r.name, r.inputs, providers.get(r.request.provider.split("::")[-2], {}))
        for r in resources
        if r.request.provider
    ]


def test_there_are_stacks() -> None:
    assert {"dev", "staging", "prod"} <= set(STACKS)


@pytest.mark.parametrize("stack", STACKS)
def test_stack_keeps_the_policy(run: Run, stack: str) -> None:
    resources = declared(run(stack))
    assert {CLUSTER, POOL, ADDRESS, RELEASE, LLM} <= {r.type for r in resources}
    assert [problem for resource in resources for problem in violations(resource)] == []


def test_stack_without_the_label_breaks_it(run: Run) -> None:
    said = [problem for resource in declared(run(labels={})) for problem in violations(resource)]
    assert [text.split()[0] for text in said] == [ADDRESS, CLUSTER]
