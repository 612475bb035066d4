"""What no single setting has: two models of a name, and replicas beyond the pool."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, model, problems, stack

BAD: dict[str, tuple[Values, str]] = {
    "two models of one name and namespace": (
        {"models": [model(name="qwen"), model(name="qwen")], "tpuMaxNodes": 2},
        "models[1]: apps/qwen is the name of models[0] as well. Two models need different names or namespaces.",
    ),
    "replicas beyond the pool": (
        {"models[0].replicas": 2},
        "models: 2 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 1. Run `pulumi config set "
        "tpuMaxNodes 2`, or lower `replicas`.",
    ),
    "replicas of two models beyond the pool": (
        {"models": [model(name="one"), model(name="two", replicas=3)], "tpuMaxNodes": 3},
        "models: 4 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 3. Run `pulumi config set "
        "tpuMaxNodes 4`, or lower `replicas`.",
    ),
}

GOOD: dict[str, Values] = {
    "replicas that fill the pool": {"models[0].replicas": 3, "tpuMaxNodes": 3},
    "one name in two namespaces": {
        "models": [model(name="qwen"), {**model(name="qwen"), "namespace": "others"}],
        "tpuMaxNodes": 2,
    },
}


@pytest.mark.parametrize(("changes", "line"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_this_line_and_no_other(changes: Values, line: str) -> None:
    assert problems(stack(changes)) == [line]


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_good_input_is_accepted(changes: Values) -> None:
    parse(stack(changes))
