"""The page that `ops diagnose` points at has every cause, at the entry that it names."""

import re

from ops.diagnose.causes import TABLE, UNKNOWN
from tests.support.project import ROOT

PAGE = (ROOT / "docs/troubleshooting.md").read_text()
HEADINGS = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
ROWS = re.findall(r"^\| (`.*`) \| \[(.*)\]\(#\S+\) \|$", PAGE, re.MULTILINE)


def test_entry_that_a_cause_names_is_on_the_page() -> None:
    assert [cause.name for cause in (*TABLE, UNKNOWN) if cause.entry not in HEADINGS] == []


def test_table_of_the_page_leads_from_each_cause_to_its_entry() -> None:
    shown = {name: entry for names, entry in ROWS for name in re.findall(r"`([^`]+)`", names)}
    assert shown == {cause.name: cause.entry for cause in (*TABLE, UNKNOWN)}
