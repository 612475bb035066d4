"""Tokens of somebody else as keys, and requests counted by who asks: by the real Envoy and what istiod has fetched."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support import token_issuer
from tests.support.keyed_endpoint import (
    COMPLETION,
    FOREIGN,
    ISSUER,
    NAME,
    TWO_MODELS,
    Endpoint,
    bearer,
    tampered,
)
from tests.support.ops_keys import keys
from tests.support.token_issuer import TokenIssuer

STACK = TWO_MODELS
A_MINUTE = 10


@pytest.fixture(scope="module")
def issuer(plane: ControlPlane) -> Iterator[TokenIssuer]:
    """Somebody else who issues tokens, on the internet."""
    with token_issuer.serve(plane.internet) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Keys that `ops keys` has made, by the name of their holder."""
    return {}


@pytest.fixture(scope="module")
def endpoint(deployed: SandboxStack, plane: ControlPlane, made: dict[str, str], issuer: TokenIssuer) -> Endpoint:
    """Two models behind keys of two issuers."""
    deployed.set_config("tokenIssuers", [token_issuer.SETTING])
    for name in ("ann", "ben"):
        made[name] = keys(deployed, "create", f"--name={name}").stdout.strip()
    deployed.up()
    found = Endpoint(deployed, plane)
    for token in (made["ann"], issuer.token("ann")):
        wait_until(lambda token=token: status(found, token) == 200, "a key counts", 60)
    return found


def status(endpoint: Endpoint, token: str) -> int:
    return endpoint.ask(f"/{NAME}/v1/models", bearer(token)).status


@pytest.mark.parametrize(("path", "body"), [("models", None), ("completions", COMPLETION)])
def test_token_of_another_issuer_is_a_key(endpoint: Endpoint, issuer: TokenIssuer, path: str, body: Any) -> None:
    assert issuer.asked  # istiod, by HTTPS
    answer = endpoint.ask(f"/{NAME}/v1/{path}", bearer(issuer.token("ann")), body)
    assert (answer.status, answer.code) == (200, "")


def test_what_another_issuer_has_not_issued_for_us_is_401(endpoint: Endpoint, issuer: TokenIssuer) -> None:
    before = issuer.token("ann")
    stranger = TokenIssuer().token("ann")  # another key of the same name
    for token in (stranger, issuer.token("ann", aud="somebody-else"), issuer.token("ann", exp=1), tampered(before)):
        answer = endpoint.ask(f"/{NAME}/v1/models", bearer(token))
        assert (answer.status, answer.code) == (401, "invalid_api_key")
    ours = issuer.token("ann", iss=ISSUER, aud=ISSUER)
    assert endpoint.ask(f"/{NAME}/v1/models", bearer(ours)).status == 401


def test_claim_for_one_model_holds_for_another_issuer_too(endpoint: Endpoint, issuer: TokenIssuer) -> None:
    token = issuer.token("ann", models=[NAME])
    answer = endpoint.ask(f"/{FOREIGN}/v1/completions", bearer(token), COMPLETION)
    assert (answer.status, answer.code) == (403, "model_not_allowed")


def test_requests_of_a_minute_are_counted_for_each_subject_of_each_issuer(
    endpoint: Endpoint, issuer: TokenIssuer, made: dict[str, str]
) -> None:
    """Last, as it limits them."""
    again = keys(endpoint.stack, "create", "--name=ben", "--days=1").stdout.strip()
    endpoint.stack.set_config("requestsPerMinute", A_MINUTE)
    assert set(endpoint.stack.up().summary.resource_changes or {}) == {"same", "update"}
    stranger = endpoint.token(name="a-test-of-the-limit")
    wait_until(lambda: status(endpoint, stranger) == 429, "the limit is in force", 60, pause=0)
    answers = [status(endpoint, made["ben"]) for _ in range(A_MINUTE + 1)]
    assert answers[:A_MINUTE] == [200] * A_MINUTE
    wait_until(lambda: status(endpoint, made["ben"]) == 429, "ben has used his minute up", 30, pause=0)
    refused = endpoint.ask(f"/{NAME}/v1/models", bearer(again))  # another key of his
    assert (refused.status, refused.code) == (429, "rate_limit_exceeded")
    assert refused.headers["retry-after"] == str(60 // A_MINUTE)
    assert status(endpoint, made["ann"]) == 200  # another subject
    assert status(endpoint, issuer.token("ben")) == 200  # another issuer's
    assert {endpoint.ask(f"/{NAME}/health", []).status for _ in range(2 * A_MINUTE)} == {200}
