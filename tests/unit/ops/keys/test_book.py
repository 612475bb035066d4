"""The keys of a stack, on a configuration in memory: what is written, what goes, and what the tokens say."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from infra.settings.access import SIGNING_KEY
from infra.settings.load import parse
from ops.keys.book import Book, KeysError
from ops.keys.signing import Signer, new_key
from tests.support.stack_settings import stack

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ISSUER = "gke-tpu-inference/my-project/prod"


class Store:
    """A stack's configuration in memory; it counts what is decrypted. It refuses nothing."""

    def __init__(self, name: str = "prod") -> None:
        self.stack = name
        self.config: dict[str, Any] = {**stack(), "auth": "tokens"}
        self.decrypted = 0
        self._secrets: dict[str, str] = {}

    def values(self) -> dict[str, Any]:
        return {**self.config, **dict.fromkeys(self._secrets)}

    def secret(self, key: str) -> str:
        self.decrypted += 1
        return self._secrets[key]

    def set_secret(self, key: str, value: str) -> None:
        self._secrets[key] = value

    def set(self, values: dict[str, list[Any]]) -> None:
        self.config |= values


def names(store: Store) -> list[str]:
    return [token["name"] for token in store.config["tokens"]]


def keys(store: Store) -> list[str]:
    return [key["id"] for key in store.config["tokenPublicKeys"]]


def book(store: Store, days: float = 0) -> Book:
    """The book some days later."""
    return Book(store, NOW + timedelta(days=days))


def claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


@pytest.fixture
def store() -> Store:
    return Store()


def test_token_is_for_this_stack_and_ends(store: Store) -> None:
    made = book(store).create("ann", [], 90)
    got = claims(made.token)
    assert got == {
        **{"iss": ISSUER, "aud": ISSUER, "sub": "ann", "jti": made.record.id},
        **{"iat": NOW.timestamp(), "nbf": NOW.timestamp(), "exp": (NOW + timedelta(days=90)).timestamp()},
    }
    assert made.record.expires == "2027-03-01T00:00:00Z"
    assert jwt.get_unverified_header(made.token) == {"alg": "EdDSA", "typ": "JWT", "kid": keys(store)[0]}


def test_stack_of_an_organisation_is_the_same_stack() -> None:
    assert claims(book(Store("org/project/prod")).create("ann", [], 1).token)["iss"] == ISSUER


def test_models_are_a_claim_and_in_the_record(store: Store) -> None:
    model = "llm-d-inference-scheduling/qwen2-3b-pattern1"
    made = book(store).create("ann", [model], 90)
    assert claims(made.token)["models"] == [model]
    assert store.config["tokens"][0]["models"] == [model]


def test_model_that_the_stack_has_not_is_refused_before_anything_is_written(store: Store) -> None:
    with pytest.raises(KeysError, match=r"a/b is no model of this stack\. It has: llm-d-inference-scheduling/qwen2"):
        book(store).create("ann", ["a/b"], 90)
    assert "tokenPublicKeys" not in store.config or store.config["tokenPublicKeys"] == []
    assert SIGNING_KEY not in store.values()


def test_what_is_written_the_program_takes(store: Store) -> None:
    book(store).create("ann", [], 90)
    book(store).create("ben", ["llm-d-inference-scheduling/qwen2-3b-pattern1"], 1)
    book(store).revoke("ann")
    read = parse(store.config)
    assert [(token.name, token.revoked) for token in read.tokens] == [("ann", True), ("ben", False)]
    assert [key.id for key in read.token_public_keys] == keys(store)


def test_first_key_needs_an_update_and_the_next_does_not(store: Store) -> None:
    assert [book(store).create(name, [], 1).update for name in ("ann", "ben")] == [True, False]
    assert len(keys(store)) == 1


def test_run_that_was_interrupted_after_its_secret_goes_on(store: Store) -> None:
    made = new_key()
    store.set_secret(SIGNING_KEY, made)
    assert book(store).create("ann", [], 1).update
    assert keys(store) == [Signer(made).public.id]


