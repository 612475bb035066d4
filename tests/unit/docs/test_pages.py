"""The pages say what the program does: settings, examples, paths and links."""

import json
import re
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from infra.models.routes import ENDPOINTS
from infra.settings.load import parse
from infra.settings.model import Model
from ops.__main__ import app
from tests.support.project import ROOT, defaults, schema

PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/deploy.md",
    "docs/api-access.md",
    "docs/upgrades.md",
    "docs/bootstrap.md",
    "docs/ci.md",
    "docs/recovery.md",
    "docs/environments.md",
    "docs/unproven.md",
)
README = (ROOT / "docs/deploy.md").read_text()
GUIDE = (ROOT / "docs/api-access.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)


UNPROVEN = re.findall(r"^\| (?!claim |---)(.*) \|$", (ROOT / "docs/unproven.md").read_text(), re.MULTILINE)


def rows(columns: int) -> dict[str, list[str]]:
    """The rows of README.md's tables with so many columns whose first cell is code, by that code."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines() if line[:3] == "| `"]
    return {row[0].strip("`"): row[1:] for row in cells if len(row) == columns}


def as_code(value: Any) -> str:
    return f"`{json.dumps(value)}`"


@pytest.mark.parametrize("key", schema())
def test_readme_has_each_setting_as_pulumi_yaml_declares_it(key: str) -> None:
    item = schema()[key]
    type_ = item.get("type", "string")
    type_ += f" of {item['items']['type']}" if type_ == "array" else ""
    type_ += ", secret" if item.get("secret") else ""
    assert rows(4)[key] == [type_, as_code(item["default"]), item["description"]]


@pytest.mark.parametrize("field", [f.alias for f in Model.model_fields.values()])
def test_readme_has_each_field_of_a_model_with_its_default(field: str) -> None:
    info = next(f for f in Model.model_fields.values() if f.alias == field)
    default = list(info.default) if isinstance(info.default, tuple) else info.default
    assert rows(4)[field][1] == ("required" if info.is_required() else as_code(default))


def test_readme_has_no_setting_that_does_not_exist() -> None:
    fields = {f.alias for f in Model.model_fields.values()}
    assert rows(4).keys() == {"gcp:project", *schema(), *fields}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("gke-tpu-inference:")[1].split(":")[0])
def test_example_is_a_valid_stack_file(example: str) -> None:
    config = {k.removeprefix("gke-tpu-inference:"): v for k, v in yaml.safe_load(example)["config"].items()}
    assert parse({**defaults(), "gcp:project": "my-project", **config}).warnings == []


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 6


def test_guide_calls_each_published_path_and_no_other() -> None:
    called = re.findall(r'"\$BASE(/\S*)"', GUIDE)
    assert set(called) == {endpoint.path for endpoint in ENDPOINTS}


def test_bodies_and_programs_of_the_guide_are_well_formed() -> None:
    bodies = re.findall(r"-d '(\{.*?\})'", GUIDE, re.DOTALL) + re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)
    programs = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert len(bodies) >= 6
    assert len(programs) >= 3
    for body in bodies:
        json.loads(body)
    for program in programs:
        compile(program, "docs/api-access.md", "exec")


def anchors(page: str) -> set[str]:
    """What links can point at in a page: its headings, as GitHub turns them into anchors."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text()
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for target in re.findall(r"\]\((?!http)([^)\s]+)\)", prose):
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent.joinpath(path) if path else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file.read_text()), target


# What has not been proven


@pytest.mark.parametrize("row", UNPROVEN, ids=lambda row: row.split(" | ")[0])
def test_unproven_claim_has_a_command_and_what_it_should_show(row: str) -> None:
    claim, command, expectation = row.split(" | ")
    assert claim
    assert re.search(r"`[^`]+ [^`]+`", command)
    assert expectation


def test_commands_of_ours_that_would_prove_something_are_there() -> None:
    named = set(re.findall(r"\bops (\w+)", "".join(UNPROVEN)))
    assert named
    assert {name for name in named if CliRunner().invoke(app, [name, "--help"]).exit_code} == set()


def test_targets_and_workflows_that_would_prove_something_are_there() -> None:
    text = "".join(UNPROVEN)
    targets = set(re.findall(r"`make (\w+)", text))
    assert targets <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    workflows = re.findall(r"gh workflow run ([\w.-]+)", text)
    assert {name for name in workflows if not (ROOT / ".github/workflows" / name).exists()} == set()
    assert targets
    assert workflows


@pytest.mark.parametrize(
    "topic",
    [
        *("charts", "threadsPerCore", "webhooks", "reserved address", "maintenance window", "InferencePool CRD"),
        *("quota", "roles", "capacity", "first start", "dtype", "max_map_count", "SYS_RESOURCE", "spot preemption"),
        *("leaves nothing", "organisation", "costs", "plugins"),
    ],
)
def test_what_nobody_has_seen_on_google_cloud_is_said(topic: str) -> None:
    assert any(topic in row.split(" | ")[0] or topic in row.split(" | ")[2] for row in UNPROVEN)
