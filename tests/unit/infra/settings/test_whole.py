"""What no single setting has: two models of a name, and replicas beyond the pool."""

import pytest

from tests.support.stack_settings import Values, accepted, model, problems, refused, stack

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
    "most replicas": (
        {"models[0].replicas": 15_000},
        "models: 15000 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 1. Run `pulumi config set "
        "tpuMaxNodes 15000`, or lower `replicas`.",
    ),
    "nodes as text, as the engine passes them": (
        {"models[0].replicas": 11, "tpuMaxNodes": "10"},
        "models: 11 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 10. Run `pulumi config set "
        "tpuMaxNodes 11`, or lower `replicas`.",
    ),
}

GOOD: dict[str, Values] = {
    "replicas that fill the pool": {"models[0].replicas": 3, "tpuMaxNodes": 3},
    "one name in two namespaces": {
        "models": [model(name="qwen"), {**model(name="qwen"), "namespace": "others"}],
        "tpuMaxNodes": 2,
    },
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        pytest.param({"models": [model(name="a", replicas=0), model(name="b", replicas=2)]}, "models[0]", id="none"),
        pytest.param({"models": [model(name="a", replicas="2"), model(name="b")]}, "models[0]", id="as text"),
        pytest.param({"models": [model(name="a", replicas=15_001), model(name="b")]}, "models[0]", id="too many"),
        pytest.param({"models[0].replicas": 3, "tpuMaxNodes": "many"}, "tpuMaxNodes", id="no number of nodes"),
    ],
)
def test_replicas_are_added_up_only_when_all_of_them_are_numbers(changes: Values, where: str) -> None:
    (line,) = problems(stack(changes))

    assert line.startswith(where)


def test_models_without_names_are_not_called_the_same() -> None:
    assert problems(stack({"models": [model(), model()], "tpuMaxNodes": 2})) == [
        "models[0].name: is required. Add it.",
        "models[1].name: is required. Add it.",
    ]


def test_third_model_of_a_name_is_told_of_the_first() -> None:
    lines = problems(stack({"models": [model(name=n) for n in ("other", "qwen", "qwen", "qwen")], "tpuMaxNodes": 4}))

    assert [line.partition(". ")[0] for line in lines] == [
        f"models[{j}]: apps/qwen is the name of models[1] as well" for j in (2, 3)
    ]
