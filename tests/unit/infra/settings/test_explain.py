"""How a problem is told: what is wrong and what to do, and of the value as much as is worth it and nothing secret."""

from typing import Any

import pytest
from pydantic import BaseModel

from infra.settings.explain import LONGEST, line, masked, problem, shown
from tests.support.project import schema
from tests.support.stack_settings import REMOVED, Values, problems, refused, stack

NO_INTEGER = "is not a whole number. Use one, without quotes."
NO_LIST = "is not a list. Write one, even for a single value."
SETTINGS = schema()

BAD: dict[str, tuple[Values, str]] = {
    # Unknown and missing
    "unknown setting, near a known one": (
        {"tpuSlize": "v6e-4"},
        "tpuSlize: there is no such setting. Did you mean tpuSlice? Change its name, or remove it.",
    ),
    "unknown setting, like no other": (
        {"xyz": 1},
        f"xyz: there is no such setting. Allowed: gcp:project, {', '.join(SETTINGS)}. Change its name, or remove it.",
    ),
    "unknown field of a model, near a known one": (
        {"models[0].maxModelLength": 2048},
        "models[0].maxModelLength: there is no such setting. Did you mean maxModelLen? Change its name, or remove it.",
    ),
    "unknown field of a model, like no other": (
        {"models[0].xyz": 1},
        "models[0].xyz: there is no such setting. Allowed: name, namespace, uri, servedNames, dtype, maxModelLen, "
        "slice, tensorParallelSize, replicas, routing, paused, extraArgs, trustRemoteCode. Change its name, or "
        "remove it.",
    ),
    "no models": ({"models": []}, "models: [] is empty. Add at least one: docs/settings.md has the fields."),
    "model without a name": ({"models[0].name": REMOVED}, "models[0].name: is required. Add it."),
    "model without a namespace": ({"models[0].namespace": REMOVED}, "models[0].namespace: is required. Add it."),
    "model without a URI": ({"models[0].uri": REMOVED}, "models[0].uri: is required. Add it."),
    # Of another type
    "models as text": ({"models": "qwen"}, f'models: "qwen" {NO_LIST}'),
    "models as a mapping": ({"models": {"name": "qwen"}}, f'models: {{"name": "qwen"}} {NO_LIST}'),
    "model as text": ({"models": ["qwen"]}, 'models[0]: "qwen" is not a mapping. Write `key: value` lines.'),
    "name as a number": ({"models[0].name": 5}, "models[0].name: 5 is not text. Put it in quotes."),
    "length as text": ({"models[0].maxModelLen": "2048"}, f'models[0].maxModelLen: "2048" {NO_INTEGER}'),
    "length as a fraction": ({"models[0].maxModelLen": 2048.5}, f"models[0].maxModelLen: 2048.5 {NO_INTEGER}"),
    "length as a truth value": ({"models[0].maxModelLen": True}, f"models[0].maxModelLen: true {NO_INTEGER}"),
    "replicas as text": ({"models[0].replicas": "1"}, f'models[0].replicas: "1" {NO_INTEGER}'),
    "tensor parallelism as text": (
        {"models[0].tensorParallelSize": "4"},
        f'models[0].tensorParallelSize: "4" {NO_INTEGER}',
    ),
    "served names as text": ({"models[0].servedNames": "qwen"}, f'models[0].servedNames: "qwen" {NO_LIST}'),
    "flags as text": ({"models[0].extraArgs": "--seed=1"}, f'models[0].extraArgs: "--seed=1" {NO_LIST}'),
    "flag as a number": ({"models[0].extraArgs": [5]}, "models[0].extraArgs[0]: 5 is not text. Put it in quotes."),
    "zones as text": ({"tpuZones": "europe-west4-a"}, f'tpuZones: "europe-west4-a" {NO_LIST}'),
    "networks as text": ({"authorizedNetworks": "10.0.0.0/8"}, f'authorizedNetworks: "10.0.0.0/8" {NO_LIST}'),
    "labels as text": ({"labels": "team"}, 'labels: "team" is not a mapping. Write `key: value` lines.'),
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)


def test_every_bad_entry_of_a_list_is_told() -> None:
    changes = {
        "models[0].extraArgs": ["--port=1", "--seed=1", "-tp=2"],
        "tpuZones": ["us-east5-a", "europe-west4-x", "x"],
    }
    flags, zones = sorted(problems(stack(changes)))

    assert flags.endswith(
        "contains --port. Remove it: routes and probes rely on port 8000. It also contains -tp. Remove it: the field "
        "`tensorParallelSize` sets it."
    )
    assert "contains 'us-east5-a', which" in zones
    assert "It also contains 'x', which" in zones
    assert "europe-west4-x" not in zones.split("contains", 1)[1]


# The words

