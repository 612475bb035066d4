"""Kubernetes service accounts as IAM names them: no account of Google's stands for one
(https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity)."""


def pool(project: str) -> str:
    """The pool of all clusters of a project, to which their accounts belong."""
    return f"{project}.svc.id.goog"


def member(project: str, namespace: str, account: str) -> str:
    """An account of a project's clusters as a member of a policy.

    This form has the project's ID. The other one, `principal://`, has its number, which nothing here knows. The first
    is among the members of https://cloud.google.com/compute/docs/reference/rest/v1/Binding.
    """
    return f"serviceAccount:{pool(project)}[{namespace}/{account}]"


def is_member(who: str, project: str, namespace: str, account: str) -> bool:
    """Whether a member of a policy is this account, in either form."""
    subject = f"/workloadIdentityPools/{pool(project)}/subject/ns/{namespace}/sa/{account}"
    return who == member(project, namespace, account) or who.endswith(subject)
