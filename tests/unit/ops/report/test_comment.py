"""The comment that a pull request gets, from the engine's events."""

import re
from typing import Any

import pytest

from ops.report.comment import LIMIT, MOST_PATHS
from tests.support.engine_events import CLUSTER, MODEL, ROUTER, SECRET, TPU_POOL, error, replaced, report, step


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


def test_simulated_preview_says_why_it_is_in_one_line_that_is_no_html() -> None:
    text = report(step("create", ROUTER, "r"), simulated="an empty stack", because="No <identity>\n# here.")
    [note] = [line for line in text.splitlines() if "sandbox's preview" in line]
    assert "What is deployed may differ. No &lt;identity&gt; # here. Compared with: `an empty stack`." in note