def test_ended_tokens_go_with_the_next_change_and_revoked_ones_stay_until_then(store: Store) -> None:
    book(store).create("ann", [], 1)
    book(store).create("ben", [], 3)
    book(store).revoke("ben")
    book(store, days=1).create("cat", [], 1)
    assert names(store) == ["ben", "cat"]
    book(store, days=3).create("dan", [], 1)
    assert names(store) == ["dan"]


def test_old_public_key_stays_until_its_last_token_ends(store: Store) -> None:
    book(store).create("ann", [], 2)
    [old] = keys(store)
    new = book(store).rotate(compromised=False).id
    assert keys(store) == [old, new]
    assert claims(book(store, days=1).create("ben", [], 9).token)
    assert keys(store) == [old, new]
    book(store, days=2).create("cat", [], 9)
    assert keys(store) == [new]
    assert {token["key"] for token in store.config["tokens"]} == {new}


def test_compromised_key_goes_at_once_with_all_that_it_signed(store: Store) -> None:
    book(store).create("ann", [], 90)
    new = book(store).rotate(compromised=True).id
    assert (keys(store), names(store)) == ([new], [])


def test_revoking_and_listing_decrypt_nothing(store: Store) -> None:
    book(store).create("ann", [], 90)
    before = store.decrypted
    assert book(store).revoke("ann").revoked
    assert [book(store).state(token) for token in book(store).tokens] == ["revoked"]
    assert store.decrypted == before


def test_token_is_revoked_by_id_or_by_a_name_that_is_its_own(store: Store) -> None:
    ids = [book(store).create("ann", [], 90).record.id for _ in range(2)]
    with pytest.raises(KeysError, match=f"ann is the name of several. Give an id: {ids[0]}, {ids[1]}"):
        book(store).revoke("ann")
    assert book(store).revoke(ids[0]).id == ids[0]
    assert book(store).revoke("ann").id == ids[1]
    with pytest.raises(KeysError, match="no token of the id or name ann is left to revoke"):
        book(store).revoke("ann")


def test_ended_token_is_not_revoked(store: Store) -> None:
    book(store).create("ann", [], 1)
    with pytest.raises(KeysError, match="is left to revoke"):
        book(store, days=1).revoke("ann")


def test_state_of_a_token_is_told(store: Store) -> None:
    book(store).create("ann", [], 1)
    [token] = book(store).tokens
    assert (book(store).state(token), book(store, days=1).state(token)) == ("valid", "ended")
    store.config["tokenPublicKeys"] = []
    assert book(store).state(token) == "key is gone"


def test_short_key_has_no_record(store: Store) -> None:
    book(store).create("ann", [], 90)
    before = {**store.config}
    got = claims(book(store).short("ci", 15))
    assert (got["sub"], got["exp"] - got["iat"]) == ("ci", 900)
    assert store.config == before


def test_short_key_that_no_proxy_would_take_is_refused(store: Store) -> None:
    with pytest.raises(KeysError, match="no signing key of which it knows the public key"):
        book(store).short("ci", 15)
    book(store).create("ann", [], 90)
    store.set_secret(SIGNING_KEY, new_key())
    with pytest.raises(KeysError, match="no signing key of which it knows the public key"):
        book(store).short("ci", 15)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gcp:project": None}, "gcp:project is not set"),
        ({"tokens": [{"id": "x"}]}, "is not what `ops keys` writes, and is no token's id"),
    ],
    ids=["no project", "changed record"],
)
def test_configuration_that_makes_no_sense_is_told(store: Store, change: dict[str, Any], words: str) -> None:
    store.config |= change
    with pytest.raises(KeysError, match=words):
        book(store).create("ann", [], 90)


def test_signing_key_that_is_none_is_told_without_showing_it(store: Store) -> None:
    store.set_secret(SIGNING_KEY, "canary")
    with pytest.raises(KeysError, match=r"is no signing key\. Run `python -m ops keys rotate --compromised`") as told:
        book(store).create("ann", [], 90)
    assert "canary" not in str(told.value)
