"""What is made of events: failures, drift, and a log that the command reads."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.__main__ import app
from tests.support.engine_events import CLUSTER, END, MODEL, ROUTER, error, report, step


def test_failed_preview_shows_the_message_and_no_changes() -> None:
    message = 'Pulumi.dev.yaml has 1 problem; nothing was changed.\n  tpuSlice: "v6e-2" is not a slice of one host.'
    text = report(step("create", ROUTER, "r"), error(message), error(f"an unhandled error occurred: {message}"))
    assert "**The preview failed.** Nothing was changed." in text
    assert text.count(f"```text\n{message}\n```") == text.count("v6e-2") == 1
    assert "to create" not in text


def test_colour_marks_of_the_engine_are_removed() -> None:
    assert "```text\nerror: no\n```" in report(error("<{%fg 1%}>error: <{%reset%}>\x1b[31mno\x1b[0m<{%reset%}>"))


def test_warnings_stand_beside_the_changes() -> None:
    text = report(step("create", ROUTER, "r"), error("tpuZones: not known to have v6e", "warning"))
    assert "**1 to create**" in text
    assert "Warning:\n\n```text\ntpuZones: not known to have v6e\n```" in text


def test_debug_messages_stay_out() -> None:
    assert "noise" not in report(step("same", ROUTER, "r"), error("noise", "debug"))


def test_preview_without_an_end_is_not_taken_for_no_changes() -> None:
    assert "**The preview did not come to its end.**" in report(step("same", ROUTER, "r"), ended=False)


def test_preview_that_did_not_start_says_so() -> None:
    assert "**The preview did not start.**" in report(ended=False)


def test_policy_violation_names_level_policy_resource_and_message() -> None:
    policy = {
        "policyEvent": {
            "message": "set authorizedNetworks\nor leave the endpoint private",
            "policyName": "no-public-control-plane",
            "enforcementLevel": "mandatory",
            "resourceUrn": f"urn:pulumi:dev::p::{CLUSTER}::c",
        }
    }
    text = report(step("create", CLUSTER, "c"), policy)
    expected = "- `mandatory` `no-public-control-plane`, `c`: `set authorizedNetworks or leave the endpoint private`"
    assert expected in text.splitlines()
    assert "**1 to create**" in text


# Drift


def drifted(op: str, kind: str, name: str, **metadata: Any) -> list[dict[str, Any]]:
    return [step("refresh", kind, name), step(op, kind, name, event="resOutputsEvent", **metadata)]


def test_drift_names_what_changed_and_what_is_gone() -> None:
    diff, old, new = {"spec.replicas": "update"}, {"spec": {"replicas": 1}}, {"spec": {"replicas": 5}}
    text = report(
        *drifted("update", MODEL, "m", diff=diff, old=old, new=new),
        *drifted("delete", ROUTER, "r"),
        *drifted("same", CLUSTER, "c"),
        kind="drift",
    )
    assert text.startswith("<!-- gke-tpu-inference:drift:dev -->\n### Drift of `dev`")
    assert "**1 gone**, **1 changed**, 1 unchanged" in text
    assert "  - `spec.replicas`: `1` → `5`" in text


def test_drift_of_what_only_the_cloud_says_is_shown() -> None:
    event = step("update", CLUSTER, "c", event="resOutputsEvent", diff={"masterVersion": "update", "name": "update"})
    event["resOutputsEvent"]["metadata"]["old"] = {"inputs": {"name": "c"}, "outputs": {"masterVersion": "1"}}
    assert "  - `masterVersion`" in report(event, kind="drift").splitlines()


def test_no_drift_is_said_in_one_line() -> None:
    assert report(*drifted("same", CLUSTER, "c"), kind="drift").splitlines()[-1] == "No drift, 1 as Pulumi left them."


def test_what_a_refresh_finds_before_a_preview_is_not_a_change_of_it() -> None:
    text = report(*drifted("update", MODEL, "m", diff={"spec.replicas": "update"}), step("same", MODEL, "m"))
    assert "No changes, 1 unchanged." in text


# The command


def command(tmp_path: Path, events: list[dict[str, Any]] | None, *options: str) -> tuple[int, str, str]:
    """Exit code, report and what is written for the workflow."""
    log, output, github = tmp_path / "events.jsonl", tmp_path / "report.md", tmp_path / "github"
    if events is not None:
        log.write_text("".join(json.dumps(event) + "\n" for event in events))
    github.touch()
    arguments = ["report", str(log), "--stack", "dev", "--output", str(output), *options]
    done = CliRunner(env={"GITHUB_OUTPUT": str(github)}).invoke(app, arguments)
    return done.exit_code, output.read_text(), github.read_text()


def test_command_reads_the_engines_log(tmp_path: Path) -> None:
    code, text, github = command(tmp_path, [step("create", ROUTER, "r"), END])
    assert (code, github) == (0, "")
    assert "**1 to create**" in text


@pytest.mark.parametrize(("op", "expected"), [("update", "drifted=true\n"), ("same", "drifted=false\n")])
def test_drift_is_told_to_the_workflow(tmp_path: Path, op: str, expected: str) -> None:
    code, _, github = command(tmp_path, [*drifted(op, MODEL, "m"), END], "--kind", "drift")
    assert (code, github) == (0, expected)


def test_failed_refresh_does_not_claim_that_there_is_no_drift(tmp_path: Path) -> None:
    code, text, github = command(tmp_path, [error("403 forbidden"), END], "--kind", "drift")
    assert (code, github) == (1, "")
    assert "**The refresh failed.**" in text


def test_missing_log_is_a_failure_with_a_report(tmp_path: Path) -> None:
    code, text, _ = command(tmp_path, None)
    assert code == 1
    assert "did not start" in text


def test_log_cut_off_in_a_line_is_a_failure_with_a_report(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(json.dumps(step("create", ROUTER, "r")) + '\n{"sequ')
    code, text, _ = command(tmp_path, None)
    assert code == 1
    assert "did not come to its end" in text


def test_file_that_is_no_log_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x89PNG\xff\n")
    done = CliRunner().invoke(app, ["report", str(tmp_path / "file"), "--stack=dev"])
    assert (done.exit_code, done.output) == (
        2,
        f"Error: {tmp_path / 'file'} is no event log: line 1 is no event of the engine\n",
    )


def test_mandatory_policy_violation_fails_the_command(tmp_path: Path) -> None:
    for level, expected in (("mandatory", 1), ("advisory", 0)):
        policy = {"policyEvent": {"message": "m", "policyName": "p", "enforcementLevel": level}}
        code, text, _ = command(tmp_path, [policy, END])
        assert code == expected
        assert f"- `{level}` `p`, `the stack`: `m`" in text
