"""Who may ask: the settings of keys, and that production is not open by accident."""

from typing import Any

import pytest

from infra.settings.access import key_id
from infra.settings.configuration import SettingsError
from infra.settings.load import parse
from tests.support.project import protected
from tests.support.stack_settings import Values, accepted, problems, refused, stack

PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"  # RFC 8037, appendix A.2
PRODUCTION = {key: value for key, value in protected().items() if key != "publicWithoutAuthentication"}
KEY = {"publicKey": PUBLIC, "id": key_id(PUBLIC)}
TOKEN: dict[str, Any] = {
    **{"id": "0123456789abcdef", "name": "ann", "key": KEY["id"]},
    "expires": "2027-01-01T00:00:00Z",
}
GOOGLE: dict[str, Any] = {
    "issuer": "https://accounts.google.com",
    "audiences": ["https://llm.example.com"],
    "jwksUri": "https://www.googleapis.com/oauth2/v3/certs",
}
KEY_BACK = "Put the entry back as `python -m ops keys` wrote it, or run `python -m ops keys rotate --compromised`."
NO_ISSUER = (
    "is no issuer. Write what its tokens have as `iss`, like https://accounts.google.com: at most 255 visible "
    "characters, and no asterisk."
)
NOBODY = (
    "names nobody. Write what tokens for this endpoint have as `aud`: without it, one that was made for another "
    "service would be good here."
)
NO_ADDRESS = (
    "is no address that begins with https://. Write where the issuer publishes its keys, like "
    "https://www.googleapis.com/oauth2/v3/certs."
)
NO_NAME = (
    "is no name of a token: at most 63 lower-case letters, digits, dots, hyphens, underscores and @, a letter or digit "
    "first. Choose another."
)


def issuers(**changes: Any) -> Values:
    return {"auth": "tokens", "tokenIssuers": [{**GOOGLE, **changes}]}


def tokens(**changes: Any) -> Values:
    return {"tokens": [{**TOKEN, **changes}]}


BAD: dict[str, tuple[Values, str]] = {
    "another way": ({"auth": "basic"}, "auth: \"basic\" is not allowed. Use one of 'none' or 'tokens'."),
    "issuer with an asterisk": (issuers(issuer="https://*"), f'tokenIssuers[0].issuer: "https://*" {NO_ISSUER}'),
    "issuer with a space": (issuers(issuer="a b"), f'tokenIssuers[0].issuer: "a b" {NO_ISSUER}'),
    "no issuer": (issuers(issuer=""), f'tokenIssuers[0].issuer: "" {NO_ISSUER}'),
    "issuer too long": (issuers(issuer="i" * 256), f'tokenIssuers[0].issuer: "{"i" * 256}" {NO_ISSUER}'),
    "a stack's own issuer": (
        issuers(issuer="gke-tpu-inference/p/dev"),
        'tokenIssuers[0].issuer: "gke-tpu-inference/p/dev" is a stack\'s own issuer. Remove it here: its tokens come '
        "from `python -m ops keys create`.",
    ),
    "no audience": (issuers(audiences=[]), f"tokenIssuers[0].audiences: [] {NOBODY}"),
    "empty audience": (issuers(audiences=["a", ""]), f'tokenIssuers[0].audiences: ["a", ""] {NOBODY}'),
    "audience too long": (issuers(audiences=["a" * 256]), f'tokenIssuers[0].audiences: ["{"a" * 256}"] {NOBODY}'),
    "keys over plain HTTP": (issuers(jwksUri="http://a/b"), f'tokenIssuers[0].jwksUri: "http://a/b" {NO_ADDRESS}'),
    "keys of no host": (issuers(jwksUri="https:///b"), f'tokenIssuers[0].jwksUri: "https:///b" {NO_ADDRESS}'),
    "keys at port 0": (issuers(jwksUri="https://a:0/b"), f'tokenIssuers[0].jwksUri: "https://a:0/b" {NO_ADDRESS}'),
    "keys at a port that is none": (
        issuers(jwksUri="https://a:x/b"),
        f'tokenIssuers[0].jwksUri: "https://a:x/b" {NO_ADDRESS}',
    ),
    "keys with a space": (issuers(jwksUri="https://a/ b"), f'tokenIssuers[0].jwksUri: "https://a/ b" {NO_ADDRESS}'),
    "field of no issuer": (
        issuers(jwksUrl="https://a/b"),
        "tokenIssuers[0].jwksUrl: there is no such setting. Did you mean jwksUri? Change its name, or remove it.",
    ),
    "token's id": (
        tokens(id="0123456789ABCDEF"),
        'tokens[0].id: "0123456789ABCDEF" is no token\'s id, which is 16 of 0-9 and a-f. `python -m ops keys list` '
        "shows them.",
    ),
    "token's name in capitals": (tokens(name="Ann"), f'tokens[0].name: "Ann" {NO_NAME}'),
    "token's name too long": (tokens(name="a" * 64), f'tokens[0].name: "{"a" * 64}" {NO_NAME}'),
    "token's end without a zone": (
        tokens(expires="2027-01-01T00:00:00"),
        "tokens[0].expires: \"2027-01-01T00:00:00\" is not a time in UTC. Write it like '2026-01-03T04:00:00Z'.",
    ),
    "token's end on no day": (
        tokens(expires="2027-02-30T00:00:00Z"),
        "tokens[0].expires: \"2027-02-30T00:00:00Z\" is not a time in UTC. Write it like '2026-01-03T04:00:00Z'.",
    ),
    "token that may be revoked": (
        tokens(revoked="maybe"),
        'tokens[0].revoked: "maybe" is neither true nor false. Use one of them.',
    ),
    "production that is open": (
        {**PRODUCTION, "tls": "self-signed"},
        "auth: none leaves a stack with `protect: true` open to everyone. Run `pulumi config set auth tokens` "
        "(docs/security.md), or, if that is meant, `pulumi config set publicWithoutAuthentication true`.",
    ),
    "production that is open, as the engine says it": (
        {**PRODUCTION, "protect": "true", "publicWithoutAuthentication": "false", "tls": "self-signed"},
        "auth: none leaves a stack with `protect: true` open to everyone. Run `pulumi config set auth tokens` "
        "(docs/security.md), or, if that is meant, `pulumi config set publicWithoutAuthentication true`.",
    ),
    "production in plain text": (
        {**PRODUCTION, "auth": "tokens"},
        "tls: none leaves a stack with `protect: true` open to everyone. Run `pulumi config set tls self-signed` "
        "(docs/security.md), or, if that is meant, `pulumi config set publicWithoutAuthentication true`.",
    ),
    "signing key in plain text": (
        {"tokenSigningKey": "do-not-show-me"},
        "tokenSigningKey: is stored in plain text, so everyone who has read it can make keys. Run `python -m ops keys "
        "rotate --compromised`, which ends all that it has signed.",
    ),
}

