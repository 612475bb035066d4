"""Cloud Monitoring, asked for what is measured of models, and for alerts that are open.

What is measured is asked of Managed Service for Prometheus, which answers PromQL as Prometheus does
(https://cloud.google.com/stackdriver/docs/managed-prometheus/query-api-ui); alerts are those of the project
(https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alerts/list).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from google.auth.exceptions import GoogleAuthError
from requests import RequestException

from infra.monitoring.queries import QUERIES, by_model, filled
from ops.diagnose.report import shortened
from ops.words import LOGIN

from .known import Alert, Traffic, Unknown

HOST = "https://monitoring.googleapis.com"
SECONDS = 15
"""For each answer."""
MINUTES = 5
"""Over which is measured."""
MOST = 1000
"""Alerts that are read at the most, as many as the API gives at a time."""
TOLD = {
    401: f"Cloud Monitoring does not know the credentials: {LOGIN}",
    403: "Cloud Monitoring refuses the credentials: they take roles/monitoring.viewer, and the API has to be enabled",
}
SILENT = f"no Pod of it was read in the last {MINUTES} minutes"
UNMEASURED = "as the stack measures nothing"
NOBODY = f"no request has ended in the last {MINUTES} minutes"

Get = Callable[[str, Mapping[str, str]], Any]
"""Asks a path of the API with a query; what it answers, as JSON. Raises `RequestException` or `GoogleAuthError`."""


class RefusedError(Exception):
    """The API says no; the message says why and what to do."""


def getter(session: Any) -> Get:
    """What asks by a session of google-auth's. It raises `RefusedError` too."""

    def get(path: str, query: Mapping[str, str]) -> Any:
        answer = session.get(f"{HOST}{path}", params=query, timeout=SECONDS)
        if not answer.ok:
            told = TOLD.get(answer.status_code, f"Cloud Monitoring answers {answer.status_code}: {answer.text}")
            raise RefusedError(shortened(told))
        return answer.json()

    return get


def no_answer(error: Exception) -> Unknown:
    """Why Cloud Monitoring could not be asked."""
    if isinstance(error, GoogleAuthError):
        return Unknown(because=f"no credentials that work: {LOGIN}")
    return Unknown(because=str(error) if isinstance(error, RefusedError) else "Cloud Monitoring does not answer")


def queries(cluster: str) -> tuple[str, str]:
    """Requests that ended, a second, and the median time to the first token, by namespace and model."""
    of = {
        name: filled(QUERIES[name].promql, cluster=cluster, namespaces=()) for name in ("finished", "first-token-p50")
    }
    return by_model("sum", of["finished"]), of["first-token-p50"]


def _values(get: Get, project: str, query: str) -> dict[str, float]:
    """What a query says of each model, by `namespace/name`. A vLLM that is not a model's of ours has no such labels."""
    told = get(f"/v1/projects/{project}/location/global/prometheus/api/v1/query", {"query": query})
    result = told["data"]["result"]
    return {
        f"{of['namespace']}/{of['model']}": float(one["value"][1])
        for one in result
        for of in [one["metric"]]
        if {"namespace", "model"} <= of.keys()
    }


def traffic(get: Get, project: str, cluster: str, models: Iterable[str], *, scraped: bool) -> dict[str, Traffic]:
    """What is measured of each model; `scraped` says whether the stack has its Pods read. Raises as `Get` does."""
    requests, first_tokens = (_values(get, project, query) for query in queries(cluster))
    silent = Unknown(because=SILENT if scraped else f"{SILENT}, {UNMEASURED}")
    nothing = Traffic(requests=silent, first_token=silent)

    def of(model: str) -> Traffic:
        median = first_tokens.get(model, math.nan)
        told = Unknown(because=NOBODY) if math.isnan(median) else median
        return Traffic(requests=requests[model], first_token=told)

    return {model: of(model) if model in requests else nothing for model in models}


def alerts(get: Get, project: str) -> list[Alert]:
    """The alerts of the project that are open, the newest first. Raises as `Get` does."""
    told = get(f"/v3/projects/{project}/alerts", {"filter": 'state = "OPEN"', "pageSize": str(MOST)})
    return [
        Alert(name=of.get("displayName", one["name"]), since=one["openTime"], severity=of.get("severity", ""))
        for one in told.get("alerts", [])
        for of in [one.get("policy", {})]
        if one.get("state") == "OPEN"
    ]


FAILURES = (GoogleAuthError, RequestException, RefusedError, ValueError, KeyError)
"""What asking may raise, an answer of another form among it."""
