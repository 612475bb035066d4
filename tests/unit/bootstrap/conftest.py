"""The bootstrap program, run once."""

import pytest

from tests.support.bootstrap import program
from tests.support.program import Declared


@pytest.fixture
def shared() -> Declared:
    """Everything that it declares."""
    return program()
