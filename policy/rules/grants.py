"""What may be made, and who may be granted what: lists of what is allowed, in `allowed`."""

import re
from collections.abc import Iterator

from .allowed import CUSTOM_ROLES, ISSUER, MEMBERS, OWN, ROLES, STACK, TYPES
from .resource import UNKNOWN, Resource, Rule, at, differs, items, shown

CUSTOM_ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"
PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
TAKEN = "gcp:projects/iamMemberRemove:IamMemberRemove"
"""Takes a role from somebody."""
ANY_PROJECT = "[a-z0-9.:-]+"
CONDITION = r"assertion\.repository_id == '\d+'"
"""That a token is of one repository, by its number (`condition` in bootstrap/trust.py)."""
EVERYBODY = ("system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts")
"""Users and groups of Kubernetes that are no one in particular."""


def _types(resource: Resource) -> Iterator[str]:
    if resource.type.startswith(OWN) or resource.type in TYPES.get(resource.project, TYPES[STACK]):
        return
    yield (
        f"the type {resource.type} is none that {resource.project} is made of, so no rule here judges it. If it has to "
        "be, add it to TYPES in policy/rules/allowed.py."
    )


def _may_be_granted(resource: Resource, role: str) -> bool:
    custom = re.fullmatch(r"projects/[^/]+/roles/(\w+)", role)
    return role in ROLES.get(resource.project, ROLES[STACK]) or bool(custom and custom[1] in CUSTOM_ROLES)


def _forms(resource: Resource) -> Iterator[str]:
    """What a member may look like. A project of an organization's domain is DOMAIN:NAME, and NAME.DOMAIN in emails."""
    own = [str(of["project"]) for of in (resource.provider, resource.props) if of.get("project")]
    places = [(re.escape(of), re.escape(".".join(reversed(of.split(":"))))) for of in own]
    if not own or UNKNOWN in own:
        places = [(ANY_PROJECT, ANY_PROJECT)]
    for form in MEMBERS.get(resource.project, MEMBERS[STACK]):
        for project, domain in places:
            yield form.replace("PROJECT", project).replace("DOMAIN", domain)


def _grants(resource: Resource) -> Iterator[str]:
    if not resource.type.startswith("gcp:") or resource.type == TAKEN:
        return
    role = resource.props.get("role")
    if isinstance(role, str) and role != UNKNOWN and not _may_be_granted(resource, role):
        yield (
            f"role is {shown(role)}, which {resource.project} does not grant. If it has to, add it to ROLES in "
            "policy/rules/allowed.py."
        )
    members = {"member": resource.props.get("member")}
    members |= {f"members[{i}]": member for i, member in enumerate(items(resource.props.get("members")))}
    for path, member in members.items():
        if differs(member, None) and not any(re.fullmatch(form, str(member)) for form in _forms(resource)):
            yield (
                f"{path} is {shown(member)}. Grant a role to a service account or a Pod of the same project; in "
                "bootstrap also to workflows by an attribute."
            )
    if resource.type == CUSTOM_ROLE:
        yield from _custom_role(resource)


def _custom_role(resource: Resource) -> Iterator[str]:
    role = resource.props.get("roleId")
    most = CUSTOM_ROLES.get(str(role), frozenset())
    for permission in items(resource.props.get("permissions")):
        if differs(permission, *most):
            yield (
                f"permissions has {shown(permission)}, which {role} does not permit. If it has to, add it to "
                "CUSTOM_ROLES in policy/rules/allowed.py."
            )


def _issuer(resource: Resource) -> Iterator[str]:
    if resource.type != PROVIDER:
        return
    issuer, condition = at(resource.props, "oidc", "issuerUri"), resource.props.get("attributeCondition")
    if differs(issuer, ISSUER):
        yield f"oidc.issuerUri is {shown(issuer)}, which then says who deploys. Set it to {ISSUER}."
    if condition != UNKNOWN and not re.fullmatch(CONDITION, str(condition)):
        yield (
            f"attributeCondition is {shown(condition)}, and other repositories may then come as this one. Set it to "
            "assertion.repository_id == 'NUMBER', as `condition` in bootstrap/trust.py does."
        )
    for path in ("oidc.jwksJson", "aws", "saml", "x509"):
        if differs(at(resource.props, *path.split(".")), None):
            yield f"{path} is set, by which others than GitHub say who deploys. Remove it."


def _bindings(resource: Resource) -> Iterator[str]:
    if not re.match(r"kubernetes:rbac\.authorization\.k8s\.io/.*Binding", resource.type):
        return
    for i, subject in enumerate(items(resource.props.get("subjects"))):
        if at(subject, "name") in EVERYBODY:
            yield f"subjects[{i}] is {at(subject, 'name')}, which is everybody. Name a service account."
    if at(resource.props, "roleRef", "name") == "cluster-admin":
        yield "roleRef is cluster-admin, which may do everything. Name a role that permits what is needed."


RULES = (
    Rule(
        "allowed-types",
        "Nothing is made but what the program is made of.",
        "https://www.pulumi.com/docs/insights/policy/policy-packs/authoring/",
        _types,
    ),
    Rule(
        "allowed-grants",
        "No role is granted but those of the program, and to machines of the project alone.",
        "https://cloud.google.com/iam/docs/using-iam-securely#least_privilege",
        _grants,
    ),
    Rule(
        "known-issuer",
        "Who deploys says GitHub, of one repository.",
        "https://cloud.google.com/iam/docs/best-practices-for-using-workload-identity-federation",
        _issuer,
    ),
    Rule(
        "named-subjects",
        "Roles of Kubernetes are bound to somebody in particular, and not all of them.",
        "https://cloud.google.com/kubernetes-engine/docs/best-practices/rbac",
        _bindings,
    ),
)
