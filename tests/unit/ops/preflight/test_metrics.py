"""What is said of KEDA's right to read metrics, where the program does not grant it."""

import pytest

from ops.preflight.findings import Finding
from tests.support.google_apis import Apis
from tests.support.preflight import LEFT_OUT, OK, WARN, Change, ask, disabled
from tests.support.stack_settings import Values

SCALED: Values = {"models[0].replicas": {"min": 0, "max": 1}}
NAMED: Values = {**SCALED, "nodeServiceAccount": "gke-nodes@my-project.iam.gserviceaccount.com"}
WHO = "serviceAccount:my-project.svc.id.goog[keda/keda-operator-dev]"
POOL = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/my-project.svc.id.goog"
MISSING = Finding(
    WARN,
    "metrics",
    "my-project does not say that keda/keda-operator-dev has roles/monitoring.viewer: no model would be scaled",
    "Once there is a cluster in the project: gcloud projects add-iam-policy-binding my-project "
    f"--role=roles/monitoring.viewer --member='{WHO}'",
)
MAY = Finding(OK, "metrics", "keda/keda-operator-dev may read the project's metrics, so models can be scaled", "")


def granted(role: str, who: str) -> Change:
    return lambda project: project.grants.append((role, who))


def nothing(_: Apis) -> None:
    """The project as it is."""


def told(change: Change, settings: Values) -> list[Finding]:
    return [finding for finding in ask(change, settings) if finding.check == "metrics"]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (nothing, MISSING),
        (granted("roles/monitoring.viewer", WHO), MAY),
        (granted("roles/viewer", WHO), MAY),
        (granted("roles/monitoring.viewer", f"{POOL}/subject/ns/keda/sa/keda-operator-dev"), MAY),
        (granted("roles/logging.viewer", WHO), MISSING),
        (granted("roles/monitoring.viewer", WHO.replace("-dev", "-prod")), MISSING),
    ],
)
def test_right_is_told_by_the_projects_policy(change: Change, found: Finding) -> None:
    assert told(change, NAMED) == [found]


@pytest.mark.parametrize("settings", [{}, SCALED, {"nodeServiceAccount": NAMED["nodeServiceAccount"]}])
def test_nothing_is_asked_where_nothing_is_scaled_or_the_program_grants_it(settings: Values) -> None:
    assert told(nothing, settings) == []


def test_policy_that_cannot_be_read_is_left_out() -> None:
    [found] = told(disabled("cloudresourcemanager"), NAMED)
    assert (found.status, found.found) == (LEFT_OUT, "cloudresourcemanager.googleapis.com is not enabled")
