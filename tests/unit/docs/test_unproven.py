"""What has not been proven: each claim has a command that would settle it, and what it should show."""

import re

import pytest

from tests.support.project import ROOT

ROWS = re.findall(r"^\| (?!claim |---)(.*) \|$", (ROOT / "docs/unproven.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0])
def test_unproven_claim_has_a_command_and_what_it_should_show(row: str) -> None:
    claim, command, expectation = row.split(" | ")
    assert claim
    assert re.search(r"`[^`]+ [^`]+`", command)
    assert expectation


@pytest.mark.parametrize(
    "topic",
    [
        *("charts", "threadsPerCore", "webhooks", "reserved address", "maintenance window", "InferencePool CRD"),
        *("quota", "roles", "capacity", "first start", "dtype", "max_map_count", "SYS_RESOURCE", "spot preemption"),
        *("leaves nothing", "organisation", "costs", "plugins", "hardened cluster"),
    ],
)
def test_what_nobody_has_seen_on_google_cloud_is_said(topic: str) -> None:
    assert any(topic in row.split(" | ")[0] or topic in row.split(" | ")[2] for row in ROWS)
