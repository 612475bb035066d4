"""Of which project somebody may be, and whose tokens are taken: the policy's rules for grants, beside its lists."""

from typing import Any

import pytest

from bootstrap.trust import ISSUER
from policy.rules import grants
from policy.rules.allowed import BOOTSTRAP
from policy.rules.resource import UNKNOWN, Resource
from tests.support.policy import broken, grant, refused, taken

WORKFLOWS = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/github/attribute.x/y"


def of(project: str, member: str, /, **props: Any) -> Resource:
    """A grant of a stack of this project."""
    return grant(member=member, **props)._replace(provider={"project": project})


def provider(**props: Any) -> Resource:
    """Bootstrap's, with more of its properties."""
    good = {"oidc": {"issuerUri": ISSUER}, "attributeCondition": "assertion.repository_id == '1'"}
    return Resource(grants.PROVIDER, "p", good | props, project=BOOTSTRAP)


BAD: dict[str, tuple[Resource, str, str]] = {
    **{
        f"a grant to {member}": (
            of("mine", f"serviceAccount:{member}"),
            "allowed-grants",
            f'member is "serviceAccount:{member}"',
        )
        for member in (
            "n@other.iam.gserviceaccount.com",
            "n@mine.evil.iam.gserviceaccount.com",
            "other.svc.id.goog[default/default]",
            "1-compute@developer.gserviceaccount.com",
            "service-1@gcp-sa-other.iam.gserviceaccount.com",
        )
    },
    "a grant to workflows in a stack": (of("mine", WORKFLOWS), "allowed-grants", 'member is "principalSet'),
    **{
        f"a provider with {what}": (provider(**props), "known-issuer", part)
        for what, props, part in (
            ("another issuer", {"oidc": {"issuerUri": "https://evil.example"}}, 'issuerUri is "https://evil.example"'),
            ("keys of its own", {"oidc": {"issuerUri": ISSUER, "jwksJson": "{}"}}, "oidc.jwksJson is set"),
            ("no condition", {"attributeCondition": None}, "attributeCondition is null"),
            ("a condition that always holds", {"attributeCondition": "true"}, 'attributeCondition is "true"'),
            (
                "a condition that others meet",
                {"attributeCondition": "assertion.repository_id == '1' || true"},
                "other repositories may then come as this one",
            ),
            ("Amazon's accounts", {"aws": {"accountId": "1"}}, "aws is set"),
        )
    },
}
GOOD: dict[str, Resource] = {
    **{
        f"a grant to {member}": of("example.com:mine", f"serviceAccount:{member}")
        for member in (
            "n@mine.example.com.iam.gserviceaccount.com",
            "example.com:mine.svc.id.goog[keda/keda-operator]",
            "service-1@container-engine-robot.iam.gserviceaccount.com",
        )
    },
    "a grant in the project of the account": of("ci", "serviceAccount:n@p.iam.gserviceaccount.com", project="p"),
    "a grant to workflows in bootstrap": of("mine", WORKFLOWS)._replace(project=BOOTSTRAP),
    "the provider": provider(),
}

test_rule_refuses = refused(BAD)
test_rule_takes = taken(GOOD)


@pytest.mark.parametrize(
    "resource",
    [
        of(UNKNOWN, "serviceAccount:n@other.iam.gserviceaccount.com"),
        of("mine", "serviceAccount:n@other.iam.gserviceaccount.com", project=UNKNOWN),
        provider(oidc=UNKNOWN, attributeCondition=UNKNOWN, aws=UNKNOWN),
    ],
)
def test_what_a_preview_does_not_know_breaks_no_rule(resource: Resource) -> None:
    assert broken(resource) == {}
