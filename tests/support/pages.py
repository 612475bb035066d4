"""The documents, read: which there are, their prose, and the commands that they show."""

import re
from typing import NamedTuple

from tests.support.project import ROOT

PAGES = (
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"),
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))),
)


class Command(NamedTuple):
    """A command that a page shows, and the lines that it shows as its output."""

    page: str
    text: str
    prints: list[str]


def prose(text: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)


def blocks(text: str) -> list[str]:
    """The console blocks of a page, those inside lists included."""
    found = re.findall(r"^( *)```console\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def _whole(text: str) -> bool:
    """Whether a command ends here: nothing is quoted any more, no backslash, no here-document that goes on."""
    here = re.search(r"<<'(\w+)'", text)
    ended = not here or text.endswith(f"\n{here[1]}")
    return ended and not text.endswith("\\") and text.count("'") % 2 == 0 and text.count('"') % 2 == 0


def commands(page: str) -> list[Command]:
    """The commands of a page's console blocks, in their order."""
    found: list[Command] = []
    for block in blocks((ROOT / page).read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            text, *lines = part.splitlines()
            while not _whole(text):
                text += "\n" + lines.pop(0)
            found.append(Command(page, text, lines))
    return found
