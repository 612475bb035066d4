"""Keys at the gateway: which tokens are checked, what is allowed with which, and what a refusal says."""

import json
from typing import Any

import pytest

from infra.platform.access import allowed, revoked, signatures
from infra.platform.refusals import REFUSALS, REVOKED, mappers
from infra.settings.access import PublicKey, TokenIssuer, key_id
from infra.settings.model import Model
from tests.support.dependencies import needs
from tests.support.program import Declared, Run
from tests.support.stacks import MODEL, OTHER

PUBLIC = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
KEY = {"publicKey": PUBLIC, "id": key_id(PUBLIC)}
GOOGLE = {"issuer": "https://g", "audiences": ["us", "them"], "jwksUri": "https://g/keys"}
OURS = "gke-tpu-inference/my-project/dev"
MODELS = [
    Model.model_validate(m)
    for m in ({**MODEL, "namespace": "a", "name": "one"}, {**MODEL, "namespace": "b", "name": "two"})
]
TO_GATEWAY = [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "inference-gateway"}]


def spec(declared: Declared, kind: str, name: str) -> dict[str, Any]:
    return declared.one(f":{kind}", name).inputs["spec"]


# Whose signature counts


def test_own_keys_are_in_the_object_and_those_of_others_are_fetched() -> None:
    own, theirs = signatures("us", [PublicKey.model_validate(KEY)], [TokenIssuer.model_validate(GOOGLE)])
    assert (own["issuer"], own["audiences"]) == ("us", ["us"])
    assert [key["x"] for key in json.loads(own["jwks"])["keys"]] == [PUBLIC]
    assert {key: theirs[key] for key in GOOGLE} == GOOGLE
    assert "jwks" not in theirs


def test_key_stands_in_the_header_alone_and_goes_no_further() -> None:
    for rule in signatures("us", [PublicKey.model_validate(KEY)], [TokenIssuer.model_validate(GOOGLE)]):
        assert rule["fromHeaders"] == [{"name": "Authorization", "prefix": "Bearer "}]
        assert not {"fromParams", "forwardOriginalToken", "outputPayloadToHeader"} & rule.keys()


def test_stack_without_a_key_of_its_own_checks_none() -> None:
    assert signatures("us", [], []) == []


# What is allowed


def test_health_is_open_and_is_all_that_is_without_an_issuer() -> None:
    paths = ["/a/one/health", "/b/two/health"]
    assert allowed([], MODELS) == [{"to": [{"operation": {"paths": paths, "methods": ["GET", "HEAD"]}}]}]


def test_everything_else_is_for_holders_of_a_token_of_the_issuers() -> None:
    _, *rules = allowed(["us", "https://g/"], MODELS)
    holders = [{"source": {"requestPrincipals": ["us/*", "https://g//*"]}}]
    assert [rule["from"] for rule in rules] == [holders] * 3


def test_token_without_models_may_use_all_and_one_with_them_only_what_is_below_their_paths() -> None:
    _, every, *one = allowed(["us"], MODELS)
    claim = "request.auth.claims[models]"
    assert (every["when"], "to" in every) == ([{"key": claim, "notValues": ["*"]}], False)
    assert [(rule["when"], rule["to"]) for rule in one] == [
        ([{"key": claim, "values": ["a/one"]}], [{"operation": {"paths": ["/a/one/*"]}}]),
        ([{"key": claim, "values": ["b/two"]}], [{"operation": {"paths": ["/b/two/*"]}}]),
    ]


def test_revoked_ids_are_refused_of_our_own_tokens() -> None:
    assert revoked("us", ["x", "y"]) == [
        {
            "from": [{"source": {"requestPrincipals": ["us/*"]}}],
            "when": [{"key": "request.auth.claims[jti]", "values": ["x", "y"]}],
        }
    ]
    assert revoked("us", []) == []


# What a refusal says


def test_every_refusal_is_an_error_as_openai_writes_it() -> None:
    for refusal, mapper in zip(REFUSALS, mappers(), strict=True):
        body = mapper["body_format_override"]["text_format_source"]["inline_string"]
        error = json.loads(body)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, refusal.code)
        assert "%" not in body


def test_only_answers_of_the_two_filters_are_changed() -> None:
    """A 403 of a model, or of Envoy for an upgrade, is none of these."""
    for refusal in REFUSALS:
        assert refusal.when.split("'")[1] in ("rbac_access_denied", "jwt_authn_access_denied")


def test_missing_revoked_and_wrong_keys_are_401_with_a_challenge_and_another_model_403() -> None:
    of_keys = [m for m in mappers() if "headers_to_add" in m]
    told = [(m["status_code"], m["headers_to_add"][0]["header"]) for m in of_keys]
    assert [status for status, _ in told] == [401, 401, 401, 403]
    assert {header["key"] for _, header in told} == {"www-authenticate"}
    assert [header["value"] for _, header in told] == [
        *('Bearer error="invalid_token"', 'Bearer error="invalid_token"', "Bearer"),
        'Bearer error="insufficient_scope"',
    ]
    for mapper in of_keys:
        assert mapper["headers_to_add"][0]["append_action"] == "OVERWRITE_IF_EXISTS_OR_ADD"
        assert mapper["body_format_override"]["content_type"] == "application/json"


