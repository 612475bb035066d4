"""How flows are put to the evaluator, which is not asked here: `tests/cluster` does."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from sandbox.cluster import flows, policy_filter
from sandbox.cluster.flows import Flow, Verdict
from sandbox.cluster.policy_filter import PolicyFilter


def policy(*ports: dict[str, Any], direction: str = "ingress") -> dict[str, Any]:
    return {"metadata": {"name": "p", "namespace": "n"}, "spec": {direction: [{"ports": list(ports)}, {}]}}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Flow]:
    """The flows that an evaluator is asked, who allows every even port."""
    seen: list[Flow] = []

    def judge(_: object, __: object, of: Sequence[Flow]) -> list[Verdict]:
        seen.extend(of)
        return [Verdict(True, flow.port % 2 == 0) for flow in of]

    monkeypatch.setattr(flows, "judge", judge)
    return seen


def test_ports_are_asked_once_between_two_that_policies_name(asked: list[Flow]) -> None:
    policies = [policy({"port": 80}), policy({"port": 9000, "endPort": 9009}, direction="egress")]
    found = flows.openings(policies, {}, [("a", "b")])
    assert [flow.port for flow in asked] == [1, 80, 81, 9000, 9010]
    assert found == {("a", "b"): [(80, 80), (9000, 9009), (9010, 65535)]}


def test_policies_without_ports_leave_one_range(asked: list[Flow]) -> None:
    assert flows.openings([policy({"protocol": "UDP"})], {}, [("a", "b")]) == {("a", "b"): []}
    assert [flow.port for flow in asked] == [1]


def test_both_ends_have_to_allow_a_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "judge", lambda *_: [Verdict(True, False), Verdict(False, True), Verdict(True, True)])
    found = flows.openings([], {}, [("a", "b"), ("b", "a"), ("a", "c")])
    assert [pair for pair, ranges in found.items() if ranges] == [("a", "c")]


def test_pod_has_its_namespaces_own_label_and_no_address_for_a_block() -> None:
    assert flows.pod("n", {"a": "b"}, team="x") == {
        "namespace": "n",
        "namespaceLabels": {"kubernetes.io/metadata.name": "n", "team": "x"},
        "labels": {"a": "b"},
        "address": "::",
    }


# The filter


class Plane:
    """An API server with these lists, and one host on the internet."""

    internet = SimpleNamespace(addresses=["203.0.113.2"])

    def __init__(self, policies: Sequence[Mapping[str, Any]]) -> None:
        self.policies, self.api = policies, self

    def items(self, path: str) -> list[Any]:
        return list(self.policies) if path == policy_filter.POLICIES else [{"metadata": {"name": "n"}}]


POD = {"metadata": {"name": "p", "namespace": "n"}, "status": {"podIP": "10.4.1.1"}}


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []
    monkeypatch.setattr(policy_filter.packet_filter, "apply", lambda *what: seen.append(what))
    return seen


def test_cluster_without_policies_is_not_filtered(applied: list[tuple[str, Any]]) -> None:
    at = PolicyFilter(Plane([]))  # pyright: ignore[reportArgumentType]
    at.follow([POD], "172.16.0.2")
    assert applied == []
    assert at.ready("10.4.1.1")
    assert at.allows("10.4.1.1", "10.4.1.2", 1)
    assert at.of_control_plane("10.4.1.1") == [(1, 65535)]
    assert at.closed(POD) == frozenset()


def test_pod_starts_nothing_before_its_network_is_filtered(applied: list[tuple[str, Any]], asked: list[Flow]) -> None:
    at = PolicyFilter(Plane([policy({"port": 80})]))  # pyright: ignore[reportArgumentType]
    at.follow([], "172.16.0.2")
    assert not at.ready("10.4.1.1")
    at.follow([POD], "172.16.0.2")
    assert at.ready("10.4.1.1")
    assert [network for network, _ in applied] == ["pod-10.4.1.1"]
    assert applied[0][1] == {(address, 80, 80) for address in ("10.4.0.1", "203.0.113.2", "169.254.169.254")}
    at.follow([POD], "172.16.0.2")
    assert len(applied) == 1  # nothing has changed
    at.close()
    assert applied[1:] == [("pod-10.4.1.1", None)]
    assert asked


def test_istiods_plain_port_is_not_let_through_for_the_one_with_tls(
    applied: list[tuple[str, Any]], asked: list[Flow]
) -> None:
    at = PolicyFilter(Plane([policy({"port": 15012})]))  # pyright: ignore[reportArgumentType]
    at.follow([POD], "172.16.0.2")
    assert at.allows("198.51.100.1", "10.4.1.1", 15012)
    assert not at.allows("198.51.100.1", "10.4.1.1", 15010)
    assert not at.allows("198.51.100.1", "10.4.1.1", 15011)
    assert (applied, asked) != ([], [])
