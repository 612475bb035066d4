"""Write the tables of settings, and of who may do what, into the pages: `make docs`.

They are made from what the programs themselves read, Pulumi.yaml, the class of an entry of `models`, the rules for
flags, the identities of bootstrap and the durations of a start, and stand between two markers,
`<!-- NAME: made by make docs -->` and `<!-- end -->`. What is around them is written by hand.
"""

import json
import re
from pathlib import Path
from typing import Any

import yaml

from bootstrap import identities
from infra.settings.flag_rules import ALLOWED, REASONS
from infra.settings.model import Model
from ops.timeline.show import clock
from sandbox.timeline.durations import durations

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ["`gcp:project`", "string", "required", "ID of the Google Cloud project to deploy to."]
"""The one setting that is the provider's and not the project's."""
COLUMNS = ["type", "default", "description"]
WHO = ["identity", "who may be it", "reads", "changes", "decrypts", "if it is stolen, the worst it can do"]


def _type(schema: dict[str, Any]) -> str:
    """The type of a value in JSON schema's words, and of a list's entries; what may be null is what it is otherwise."""
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"] if choice["type"] != "null")
    name = schema.get("type", "string")
    return f"array of {schema['items']['type']}" if name == "array" else name


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def settings(project: Path) -> list[list[str]]:
    """A row for each setting that a project's Pulumi.yaml declares."""
    declared = yaml.safe_load((project / "Pulumi.yaml").read_text())["config"]
    secret = {key: ", secret" if item.get("secret") else "" for key, item in declared.items()}
    return [
        [f"`{key}`", _type(item) + secret[key], f"`{json.dumps(item['default'])}`", item["description"]]
        for key, item in declared.items()
    ]


def fields() -> list[list[str]]:
    """A row for each field of an entry of `models`."""
    schema = Model.model_json_schema()
    return [
        [
            f"`{name}`",
            _type(field),
            "required" if name in schema["required"] else f"`{json.dumps(field['default'])}`",
            " ".join(field["description"].split()),
        ]
        for name, field in schema["properties"].items()
    ]


def flags() -> list[list[str]]:
    """A row for each kind of flags that `extraArgs` takes."""
    return [
        [kind, f"{why}: {', '.join(f'`{flag}`' for flag, of in ALLOWED.items() if of == kind)}"]
        for kind, why in REASONS.items()
    ]


def _source(text: str) -> str:
    """Sources as links where they are addresses, as code where they are ours."""
    shown = {"estimate": "estimate"}
    split = re.split(r"[,;] ", text)
    return ", ".join(f"[source]({part})" if "://" in part else shown.get(part, f"`{part}`") for part in split)


def parts() -> list[list[str]]:
    """A row for each part of a start: how long it takes, why, and who says so."""
    named = [(f"`{row.type}`" + f" {row.name}" * bool(row.name), row) for row in durations().resources]
    rows = [*named, *durations().cluster.items()]
    return [[name, clock(row.low), clock(row.high), row.why, _source(row.source)] for name, row in rows]


def tables() -> dict[Path, dict[str, str]]:
    """The tables of each page, by the name in their marker."""
    return {
        ROOT / "docs/settings.md": {
            "settings": _table(["setting", *COLUMNS], [PROJECT, *settings(ROOT)]),
            "fields of a model": _table(["field", *COLUMNS], fields()),
            "flags": _table(["kind", "flags"], flags()),
        },
        ROOT / "docs/start.md": {
            "durations": _table(["part", "at least", "at most", "why", "who says so"], parts()),
        },
        ROOT / "docs/bootstrap.md": {
            "settings": _table(["setting", *COLUMNS], settings(ROOT / "bootstrap")),
            "identities": _table(WHO, identities.table()),
        },
    }


def page(text: str, made: dict[str, str], by: str = "make docs") -> str:
    """The text of a page with its tables as they are now; `by` is the target that its markers name."""
    for name, table in made.items():
        begin = f"<!-- {name}: made by {by} -->\n"
        before, _, rest = text.partition(begin)
        _, end, after = rest.partition("<!-- end -->")
        if not end:
            raise ValueError(f"{begin.strip()} or its <!-- end --> is not there")
        text = f"{before}{begin}\n{table}\n{end}{after}"
    return text


if __name__ == "__main__":
    for path, made in tables().items():
        path.write_text(page(path.read_text(), made))
