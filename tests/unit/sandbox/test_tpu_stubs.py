"""What stands in for packages that the TPU compiler does not need."""

from typing import Any

import pytest

from sandbox.tpu import stubs


def test_stand_in_is_good_for_annotations_and_as_a_base() -> None:
    name: Any = stubs._unused("torch", "Tensor")
    assert not isinstance(1, name | None)
    assert type("Own", (name,), {"own": 1}).own == 1


def test_stand_in_that_is_used_says_so() -> None:
    name: Any = stubs._unused("torch", "Tensor")
    with pytest.raises(stubs.StubError, match=r"torch\.Tensor is only a name"):
        name()
    with pytest.raises(stubs.StubError, match=r"torch\.Tensor\.shape was used"):
        _ = name.shape
