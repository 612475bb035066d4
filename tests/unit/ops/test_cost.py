"""What `python -m ops cost` prints, of which stacks it can, and what it says of old and missing prices."""

import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.costs import prices
from ops import cost
from ops.__main__ import app
from tests.support.billing import Catalogue, sku
from tests.support.pages import Command, commands
from tests.support.project import ROOT, STACKS

DAY = datetime.date(2026, 11, 30)
SHOWN = [command for command in commands("docs/cost.md") if "-m ops cost" in command.text and command.prints]


@pytest.fixture(autouse=True)
def on_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost, "today", lambda: DAY)


def ask(*arguments: str) -> tuple[int, str]:
    """Exit code, and all that is said."""
    done = CliRunner().invoke(app, ["cost", "--cwd", str(ROOT), *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.output


def cells(said: str, what: str) -> list[str]:
    [line] = [line for line in said.splitlines() if line.startswith(f"│ {what}")]
    return [cell.strip() for cell in line.split("│")[2:-1]]


@pytest.mark.parametrize("command", SHOWN, ids=[command.text for command in SHOWN])
def test_page_shows_what_the_command_prints(command: Command) -> None:
    code, said = ask(*command.text.split("-m ops cost ")[1].split())
    assert code == 0
    assert [line.rstrip() for line in said.splitlines()] == command.prints


def test_page_shows_the_command() -> None:
    assert SHOWN


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_has_a_cost(stack: str) -> None:
    code, said = ask("--stack", stack)
    assert code == 0
    assert float(cells(said, "all")[0]) > 5


def test_day_and_month_are_of_the_hour() -> None:
    hour, day, month, *_ = (float(cell.replace(",", "")) for cell in cells(ask("--stack", "dev")[1], "GKE cluster"))
    assert (hour, day, month) == (0.1, 2.4, 73)


def test_million_tokens_cost_what_that_many_seconds_cost() -> None:
    _, said = ask("--stack", "dev", "--tokens-per-second", "1000000")
    assert "A million tokens, at 1e+06 a second without a pause: 0.003." in said


@pytest.mark.parametrize(("days", "told"), [(90, False), (91, True)])
def test_price_older_than_90_days_is_told(days: int, told: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    oldest = datetime.date(2025, 3, 6)
    monkeypatch.setattr(cost, "today", lambda: oldest + datetime.timedelta(days=days))
    assert ("more than 90 days old" in ask("--stack", "dev")[1]) == told


def test_refresh_writes_the_list_and_counts_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, catalogue = tmp_path / "prices.json", Catalogue()
    catalogue.services = {key: [] for key in ("E505-1604-58F8", "CCD8-9BF1-090E")}
    catalogue.services["6F81-5844-456A"] = [sku("TpuV6e running in Netherlands", "europe-west4", 1.0)]
    write = prices.write
    monkeypatch.setattr(cost, "catalogue", catalogue.client)
    monkeypatch.setattr(prices, "write", lambda items: write(items, file))
    _, said = ask("--stack", "dev", "--refresh")
    assert cells(said, "TPU nodes")[0] == "4.000"
    assert "Not found in the catalogue, and so as before: TPU v6e spot," in said
    assert '"europe-west4": 1.0' in file.read_text()


def test_with_several_classes_the_price_is_that_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    text = (ROOT / "Pulumi.dev.yaml").read_text()
    (tmp_path / "Pulumi.dev.yaml").write_text(f"{text}  gke-tpu-inference:tpuCapacity: [on-demand, spot]\n")
    _, said = ask("--stack", "dev", "--cwd", str(tmp_path))
    assert "TPU nodes are at the price of on-demand, the first class of `tpuCapacity`" in said


def test_replicas_that_the_load_decides_are_told_and_what_the_most_of_them_cost(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    (tmp_path / "Pulumi.autoscaled.yaml").write_text((ROOT / "examples/autoscaled.yaml").read_text())
    code, said = ask("--stack", "autoscaled", "--cwd", str(tmp_path))
    assert code == 0
    assert (
        "Replicas that the load decides: qwen 1 to 4. Running is with the fewest that answer; with the most it" in said
    )
    assert cells(said, "TPU nodes: 1 ct6e-standard-4t")[0] == "11.88"


# What cannot be read


def test_stack_without_a_file_is_refused_with_its_name() -> None:
    code, said = ask("--stack", "nowhere")
    assert code == 2
    assert "there is no Pulumi.nowhere.yaml. Stacks with a file: " in said
