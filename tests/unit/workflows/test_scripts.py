"""What the scripts of the workflows do for previews, drift and the smoke test."""

import sys

import pytest

from tests.support.jobs import Shell
from tests.support.project import ROOT
from tests.support.workflows import script

PULUMI = """
printf '%s\\n' "$*" > "$RUNNER_TEMP/called"
while [ $# -gt 0 ]; do
  if [ "$1" = --event-log ] && [ "$EVENTS" ]; then echo "$EVENTS" > "$2"; fi
  shift
done
exit "$STATUS"
"""
DONE = '{"sequence": 1, "timestamp": 1, "summaryEvent": {"durationSeconds": 1, "resourceChanges": {"same": 1}}}'


@pytest.mark.parametrize(
    ("events", "status", "code"), [(DONE, "0", 0), ("", "255", 1), (DONE, "3", 3)], ids=["done", "dead", "failed late"]
)
def test_a_preview_is_reported_whatever_becomes_of_it_and_fails_with_the_engine(
    shell: Shell, events: str, status: str, code: int
) -> None:
    shell.program("pulumi", PULUMI)
    shell.program("python", f'PYTHONPATH="{ROOT}" exec "{sys.executable}" "$@"')
    text = script("actions/preview/action.yml", "Preview")
    assert shell.run(text, STACK="dev", PLAN="", EVENTS=events, STATUS=status).returncode == code
    report = (shell.temp / "dev.md").read_text()
    assert report.startswith("<!-- gke-tpu-inference:preview:dev -->")
    assert (shell.home / "summary").read_text() == report


@pytest.mark.parametrize(("plan", "saved"), [("plan.json", True), ("", False)])
def test_a_preview_saves_a_plan_if_it_is_to(shell: Shell, plan: str, saved: bool) -> None:
    shell.program("pulumi", PULUMI)
    shell.program("python", "exit 1")
    shell.run(script("actions/preview/action.yml", "Preview"), STACK="dev", PLAN=plan, EVENTS=DONE, STATUS="0")
    called = (shell.temp / "called").read_text()
    assert called.startswith("preview --stack dev --diff --non-interactive")
    assert ("--save-plan plan.json" in called) is saved


DRIFT_GH = """
printf '%s\\n' "$*" >> "$RUNNER_TEMP/calls"
case "$*" in
*runs*) printf '%s' "$BUSY" ;;
*list*) printf '%s' "$ISSUE" ;;
esac
"""


@pytest.mark.parametrize(
    ("drifted", "issue", "busy", "done"),
    [
        ("true", "", "0", ["label create", "issue create"]),
        ("true", "5", "0", ["issue edit"]),
        ("false", "5", "0", ["issue close"]),
        ("false", "", "0", []),
        ("true", "5", "1", []),
    ],
    ids=["first", "still", "gone", "none", "while a deployment runs"],
)
def test_one_issue_follows_the_drift_of_a_stack(
    shell: Shell, drifted: str, issue: str, busy: str, done: list[str]
) -> None:
    shell.program("gh", DRIFT_GH)
    (shell.temp / "drift.md").write_text("what drifted\n")
    text = script("workflows/drift.yml", "Open, update or close the issue")
    known = {"STACK": "dev", "REPOSITORY": "o/r", "RUN_URL": "https://run"}
    assert shell.run(text, **known, DRIFTED=drifted, ISSUE=issue, BUSY=busy).returncode == 0
    calls = [line for line in (shell.temp / "calls").read_text().splitlines() if line.startswith(("issue", "label"))]
    assert [" ".join(call.split()[:2]) for call in calls if "issue list" not in call] == done


@pytest.mark.parametrize(
    ("key", "asked"), [("", "-m ops smoke --url http://a"), ("k.e.y", "-m ops smoke --url http://a --key k.e.y")]
)
def test_models_are_called_with_a_key_where_one_is_asked_for(shell: Shell, key: str, asked: str) -> None:
    shell.program("jq", 'case "$*" in *caCertificate*) ;; *) echo http://a ;; esac')
    shell.program(
        "python", f'case "$*" in *"keys token --stack dev") printf "%s" "{key}" ;; *) echo "$*" >> asked ;; esac'
    )
    done = shell.run(script("workflows/deploy-stack.yml", "Call every model"), STACK="dev")
    assert (done.returncode, (shell.work / "asked").read_text().strip()) == (0, asked)
    assert done.stdout == (f"::add-mask::{key}\n" if key else "")


def test_deployment_fails_where_no_key_can_be_had(shell: Shell) -> None:
    shell.program("jq", 'case "$*" in *caCertificate*) ;; *) echo http://a ;; esac')
    shell.program("python", 'case "$*" in *"keys token"*) exit 2 ;; *) echo asked ;; esac')
    done = shell.run(script("workflows/deploy-stack.yml", "Call every model"), STACK="dev")
    assert (done.returncode, done.stdout) == (2, "")
