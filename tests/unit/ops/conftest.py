"""A project after a destroy that has left things behind."""

import pytest

from ops.leftovers import Scope
from tests.support import left_behind
from tests.support.gce import Project


@pytest.fixture
def google() -> Project:
    return left_behind.project()


@pytest.fixture
def scope() -> Scope:
    return left_behind.scope()
