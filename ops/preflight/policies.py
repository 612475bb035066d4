"""Which organisation policies are in the way.

Source: https://cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints, and for locations
.../defining-locations. Policies with a condition depend on tags, which are not looked at. The three that people fear
most are asked too, and told that they are none here: nodes have no external address, the VPC is the stack's own, and no
key of a service account is ever made.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from infra.google import apis
from infra.settings.schema import Settings

from .findings import Finding, fail, ok, warn

CHECK = "organisation policy"
HARMLESS = {
    "compute.vmExternalIpAccess": "no node has an external address",
    "compute.skipDefaultNetworkCreation": "the stack makes a VPC of its own",
    "iam.disableServiceAccountKeyCreation": "no key of a service account is made",
}
ASK = "Ask the organisation's administrators for an exception for this project"


class Constraint(NamedTuple):
    """A constraint that some settings run into. `asks` has the values that the stack needs, each in all the ways in
    which a policy may write it; with none the constraint is harmless. `groups` is whether a policy may also name groups
    that only Google can take apart, such as in:eu-locations."""

    name: str
    asks: Callable[[Settings], list[tuple[str, ...]]]
    because: str
    do: str = ASK
    groups: bool = False


def _boolean(needed: Callable[[Settings], bool]) -> Callable[[Settings], list[tuple[str, ...]]]:
    return lambda settings: [(ENFORCED,)] if needed(settings) else []


ENFORCED = "the constraint not enforced"
BLOCKING = (
    Constraint(
        "compute.restrictLoadBalancerCreationForTypes",
        lambda _: [("EXTERNAL_NETWORK_TCP_UDP", "in:EXTERNAL")],
        "the gateway's load balancer",
    ),
    Constraint(
        "compute.restrictCloudNATUsage",
        lambda settings: [(f"projects/{settings.project}", f"under:projects/{settings.project}")],
        "Cloud NAT, by which nodes fetch images and weights",
        groups=True,
    ),
    Constraint(
        "iam.disableServiceAccountCreation",
        _boolean(lambda settings: not settings.node_service_account),
        "the nodes' account, which the stack makes",
        "Set `nodeServiceAccount` to an account that is there",
    ),
    Constraint(
        "gcp.restrictServiceUsage", lambda settings: [(name,) for name in apis.names(settings)], "APIs that it calls"
    ),
    Constraint(
        "gcp.resourceLocations",
        lambda settings: [
            (place, f"in:{settings.region}-locations") for place in sorted({settings.region, *settings.tpu_zones})
        ],
        "where everything lies",
        f"Set `location` and `tpuZones` to places that it allows. {ASK}",
        groups=True,
    ),
)
CONSTRAINTS = (*HARMLESS, *(constraint.name for constraint in BLOCKING))
"""Those that are asked for."""


def _rules(policy: Any) -> list[Any]:
    return [rule for rule in policy.spec.rules if not rule.condition.expression]


def _groups(values: Iterable[str], ways: tuple[str, ...]) -> str:
    """The groups among a policy's values of which nobody here knows whether they hold what is written in these ways."""
    return ", ".join(value for value in values if value.startswith(("in:", "under:")) and value not in ways)


def refused(policy: Any, ways: tuple[str, ...], *, groups: bool = False) -> str | None:
    """Whether an effective policy refuses a value, whichever way it writes it: None if it does not, nothing more to be
    said if it does, else what that depends on. Denied comes before allowed."""
    rules = _rules(policy)
    denied = {value: None for rule in rules for value in rule.values.denied_values}
    allowed = {value: None for rule in rules for value in rule.values.allowed_values}
    if any(rule.deny_all for rule in rules) or denied.keys() & set(ways):
        return ""
    if ways == (ENFORCED,):
        return "" if any(rule.enforce for rule in rules) else None
    closed = bool(allowed) and not any(rule.allow_all for rule in rules) and not allowed.keys() & set(ways)
    no, yes = (_groups(values, ways) if groups else "" for values in (denied, allowed))
    if closed:
        return f", unless it is in {yes}" + (f" and not in {no}" if no else "") if yes else ""
    return f", if it is in {no}" if no else None


def _finding(constraint: Constraint, values: list[str], depends: str) -> Finding:
    told = f"{constraint.name} refuses {', '.join(values)}: {constraint.because}"
    if values == [ENFORCED]:
        told = f"{constraint.name} is enforced, and refuses {constraint.because}"
    if depends:
        return warn(CHECK, told + depends, f"See whether it is. {constraint.do}")
    return fail(CHECK, told, constraint.do)


def _against(constraint: Constraint, settings: Settings, policy: Any) -> list[Finding]:
    """A line for each reason for which a policy refuses, or may refuse, what the stack needs."""
    values: dict[str, list[str]] = {}
    for ways in constraint.asks(settings):
        depends = refused(policy, ways, groups=constraint.groups)
        if depends is not None:
            values.setdefault(depends, []).append(ways[0])
    return [_finding(constraint, those, depends) for depends, those in values.items()]


def findings(settings: Settings, policies: Mapping[str, Any]) -> Iterator[Finding]:
    """A line for each that is in the way or is often feared to be; `policies` are the effective ones by constraint."""
    told = 0
    for constraint in BLOCKING:
        found = _against(constraint, settings, policies[constraint.name])
        told += len(found)
        yield from found
    for name, why in HARMLESS.items():
        if any(rule.enforce or rule.deny_all or rule.values.allowed_values for rule in _rules(policies[name])):
            yield ok(CHECK, f"{name} is in force, and harmless: {why}")
    if not told:
        yield ok(CHECK, f"none of {len(BLOCKING)} that could be is in the way")
