"""Every page: it is short, its links lead somewhere, and the files that it names are there."""

import re

import pytest

from tests.support.pages import PAGES, prose
from tests.support.project import ROOT

FOLDERS = "bootstrap|docs|examples|infra|ops|policy|sandbox|tests|\\.github|\\.ci"


def anchors(page: str) -> set[str]:
    """What links can point at in a page: its headings, as GitHub turns them into anchors."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!http)([^)\s]+)\)", prose((ROOT / page).read_text())):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent.joinpath(path) if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


@pytest.mark.parametrize("page", PAGES)
def test_files_of_this_repository_that_are_named_are_there(page: str) -> None:
    text = (ROOT / page).read_text()
    named = re.findall(rf"`((?:{FOLDERS})/[\w./-]+|Pulumi(?:\.(?:dev|staging|prod))?\.yaml|__main__\.py)`", text)
    ignored = (
        ".sandbox",
        "policy/.venv",
        "sandbox/routing/.venv",
        "sandbox/tpu/.venv",
        ".github/cloud.json",
    )  # made, or written by bootstrap
    assert [path for path in named if not path.startswith(ignored) and not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    ("page", "most"), [("README.md", 200), ("CONTRIBUTING.md", 120), *((page, 300) for page in PAGES[2:])]
)
def test_page_is_short(page: str, most: int) -> None:
    assert len((ROOT / page).read_text().splitlines()) <= most


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_page_can_be_found_from_the_readme(page: str) -> None:
    folder, _, name = page.rpartition("/")
    index = ROOT / "docs/decisions/README.md" if folder == "docs/decisions" and name != "README.md" else None
    link = f"]({page})" if index is None else f"]({name})"
    assert link in (index or ROOT / "README.md").read_text()
