"""The Pod of the guide's model, on each slice."""

from typing import Any

import pytest

from infra.google import slices
from infra.models import pod
from tests.support.pods import model


@pytest.fixture(params=slices.SLICES.values(), ids=list(slices.SLICES))
def slice_(request: pytest.FixtureRequest) -> slices.Slice:
    """Each slice."""
    return request.param


@pytest.fixture
def template(slice_: slices.Slice) -> dict[str, Any]:
    """The Pod of the guide's model."""
    return pod.pod_template(model(), slice_)


@pytest.fixture
def container(template: dict[str, Any]) -> dict[str, Any]:
    """The container that KServe's preset calls main; another name would run beside it."""
    (main,) = template["containers"]
    assert main["name"] == "main"
    return main