GOOD: dict[str, Values] = {
    "an issuer": issuers(),
    "issuer that ends in a slash": issuers(issuer="https://tenant.auth0.com/"),
    "longest issuer and audience": issuers(issuer="i" * 255, audiences=["a" * 255]),
    "keys at a port": issuers(jwksUri="https://a:8443/b"),
    "keys and tokens before they are asked for": {"tokenPublicKeys": [KEY], "tokens": [TOKEN]},
    "longest name": tokens(name="a" * 63),
    "address as a name": tokens(name="ann@example.com"),
    "revoked token for one model": tokens(revoked=True, models=["a/b"]),
    "production that asks": {**PRODUCTION, "auth": "tokens", "tls": "self-signed"},
    "production that is open on purpose": {**PRODUCTION, "protect": "true", "publicWithoutAuthentication": "true"},
    "production that is open on purpose, typed": {**PRODUCTION, "publicWithoutAuthentication": True},
    "no production": {"auth": "none", "protect": False},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


def test_issuer_that_nobody_is_asked_about_is_refused() -> None:
    assert problems(stack({"tokenIssuers": [GOOGLE]}))[0].endswith(
        "has no effect, as nobody is asked for a key while `auth` is none. Run `pulumi config set auth tokens`, or "
        "remove it."
    )


def test_issuer_is_named_once() -> None:
    [line] = problems(stack({"auth": "tokens", "tokenIssuers": [GOOGLE, {**GOOGLE, "audiences": ["x"]}]}))
    assert line.endswith("has the issuer https://accounts.google.com more than once. Remove all but one.")


@pytest.mark.parametrize(
    "bad",
    [
        {"publicKey": PUBLIC, "id": "0123456789ab"},
        {"publicKey": PUBLIC[:-1], "id": key_id(PUBLIC[:-1])},
        {"publicKey": PUBLIC + "A", "id": key_id(PUBLIC + "A")},
        {"publicKey": PUBLIC[:-1] + "*", "id": key_id(PUBLIC[:-1] + "*")},
        {"publicKey": PUBLIC[:-1] + "é", "id": key_id(PUBLIC[:-1] + "é")},
    ],
    ids=["another id", "short", "long", "other characters", "other letters"],
)
def test_public_key_that_was_changed_is_refused(bad: Values) -> None:
    [line] = problems(stack({"tokenPublicKeys": [KEY, bad]}))
    assert line.endswith(f"has a key {bad['id']}, which is not the id of its `publicKey`, or that is none. {KEY_BACK}")


def test_keys_and_tokens_stand_once() -> None:
    first, second = problems(stack({"tokenPublicKeys": [KEY, KEY], "tokens": [TOKEN, {**TOKEN, "name": "ben"}]}))
    assert first.endswith(f"has the key {KEY['id']} more than once. Remove all but one.")
    assert second.endswith("has the token 0123456789abcdef more than once. Remove all but one.")


def test_more_tokens_than_the_engine_can_pass_are_refused() -> None:
    most = [{**TOKEN, "id": f"{i:016x}"} for i in range(301)]
    assert problems(stack({"tokens": most}))[0].endswith(
        "has 301 tokens, and 300 are the most. Let many clients use an issuer of their own (`tokenIssuers`)."
    )
    parse(stack({"tokens": most[:300]}))


def test_signing_key_is_thrown_away_unread() -> None:
    read = parse(stack({"tokenSigningKey": "do-not-show-me"}), secrets={"tokenSigningKey"})
    assert "do-not-show-me" not in repr(read)
    with pytest.raises(SettingsError) as refused:
        parse(stack({"tokenSigningKey": "do-not-show-me", "tpuSlice": "x"}), secrets={"tokenSigningKey"})
    assert "do-not-show-me" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("changes", "locked"),
    [
        ({"auth": "tokens"}, True),
        ({"auth": "tokens", "tokenPublicKeys": [KEY]}, False),
        (issuers(), False),
        ({}, False),
    ],
    ids=["no key", "a key", "an issuer", "open"],
)
def test_stack_that_locks_everybody_out_warns(changes: Values, locked: bool) -> None:
    warning = (
        "auth: tokens, and no key counts yet, so nobody may ask. Run `python -m ops keys create --name NAME`, or name "
        "an issuer in `tokenIssuers`."
    )
    assert parse(stack(changes)).warnings == ([warning] if locked else [])


def test_public_key_is_the_web_key_of_the_standard() -> None:
    [key] = parse(stack({"tokenPublicKeys": [KEY]})).token_public_keys
    assert key.jwk == {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": KEY["id"], "x": PUBLIC}
