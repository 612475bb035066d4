"""The tables of settings are those that `make docs` writes."""

from pathlib import Path

import pytest

from docs.generate import ROOT, page, tables


@pytest.mark.parametrize("path", tables(), ids=lambda path: path.name)
def test_tables_are_up_to_date(path: Path) -> None:
    text = path.read_text()
    assert page(text, tables()[path]) == text, f"{path.relative_to(ROOT)} is stale: run `make docs`"


def test_page_without_its_marker_is_refused() -> None:
    with pytest.raises(ValueError, match="settings: made by make docs --> or its <!-- end --> is not there"):
        page("# Settings\n", {"settings": ""})


def test_what_is_around_a_table_stays() -> None:
    text = "before\n<!-- settings: made by make docs -->\nold\n<!-- end -->\nafter\n"
    assert page(text, {"settings": "new\n"}) == text.replace("old\n", "\nnew\n\n")
