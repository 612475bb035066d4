"""What every stack keeps to, whoever edits the program: plain functions over one resource and its inputs.

Two kinds: what a resource has to be like, and lists of all that there may be (`allowed`). A pack runs where `pulumi`
runs, so it stops who edits the program and not who goes around it: what lands in the cluster, the API server judges by
`infra/platform/admission_policies.py`.
"""

from collections.abc import Iterator

from . import charts, cluster, grants, network, repositories, storage, workloads
from .resource import Resource, Rule

RULES: tuple[Rule, ...] = (
    *(*grants.RULES, *network.RULES, *cluster.RULES, *repositories.RULES, *storage.RULES),
    *(*charts.RULES, *workloads.RULES),
)


def violations(resource: Resource) -> Iterator[str]:
    """Every rule that the resource breaks, each with its value and the way out."""
    for rule in RULES:
        for problem in rule.check(resource):
            yield f"{resource.type} {resource.name}: {problem} ({rule.source})"
