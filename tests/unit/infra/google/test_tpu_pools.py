"""Which TPU pools there are, by slices and classes of capacity, and what they are called."""

from typing import Any

import pytest

from infra.google.tpu_pools import planned
from infra.settings.load import parse
from tests.support.stack_settings import model, stack


def pools(**changes: Any) -> list[tuple[str, str, str]]:
    return [(p.name, p.capacity, p.compute_class) for p in planned(parse(stack(changes)))]


@pytest.mark.parametrize("entry", ["on-demand", "spot", "flex-start", "reservation:r"])
def test_only_class_has_the_pool_that_every_stack_has_and_no_order(entry: str) -> None:
    assert pools(tpuCapacity=[entry]) == [("tpu", entry, "")]


def test_each_class_has_a_pool_in_the_order_of_the_stack_file() -> None:
    assert pools(tpuCapacity=["reservation:r", "on-demand", "flex-start", "spot"]) == [
        ("tpu-reservation", "reservation:r", "tpu-v6e-4"),
        ("tpu", "on-demand", "tpu-v6e-4"),
        ("tpu-flex-start", "flex-start", "tpu-v6e-4"),
        ("tpu-spot", "spot", "tpu-v6e-4"),
    ]


def test_pool_keeps_its_name_wherever_its_class_stands() -> None:
    assert sorted(pools(tpuCapacity=["spot", "on-demand"])) == sorted(pools(tpuCapacity=["on-demand", "spot"]))


def test_each_slice_has_pools_of_its_own_and_a_class_that_orders_them() -> None:
    models = [model(name="a"), model(name="b", slice="v6e-1")]
    assert pools(models=models, tpuMaxNodes=2) == [("tpu", "on-demand", ""), ("tpu-v6e-1", "on-demand", "")]
    assert pools(models=models, tpuMaxNodes=2, tpuCapacity=["on-demand", "spot"]) == [
        ("tpu", "on-demand", "tpu-v6e-4"),
        ("tpu-spot", "spot", "tpu-v6e-4"),
        ("tpu-v6e-1", "on-demand", "tpu-v6e-1"),
        ("tpu-v6e-1-spot", "spot", "tpu-v6e-1"),
    ]


def test_slice_that_no_model_uses_has_no_pool() -> None:
    assert [name for name, _, _ in pools(models=[model(name="a", slice="v6e-8")])] == ["tpu-v6e-8"]


def test_nodes_are_kept_in_the_first_class_alone() -> None:
    found = planned(parse(stack({"tpuCapacity": ["on-demand", "spot"], "tpuMinNodes": 1})))
    assert [p.least for p in found] == [1, 0]
