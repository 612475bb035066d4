"""What is said when Google Cloud does not answer a check: which is left out, why, and how to have it."""

from google.api_core.exceptions import Forbidden, GoogleAPICallError

from ops.words import LOGIN, one_line

from .checks import CHECKS, Check
from .findings import Finding, fail, left_out
from .permissions import CHECK as PERMISSIONS

ALL = ", ".join(dict.fromkeys(check.name for check in CHECKS))


def no_credentials(error: Exception) -> Finding:
    """Nothing of Google Cloud can be asked."""
    why = one_line(error.args[0] if error.args else error).partition(". ")[0].rstrip(".")
    return left_out("credentials", f"{why}. So these were not asked: {ALL}", LOGIN)


def no_project() -> Finding:
    """No project is named."""
    told = f"the stack's file has no gcp:project. So these were not asked: {ALL}"
    return left_out("project", told, "`pulumi config set gcp:project PROJECT_ID`, or --project PROJECT_ID")


def unanswered(check: Check, error: Exception, project: str) -> Finding:
    """Why one check has no answer."""
    if isinstance(error, GoogleAPICallError) and error.reason == "SERVICE_DISABLED":
        do = f"gcloud services enable {check.api} --project={project}"
        return left_out(check.name, f"{check.api} is not enabled", do)
    if isinstance(error, Forbidden) and check.name == PERMISSIONS:
        told = f"there is no project {project}, or these credentials see nothing of it"
        return fail(check.name, told, "`gcloud projects list` shows the IDs; or set `gcp:project` to another one")
    if isinstance(error, Forbidden):
        do = f"Let somebody grant {check.role} on {project}"
        return left_out(check.name, f"these credentials may not ask {check.api}", do)
    if isinstance(error, GoogleAPICallError):
        return left_out(check.name, f"{check.api} answers: {error.message}", "Run this again")
    return left_out(check.name, f"{check.api} was not reached ({type(error).__name__})", "Run this where it can be")
