"""The commands that the pages show: a shell reads them, and the targets, settings and outputs that they name exist."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from infra.settings.configuration import SettingsError
from infra.settings.load import parse
from ops.__main__ import app
from ops.keys import commands as of_keys_app
from tests.support.pages import PAGES, Command, commands
from tests.support.program import Run
from tests.support.project import ROOT, defaults, schema, stack_file

COMMANDS = [command for page in PAGES for command in commands(page)]
TEXT = {page: "\n".join(c.text for c in COMMANDS if c.page == page) for page in PAGES}
INLINE = {page: "\n".join(re.findall(r"`([^`\n]+)`", (ROOT / page).read_text())) for page in PAGES}
"""What stands in the prose as code."""
BOOTSTRAP: dict[str, Any] = yaml.safe_load((ROOT / "bootstrap/Pulumi.yaml").read_text())["config"]


def named(pattern: str) -> list[tuple[str, str]]:
    """Page and what is named in it, in commands and in code in the prose, where a pattern finds it."""
    return sorted({(page, name) for page in PAGES for name in re.findall(pattern, TEXT[page] + "\n" + INLINE[page])})


@pytest.mark.parametrize("page", [page for page in PAGES if TEXT[page]])
def test_a_shell_can_read_the_commands(page: str) -> None:
    script = re.sub(r"^( *[^#\n]*\.\.\.)$", "true", TEXT[page], flags=re.MULTILINE)
    read = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)  # noqa: S607
    assert read.stderr == ""


def test_targets_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert [(page, name) for page, name in named(r"(?:^|[ (`])make ([a-z][\w-]*)") if name not in targets] == []


KNOWN = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
KNOWN |= {group.name or "" for group in app.registered_groups}


def test_readme_lists_every_command_of_ours() -> None:
    [listed] = re.findall(r"^ops/ +python -m ops ([^,]+),", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert set(re.findall(r"\w+", listed)) == KNOWN


def test_commands_of_ours_exist() -> None:
    told = named(r"python -m ops ([a-z]+)")
    assert told
    assert {name for _, name in told} <= KNOWN
    of_keys = {c.name or getattr(c.callback, "__name__", "") for c in of_keys_app.app.registered_commands}
    assert {name for _, name in named(r"python -m ops keys ([a-z]+)")} <= of_keys


def test_whoever_is_told_of_an_alert_finds_commands_that_name_the_stack() -> None:
    """They refuse to run without it, or ask whichever stack was selected last."""
    section = (ROOT / "docs/operations.md").read_text().split("\n## Alerts\n")[1]
    told = [code for code in re.findall(r"`([^`\n]+)`", section) if re.search("python -m ops|pulumi stack", code)]
    assert len(told) > 5
    assert [code for code in told if not code.startswith(".venv/") and "python" in code] == []
    assert [code for code in told if "--stack NAME" not in code] == []


@pytest.mark.parametrize("page", ["docs/environments.md", "docs/operations.md"])
def test_smoke_brings_what_staging_and_prod_ask_for(page: str) -> None:
    assert (stack_file("prod")["tls"], stack_file("prod")["auth"]) == ("self-signed", "tokens")
    told = [line for line in (TEXT[page] + "\n" + INLINE[page]).splitlines() if "ops smoke --url" in line]
    assert told
    assert [line for line in told if " --ca ca.pem --key " not in line] == []


def test_settings_that_are_set_read_and_removed_exist() -> None:
    keys = named(r"pulumi config (?:set|get|rm) (?:--\w+ )*'?([\w:]+)")
    own = {"gcp:project", *schema()}
    bootstrap = {"docs/bootstrap.md", "docs/ci.md", "docs/environments.md", "CONTRIBUTING.md"}
    assert len(keys) > 10
    for page, key in keys:
        assert key in own or key == "KEY" or (page in bootstrap and key in BOOTSTRAP), f"{page}: {key}"


def test_outputs_that_are_read_exist(run: Run) -> None:
    told = named(r"pulumi stack output (\w+)")
    of_bootstrap = {"backendUrls", "secretsProviders", "githubCommands", "cloud", "nodeServiceAccounts", "kmsKeys"}
    shown = {*run(tls="self-signed").outputs, *of_bootstrap}
    assert len(told) > 5
    assert {name for _, name in told} <= shown


def test_workflows_that_are_run_exist() -> None:
    workflows = named(r"gh workflow run ([\w.-]+)")
    assert workflows
    assert [name for _, name in workflows if not (ROOT / ".github/workflows" / name).exists()] == []


# What they print, where that can be seen without an engine


def one(page: str, text: str) -> Command:
    """The only command of a page that begins like this and shows something."""
    [found] = [c for c in COMMANDS if c.page == page and c.text.startswith(text) and c.prints]
    return found


@pytest.mark.parametrize(
    ("page", "command", "stack"),
    [
        ("README.md", "make demo", "dev"),
        ("docs/production.md", "make demo STACK=prod", "prod"),
        *(("docs/deploy.md", f"pulumi {command}", "dev") for command in ("preview", "up")),
    ],
)
def test_stack_has_as_many_resources_as_the_page_says(run: Run, page: str, command: str, stack: str) -> None:
    text = (ROOT / page).read_text().split(f"$ {command}\n")[1].split("nothing is left")[0]
    counts = {int(count) for count in re.findall(r"(\d+) (?:to create|created|deleted|resources keep)", text)}
    assert counts == {len({(resource.type, resource.name) for resource in run(stack)})}


def test_up_tells_the_outputs_that_the_page_shows(run: Run) -> None:
    text = (ROOT / "docs/deploy.md").read_text().split("\nOutputs:\n")[1].split("\nResources:")[0]
    assert set(re.findall(r"^    (\w+) *:", text, re.MULTILINE)) == set(run().outputs)


def test_wrong_setting_is_refused_in_the_words_of_the_page() -> None:
    shown = (ROOT / "docs/deploy.md").read_text().split("    error: ")[1].split("\n$ ")[0]
    with pytest.raises(SettingsError) as refused:
        parse({**defaults(), **stack_file("dev"), "gcp:project": "my-project", "tpuSlice": "v6e-2"}, stack="dev")
    assert [line.strip() for line in shown.splitlines()] == [line.strip() for line in str(refused.value).splitlines()]


def test_configuration_of_the_dev_stack_is_the_one_that_the_page_shows() -> None:
    shown = one("docs/deploy.md", "pulumi config").prints[-1]
    assert yaml.safe_load(shown.removeprefix("models").strip()) == stack_file("dev")["models"]
