"""Keys at the real gateway: what is refused, with which status and words, and that it gets no further.

What gets further is counted: the bytes that Envoy sends to the pickers, and the lines that the models write for each
request.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.keys.signing import Signer, new_key
from ops.smoke import Smoke
from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.keyed_endpoint import (
    COMPLETION,
    FOREIGN,
    NAME,
    TWO_MODELS,
    Endpoint,
    Headers,
    bearer,
    signed_with_the_public_key,
    tampered,
    unsigned,
)
from tests.support.ops_keys import keys
from tests.support.smuggled_paths import smuggled

STACK = TWO_MODELS
CHAT: dict[str, Any] = {"model": "/mnt/models", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Keys that `ops keys` has made, by name."""
    return {}


@pytest.fixture(scope="module")
def endpoint(deployed: SandboxStack, plane: ControlPlane, made: dict[str, str]) -> Endpoint:
    """Two models behind keys; before the first key, everything but health was refused."""
    locked = Smoke(deployed.outputs()["models"][NAME]["baseUrl"], 20)
    assert locked.http(f"{locked.url}/health")[0] == 200
    assert locked.http(f"{locked.url}/v1/models")[0] == 401
    for name in ("whole", "revoked"):
        made[name] = keys(deployed, "create", f"--name={name}").stdout.strip()
    made["one"] = keys(deployed, "create", "--name=one", f"--model={NAME}").stdout.strip()
    keys(deployed, "revoke", "revoked")
    deployed.up()
    found = Endpoint(deployed, plane)
    wait_until(lambda: found.ask(f"/{NAME}/v1/models", bearer(made["whole"])).status == 200, "a key counts", 60)
    return found


@pytest.fixture
def reaches_nothing(endpoint: Endpoint) -> Iterator[None]:
    """What a test asks gets neither to a picker nor to a model.

    Envoy shows the picker the headers of every answer on its routes, so also of those that are the gateway's own.
    """
    before = endpoint.further()
    yield
    after = endpoint.further()
    assert after.model == before.model
    assert after.sent - before.sent <= 1500 * (after.streams - before.streams)


NOW = datetime.now(UTC)
WRONG: dict[str, tuple[Callable[[Endpoint], str], str]] = {
    "no token": (lambda _: "abc", "invalid_api_key"),
    "three dots": (lambda _: "a.b.c", "invalid_api_key"),
    "tampered": (lambda e: tampered(e.token()), "invalid_api_key"),
    "alg none": (lambda e: unsigned(e.token()), "invalid_api_key"),
    "HS256 with the public key": (signed_with_the_public_key, "invalid_api_key"),
    "another signing key": (lambda e: e.token(signer=Signer(new_key())), "invalid_api_key"),
    "expired": (lambda e: e.token(begins=NOW - timedelta(days=2), lasts=timedelta(days=1)), "invalid_api_key"),
    "not yet valid": (lambda e: e.token(begins=NOW + timedelta(hours=1)), "invalid_api_key"),
    "another issuer": (lambda e: e.token(issuer="https://accounts.google.com"), "invalid_api_key"),
    "another stack": (lambda e: e.token(issuer="gke-tpu-inference/simulated-project/staging"), "invalid_api_key"),
    "another audience": (lambda e: e.token(aud="somebody-else"), "invalid_api_key"),
    "no audience": (lambda e: e.token(aud=[]), "invalid_api_key"),
    "no issuer": (lambda e: e.token(iss=""), "invalid_api_key"),
}
ENDPOINTS = {"/v1/completions": COMPLETION, "/v1/chat/completions": CHAT, "/v1/models": None}


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.usefixtures("reaches_nothing")
def test_key_that_is_none_is_401(endpoint: Endpoint, kind: str, path: str) -> None:
    make, code = WRONG[kind]
    answer = endpoint.ask(f"/{NAME}{path}", bearer(make(endpoint)), ENDPOINTS[path])
    assert (answer.status, answer.code) == (401, code)
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.usefixtures("reaches_nothing")
def test_revoked_key_is_401_and_says_so(endpoint: Endpoint, made: dict[str, str], path: str) -> None:
    answer = endpoint.ask(f"/{NAME}{path}", bearer(made["revoked"]), ENDPOINTS[path])
    assert (answer.status, answer.code) == (401, "revoked_api_key")