TOKEN = "hf_AbCdEf0123456789"  # noqa: S105 - made up


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://user:pw@host/x", "https://[secret]@host/x"),
        ("oci://r.io/image@sha256:00", "oci://r.io/image@sha256:00"),
        ("user:pw@host/x", "[secret]@host/x"),
        ("r.io/image:v1@sha256:00", "r.io/image:v1@sha256:00"),
        ("basic dXNlcjpwdw==", "basic [secret]"),
        ("Authorization: Bearer abc", "Authorization: Bearer [secret]"),
        ('{"api_key_of_x": "abc"}', '{"api_key_of_x": "[secret]"}'),
        (r'"{\"Password\": \"abc\"}"', r'"{\"Password\": \"[secret]\"}"'),
        ("https://host/x?a=b&Sig=abc&c=d", "https://host/x?a=b&Sig=[secret]&c=d"),
        ("--api-key=abc --seed=1", "--api-key=[secret] --seed=1"),
        ("--my-passwd 'abc'", "--my-passwd '[secret]'"),
        ("--secret", "--secret"),
        ("a -----BEGIN RSA PRIVATE KEY-----\nabc\n", "a [secret]"),
        *(
            (f"a {token} b", "a [secret] b")
            for token in (TOKEN, "sk-abcd", "ghp_abcd", "github_pat_abcd", "glpat-abcd")
        ),
        *((f"a {token} b", "a [secret] b") for token in ("xoxb-abcd", "AKIA" + "A" * 12, "AIza" + "a" * 20, "ya29.a")),
        ("a eyJhbGciOiJI.abc.def b", "a [secret] b"),
        ("a_sk-abcd", "a_sk-abcd"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, told: str) -> None:
    assert masked(text) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"API_KEY": "abc", "a": 1}, '{"API_KEY": "[secret]", "a": 1}'),
        ([{"Password": ["abc"]}, ("b",)], '[{"Password": "[secret]"}, ["b"]]'),
        ("é", '"é"'),
        ("x" * (LONGEST - 2), f'"{"x" * (LONGEST - 2)}"'),
        ("x" * (LONGEST - 1), f'"{"x" * (LONGEST - 1)}...'),
        ({1, 2}, '"{1, 2}"'),
    ],
    ids=lambda value: str(value)[:20],
)
def test_value_is_shown_as_json_without_what_is_named_like_a_secret(value: Any, told: str) -> None:
    assert shown(value) == told


def test_four_hundred_characters_of_a_value_are_shown() -> None:
    assert len(shown("x" * 1000)) == 400 + len("...")


def test_value_that_no_json_has_is_not_shown() -> None:
    deep: list[Any] = []
    deep.append(deep)
    assert shown(deep) == "what it holds"
    assert shown(10**5000) == "what it holds"


def test_what_a_terminal_does_not_show_is_written_as_an_escape() -> None:
    assert line("a\u200b\x1b\ud800é") == r"a\u200b\x1b\ud800é"


class Part(BaseModel):
    name: str


class Whole(BaseModel):
    parts: list[Part]
    window: str


def told(kind: str, *where: str | int, value: Any = 1, secrets: tuple[str, ...] = (), **context: Any) -> str:
    error: Any = {"type": kind, "loc": where, "input": value, "msg": "Odd", "ctx": context}
    return problem(error, secrets, {"": Whole, "parts": Part, "part": Part})


@pytest.mark.parametrize(
    ("kind", "context", "what"),
    [
        ("bool_parsing", {}, "is neither true nor false. Use one of them."),
        ("dict_type", {}, "is not a mapping. Write `key: value` lines."),
        ("greater_than_equal", {"ge": 3}, "is too small. Use 3 or more."),
        ("int_from_float", {}, "is not a whole number. Use one, without quotes."),
        ("int_parsing", {}, "is not a whole number. Use one, without quotes."),
        ("int_parsing_size", {}, "is not a whole number of a size that anything has. Use one, without quotes."),
        ("int_type", {}, "is not a whole number. Use one, without quotes."),
        ("less_than_equal", {"le": 3}, "is too large. Use 3 or less."),
        ("literal_error", {"expected": "'a' or 'b'"}, "is not allowed. Use one of 'a' or 'b'."),
        ("model_type", {}, "is not a mapping. Write `key: value` lines."),
        ("string_type", {}, "is not text. Put it in quotes."),
        ("tuple_type", {}, "is not a list. Write one, even for a single value."),
        ("value_error", {"error": "is odd. Change it."}, "is odd. Change it."),
        ("unheard_of", {}, "is not valid: Odd. Change it."),
    ],
)
def test_every_kind_of_problem_is_told_with_the_way_out(kind: str, context: dict[str, Any], what: str) -> None:
    assert told(kind, "parts", 0, "name", **context) == f"parts[0].name: 1 {what}"


def test_missing_and_unknown_settings_are_told_by_their_names() -> None:
    assert told("missing", "window") == "window: is required. Add it."
    assert told("extra_forbidden", "windw") == (
        "windw: there is no such setting. Did you mean window? Change its name, or remove it."
    )
    assert told("extra_forbidden", "parts", 0, "x") == (
        "parts[0].x: there is no such setting. Allowed: name. Change its name, or remove it."
    )
    assert "Allowed: name." in told("extra_forbidden", "part", "x")
    assert told("extra_forbidden", "window", "x") == (
        "window.x: there is no such setting. Allowed: parts, window. Change its name, or remove it."
    )
    for key in ("gcp:region", "kubernetes:context"):
        assert told("extra_forbidden", key) == (
            f"{key}: has no effect, as the program configures its providers itself. Remove it, and use an environment "
            "variable of the provider if you need it, like GOOGLE_IMPERSONATE_SERVICE_ACCOUNT."
        )


def test_nothing_of_an_encrypted_value_is_shown() -> None:
    assert told("int_type", "window", "start", value="a", secrets=("window",)).startswith("window.start: [secret] is ")
    assert told("value_error", "parts", 0, value="a", secrets=("parts",), error="a is odd") == (
        "parts[0]: [secret] is not right, and what is wrong with it cannot be told without it. Set it without "
        "`--secret` to see."
    )


def test_flags_that_may_hold_a_secret_are_not_shown() -> None:
    for value in ("--api-key=abc", ["--seed=1", "--hf-token", "abc"]):
        assert told("tuple_type", "parts", value=value).startswith("parts: [secret] is ")
