"""Whom Google takes for whom: what it keeps of a job's token from GitHub, and the principals that come of it.

A job is known by what GitHub says of it and nobody in the repository can write: the repository by its number, the
branch, the GitHub environment, and the workflow that its steps come from. `ref` is the branch that the run is of, and
`job_workflow_ref` the file that the job stands in, which for a called workflow is the called one
(https://docs.github.com/en/actions/reference/security/oidc). Both are asked for: a branch may call a workflow of the
main branch, whose steps then check out and run what is on the branch.
"""

ISSUER = "https://token.actions.githubusercontent.com"

DEPLOYING = ("deploy-stack.yml", "teardown.yml")
PLANNING = ("deploy.yml",)
DRIFTING = ("drift.yml",)
"""The workflows whose jobs deploy or destroy, make the plan that is approved, and look for drift, by their files' names
(a test compares)."""

REPOSITORY, PLAN, DRIFT, DEPLOY = "repository_id", "plan", "drift", "deploy"
"""The attributes of `mapping`."""


def condition(repository_id: int) -> str:
    """Which tokens of GitHub are taken at all: those of one repository, by the number that never changes hands."""
    return f"assertion.repository_id == '{repository_id}'"


def _job_of(files: tuple[str, ...], main_branch: str) -> str:
    """Whether a job runs from the main branch and stands in one of these files on it.

    The token names the repository itself, so nothing is to be changed when it is renamed.
    """
    here = "assertion.job_workflow_ref == assertion.repository + '/.github/workflows/{}@' + assertion.ref"
    of_files = " || ".join(here.format(file) for file in files)
    return f"assertion.ref == 'refs/heads/{main_branch}' && ({of_files})"


def mapping(main_branch: str) -> dict[str, str]:
    """What Google keeps of a token. A principal tests one attribute for one value, so each is made of several claims.

    A job that has no GitHub environment has no claim of that name; no environment can be called `-`. One that has is
    never a job that plans or looks for drift: so a job of dev's cannot become what reads prod.

    The subject is only for the audit log: GitHub's own may be longer than the 127 bytes that Google takes.
    """
    in_none = "!has(assertion.environment)"
    return {
        "google.subject": "assertion.repository_id + ':' + assertion.run_id",
        f"attribute.{REPOSITORY}": "assertion.repository_id",
        f"attribute.{PLAN}": f"{_job_of(PLANNING, main_branch)} && {in_none} ? 'true' : 'false'",
        f"attribute.{DRIFT}": f"{_job_of(DRIFTING, main_branch)} && {in_none} ? 'true' : 'false'",
        f"attribute.{DEPLOY}": (
            f"{_job_of(DEPLOYING, main_branch)} && has(assertion.environment) ? assertion.environment : '-'"
        ),
    }


def principal(pool: str, attribute: str, value: str) -> str:
    """Every job whose token has this value in this attribute. Workflows of forks get no token from GitHub."""
    return f"principalSet://iam.googleapis.com/{pool}/attribute.{attribute}/{value}"
