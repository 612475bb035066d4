"""What `ops recover` makes of a state: what was under way, and what goes into the state to be read."""

from typing import Any

import pytest

from ops.recover import Interrupted, RecoverError, interrupted, recovered
from ops.tokens import CLUSTER, NETWORK, RELEASE, ROUTER, SERVICE_IDENTITY

PROVIDER = {"type": "pulumi:providers:gcp", "urn": "urn:pulumi:dev::p::pulumi:providers:gcp::google", "id": "1"}


def resource(kind: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::p::{kind}::main"
    return {"urn": urn, "type": kind, "custom": True, "provider": PROVIDER["urn"] + "::1", "inputs": inputs, **more}


def state(*pending: tuple[str, dict[str, Any]], resources: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "resources": [PROVIDER | {"inputs": {"project": "prj", "region": "europe-west4"}}, *(resources or [])],
        "pending_operations": [{"type": kind, "resource": of} for kind, of in pending],
    }


def test_id_is_computed_of_inputs_and_those_of_the_provider() -> None:
    [operation] = interrupted(state(("creating", resource(NETWORK, {"name": "n"}))), {})
    assert operation.id == "projects/prj/global/networks/n"


def test_id_that_the_user_says_is_taken() -> None:
    of = resource("gcp:redis/instance:Instance", {"name": "n"})
    [operation] = interrupted(state(("creating", of)), {of["urn"]: "known"})
    assert operation.id == "known"


def test_all_ids_that_cannot_be_computed_are_told_at_once() -> None:
    with pytest.raises(RecoverError) as failed:
        interrupted(state(("creating", resource("gcp:a:A", {})), ("creating", resource("gcp:b:B", {}))), {})
    assert len(str(failed.value).splitlines()) == 2


def test_provider_and_component_have_no_object() -> None:
    component = resource("gke-tpu-inference:infra:Network", {}) | {"custom": False}
    operations = interrupted(state(("creating", PROVIDER), ("creating", component)), {})
    assert [operation.id for operation in operations] == ["", ""]
    before = state(("creating", PROVIDER), ("creating", component))
    assert recovered(before, operations)["resources"] == before["resources"]


def read(kind: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What is put into the state of a resource whose creation was interrupted."""
    before = state(("creating", resource(kind, inputs, **more)))
    after = recovered(before, interrupted(before, {}))
    assert after["pending_operations"] == []
    return after["resources"][-1]


def test_what_was_created_is_put_into_the_state_with_its_inputs_for_outputs() -> None:
    adopted = read(NETWORK, {"name": "n", "__defaults": ["name"], "list": [{"a": 1, "__defaults": []}]})
    assert adopted["id"] == "projects/prj/global/networks/n"
    assert adopted["outputs"] == {"name": "n", "list": [{"a": 1}]}
    assert adopted["inputs"]["__defaults"] == ["name"]
    assert not adopted.get("taint")


def test_what_is_made_in_steps_is_to_be_replaced_also_if_it_is_protected() -> None:
    inputs = {"name": "n", "location": "l", "deletionProtection": True}
    adopted = read(CLUSTER, inputs, protect=True)
    assert (adopted["taint"], adopted["protect"]) == (True, False)
    assert adopted["outputs"]["deletionProtection"] is False
    assert adopted["inputs"]["deletionProtection"] is True
    assert read(RELEASE, {"name": "n"})["taint"] is True


def test_what_cannot_be_read_is_made_again() -> None:
    assert read(SERVICE_IDENTITY, {"service": "container.googleapis.com"})["taint"] is True


def test_updates_and_deletions_are_only_read_again() -> None:
    of = resource(NETWORK, {"name": "n"}, id="there")
    before = state(("updating", of), ("deleting", of), resources=[of])
    operations = interrupted(before, {})
    assert operations == [Interrupted("updating", of["urn"], "there"), Interrupted("deleting", of["urn"], "there")]
    after = recovered(before, operations)
    assert [r["id"] for r in after["resources"][1:]] == ["there"]
    assert after["pending_operations"] == []


@pytest.mark.parametrize("operation", ["creating", "updating", "deleting"])
def test_recovery_that_is_interrupted_before_it_has_read_goes_on(operation: str) -> None:
    of = resource(NETWORK, {"name": "n"}, id="projects/prj/global/networks/n")
    new = of if operation != "creating" else {key: value for key, value in of.items() if key != "id"}
    before = state((operation, new), resources=[] if operation == "creating" else [of])
    operations = interrupted(before, {})
    after = recovered(before, operations)
    assert interrupted(after, {}) == operations
    assert recovered(after, operations) == after


def test_replacement_that_was_interrupted_is_deleted_by_the_engine_and_the_old_one_stays() -> None:
    old = resource(NETWORK, {"name": "old"}, id="projects/prj/global/networks/old")
    before = state(("creating", resource(NETWORK, {"name": "new"})), resources=[old])
    *kept, adopted = recovered(before, interrupted(before, {}))["resources"]
    assert kept[-1] == old
    assert (adopted["id"], adopted["delete"]) == ("projects/prj/global/networks/new", True)


def test_replacement_of_what_is_gone_already_takes_its_place() -> None:
    old = resource(NETWORK, {"name": "n"}, id="projects/prj/global/networks/n", pendingReplacement=True)
    user = resource(ROUTER, {"name": "r"}, id="r")
    before = state(("creating", resource(NETWORK, {"name": "n"})), resources=[old, user])
    _, adopted, last = recovered(before, interrupted(before, {}))["resources"]
    assert (adopted["urn"], adopted.get("pendingReplacement"), last) == (old["urn"], None, user)


def test_object_that_the_state_has_already_is_not_put_into_it_twice() -> None:
    there = resource(NETWORK, {"name": "n"}, id="projects/prj/global/networks/n")
    before = state(("creating", resource(NETWORK, {"name": "n"})), resources=[there])
    assert recovered(before, interrupted(before, {}))["resources"] == before["resources"]
