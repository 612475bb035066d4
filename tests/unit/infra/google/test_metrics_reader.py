"""Who may read the metrics that models are scaled by."""

from infra.settings.autoscaling import reader
from tests.support.program import Declared, Run
from tests.support.stacks import autoscaled


def test_operator_of_keda_may_read_the_projects_metrics_once_there_is_a_cluster(run: Run) -> None:
    declared = run(**autoscaled())
    grant = declared.one("projects/iAMMember:IAMMember", "metrics-reader")

    assert grant.inputs == {
        "project": "my-project",
        "role": "roles/monitoring.viewer",
        "member": "serviceAccount:my-project.svc.id.goog[keda/keda-operator-dev]",
    }
    assert [urn.split("::", 2)[-1] for urn in grant.request.dependencies] == [
        "gke-tpu-inference:infra:Cluster$gcp:container/cluster:Cluster::tpu-inference"
    ]


def test_two_stacks_of_a_project_have_a_reader_each_and_so_a_grant_each() -> None:
    """One that two stacks declare is gone for both when either goes."""
    assert reader("dev") != reader("staging")
    assert reader("My_Stack").account.startswith("keda-operator-my-stack-")


def test_nobody_may_if_nothing_is_scaled(dev: Declared) -> None:
    assert "metrics-reader" not in {r.name for r in dev}


def test_whoever_deploys_without_the_right_to_grant_grants_nothing(run: Run) -> None:
    account = "our-nodes@my-project.iam.gserviceaccount.com"

    assert "metrics-reader" not in {r.name for r in run(**autoscaled(), nodeServiceAccount=account)}
