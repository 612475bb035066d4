"""The comment that a pull request gets, from the engine's events."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pulumi.automation.events import EngineEvent

from ops.changes.text import LIMIT, MOST_PATHS
from ops.changes.text import report as report_of
from tests.support.project import ROOT

CLUSTER = "gke-tpu-inference:infra:Cluster$gcp:container/cluster:Cluster"
ADDRESS = "gke-tpu-inference:infra:Network$gcp:compute/address:Address"
TPU_POOL = "gke-tpu-inference:infra:TpuPool$gcp:container/nodePool:NodePool"
SYSTEM_POOL = "gke-tpu-inference:infra:Cluster$gcp:container/nodePool:NodePool"
SUBNET = "gke-tpu-inference:infra:Network$gcp:compute/subnetwork:Subnetwork"
MODEL = "gke-tpu-inference:infra:Predictor$kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"
NAMESPACE = "kubernetes:core/v1:Namespace"
ROUTER = "gke-tpu-inference:infra:Network$gcp:compute/router:Router"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
END: dict[str, Any] = {"summaryEvent": {"resourceChanges": {}}}


def step(op: str, kind: str, name: str, *, event: str = "resourcePreEvent", **metadata: Any) -> dict[str, Any]:
    """One step of the engine. `diff` are property paths and what happens to them; `old` and `new` are inputs."""
    urn = f"urn:pulumi:dev::gke-tpu-inference::{kind}::{name}"
    diff = {path: {"diffKind": what, "inputDiff": True} for path, what in metadata.pop("diff", {}).items()}
    sides = {side: {"inputs": metadata.pop(side)} for side in ("old", "new") if side in metadata}
    data = {"op": op, "urn": urn, "type": kind.rsplit("$", 1)[-1], "detailedDiff": diff, **sides, **metadata}
    return {event: {"metadata": data, "planning": True}}


def replaced(kind: str, name: str, **metadata: Any) -> list[dict[str, Any]]:
    """The steps of a replacement, the old one first, as the engine emits them."""
    return [
        step("delete-replaced", kind, name),
        step("replace", kind, name, **metadata),
        step("create-replacement", kind, name, **metadata),
    ]


def error(message: str, severity: str = "error") -> dict[str, Any]:
    return {"diagnosticEvent": {"message": message, "severity": severity, "color": "never"}}


def report(*events: dict[str, Any], **options: Any) -> str:
    parsed = [EngineEvent.from_json(event) for event in (*events, END)]
    return report_of(parsed, stack="dev", **options)


def line(text: str, part: str) -> str:
    """The one line that has the part."""
    [found] = [line for line in text.splitlines() if part in line]
    return found


def test_report_begins_with_its_marker_and_the_stack() -> None:
    first, second, *_ = report(step("same", ROUTER, "r")).splitlines()
    assert first == "<!-- gke-tpu-inference:preview:dev -->"
    assert second == "### Preview of `dev`"


def test_no_change_is_said_in_one_line() -> None:
    assert report(step("same", ROUTER, "r"), step("same", CLUSTER, "c")).splitlines()[-1] == "No changes, 2 unchanged."


def test_replacement_of_several_steps_is_one() -> None:
    text = report(*replaced(ROUTER, "r", diff={"region": "update-replace"}), step("same", CLUSTER, "c"))
    assert "**1 to replace**, 1 unchanged" in text
    assert text.count("`r`") == 1


def test_counts_are_in_the_order_of_weight() -> None:
    steps = [
        step("create", ROUTER, "a"),
        step("update", ROUTER, "b", diff={"bgp": "add"}),
        step("delete", ROUTER, "c"),
        *replaced(ROUTER, "d"),
        step("same", ROUTER, "e"),
        step("import", ROUTER, "f"),
    ]
    assert (
        "**1 to replace**, **1 to delete**, **1 to create**, **1 to change**, **1 to import**, 1 unchanged"
        in report(*steps)
    )


@pytest.mark.parametrize(
    ("op", "kind", "cost"),
    [
        ("replace", CLUSTER, "**replace** cluster `x`: replaced with everything in it"),
        ("delete", CLUSTER, "**delete** cluster `x`: deleted with everything in it"),
        ("replace", ADDRESS, "**replace** gateway address `x`: another address, so another base URL"),
        ("delete", ADDRESS, "**delete** gateway address `x`: the base URL is gone"),
        ("replace", TPU_POOL, "**replace** TPU node pool `x`: deleted and made anew: every model is down"),
        ("replace", SYSTEM_POOL, "**replace** node pool `x`: what runs on it moves"),
        ("replace", MODEL, "**replace** model `x`: deleted, then made anew: down for its start time"),
        ("delete", MODEL, "**delete** model `x`: down for good"),
        ("delete", NAMESPACE, "**delete** namespace `x`: deleted with everything in it"),
    ],
)
def test_loss_of_state_and_downtime_is_called_out_before_the_counts(op: str, kind: str, cost: str) -> None:
    steps = replaced(kind, "x") if op == "replace" else [step(op, kind, "x")]
    text = report(*steps)
    assert cost in text
    assert "**Holds state or costs downtime:**" in text.split("**1 to ")[0]


@pytest.mark.parametrize("op", ["create", "update", "same"])
@pytest.mark.parametrize("kind", [CLUSTER, ADDRESS, TPU_POOL, MODEL])
def test_what_goes_on_as_it_is_is_not_called_out(op: str, kind: str) -> None:
    assert "downtime" not in report(step(op, kind, "x", diff={"labels": "update"}))


def test_cause_of_a_replacement_is_the_property_that_forces_it() -> None:
    diff = {"nodeConfig.machineType": "update-replace", "autoscaling.totalMaxNodeCount": "update"}
    called_out = line(report(*replaced(TPU_POOL, "tpu", diff=diff)), "**replace**")
    assert called_out.endswith("Because of `nodeConfig.machineType`.")


def test_cause_is_the_replacement_key_where_there_is_no_diff() -> None:
    called_out = line(report(*replaced(CLUSTER, "c", keys=["subnetwork"])), "**replace**")
    assert called_out.endswith("Because of `subnetwork`.")


def test_resource_replaced_with_what_it_needs_says_so() -> None:
    assert "Because something that it needs is replaced." in report(*replaced(MODEL, "m"))


# Replacements as the official provider of Google Cloud tells them.

SMALLER = ({"ipCidrRange": "10.0.0.0/20"}, {"ipCidrRange": "10.0.0.0/21"})


def test_providers_own_key_is_no_cause_but_what_is_different_is() -> None:
    diff = {"ipCidrRange": "update", "__meta": "update-replace"}
    text = report(*replaced(SUBNET, "s", diff=diff, keys=["__meta"], old=SMALLER[0], new=SMALLER[1]))
    assert line(text, "**replace** subnet").endswith("Because of `ipCidrRange`.")
    assert "  - `ipCidrRange`: `10.0.0.0/20` → `10.0.0.0/21`" in text.splitlines()
    assert "__meta" not in text


POOL_INPUTS = {"cluster": "projects/p/c", "nodeConfig": {"machineType": "e2-standard-4"}}
OF_POOL = {
    "cluster": "update-replace",
    "nodeConfig": "update-replace",
    "nodeConfig.resourceManagerTags": "add-replace",
}


def test_block_and_what_only_the_provider_fills_in_are_no_causes() -> None:
    text = report(*replaced(SYSTEM_POOL, "s", diff=OF_POOL, old=POOL_INPUTS, new=POOL_INPUTS))
    assert line(text, "**replace** node pool").endswith("Because of `cluster`.")
    assert "nodeConfig" not in text


def test_pool_of_which_nothing_is_different_is_replaced_with_what_it_needs() -> None:
    diff = {path: kind for path, kind in OF_POOL.items() if path != "cluster"}
    text = report(*replaced(SYSTEM_POOL, "s", diff=diff, old=POOL_INPUTS, new=POOL_INPUTS))
    assert line(text, "**replace** node pool").endswith("Because something that it needs is replaced.")


def test_part_of_a_block_that_forces_it_is_the_cause_in_its_place() -> None:
    new = {**POOL_INPUTS, "nodeConfig": {"machineType": "e2-standard-4", "spot": True}}
    diff = {"nodeConfig": "update-replace", "nodeConfig.spot": "add"}
    text = report(*replaced(SYSTEM_POOL, "s", diff=diff, old=POOL_INPUTS, new=new))
    assert line(text, "**replace** node pool").endswith("Because of `nodeConfig.spot`.")


def test_what_only_the_cloud_says_is_the_cause_if_it_forces_the_replacement() -> None:
    steps = replaced(TPU_POOL, "t", diff={"nodeConfig.advancedMachineFeatures": "delete-replace"})
    outputs = {"nodeConfig": {"advancedMachineFeatures": {"threadsPerCore": 1}}}
    for event in steps:
        event["resourcePreEvent"]["metadata"]["old"] = {"inputs": POOL_INPUTS, "outputs": outputs}
    assert line(report(*steps), "**replace**").endswith("Because of `nodeConfig.advancedMachineFeatures`.")


def test_drift_of_what_only_the_cloud_says_is_shown() -> None:
    event = step("update", CLUSTER, "c", event="resOutputsEvent", diff={"masterVersion": "update", "name": "update"})
    event["resOutputsEvent"]["metadata"]["old"] = {"inputs": {"name": "c"}, "outputs": {"masterVersion": "1"}}
    assert "  - `masterVersion`" in report(event, kind="drift").splitlines()


def test_models_replaced_for_the_same_reason_share_a_line() -> None:
    diff = {"spec.template.containers[0].image": "update-replace"}
    text = report(*replaced(MODEL, "a.one", diff=diff), *replaced(MODEL, "b.two", diff=diff))
    assert "model `a.one`, `b.two`: " in line(text, "**replace**")


def test_replaced_cluster_speaks_for_what_is_in_it_but_names_the_models() -> None:
    text = report(*replaced(NAMESPACE, "kserve"), *replaced(MODEL, "a.one"), *replaced(CLUSTER, "c"))
    named = [row.split(":")[0] for row in text.splitlines() if row.startswith("- **")]
    assert named == ["- **replace** cluster `c`", "- **replace** model `a.one`"]


@pytest.mark.parametrize(
    ("kind", "path", "cost"),
    [
        (
            TPU_POOL,
            "nodeConfig.diskSizeGb",
            "TPU node pool `p`: GKE makes its nodes anew, one after the other",
        ),
        (TPU_POOL, "nodeConfig.linuxNodeConfig.sysctls", "TPU node pool `p`: GKE makes its nodes anew, one after"),
        (TPU_POOL, "nodeLocations[1]", "**change** TPU node pool `p`: models in a zone that is taken away"),
        (SYSTEM_POOL, "nodeConfig.machineType", "**change** node pool `p`: GKE makes its nodes anew: a few minutes"),
    ],
)
def test_update_that_costs_downtime_is_called_out(kind: str, path: str, cost: str) -> None:
    assert cost in report(step("update", kind, "p", diff={path: "update"}))


# Values


def test_harmless_value_is_shown() -> None:
    old, new = ({"nodeConfig": {"machineType": f"ct6e-standard-{n}t"}} for n in (4, 8))
    text = report(step("update", TPU_POOL, "p", diff={"nodeConfig.machineType": "update"}, old=old, new=new))
    assert "  - `nodeConfig.machineType`: `ct6e-standard-4t` → `ct6e-standard-8t`" in text.splitlines()


def test_flag_known_to_be_harmless_is_shown_and_other_flags_are_not() -> None:
    def sides(*args: str) -> dict[str, Any]:
        return {"spec": {"template": {"containers": [{"args": list(args)}]}}}

    paths = {f"spec.template.containers[0].args[{i}]": "update-replace" for i in (0, 1)}
    old, new = sides("--max-model-len=2048", "--api-key=hunter1"), sides("--max-model-len=4096", "--api-key=hunter2")
    text = report(*replaced(MODEL, "m", diff=paths, old=old, new=new))
    assert "  - `spec.template.containers[0].args[0]`: `--max-model-len=2048` → `--max-model-len=4096`" in text
    assert "  - `spec.template.containers[0].args[1]`\n" in text
    assert "hunter" not in text


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("stringData.HF_TOKEN", {"stringData": {"HF_TOKEN": "hf_a"}}, {"stringData": {"HF_TOKEN": "hf_b"}}),
        ("image", {"image": SECRET}, {"image": SECRET}),
        ("image", {"image": "shown:1"}, {"image": SECRET}),
        ("image", {"image": "shown:1"}, {"image": "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}),
        ("labels.image", {"labels": SECRET}, {"labels": SECRET}),
        ("labels.image", {"labels": {"image": "shown:1"}}, {"labels": SECRET}),
        ("image", {"image": "x" * 200}, {"image": "y"}),
    ],
)
def test_value_that_may_be_secret_unknown_or_long_is_left_out(path: str, old: Any, new: Any) -> None:
    text = report(step("update", ROUTER, "r", diff={path: "update"}, old=old, new=new))
    assert f"  - `{path}`\n" in text


def test_path_with_quoted_key_finds_its_value() -> None:
    old, new = ({"metadata": {"a.b/c": {"replicas": n}}} for n in (1, 2))
    path = 'metadata["a.b/c"].replicas'
    assert f"`{path}`: `1` → `2`" in report(step("update", ROUTER, "r", diff={path: "update"}, old=old, new=new))


def test_added_value_was_unset() -> None:
    text = report(step("update", ROUTER, "r", diff={"version": "add"}, old={}, new={"version": "1.2"}))
    assert "`version`: `unset` → `1.2`" in text


# Failure


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
    text = report_of([EngineEvent.from_json(step("same", ROUTER, "r"))], stack="dev")
    assert "**The preview did not come to its end.**" in text


def test_preview_that_did_not_start_says_so() -> None:
    assert "**The preview did not start.**" in report_of([], stack="dev")


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


def test_no_drift_is_said_in_one_line() -> None:
    assert report(*drifted("same", CLUSTER, "c"), kind="drift").splitlines()[-1] == "No drift, 1 as Pulumi left them."


def test_what_a_refresh_finds_before_a_preview_is_not_a_change_of_it() -> None:
    text = report(*drifted("update", MODEL, "m", diff={"spec.replicas": "update"}), step("same", MODEL, "m"))
    assert "No changes, 1 unchanged." in text


# What Markdown could make of it


@pytest.mark.parametrize("name", ["@everyone", "<img src=x>", "[a](http://b)", "**b**", "a`b`", "``` \n# head"])
def test_names_are_only_ever_code(name: str) -> None:
    text = report(*replaced(MODEL, name), step("delete", ROUTER, f"{name}2"))
    for row in text.splitlines():
        outside = re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", row)
        assert not any(part in outside for part in ("@", "<img", "](", "**b", "# head")), row


def test_message_cannot_leave_its_block() -> None:
    text = report(error("before\n```\n@everyone\n```\nafter"))
    assert "````text\nbefore\n```\n@everyone\n```\nafter\n````" in text


def test_long_list_is_folded_and_a_short_one_is_open() -> None:
    many = [step("create", ROUTER, f"r{i}") for i in range(40)]
    text = report(*many, step("delete", ROUTER, "gone"))
    assert "<details><summary>40 to create</summary>" in text
    assert "<details open><summary>1 to delete</summary>" in text


def test_report_fits_into_a_comment_and_says_what_is_left_out() -> None:
    many = [step("create", ROUTER, f"resource-{i}-{'x' * 60}") for i in range(3000)]
    text = report(*replaced(CLUSTER, "c"), *many)
    assert 50_000 < len(text) <= LIMIT
    assert "**replace** cluster `c`" in text
    assert "**3000 to create**" in text
    assert text.count("<details") == text.count("</details>") == 2
    shown = text.count("- `gcp:compute/router:Router`")
    assert f"… {3000 - shown} more lines do not fit" in text


def test_many_long_errors_fit_too() -> None:
    text = report(*[error(f"{i} " + "e" * 5000 + "\n" * 200 + "x") for i in range(2000)])
    assert len(text) <= LIMIT
    assert "The first 20 of 2000 errors:" in text


def test_many_properties_are_cut() -> None:
    diff = {f"p{i:02}": "update" for i in range(50)}
    text = report(step("update", ROUTER, "r", diff=diff))
    assert text.count("  - `p") == MOST_PATHS
    assert "  - and 30 more" in text


def test_simulated_preview_says_so_before_anything_else() -> None:
    note = report(step("create", ROUTER, "r"), simulated="an empty stack").split("**1 to create**")[0]
    assert "sandbox's preview: no credentials, simulated clouds" in note
    assert "Compared with: `an empty stack`." in note


# The command


def command(tmp_path: Path, events: list[dict[str, Any]] | None, *options: str) -> tuple[int, str, str]:
    """Exit code, report and what is written for the workflow."""
    log, output, github = tmp_path / "events.jsonl", tmp_path / "report.md", tmp_path / "github"
    if events is not None:
        log.write_text("".join(json.dumps(event) + "\n" for event in events))
    github.touch()
    arguments = [sys.executable, "-m", "ops", "report", str(log), "--stack", "dev", "--output", str(output), *options]
    done = subprocess.run(arguments, cwd=ROOT, env={"GITHUB_OUTPUT": str(github)}, check=False)  # noqa: S603
    return done.returncode, output.read_text(), github.read_text()


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


def test_mandatory_policy_violation_fails_the_command(tmp_path: Path) -> None:
    for level, expected in (("mandatory", 1), ("advisory", 0)):
        policy = {"policyEvent": {"message": "m", "policyName": "p", "enforcementLevel": level}}
        code, text, _ = command(tmp_path, [policy, END])
        assert code == expected
        assert f"- `{level}` `p`, `the stack`: `m`" in text