def test_plain_http_is_open_only_where_it_leads_to_https(run: Run) -> None:
    at_80 = {"to": [{"operation": {"ports": ["80"]}}]}
    for settings, opened in (({}, False), ({"tls": "self-signed"}, True)):
        assert (at_80 in spec(run(auth="tokens", **settings), "AuthorizationPolicy", "keys")["rules"]) is opened


def test_upgrade_is_refused_without_a_challenge_whatever_the_key() -> None:
    i, upgrade = next((i, m) for i, m in enumerate(mappers()) if "headers_to_add" not in m)
    assert upgrade["status_code"] == 403
    assert "policy[no-upgrades]" in upgrade["filter"]["extension_filter"]["typed_config"]["expression"]
    assert [m["status_code"] for m in mappers()][i + 1 :] == [401, 403]  # before all that a missing key would fit


def test_policy_of_revoked_keys_is_the_one_that_the_refusal_looks_for() -> None:
    [refusal] = [r for r in REFUSALS if r.code == "revoked_api_key"]
    assert f"policy[{REVOKED}]" in refusal.when


# What is declared


def test_dev_has_none_of_it(dev: Declared) -> None:
    assert [r.name for r in dev if "Access" in r.type or r.name in ("keys", "nothing", "refusals")] == []


def test_policies_are_bound_to_the_gateway_in_its_namespace(run: Run) -> None:
    declared = run(auth="tokens")
    found = [r for r in declared if r.request.parent.endswith("Access::access")]
    assert len(found) == 4
    for r in found:
        assert r.inputs["spec"]["targetRefs"] == TO_GATEWAY
        assert r.inputs["metadata"] == {"name": r.name, "namespace": "istio-ingress"}
        assert {"Release istiod", "Gateway inference-gateway"} <= needs(declared, r) | {"Gateway inference-gateway"}


def test_nothing_is_allowed_but_what_is(run: Run) -> None:
    declared = run(auth="tokens", tokenPublicKeys=[KEY])
    assert spec(declared, "AuthorizationPolicy", "nothing") == {"targetRefs": TO_GATEWAY}
    keys = spec(declared, "AuthorizationPolicy", "keys")
    assert (keys["action"], keys["rules"]) == ("ALLOW", allowed([OURS], [Model.model_validate(MODEL)]))


def test_keys_and_issuers_of_the_stack_are_declared(run: Run) -> None:
    declared = run(auth="tokens", tokenPublicKeys=[KEY], tokenIssuers=[GOOGLE])
    rules = spec(declared, "RequestAuthentication", "keys")["jwtRules"]
    assert [rule["issuer"] for rule in rules] == [OURS, "https://g"]
    [_, every, _] = spec(declared, "AuthorizationPolicy", "keys")["rules"]
    assert every["from"] == [{"source": {"requestPrincipals": [f"{OURS}/*", "https://g/*"]}}]


def test_policy_of_revoked_keys_is_there_while_there_are_some(run: Run) -> None:
    token = {"id": "0123456789abcdef", "name": "ann", "key": KEY["id"], "expires": "2027-01-01T00:00:00Z"}
    assert not [r for r in run(auth="tokens", tokens=[token]) if r.name == "revoked-keys"]
    other = {**token, "id": "fedcba9876543210", "revoked": True}
    denied = spec(run(auth="tokens", tokens=[token, other]), "AuthorizationPolicy", "revoked-keys")
    assert denied["action"] == "DENY"
    assert denied["rules"] == revoked(OURS, ["fedcba9876543210"])


def test_refusals_are_worded_by_a_merge_at_the_gateway(run: Run) -> None:
    [patch] = spec(run(auth="tokens"), "EnvoyFilter", "refusals")["configPatches"]
    assert (patch["applyTo"], patch["match"]["context"]) == ("NETWORK_FILTER", "GATEWAY")
    filters = patch["match"]["listener"]["filterChain"]["filter"]
    assert filters == {"name": "envoy.filters.network.http_connection_manager"}
    assert patch["patch"]["operation"] == "MERGE"
    config = patch["patch"]["value"]["typed_config"]
    assert config["@type"].endswith(".http_connection_manager.v3.HttpConnectionManager")
    assert [m["status_code"] for m in config["local_reply_config"]["mappers"]] == [401, 401, 403, 401, 403]
    assert all(m["filter"]["extension_filter"]["typed_config"]["expression"] for m in mappers())


def test_models_come_after_the_keys(run: Run) -> None:
    declared = run(auth="tokens", models=[MODEL, OTHER], tpuMaxNodes=2)
    for model in declared.all(":LLMInferenceService"):
        wanted = {"AuthorizationPolicy keys", "AuthorizationPolicy nothing", "RequestAuthentication keys"}
        assert {*wanted, "EnvoyFilter refusals"} <= needs(declared, model)


@pytest.mark.parametrize("auth", ["none", "tokens"])
def test_signing_key_is_in_nothing_that_is_declared(run: Run, auth: str) -> None:
    declared = run(auth=auth, secrets=("tokenSigningKey",), tokenSigningKey="canary-of-a-test")
    assert "canary-of-a-test" not in "".join(str(r.inputs) + str(r.request) for r in declared)
