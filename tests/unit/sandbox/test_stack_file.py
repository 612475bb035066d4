"""The sandbox changes a stack file's text where it has to, and nowhere else."""

from typing import Any

import pytest
import yaml

from sandbox.engine import stack_file
from sandbox.engine.stack_file import REMOVED, UnreadableError, with_config

KEY = "p:key"


def config(text: str) -> Any:
    return yaml.safe_load(text)["config"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("# a comment\n", id="a comment"),
        pytest.param("config:\n", id="no settings"),
        pytest.param("config: {}\n", id="an empty mapping"),
        pytest.param("config: {p:other: 1}\n", id="a mapping in braces"),
        pytest.param("secretsprovider: x\n", id="no config"),
        pytest.param("---\nconfig:\n  p:other: 1\n", id="a document's start"),
        pytest.param("config:\n    p:other: [1]\nlast: x", id="another indentation"),
        pytest.param("config:\n  p:key:\n    - a\n    - b\n\n  # said of the other\n  p:other: 1\n", id="a list"),
        pytest.param("config:\n  p:key: old\n", id="text"),
        pytest.param("config:\n  p:key:\n", id="no value"),
        pytest.param('config:\n  p:other: 1\n  "p:key": |\n    long\n    text\n', id="a block of text, last"),
    ],
)
@pytest.mark.parametrize("value", ["new", {"a": ["b", 1.5, None]}])
def test_value_is_set_whatever_the_file_looks_like(text: str, value: Any) -> None:
    others = {k: v for k, v in ((yaml.safe_load(text) or {}).get("config") or {}).items() if k != KEY}

    assert config(with_config(text, {KEY: value})) == {**others, KEY: value}


def test_the_rest_stays_as_it_is() -> None:
    text = "# first\nconfig:\n  p:a: yes  # as the engine reads it\n  p:key: old\n  p:b: !Tag 0o17\n  p:b: 2\n"

    assert with_config(text, {KEY: "new"}) == text.replace("old", '"new"')


def test_value_is_removed_with_all_that_is_in_it() -> None:
    assert config(with_config("config:\n  p:key:\n    - a\n  p:other: 1\n", {KEY: REMOVED})) == {"p:other": 1}


def test_default_gives_way_to_the_files_own() -> None:
    assert config(with_config("config:\n  p:key: own\n", {}, defaults={KEY: "default", "p:b": "c"})) == {
        KEY: "own",
        "p:b": "c",
    }


def test_secrets_become_placeholders_and_their_paths_are_the_engines() -> None:
    text = "encryptionsalt: v1:x\nconfig:\n  p:a:\n    secure: v1:y\n  p:b:\n    - c:\n        secure: v1:z\n"

    assert stack_file.secure_paths(text) == ["p:a", 'p:b[0]["c"]']
    assert yaml.safe_load(stack_file.without_secrets(text, "hidden")) == {
        "config": {"p:a": "hidden", "p:b": [{"c": "hidden"}]}
    }


def test_engines_own_lines_pass_to_the_next_copy() -> None:
    lines = stack_file.secrets_state("config:\n  p:a: b\nencryptionsalt: v1:x\n")

    assert stack_file.with_secrets_state("# c\nconfig: {}\n", lines) == "# c\nencryptionsalt: v1:x\nconfig: {}\n"


@pytest.mark.parametrize(
    "text",
    [
        "config:\n\tp:a: 1\n",
        'config: "a',
        "- config\n",
        "config\n",
        "config:\n  - a\n",
        "<<<<<<< a\n=======\n",
        "a: *b\n",
    ],
)
def test_what_has_no_place_for_a_setting_is_left_to_the_engine(text: str) -> None:
    with pytest.raises(UnreadableError):
        with_config(text, {KEY: "new"})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{config: {}}", id="all in braces"),
        pytest.param("config:\n  p:key: &a old\n  p:b: *a\n", id="alias of a value"),
        pytest.param("base: &a {p:key: old}\nconfig: *a\n", id="alias of all settings"),
        pytest.param("base: &a\n  p:b: 1\nconfig:\n  <<: *a\n", id="alias of settings beside others"),
    ],
)
def test_file_in_which_an_edit_would_go_wrong_is_left_to_the_engine(text: str) -> None:
    with pytest.raises(UnreadableError):
        with_config(text, {KEY: "new"})
    with pytest.raises(UnreadableError):
        stack_file.without_secrets(text, "hidden")
    with pytest.raises(UnreadableError):
        stack_file.with_secrets_state(text, "encryptionsalt: v1:x\n")


def test_recursive_aliases_end() -> None:
    assert stack_file.secure_paths("config:\n  p:a: &a\n    b: *a\n") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("config:\n", set()),
        ("config: [p:key]\n", set()),
        ("config:\n  p:key: mine\n  p:other: x\n", {"mine"}),
        ('config:\n  p:key: "mine"\n  p:second: yours\n', {"mine", "yours"}),
        ('config:\n  p:key: ""\n  p:second:\n', set()),
        ("config:\n  p:key: [a]\n  p:second: {b: c}\n", set()),
    ],
)
def test_texts_under_some_keys_are_found(text: str, expected: set[str]) -> None:
    assert stack_file.texts(text, [KEY, "p:second"]) == expected


def test_buckets_that_a_file_names_are_found_wherever_they_stand() -> None:
    text = "config:\n  p:models: [{uri: 'gs://my-models/a/b'}, {uri: gs://other.models_2}, {uri: hf://a/b}]\n"
    assert stack_file.buckets(text) == {"gs://my-models", "gs://other.models_2"}
