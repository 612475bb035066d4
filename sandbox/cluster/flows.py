"""Which flows NetworkPolicies let through, judged by the program `netpol`, whose rules somebody else wrote.

Those are of https://github.com/mattfenwick/cyclonus, and the specification's. GKE's Dataplane V2 reads it more strictly
in one place: an `ipBlock` never means a Pod. So a Pod has no address here, unless a caller gives it one.

What the evaluator cannot read is an error: a policy that it takes for invalid, a field that it does not know.
"""

import itertools
import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sandbox.api_client import Json
from sandbox.build import places
from sandbox.engine.stack import SandboxError

HIGHEST_PORT = 65535
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""The label that the API server gives every namespace."""
NOWHERE = "::"
"""The address of a Pod for an `ipBlock` of IPv4, which none of them has."""


class Flow(NamedTuple):
    """A connection from one peer to a port of another, both by name."""

    source: str
    destination: str
    port: int
    protocol: str = "TCP"


class Verdict(NamedTuple):
    """Whether the policies of both ends let a flow through: `out` of its source, `into` its destination."""

    out: bool
    into: bool


def pod(namespace: str, labels: Mapping[str, str], *, address: str = NOWHERE, **of_namespace: str) -> Json:
    """A Pod as a peer, its namespace with these labels beside its own."""
    known = {NAMESPACE_LABEL: namespace, **of_namespace}
    return {"namespace": namespace, "namespaceLabels": known, "labels": dict(labels), "address": address}


def outside(address: str) -> Json:
    """Somebody outside of the cluster."""
    return {"address": address}


def judge(policies: Iterable[Json], peers: Mapping[str, Json], flows: Sequence[Flow]) -> list[Verdict]:
    """The verdict on each flow."""
    bare = [{"metadata": _place(policy), "spec": policy["spec"]} for policy in policies]
    asked = {"policies": bare, "peers": peers, "flows": [flow._asdict() for flow in flows]}
    program = str(places.BIN / "netpol")
    done = subprocess.run([program], input=json.dumps(asked), capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise SandboxError(f"the evaluator of NetworkPolicies failed: {done.stderr[-2000:].strip()}")
    return [Verdict(verdict["out"], verdict["in"]) for verdict in json.loads(done.stdout)]


def _place(policy: Json) -> Json:
    return {key: policy["metadata"][key] for key in ("name", "namespace")}


def openings(
    policies: Sequence[Json], peers: Mapping[str, Json], pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """For each pair, the TCP ports that its first may open of its second: ranges, the first and the last.

    Between two ports that policies name, one is like the other.
    """
    named = [port for policy in policies for port in _named(policy["spec"])]
    edges = sorted({1, HIGHEST_PORT + 1, *(edge for first, last in named for edge in (first, last + 1))})
    ranges = [(start, after - 1) for start, after in itertools.pairwise(edges)]
    flows = [Flow(*pair, start) for pair in pairs for start, _ in ranges]
    verdicts = iter(judge(policies, peers, flows))
    return {pair: [range_ for range_ in ranges if all(next(verdicts))] for pair in pairs}


def _named(spec: Json) -> Iterable[tuple[int, int]]:
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or []:
            for port in rule.get("ports") or []:
                if "port" in port:
                    yield port["port"], port.get("endPort", port["port"])
