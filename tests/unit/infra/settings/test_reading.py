"""How the configuration is read from the engine, and what of it is checked at all."""

import json
from typing import Any

import pulumi
import pytest

from infra.settings import configuration, load
from infra.settings.configuration import SettingsError
from infra.settings.load import parse
from tests.support.stack_settings import problems, stack

PROJECT = "gke-tpu-inference"


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine runs the dev stack."""
    monkeypatch.setattr(pulumi, "get_project", lambda: PROJECT)
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)


def given(config: dict[str, str], *secrets: str) -> None:
    pulumi.runtime.set_all_config(config, list(secrets))


def test_settings_of_the_project_have_their_names_and_those_of_providers_keep_theirs() -> None:
    given({f"{PROJECT}:protect": "true", "gcp:project": "p", "kubernetes:context": "c", "acme:x": "1"})

    assert configuration.read(frozenset()) == (
        {"protect": "true", "gcp:project": "p", "kubernetes:context": "c"},
        set(),
        ["acme:x"],
    )


def test_configuration_may_come_by_the_environment_and_the_engines_own_goes_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"gcp:project": "p", "gcp:region": "r"}))
    given({"gcp:project": "q"})

    assert configuration.read(frozenset()).values == {"gcp:project": "q", "gcp:region": "r"}


def test_structures_come_as_json_and_what_is_none_stays_text() -> None:
    given({f"{PROJECT}:a": "[1]", f"{PROJECT}:b": "[1", f"{PROJECT}:c": "[1]", f"{PROJECT}:d": "[" * 100_000})

    assert configuration.read({"a", "b", "d", "absent"}).values == {"a": [1], "b": "[1", "c": "[1]", "d": "[" * 100_000}


def test_encrypted_settings_are_known_by_their_names() -> None:
    given(
        {f"{PROJECT}:protect": "true", f"{PROJECT}:labels": "{}", "gcp:project": "p"},
        *(f"{PROJECT}:labels", "gcp:project"),
    )

    assert configuration.read(frozenset()).secrets == {"labels", "gcp:project"}


def test_what_pulumi_asks_users_of_google_to_set_is_no_setting_of_ours() -> None:
    given({"gcp:disableGlobalProjectWarning": "true", "gcp:region": "x"})

    assert configuration.read(frozenset()).values == {"gcp:region": "x"}


def wire(values: dict[str, Any]) -> dict[str, str]:
    """A configuration as the engine passes it."""
    return {
        key if ":" in key else f"{PROJECT}:{key}": value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
    }


def test_warnings_are_logged_with_nothing_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", logged.append)
    given(wire(stack({"systemMachineType": "n9-standard-4", "authorizedNetworks": ["0.0.0.0/0"]})))

    assert load.load().system_machine_type == "n9-standard-4"
    assert [line.split(" ")[0] for line in logged] == ["systemMachineType:", "authorizedNetworks:"]


def test_error_names_the_running_stack_and_the_projects_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi, "get_stack", lambda: "prod")
    monkeypatch.setattr(pulumi, "get_project", lambda: "inference")
    values = {key.replace(PROJECT, "inference"): value for key, value in wire(stack()).items()}
    given({**values, "inferense:protect": "true"})

    with pytest.raises(SettingsError) as refused:
        load.load()

    assert str(refused.value).splitlines() == [
        "Pulumi.prod.yaml has 1 problem; nothing was changed.",
        "  inferense:protect: is no setting of this project, whose namespace is inference. Write inference:protect, or "
        "remove it.",
    ]


@pytest.mark.parametrize(
    ("namespace", "slip"),
    [("GKE-TPU-Inference", True), ("gke_tpu_inference", True), ("gke-tpu", False), ("tpu-inference", True)],
)
def test_namespace_is_the_projects_but_for_a_slip_of_the_pen(namespace: str, slip: bool) -> None:
    assert len(list(configuration.misplaced([f"{namespace}:x"], PROJECT))) == slip


HALF = "holds half a character (of a pair like \\ud83d\\ude00). Write the whole."


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("chartMirror", "x\ud800"),
        ("chartMirror", "\udfffx"),
        ("labels", {"k\udc00": "v"}),
        ("labels", {"k": "\ud900"}),
        ("authorizedNetworks", ["10.0.0.0/8", "\ud800"]),
        ("labels", {"k": [{"x": "\ud800"}]}),
    ],
)
def test_half_of_a_character_is_told_and_nothing_else_of_its_setting(key: str, value: Any) -> None:
    assert problems(stack({key: value})) == [f"{key}: {HALF}"]


def test_whole_characters_beside_the_halves_are_text() -> None:
    assert configuration.sound({"a": "\ud7ff\ue000", "b": 1, "c": None}) == {"a": "\ud7ff\ue000", "b": 1, "c": None}


def test_name_with_half_a_character_is_no_sound_one() -> None:
    assert configuration.sound({"a\ud800": 1, "b": 1}) == {"b": 1}


def test_setting_with_half_a_character_is_not_missing_but_another_is() -> None:
    values = stack({"location": "x\ud800"})
    del values["gcp:project"]

    assert [line.split(" ")[0] for line in problems(values)] == ["location:", "gcp:project:"]


def test_a_project_of_another_name_has_its_own_namespace() -> None:
    parse(stack(), others=["gke-tpu-inferense:x"], project="something-else")
