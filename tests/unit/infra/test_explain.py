"""What of a value is shown: as much as is worth it, and nothing secret."""

from typing import Any

import pytest

from infra.settings.explain import LONGEST, masked, shown

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
        (float("nan"), "NaN"),
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
