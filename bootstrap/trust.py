"""Who may do what: plain values, and the principals of GitHub Actions that they are granted to."""

from collections.abc import Mapping

ISSUER = "https://token.actions.githubusercontent.com"

APIS = (
    "cloudkms.googleapis.com",
    "cloudresourcemanager.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",  # tokens of the service accounts
    "serviceusage.googleapis.com",
    "storage.googleapis.com",
    "sts.googleapis.com",  # GitHub's tokens against Google's
)
"""What is on in the project of the state. Some calls that CI makes for an environment are counted on the project of its
service account, which is this one: https://cloud.google.com/docs/quotas/quota-project"""

ENVIRONMENT_APIS = ("cloudresourcemanager.googleapis.com", "iam.googleapis.com")
"""What is on in an environment's project before its own stack turns on the rest: its IAM policy and the role below."""

READ_ROLES = (
    "roles/browser",  # the project and its IAM policy
    "roles/compute.viewer",
    "roles/container.viewer",  # the clusters, the way into them, and what is in them but Secrets
    "roles/dns.reader",
    "roles/iam.serviceAccountViewer",
    "roles/serviceusage.serviceUsageViewer",
)
"""What a preview and a refresh read in an environment's project. Kubernetes previews ask for a server-side dry run,
which takes the permission to write; pulumi-kubernetes goes on without it when it is refused."""

KEY_PERMISSIONS = (
    "cloudkms.cryptoKeys.get",
    "cloudkms.cryptoKeys.getIamPolicy",
    "cloudkms.keyRings.get",
)
"""What a refresh reads of the key of a hardened cluster: `roles/cloudkms.viewer` does not show who may use one."""

SECRETS_PERMISSIONS = ("container.secrets.get", "container.secrets.list")
"""What a refresh reads beyond `READ_ROLES`: Helm keeps its releases in Secrets. No role of Google's has this alone."""

IAM_ADMIN = "roles/resourcemanager.projectIamAdmin"
DEPLOY_ROLES = (
    "roles/cloudkms.admin",
    "roles/compute.loadBalancerAdmin",
    "roles/compute.networkAdmin",
    "roles/compute.securityAdmin",
    "roles/compute.viewer",
    "roles/container.admin",
    "roles/dns.admin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.serviceAccountUser",
    IAM_ADMIN,
    "roles/serviceusage.serviceUsageAdmin",
)
"""What a deployment needs in its environment's project, the list of docs/deploy.md. Each has its reason there."""

GRANTABLE = ("roles/container.defaultNodeServiceAccount",)
"""What a deployment may grant in its project: without the limit `IAM_ADMIN` could make itself an owner."""


def limit(grantable: tuple[str, ...] = GRANTABLE) -> str:
    """The condition on `IAM_ADMIN`: https://cloud.google.com/iam/docs/setting-limits-on-granting-roles."""
    roles = ", ".join(f"'{role}'" for role in grantable)
    return f"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{roles}])"


def condition(repository_id: int) -> str:
    """Which tokens of GitHub are taken at all: those of one repository, by the number that never changes hands."""
    return f"assertion.repository_id == '{repository_id}'"


def mapping(main_branch: str) -> dict[str, str]:
    """What Google keeps of a token. A job that has no GitHub environment has no claim of that name; no
    environment can be called `-`.

    The subject is only for the audit log: GitHub's own may be longer than the 127 bytes that Google takes.
    """
    main = f"assertion.ref == 'refs/heads/{main_branch}'"
    return {
        "google.subject": "assertion.repository_id + ':' + assertion.run_id",
        "attribute.repository_id": "assertion.repository_id",
        "attribute.main": f"{main} ? 'true' : 'false'",
        "attribute.deploy": f"{main} && has(assertion.environment) ? assertion.environment : '-'",
    }


def any_workflow(pool: str, repository_id: int) -> str:
    """Every workflow of the repository, on every branch. Those of forks get no token from GitHub."""
    return f"principalSet://iam.googleapis.com/{pool}/attribute.repository_id/{repository_id}"


def on_main(pool: str) -> str:
    """Every workflow that runs from the main branch, such as a scheduled one."""
    return f"principalSet://iam.googleapis.com/{pool}/attribute.main/true"


def deployment(pool: str, environment: str) -> str:
    """The jobs of a GitHub environment that run from the main branch."""
    return f"principalSet://iam.googleapis.com/{pool}/attribute.deploy/{environment}"


def commands(repository: str, everywhere: Mapping[str, str], by_environment: Mapping[str, Mapping[str, str]]) -> str:
    """The commands that make the GitHub environments and set the variables which the workflows read."""
    lines = [f"gh variable set {name} --repo {repository} --body {value}" for name, value in everywhere.items()]
    for environment, variables in by_environment.items():
        path = f"repos/{repository}/environments/{environment}"  # one that is there keeps its protection rules
        lines.append(f"gh api --silent {path} 2>/dev/null || gh api --silent --method PUT {path}")
        lines += [
            f"gh variable set {name} --repo {repository} --env {environment} --body {value}"
            for name, value in variables.items()
        ]
    return "\n".join(lines)