PLACES: dict[str, Callable[[str], Headers]] = {
    "nowhere": lambda _: [],
    "without a scheme": lambda key: [("Authorization", key)],
    "scheme in lower case": lambda key: [("Authorization", f"bearer {key}")],
    "scheme in capitals": lambda key: [("Authorization", f"BEARER {key}")],
    "another scheme": lambda key: [("Authorization", f"Token {key}")],
    "scheme without a space": lambda key: [("Authorization", f"Bearer{key}")],
    "another header": lambda key: [("X-Api-Key", key)],
    "OpenAI's header at Azure": lambda key: [("api-key", key)],
    "header for proxies": lambda key: [("Proxy-Authorization", f"Bearer {key}")],
    "cookie": lambda key: [("Cookie", f"Authorization=Bearer {key}")],
    "empty": lambda _: [("Authorization", "")],
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.usefixtures("reaches_nothing")
def test_key_in_another_place_is_no_key(endpoint: Endpoint, made: dict[str, str], path: str, place: str) -> None:
    answer = endpoint.ask(f"/{NAME}{path}", PLACES[place](made["whole"]), ENDPOINTS[path])
    assert (answer.status, answer.code) == (401, "missing_api_key")
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.usefixtures("reaches_nothing")
def test_key_in_the_url_is_no_key(endpoint: Endpoint, made: dict[str, str]) -> None:
    answer = endpoint.ask(f"/{NAME}/v1/models?access_token={made['whole']}", [])
    assert (answer.status, answer.code) == (401, "missing_api_key")


@pytest.mark.usefixtures("reaches_nothing")
def test_two_keys_are_none(endpoint: Endpoint, made: dict[str, str]) -> None:
    for first, second in (("whole", "whole"), ("whole", "revoked"), ("revoked", "whole")):
        answer = endpoint.ask(f"/{NAME}/v1/models", bearer(made[first]) + bearer(made[second]))
        assert answer.status == 401


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.usefixtures("reaches_nothing")
def test_key_for_another_model_is_403(endpoint: Endpoint, made: dict[str, str], path: str) -> None:
    answer = endpoint.ask(f"/{FOREIGN}{path}", bearer(made["one"]), ENDPOINTS[path])
    assert (answer.status, answer.code) == (403, "model_not_allowed")
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'


def test_check_is_made_before_the_picker_reads_the_body(endpoint: Endpoint, made: dict[str, str]) -> None:
    """The picker refuses this body with 400, so whoever gets that has passed the check."""
    asked = [
        endpoint.ask(f"/{NAME}/v1/completions", headers, {"model": "x"}) for headers in ([], bearer(made["whole"]))
    ]
    assert [answer.status for answer in asked] == [401, 400]


# What is open, and what a good key opens


@pytest.mark.parametrize("name", [NAME, FOREIGN])
def test_health_wants_no_key_but_takes_no_wrong_one(endpoint: Endpoint, name: str) -> None:
    assert endpoint.ask(f"/{name}/health", []).status == 200
    assert endpoint.ask(f"/{name}/health", bearer("abc")).status == 401
    assert endpoint.ask(f"/{name}/health", [], {}).status == 401


@pytest.mark.parametrize("path", ENDPOINTS)
def test_good_key_opens_what_it_is_for(endpoint: Endpoint, made: dict[str, str], path: str) -> None:
    for key, name in (("whole", NAME), ("whole", FOREIGN), ("one", NAME)):
        assert endpoint.ask(f"/{name}{path}", bearer(made[key]), ENDPOINTS[path]).status == 200


def test_what_gets_further_is_counted(endpoint: Endpoint, made: dict[str, str]) -> None:
    before = endpoint.further()
    endpoint.ask(f"/{NAME}/v1/completions", bearer(made["whole"]), {**COMPLETION, "prompt": "Hello " * 1000})
    after = endpoint.further()
    assert (after.streams, after.model) == (before.streams + 1, before.model + 1)
    assert after.sent - before.sent > 6000


def test_unpublished_paths_stay_unpublished_with_a_key(endpoint: Endpoint, made: dict[str, str]) -> None:
    for path in (f"/{NAME}/metrics", f"/{NAME}/health/x", "/", "/metrics"):
        assert endpoint.ask(path, bearer(made["whole"])).status == 404
        assert endpoint.ask(path, []).status == 401


@pytest.mark.parametrize("key", ["whole", "one"])
def test_endpoint_answers_as_the_guide_says_with_a_key(endpoint: Endpoint, made: dict[str, str], key: str) -> None:
    url = endpoint.stack.outputs()["models"][NAME]["baseUrl"]
    results = list(Smoke(url, 60).run(key=made[key], wanted=True))
    assert [result for result in results if result.problem] == []
    assert len(results) == 17


def test_client_raises_what_it_should(endpoint: Endpoint, made: dict[str, str]) -> None:
    def client(key: str, name: str) -> openai.OpenAI:
        url = f"http://{endpoint.address}/{name}/v1"
        return openai.OpenAI(base_url=url, api_key=key, timeout=60, max_retries=0)

    for key in ("wrong", made["revoked"]):
        with pytest.raises(openai.AuthenticationError) as unknown:
            client(key, NAME).completions.create(**COMPLETION)
        assert unknown.value.type == "invalid_request_error"
    with pytest.raises(openai.PermissionDeniedError) as foreign:
        client(made["one"], FOREIGN).chat.completions.create(**CHAT)
    assert foreign.value.code == "model_not_allowed"
    words = client(made["one"], NAME).chat.completions.create(**CHAT, stream=True)
    assert len([chunk for chunk in words if chunk.choices]) >= 4


# Generated


SCHEMES = st.sampled_from(["Bearer ", "bearer ", "BEARER ", "Basic ", "Token ", "", "Bearer", "JWT "])
FIELDS = st.sampled_from(
    ["Authorization", "authorization", "AUTHORIZATION", "X-Api-Key", "Proxy-Authorization", "X-Forwarded-Authorization"]
)
BODIES = st.sampled_from([None, COMPLETION, CHAT])
MANY = settings(
    max_examples=200,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.mark.usefixtures("reaches_nothing")
def test_two_hundred_requests_with_no_good_key_are_refused(endpoint: Endpoint, made: dict[str, str]) -> None:
    bad = {kind: make(endpoint) for kind, (make, _) in WRONG.items()} | {"revoked": made["revoked"]}
    texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
    cut = st.integers(1, len(made["whole"]) - 1).map(lambda at: made["whole"][:at] + "~" + made["whole"][at:])
    credentials = st.one_of(st.sampled_from(sorted(bad.values())), texts, cut)
    headers = st.lists(st.tuples(FIELDS, st.tuples(SCHEMES, credentials).map("".join)), max_size=2)

    @MANY
    @given(path=smuggled(NAME, ENDPOINTS, inside=FOREIGN), headers=headers, body=BODIES)
    def refused(path: str, headers: Headers, body: Any) -> None:
        answer = endpoint.ask(path, headers, body)
        assert answer.status == 401 or (answer.status == 400 and not answer.text), (answer, path)
        if answer.status == 401:
            assert answer.code in ("missing_api_key", "invalid_api_key", "revoked_api_key")

    refused()


@pytest.mark.usefixtures("reaches_nothing")
def test_two_hundred_requests_for_another_model_are_refused(endpoint: Endpoint, made: dict[str, str]) -> None:
    @MANY
    @given(path=smuggled(FOREIGN, ENDPOINTS, inside=NAME), body=BODIES)
    def refused(path: str, body: Any) -> None:
        answer = endpoint.ask(path, bearer(made["one"]), body)
        assert answer.status in (403, 404) or (answer.status == 400 and not answer.text), (answer, path)
        assert answer.code == ("model_not_allowed" if answer.status == 403 else "")

    refused()


# Changes


def test_revoked_and_rotated_keys_end_without_a_replacement(endpoint: Endpoint, made: dict[str, str]) -> None:
    """Last, as it changes the keys of the stack."""
    stack = endpoint.stack

    def status(key: str) -> int:
        return endpoint.ask(f"/{NAME}/v1/models", bearer(made[key])).status

    keys(stack, "revoke", "one")
    assert set(stack.up().summary.resource_changes or {}) == {"same", "update"}
    wait_until(lambda: status("one") == 401, "a revoked key is refused", 30)
    keys(stack, "rotate")
    made["new"] = keys(stack, "create", "--name=new").stdout.strip()
    assert set(stack.up().summary.resource_changes or {}) == {"same", "update"}
    wait_until(lambda: status("new") == 200, "a key of the new signing key counts", 30)
    assert status("whole") == 200
    keys(stack, "rotate", "--compromised")
    made["last"] = keys(stack, "create", "--name=last").stdout.strip()
    stack.up()
    wait_until(lambda: status("last") == 200, "a key of the newest signing key counts", 30)
    assert [status(key) for key in ("whole", "new", "one")] == [401, 401, 401]
    assert set(stack.preview().change_summary) == {"same"}
