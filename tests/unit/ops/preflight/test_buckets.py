"""What is said of buckets that weights are in: whether the weights are there, and whether Pods may read them."""

from ops.preflight.buckets import GRANT
from ops.preflight.findings import Finding
from tests.support.google_apis import Apis
from tests.support.preflight import FAIL, LEFT_OUT, OK, WARN, Change, ask, forbidden, lines, without
from tests.support.stack_settings import Values

URI = "gs://my-models/qwen"
IN_BUCKET: Values = {"models[0].uri": URI, "models[0].name": "qwen", "models[0].namespace": "demo"}
NAMED: Values = {**IN_BUCKET, "nodeServiceAccount": "gke-nodes@my-project.iam.gserviceaccount.com"}
ACCOUNTS = [f"serviceAccount:my-project.svc.id.goog[demo/{name}]" for name in ("qwen",)]
PRINCIPALS = [
    f"principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/my-project.svc.id.goog/subject/{who}"
    for who in ("ns/demo/sa/qwen",)
]


def there(*readers: str, names: tuple[str, ...] = ("qwen/config.json",)) -> Change:
    def change(project: Apis) -> None:
        project.objects["my-models"] = set(names)
        project.readers["my-models"] = list(readers)

    return change


def both(*changes: Change) -> Change:
    return lambda project: [change(project) for change in changes]


test_line = lines(
    {
        "weights that are there": (there(), IN_BUCKET, OK, "bucket", f"{URI} is there", ""),
        "weights that are a whole bucket": (
            there(names=("config.json",)),
            {**IN_BUCKET, "models[0].uri": "gs://my-models"},
            OK,
            "bucket",
            "gs://my-models is there",
            "",
        ),
        "bucket that is not there": (None, IN_BUCKET, FAIL, "bucket", "there is no bucket of this name", "storage ls"),
        "folder without a model": (
            there(names=("other/config.json",)),
            IN_BUCKET,
            FAIL,
            "bucket",
            f"{URI} has no config.json, so vLLM cannot serve it",
            f"gcloud storage ls {URI}",
        ),
        "bucket that may not be looked into": (
            both(there(), forbidden("storage")),
            IN_BUCKET,
            LEFT_OUT,
            "bucket",
            f"{URI}: these credentials may not look into it",
            f"gcloud storage ls {URI}",
        ),
        "right to let Pods read that is missing": (
            both(there(), without(GRANT)),
            IN_BUCKET,
            FAIL,
            "bucket",
            "storage.buckets.setIamPolicy on gs://my-models is missing, by which `pulumi up` lets Pods in",
            "gcloud storage buckets add-iam-policy-binding gs://my-models "
            f"--member='{ACCOUNTS[0]}' --role=roles/storage.objectViewer",
        ),
        "Pod that may not read": (
            there(),
            NAMED,
            WARN,
            "bucket",
            "gs://my-models does not say that demo/qwen has roles/storage.objectViewer, unless its project does",
            "gcloud storage buckets add-iam-policy-binding gs://my-models "
            f"--member='{ACCOUNTS[0]}' --role=roles/storage.objectViewer",
        ),
        "Pods that may read": (
            there(*ACCOUNTS),
            NAMED,
            OK,
            "bucket",
            "gs://my-models lets the Pods in",
            "",
        ),
        "Pods that may read, by their principals": (
            there(*PRINCIPALS),
            NAMED,
            OK,
            "bucket",
            "gs://my-models lets the Pods in",
            "",
        ),
        "Pod that may read and has to write": (
            there(ACCOUNTS[0]),
            {**NAMED, "models[0].uri": "hf://a/b", "compileCache": "gs://my-models"},
            WARN,
            "bucket",
            "gs://my-models does not say that demo/qwen has roles/storage.objectUser, unless its project does",
            f"--member='{ACCOUNTS[0]}' --role=roles/storage.objectUser",
        ),
        "bucket of compiled programs that is not there": (
            None,
            {"compileCache": "gs://my-programs"},
            FAIL,
            "bucket",
            "gs://my-programs: there is no bucket of this name",
            "storage ls",
        ),
        "policy that may not be seen": (
            both(there(), forbidden("storage")),
            NAMED,
            LEFT_OUT,
            "bucket",
            "these credentials may not see who may do what there",
            "gcloud storage buckets get-iam-policy gs://my-models",
        ),
    }
)


def said(change: Change | None, settings: Values) -> list[Finding]:
    return [finding for finding in ask(change, settings) if finding.check == "bucket"]


def test_nothing_is_said_where_no_model_is_in_a_bucket() -> None:
    assert said(None, {}) == []


def test_of_a_bucket_that_is_not_there_no_rights_are_told() -> None:
    assert len(said(None, IN_BUCKET)) == 1


def test_stack_that_may_let_pods_read_hears_of_the_weights_alone() -> None:
    assert [finding.status for finding in said(there(), IN_BUCKET)] == [OK]


def test_those_who_may_not_read_at_all_are_told_one_by_one() -> None:
    both_wanted: Values = {**NAMED, "compileCache": "gs://my-models"}
    assert [finding.status for finding in said(there(), both_wanted)] == [OK, WARN, WARN]
