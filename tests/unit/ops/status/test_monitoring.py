"""What is asked of Cloud Monitoring, and what is made of its answers and refusals."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from google.auth.exceptions import DefaultCredentialsError
from requests import ConnectionError as NoConnection

from ops.status import monitoring
from ops.status.known import Alert, Traffic, Unknown
from ops.status.monitoring import RefusedError, alerts, getter, no_answer, queries, traffic

CLUSTER, MODEL = "tpu-inference-1a2b3c", "llm-d/qwen"
PROMETHEUS = "/v1/projects/my-project/location/global/prometheus/api/v1/query"


def vector(**values: str) -> dict[str, Any]:
    """An answer with a value for each model of a namespace."""
    series = [
        {"metric": {"namespace": "llm-d", "model": model}, "value": [1764504000, value]}
        for model, value in values.items()
    ]
    return {"data": {"resultType": "vector", "result": series}}


class Api:
    """Answers of the API by path and query."""

    def __init__(self, answers: Mapping[tuple[str, str], Any]) -> None:
        self._answers = answers

    def __call__(self, path: str, query: Mapping[str, str]) -> Any:
        return self._answers[path, query.get("query") or query["filter"]]


def of(requests: Any, first: Any, *, scraped: bool = True) -> Traffic:
    """What is made of two answers, of one model among others."""
    answers = {(PROMETHEUS, query): told for query, told in zip(queries(CLUSTER), (requests, first), strict=True)}
    found = traffic(Api(answers), "my-project", CLUSTER, [MODEL], scraped=scraped)
    assert list(found) == [MODEL]
    return found[MODEL]


def test_queries_are_of_one_cluster_by_model() -> None:
    buckets = 'vllm:time_to_first_token_seconds_bucket{cluster="tpu-inference-1a2b3c"}[5m]'
    assert queries(CLUSTER) == (
        "sum by (namespace, model) (sum by (namespace, model, finished_reason) "
        '(rate(vllm:request_success_total{cluster="tpu-inference-1a2b3c"}[5m])))',
        f"histogram_quantile(0.50, sum by (namespace, model, le) (rate({buckets})))",
    )


def test_measured_values_are_numbers_of_the_model() -> None:
    assert of(vector(other="9", qwen="1.5"), vector(other="9", qwen="0.25")) == Traffic(requests=1.5, first_token=0.25)


def test_without_requests_there_is_no_time_to_the_first_token() -> None:
    nobody = Unknown(because="no request has ended in the last 5 minutes")
    assert of(vector(qwen="0"), vector(qwen="NaN")) == Traffic(requests=0, first_token=nobody)
    assert of(vector(qwen="0"), vector()) == Traffic(requests=0, first_token=nobody)


@pytest.mark.parametrize(
    ("scraped", "said"),
    [
        (True, "no Pod of it was read in the last 5 minutes"),
        (False, "no Pod of it was read in the last 5 minutes, as the stack measures nothing"),
    ],
)
def test_what_nobody_measures_is_unknown_and_says_why(scraped: bool, said: str) -> None:
    silent = Unknown(because=said)
    assert of(vector(other="1"), vector(), scraped=scraped) == Traffic(requests=silent, first_token=silent)


@pytest.mark.parametrize("label", ["namespace", "model"])
def test_series_of_something_else_is_left_out(label: str) -> None:
    answer = vector(qwen="1.5")
    other = {"metric": {label: "of-another"}, "value": [1764504000, "7"]}
    answer["data"]["result"].insert(0, other)
    assert of(answer, answer) == Traffic(requests=1.5, first_token=1.5)


def test_alerts_that_are_open_are_named() -> None:
    one = {"name": "projects/1/alerts/a", "state": "OPEN", "openTime": "2026-11-30T11:00:00Z"}
    answer = {
        "alerts": [
            {**one, "policy": {"displayName": "no model answers", "severity": "CRITICAL"}},
            one,
            {**one, "state": "CLOSED"},
        ]
    }
    get = Api({("/v3/projects/my-project/alerts", 'state = "OPEN"'): answer})
    since = datetime(2026, 11, 30, 11, tzinfo=UTC)
    assert alerts(get, "my-project") == [
        Alert(name="no model answers", since=since, severity="CRITICAL"),
        Alert(name="projects/1/alerts/a", since=since),
    ]
    assert alerts(lambda *_: {}, "my-project") == []


class Session:
    """Answers once, and remembers what it was asked."""

    def __init__(self, status: int, body: Any) -> None:
        self.status_code, self.ok, self.text, self._body = status, status < 400, str(body), body
        self.asked: tuple[Any, ...] = ()

    def get(self, *what: Any, **how: Any) -> "Session":
        self.asked = (*what, how)
        return self

    def json(self) -> Any:
        return self._body


def test_it_asks_google_by_a_session() -> None:
    session = Session(200, {"alerts": []})
    assert getter(session)("/v3/x", {"a": "b"}) == {"alerts": []}
    assert session.asked == ("https://monitoring.googleapis.com/v3/x", {"params": {"a": "b"}, "timeout": 15})


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "does not know the credentials: gcloud auth application-default login"),
        (403, "they take roles/monitoring.viewer, and the API has to be enabled"),
        (500, "Cloud Monitoring answers 500: out of order"),
    ],
)
def test_refusal_says_what_to_do(status: int, said: str) -> None:
    with pytest.raises(RefusedError) as refused:
        getter(Session(status, "out of order"))("/v3/x", {})
    assert said in no_answer(refused.value).because


def test_no_credentials_and_no_connection_are_told() -> None:
    said = "no credentials that work: gcloud auth application-default login"
    assert no_answer(DefaultCredentialsError("?")).because == said
    assert no_answer(NoConnection("secret of a proxy")).because == "Cloud Monitoring does not answer"
    assert issubclass(DefaultCredentialsError, monitoring.FAILURES)
    assert issubclass(NoConnection, monitoring.FAILURES)
