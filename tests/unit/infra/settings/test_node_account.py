"""The account that a user names for the nodes."""

import pytest

from infra.settings.node_account import domain
from tests.support.stack_settings import Values, accepted, problems, refused, stack

OWN = "gke-nodes@my-project.iam.gserviceaccount.com"


def no_account(email: str) -> str:
    return (
        f'nodeServiceAccount: "{email}" is no service account of the stack\'s project, whose nodes it is for. Use one '
        "like NAME@my-project.iam.gserviceaccount.com: `gcloud iam service-accounts list --project=my-project` shows "
        "them. Or leave it out, and the program makes it."
    )


DEFAULT = "123456-compute@developer.gserviceaccount.com"
BAD: dict[str, tuple[Values, str]] = {
    "the default account": (
        {"nodeServiceAccount": DEFAULT},
        f'nodeServiceAccount: "{DEFAULT}" is the project\'s default account, which may have far more rights than a '
        "node needs. Use one of the nodes' own, or leave it out, and the program makes it.",
    ),
    **{
        why: ({"nodeServiceAccount": email}, no_account(email))
        for why, email in {
            "a name": "gke-nodes",
            "an account of another project": OWN.replace("my-project", "other-project"),
            "a project that ends like this one": OWN.replace("@", "@not."),
            "a person": "ann@example.com",
            "a name that is too short": "nodes@my-project.iam.gserviceaccount.com",
            "a name that is too long": f"{'n' * 31}@my-project.iam.gserviceaccount.com",
            "a dot that is any letter": OWN.replace(".iam.", "-iam."),
            "letters of another script": OWN.replace("gke", "gπe"),
        }.items()
    },
}
GOOD: dict[str, Values] = {
    "one of the project": {"nodeServiceAccount": OWN},
    "the shortest": {"nodeServiceAccount": OWN.replace("gke-nodes", "a-node")},
    "the longest": {"nodeServiceAccount": OWN.replace("gke-nodes", "n" * 30)},
    "of a project of a domain": {
        "gcp:project": "example.com:my-project",
        "nodeServiceAccount": "gke-nodes@my-project.example.com.iam.gserviceaccount.com",
    },
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


def test_account_is_not_compared_with_a_project_that_has_a_problem_of_its_own() -> None:
    found = problems(stack({"gcp:project": "My Project", "nodeServiceAccount": OWN}))
    assert [line.partition(":")[0] for line in found] == ["gcp"]


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        ("my-project", "my-project.iam.gserviceaccount.com"),
        ("example.com:my-project", "my-project.example.com.iam.gserviceaccount.com"),
    ],
)
def test_domain_of_a_projects_accounts(project: str, expected: str) -> None:
    assert domain(project) == expected
