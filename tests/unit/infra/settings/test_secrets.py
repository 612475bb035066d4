"""Secrets: where a stack file may hold one, and that no message shows it."""

import pytest

from infra.settings.configuration import SettingsError
from infra.settings.load import parse
from tests.support.stack_settings import Values, problems, stack

TOKEN = "hf_do-not-show-me"  # noqa: S105 - made up


def test_token_in_plain_text_is_refused() -> None:
    assert problems(stack({"huggingFaceToken": TOKEN})) == [
        "huggingFaceToken: is stored in plain text. Run `pulumi config set --secret huggingFaceToken`, and revoke the "
        "token if the file was shared."
    ]


def test_encrypted_token_is_accepted() -> None:
    accepted = parse(stack({"huggingFaceToken": TOKEN}), secrets={"huggingFaceToken"})

    assert accepted.hugging_face_token.get_secret_value() == TOKEN


def test_settings_do_not_show_the_token() -> None:
    accepted = parse(stack({"huggingFaceToken": TOKEN}), secrets={"huggingFaceToken"})

    assert TOKEN not in f"{accepted!r} {accepted}"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"huggingFaceToken": TOKEN}, id="plain text"),
        pytest.param({"huggingFaceToken": TOKEN, "tpuSlice": "v5e"}, id="beside another problem"),
        pytest.param({"huggingFaceToken": [TOKEN]}, id="wrong type"),
        pytest.param({"hugingFaceToken": TOKEN}, id="misspelt key"),
        pytest.param({"models[0].huggingFaceToken": TOKEN}, id="in the wrong place"),
        pytest.param({"models[0].extraArgs": [f"--api-key={TOKEN}"]}, id="API key as a flag"),
        pytest.param({"models[0].extraArgs": ["--api_key", TOKEN]}, id="API key after a flag"),
    ],
)
def test_message_never_shows_a_secret(changes: Values) -> None:
    assert TOKEN not in "\n".join(problems(stack(changes)))


@pytest.mark.parametrize(
    ("changes", "hidden"),
    [
        ({"models[0].extraArgs": ["--api-key", "-Sup3rSecret9"]}, "Sup3rSecret9"),
        ({"models[0].extraArgs": ["--hf-token", "x", "RealTok9"]}, "RealTok9"),
        ({"models[0].extraArgs": ["--api-keys", "aaa", "Hunter2Pw"]}, "Hunter2Pw"),
        ({"models[0].extraArgs": ['--kv-transfer-config={"password":"Zz9Secret"}', "stray"]}, "Zz9Secret"),
        ({"models[0].extraArgs": ["--header", "Authorization: Bearer abc123SECRET"]}, "abc123SECRET"),
        ({"labels": {"api_token": "Hunter2SECRET"}}, "Hunter2SECRET"),
        ({"huggingFaceToken": ["looks-like-none"]}, "looks-like-none"),
        ({"chartMirror": "user:s3cretpw@ghcr.io/charts"}, "s3cretpw"),
        ({"models[0].uri": "user:s3cretpw@huggingface.co/x/y"}, "s3cretpw"),
    ],
    ids=lambda value: None if isinstance(value, dict) else value,
)
def test_secret_in_plain_text_is_refused_and_not_shown(changes: Values, hidden: str) -> None:
    told = problems(stack(changes))
    assert told
    assert hidden not in "".join(told)


def test_api_key_is_refused_as_a_flag() -> None:
    (line,) = problems(stack({"models[0].extraArgs": ["--api-key=x"]}))

    assert line.endswith(
        "contains --api-key. Remove it: everyone who can read the Pod can read a flag, so it is no place for a secret."
    )


def test_other_encrypted_settings_are_refused_by_name_and_not_shown() -> None:
    with pytest.raises(SettingsError) as refused:
        parse(stack({"models[0].dtype": "hidden"}), secrets={"models"})

    assert "models: is encrypted, but only huggingFaceToken stays so" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_what_is_wrong_with_an_encrypted_value_does_not_show_it() -> None:
    with pytest.raises(SettingsError) as refused:
        parse(stack({"models[0].extraArgs": ["--seed=hidden"]}), secrets={"models"})

    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize("odd", [" ", "\n", "\u00e9", "\x7f"])
def test_token_with_what_no_token_has_is_refused(odd: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(stack({"huggingFaceToken": TOKEN + odd}), secrets={"huggingFaceToken"})

    assert str(refused.value).splitlines()[1:] == [
        "  huggingFaceToken: has a space, a line break or another character that no token has. Set it again, as one "
        "word: `pulumi config set --secret huggingFaceToken`."
    ]


def test_token_may_have_every_visible_character_of_ascii() -> None:
    assert parse(stack({"huggingFaceToken": "!~"}), secrets={"huggingFaceToken"}).hugging_face_token


def test_encrypted_settings_are_told_in_the_order_of_their_names() -> None:
    with pytest.raises(SettingsError) as refused:
        parse(stack(), secrets={"protect", "labels", "huggingFaceToken", "gcp:project"})

    rest = "the rest is plain text in the cluster. Set it without `--secret`, and keep secrets out of it."
    assert str(refused.value).splitlines()[1:] == [
        f"  {key}: is encrypted, but only huggingFaceToken stays so: {rest}" for key in ("labels", "protect")
    ]
