"""How IAM names the accounts of Kubernetes."""

from infra.settings.workload_identity import member


def test_member_of_a_project_in_a_domain() -> None:
    assert member("example.com:p", "demo", "qwen") == "serviceAccount:example.com:p.svc.id.goog[demo/qwen]"
