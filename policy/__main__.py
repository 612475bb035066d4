"""The policy pack: `pulumi preview --policy-pack policy` refuses what breaks a rule of `rules`."""
# The SDK is in the virtualenv of this folder alone, as it needs an older protobuf than the program.
# pyright: basic, reportMissingImports=false

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError
from rules import RULES
from rules.repositories import caches
from rules.resource import UNKNOWN, Resource, Rule, project_of


def plain(value: Any) -> Any:
    """The SDK's view of a value as plain data. Reading what a preview does not know raises, and the SDK then passes
    over the whole rule: here it becomes `UNKNOWN`, for the rule to decide."""
    if isinstance(value, Mapping):
        return {key: _read(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_read(value, i) for i in range(len(value))]
    return value


def _read(container: Any, key: Any) -> Any:
    try:
        return plain(container[key])
    except UnknownValueError:
        return UNKNOWN


CACHES: dict[str, str] = {}
"""The caches of the stack that is judged. All that pulls by one depends on it, so the engine has shown it before."""


def policy(rule: Rule) -> ResourceValidationPolicy:
    """A rule as the SDK wants it."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        provider = plain(args.provider.props) if args.provider else {}
        project = project_of(args.urn)
        resource = Resource(args.resource_type, args.name, plain(args.props), provider, project, caches=CACHES)
        CACHES.update(caches([resource]))
        for problem in rule.check(resource):
            report(f"{problem} ({rule.source})", None)

    return ResourceValidationPolicy(rule.name, rule.description, validate, url=rule.source)


PolicyPack("gke-tpu-inference", [policy(rule) for rule in RULES], EnforcementLevel.MANDATORY)
