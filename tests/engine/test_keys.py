"""Keys on the real engine: what `ops keys` writes, what the policies become, and where no secret ever is."""

import json
import re
from typing import Any

import jwt
import pytest
import yaml

from infra.settings.access import SIGNING_KEY
from ops.report.downtime import costs
from ops.report.events import collect
from sandbox.engine.stack import SandboxStack
from tests.support.ops_keys import keys
from tests.support.project import PREFIX
from tests.support.stacks import Make, since, unchanged

POLICY = "kubernetes:security.istio.io/v1:AuthorizationPolicy"
KEYS = "kubernetes:security.istio.io/v1:RequestAuthentication"


def config(stack: SandboxStack) -> dict[str, Any]:
    """What stands in the stack file."""
    return yaml.safe_load(stack.stack_file.read_text())["config"]


def signing_key(stack: SandboxStack) -> str:
    return stack.stack.get_config(PREFIX + SIGNING_KEY).value


@pytest.fixture
def asked(up: Make) -> SandboxStack:
    """A stack that wants keys, up, before there is one."""
    return up(auth="tokens")


def test_first_key_makes_a_signing_key_that_stays_encrypted(asked: SandboxStack) -> None:
    made = keys(asked, "create", "--name=ann")
    text, given = asked.stack_file.read_text(), config(asked)
    assert list(given[PREFIX + SIGNING_KEY]) == ["secure"]
    [token], [public] = given[f"{PREFIX}tokens"], given[f"{PREFIX}tokenPublicKeys"]
    assert (token["name"], token["key"]) == ("ann", public["id"])
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", made.stdout)
    assert made.stdout.strip() not in text
    assert signing_key(asked) not in text
    assert "pulumi up" in made.stderr


def test_comments_of_the_stack_file_stay(asked: SandboxStack) -> None:
    before = [line for line in asked.stack_file.read_text().splitlines() if line.lstrip().startswith("#")]
    assert before
    keys(asked, "create", "--name=ann")
    assert [line for line in asked.stack_file.read_text().splitlines() if line.lstrip().startswith("#")] == before


def test_keys_change_the_policies_in_place_and_nothing_else(asked: SandboxStack) -> None:
    keys(asked, "create", "--name=ann")
    first = since(asked, asked.up)
    assert sorted(first) == [("update", POLICY, "keys"), ("update", KEYS, "keys")]
    keys(asked, "create", "--name=ben")
    assert since(asked, asked.up) == []
    keys(asked, "revoke", "ben")
    assert since(asked, asked.up) == [("create", POLICY, "revoked-keys")]
    keys(asked, "revoke", "ann")
    assert since(asked, asked.up) == [("update", POLICY, "revoked-keys")]
    keys(asked, "rotate")
    assert since(asked, asked.up) == [("update", KEYS, "keys")]
    keys(asked, "rotate", "--compromised")
    assert sorted(since(asked, asked.up)) == [("delete", POLICY, "revoked-keys"), ("update", KEYS, "keys")]
    assert unchanged(asked.preview())


def test_a_report_of_such_a_change_calls_out_no_downtime(asked: SandboxStack) -> None:
    keys(asked, "create", "--name=ann")
    keys(asked, "revoke", "ann")
    events: list[Any] = []
    asked.preview(on_event=events.append, diff=True)
    assert costs(collect(events)) == []


def test_key_of_a_stack_is_for_this_project_and_stack(asked: SandboxStack) -> None:
    token = keys(asked, "create", "--name=ann", "--days=7").stdout.strip()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["iss"] == claims["aud"] == "gke-tpu-inference/simulated-project/dev"
    asked.up()
    [rule] = asked.inventory.find(KEYS)[0].inputs["spec"]["jwtRules"]
    assert (rule["issuer"], rule["audiences"]) == (claims["iss"], [claims["aud"]])
    key = jwt.PyJWK(json.loads(rule["jwks"])["keys"][0])
    assert jwt.decode(token, key, algorithms=["EdDSA"], audience=claims["aud"])["sub"] == "ann"


def test_a_check_gets_a_short_key_without_a_record_and_only_where_keys_are_wanted(asked: SandboxStack) -> None:
    assert "has no signing key" in keys(asked, "token", fails=True).stderr
    keys(asked, "create", "--name=ann")
    before = asked.stack_file.read_text()
    claims = jwt.decode(keys(asked, "token").stdout.strip(), options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 15 * 60
    assert asked.stack_file.read_text() == before
    asked.set_config("auth", "none")
    assert keys(asked, "token").stdout == ""


def test_what_cannot_be_done_is_one_line(asked: SandboxStack) -> None:
    for arguments, words in (
        (("create", "--name=ann", "--model=a/b"), "a/b is no model of this stack. It has: llm-d-inference-scheduling/"),
        (("create", "--name=Ann"), "is no name of a token"),
        (("create", "--name=ann", "--days=366"), "less than or equal to 365"),
        (("revoke", "nobody"), "no token of the id or name nobody"),
        (("token", "--minutes=61"), "less than or equal to 60"),
    ):
        said = keys(asked, *arguments, fails=True).stderr.splitlines()
        assert words in said[-1], said
        assert said[-1].startswith("Error: ")
