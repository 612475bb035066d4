"""What `ops recover` makes of a state: ids, and what goes into the state to be read."""

import importlib
import inspect
import re
from typing import Any

import pytest

from ops.recover import CLUSTER, IDS, RELEASE, Interrupted, RecoverError, interrupted, recovered

PROVIDER = {"type": "pulumi:providers:gcp", "urn": "urn:pulumi:dev::p::pulumi:providers:gcp::google", "id": "1"}
NETWORK = "gcp:compute/network:Network"
POOL = "gcp:container/nodePool:NodePool"  # of which only short forms are documented; its id is a long one
ALIASES = {"project_id": "project", "cluster_id": "name"}
"""Words of the SDK's documentation for inputs that have another name."""


def resource(kind: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:dev::p::{kind}::main"
    return {"urn": urn, "type": kind, "custom": True, "provider": PROVIDER["urn"] + "::1", "inputs": inputs, **more}


def state(*pending: tuple[str, dict[str, Any]], resources: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {
        "resources": [PROVIDER | {"inputs": {"project": "prj", "region": "europe-west4"}}, *(resources or [])],
        "pending_operations": [{"type": kind, "resource": of} for kind, of in pending],
    }


def documented(kind: str) -> list[str]:
    """The formats that the SDK's documentation of a type lists under Import."""
    package, module, name = kind.split(":")
    pages = inspect.getsource(getattr(importlib.import_module(f"pulumi_{package}.{module.split('/')[0]}"), name))
    return re.findall(r"^ *\* `(.*{{.*)`$", pages.partition("## Import")[2].partition('"""')[0], re.MULTILINE)


@pytest.mark.parametrize("kind", [kind for kind in IDS if documented(kind) and kind != POOL])
def test_id_is_a_format_that_the_sdk_documents(kind: str) -> None:
    names = [re.sub(r"(?=[A-Z])", "_", name).lower() for name in re.findall(r"{(\w+)}", IDS[kind])]
    fixed = re.sub(r"{\w+}", "{}", IDS[kind])
    theirs = [
        (re.sub(r"{{[\w-]+}}", "{}", form), [ALIASES.get(name, name) for name in re.findall(r"{{([\w-]+)}}", form)])
        for form in documented(kind)
    ]
    assert (fixed, names) in theirs


def test_most_types_are_documented() -> None:
    assert len([kind for kind in IDS if documented(kind)]) >= 12


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        (NETWORK, {"name": "n"}, "projects/prj/global/networks/n"),
        (NETWORK, {"name": "n", "project": "other"}, "projects/other/global/networks/n"),
        (
            "gcp:compute/routerNat:RouterNat",
            {"name": "n", "router": "https://www.googleapis.com/compute/v1/projects/prj/regions/r/routers/ro"},
            "prj/europe-west4/ro/n",
        ),
        (
            POOL,
            {"name": "n", "cluster": "projects/prj/locations/l/clusters/c", "location": "l"},
            "projects/prj/locations/l/clusters/c/nodePools/n",
        ),
        (
            "gcp:serviceaccount/account:Account",
            {"accountId": "a"},
            "projects/prj/serviceAccounts/a@prj.iam.gserviceaccount.com",
        ),
        (
            "gcp:projects/iAMMember:IAMMember",
            {"role": "roles/r", "member": "user:a@b.c", "condition": {"title": "t", "expression": "e"}},
            "prj/roles/r/user:a@b.c/t//e",
        ),
        (RELEASE, {"namespace": "ns", "name": "n"}, "ns/n"),
        ("kubernetes:core/v1:Service", {"metadata": {"namespace": "ns", "name": "n"}}, "ns/n"),
        ("kubernetes:core/v1:Namespace", {"metadata": {"name": "n"}}, "n"),
    ],
)
def test_id_is_computed_from_inputs_and_provider(kind: str, inputs: dict[str, Any], expected: str) -> None:
    [operation] = interrupted(state(("creating", resource(kind, inputs))), {})
    assert operation.id == expected


@pytest.mark.parametrize(
    ("kind", "inputs", "reason"),
    [
        ("gcp:redis/instance:Instance", {"name": "n"}, "of a gcp:redis/instance:Instance: there is no rule for it"),
        (NETWORK, {}, "without name in its inputs"),
        (NETWORK, {"name": {"4dabf18193072939515e22adb298388d": "secret"}}, "without name in its inputs"),
        ("kubernetes:core/v1:Secret", {}, "without name in its inputs"),
    ],
)
def test_id_that_cannot_be_computed_is_asked_for_and_taken(kind: str, inputs: dict[str, Any], reason: str) -> None:
    of = resource(kind, inputs)
    with pytest.raises(RecoverError) as failed:
        interrupted(state(("creating", of)), {})
    assert str(failed.value).startswith(f"main: cannot compute the id {reason}. ")
    assert f"--id '{of['urn']}' ID" in str(failed.value)
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
    user = resource("gcp:compute/router:Router", {"name": "r"}, id="r")
    before = state(("creating", resource(NETWORK, {"name": "n"})), resources=[old, user])
    _, adopted, last = recovered(before, interrupted(before, {}))["resources"]
    assert (adopted["urn"], adopted.get("pendingReplacement"), last) == (old["urn"], None, user)


def test_object_that_the_state_has_already_is_not_put_into_it_twice() -> None:
    there = resource(NETWORK, {"name": "n"}, id="projects/prj/global/networks/n")
    before = state(("creating", resource(NETWORK, {"name": "n"})), resources=[there])
    assert recovered(before, interrupted(before, {}))["resources"] == before["resources"]
