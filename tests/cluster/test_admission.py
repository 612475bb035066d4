"""The rules of admission on a real API server: what goes around the program is refused, what it makes is not.

Only the rules and empty namespaces are there. That the stack's own Pods pass, `test_isolated_stack.py` shows.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.models import admission
from infra.platform.admission_policies import Policy, held_to, policies
from infra.settings.load import parse
from sandbox.cluster.control_plane import ClusterError, ControlPlane, wait_until
from tests.support.bypasses import ALLOWED, BYPASSES, EMERGENCY, RELEASE, Bypass, binding, pod
from tests.support.isolated import NAMESPACE
from tests.support.stack_settings import stack

SETTINGS = parse(stack({"isolation": True, "imageRegistry": "publishers"}))
RULES = [*policies(SETTINGS), admission.policy([NAMESPACE])]
FOR_ALL = binding("ClusterRole", "view", "system:authenticated")


def manifests(rules: list[Policy]) -> str:
    """The rules as the program has the API server make them."""
    kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    items = [
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": rule.name}, "spec": spec}
        for rule in rules
        for kind, spec in zip(kinds, (rule.spec, rule.binding()), strict=True)
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def tried(plane: ControlPlane, manifest: dict[str, Any], *more: str) -> str:
    """Made for a look alone, by an administrator whom the control plane does not know as one of its parts."""
    return plane.kubectl("create", "--dry-run=server", "--filename=-", *more, stdin=json.dumps(manifest))


def refused(plane: ControlPlane, manifest: dict[str, Any]) -> bool:
    try:
        return not tried(plane, manifest)
    except ClusterError as said:
        return "ValidatingAdmissionPolicy" in str(said)


@pytest.fixture(scope="module")
def rules(plane: ControlPlane) -> Iterator[ControlPlane]:
    """The control plane with the rules in force and the namespaces that they are for."""
    names = held_to(SETTINGS)
    for name in names:
        plane.kubectl("create", "namespace", name)
    plane.kubectl("apply", "--filename=-", stdin=manifests(RULES))
    try:
        for name in ("default", *names):
            found = ("get", "serviceaccount", "default", f"-n{name}", "--ignore-not-found")
            wait_until(lambda found=found: plane.kubectl(*found) != "", f"{name} has no account for Pods", 60)
        for bypass in ("any image beside a model", "the node's processes", "cluster-admin"):
            manifest = BYPASSES[bypass].manifest
            wait_until(lambda manifest=manifest: refused(plane, manifest), "the rules take no effect", 60)
        yield plane
    finally:
        plane.kubectl("delete", "--ignore-not-found", "--filename=-", stdin=manifests(RULES))
        plane.kubectl("delete", "namespace", *names)


@pytest.mark.parametrize("bypass", BYPASSES.values(), ids=BYPASSES)
def test_cluster_refuses_what_goes_around_the_program(rules: ControlPlane, bypass: Bypass) -> None:
    with pytest.raises(ClusterError, match=f"ValidatingAdmissionPolicy '{bypass.policy}.gke-tpu-inference'") as said:
        tried(rules, bypass.manifest)
    assert bypass.said in str(said.value)


@pytest.mark.parametrize("manifest", ALLOWED.values(), ids=ALLOWED)
def test_cluster_takes_what_is_not_the_programs_and_does_no_harm(rules: ControlPlane, manifest: dict[str, Any]) -> None:
    assert "created (server dry run)" in tried(rules, manifest)


def test_control_plane_binds_what_it_always_does(rules: ControlPlane) -> None:
    """The API server makes these anew whenever it starts, as `system:apiserver`."""
    masters = ("--as-group=system:masters", "--as=system:apiserver")
    assert "created" in tried(rules, FOR_ALL, *masters)
    for robot in ("system:serviceaccount:default:default", "system:node:n", "system:anonymous", "ann"):
        with pytest.raises(ClusterError, match="as that is everybody"):
            tried(rules, FOR_ALL, masters[0], f"--as={robot}")


def test_containers_put_into_a_pod_later_are_judged_and_what_was_there_is_not(rules: ControlPlane) -> None:
    nowhere = {"nodeSelector": {"nowhere": "true"}}
    rules.kubectl("create", "--filename=-", stdin=json.dumps(pod(NAMESPACE, RELEASE, spec=nowhere)))
    try:
        with pytest.raises(ClusterError, match=r"'known-images.*curlimages/curl:8\.16\.0 is no release of an image"):
            rules.kubectl("debug", "tried", f"-n{NAMESPACE}", "--image=curlimages/curl:8.16.0", "--profile=restricted")
        moved = json.dumps({"spec": {"containers": [{"name": "c0", "image": "nginx:1.29.0"}]}})
        with pytest.raises(ClusterError, match=r"'known-images.*nginx:1\.29\.0 is no release of an image"):
            rules.kubectl("patch", "pod", "tried", f"-n{NAMESPACE}", f"--patch={moved}")
        assert "labeled" in rules.kubectl("label", "pod", "tried", f"-n{NAMESPACE}", "seen=yes")
    finally:
        rules.kubectl("delete", "pod", "tried", f"-n{NAMESPACE}", "--now")


def test_a_binding_keeps_the_subjects_that_it_had_and_gets_no_new_ones(rules: ControlPlane) -> None:
    """Kubernetes' own `system:discovery` is for everybody, and GKE may change its labels."""
    patch = json.dumps({"metadata": {"labels": {"seen": "yes"}}})
    for name in ("system:discovery", "cluster-admin"):
        told = ("patch", "clusterrolebinding", name, "--type=merge", f"--patch={patch}", "--dry-run=server")
        assert "patched" in rules.kubectl(*told)
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "mallory"}
    more = json.dumps([{"op": "add", "path": "/subjects/-", "value": subject}])
    with pytest.raises(ClusterError, match="nobody new is bound to cluster-admin"):
        rules.kubectl(
            "patch", "clusterrolebinding", "cluster-admin", "--type=json", f"--patch={more}", "--dry-run=server"
        )


def test_rules_know_every_field_that_they_read(rules: ControlPlane) -> None:
    """The API server's own type check, which it writes into the status: a rule that reads a wrong field fails it."""

    def checked() -> list[dict[str, Any]]:
        items = json.loads(rules.kubectl("get", "validatingadmissionpolicies", "--output=json"))["items"]
        return [one.get("status", {}) for one in items if one["metadata"]["name"].endswith(".gke-tpu-inference")]

    wait_until(lambda: all("typeChecking" in status for status in checked()), "no type check", 60)
    assert [status["typeChecking"].get("expressionWarnings", []) for status in checked()] == [[]] * len(RULES)


def test_an_administrator_takes_a_rule_away_when_it_is_in_the_way(rules: ControlPlane) -> None:
    """The command of docs/security.md: no rule judges who takes rules away."""
    for command in EMERGENCY:
        rules.kubectl(*command)
    wait_until(lambda: not refused(rules, FOR_ALL), "the rule still holds", 30)
    rules.kubectl("apply", "--filename=-", stdin=manifests(RULES))
    wait_until(lambda: refused(rules, FOR_ALL), "the rule has not come back", 30)
