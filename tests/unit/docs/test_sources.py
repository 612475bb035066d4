"""Where facts come from: a source that moves is named as it was when it was read."""

import re

import pytest

from tests.support.project import ROOT

MOVING = ("vllm-project/ci-infra",)
"""Repositories whose files were read here and are not on the default branch of every day."""
TEXTS = [path for folder in ("docs", "infra", "ops") for path in (ROOT / folder).rglob("*.[pm][yd]")]


@pytest.mark.parametrize("repository", MOVING)
def test_source_that_moves_is_named_by_its_commit(repository: str) -> None:
    link = rf"github\.com/{repository}(?!/(?:blob|commit)/[0-9a-f]{{40}}\b)\S*"
    loose = {str(path.relative_to(ROOT)): re.findall(link, path.read_text()) for path in TEXTS}
    assert {name: found for name, found in loose.items() if found} == {}
