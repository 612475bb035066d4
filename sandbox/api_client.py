"""The API server, in plain JSON.

The official client's typed objects rename every field and drop those they do not know, and its dynamic client keeps a
cache in the machine's /tmp; so this takes its connection and its credentials, and nothing else of it.
"""

import datetime
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from kubernetes import config
from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.client.rest import RESTResponse
from urllib3.exceptions import HTTPError

Json = dict[str, Any]
MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
UNREACHABLE = (ApiException, HTTPError)
"""What a call raises when the API server refuses it or is not there."""


def now() -> str:
    """The time as objects have it."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Api:
    """One user of the API server, by a kubeconfig; without one, the service account of the Pod that this runs in."""

    def __init__(self, kubeconfig: Path | None = None) -> None:
        settings = Configuration(connection_pool_maxsize=64)  # each Pod has a thread
        if kubeconfig:
            config.load_kube_config(str(kubeconfig), client_configuration=settings, persist_config=False)
        else:
            config.load_incluster_config(settings)
        self._client = ApiClient(settings)

    def __call__(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        content: str = "application/json",
        accept: str = "application/json",
        **query: str,
    ) -> Json:
        """The answer to one request. Raises what `UNREACHABLE` names."""
        response = self._open(method, path, query, body=body, content=content, accept=accept, seconds=30)
        return json.loads(response.read())

    def items(self, path: str, **query: str) -> list[Json]:
        """What a list has, as the API server has it in memory: cheap enough to ask again and again."""
        return self("GET", path, None, **{"resourceVersion": "0", **query})["items"]

    def watch(self, path: str, *, accept: str = "application/json") -> Iterator[Json]:
        """Everything in a list, then every change, until the API server hangs up after some minutes."""
        for line in self._open("GET", path, {"watch": "true"}, accept=accept).response:
            yield json.loads(line)

    def _open(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        *,
        body: Json | None = None,
        content: str = "application/json",
        accept: str,
        seconds: float | None = None,
    ) -> RESTResponse:
        headers = {"Accept": accept, "Content-Type": content}
        request = self._client.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        response = self._client.call_api(*request[:4], _request_timeout=seconds)
        if not 200 <= response.status < 300:
            text = response.read().decode()
            raise ApiException.from_response(http_resp=response, body=text, data=None)
        return response

    def event(self, about: Json, kind: str, reason: str, message: str, *, source: str, normal: bool = False) -> None:
        """What `kubectl describe` shows of an object; lost if its namespace is on its way out."""
        meta = about["metadata"]
        names = {key: meta[key] for key in ("name", "namespace", "uid")}
        body = {
            "metadata": {"generateName": f"{meta['name']}."},
            "involvedObject": {"apiVersion": "v1", "kind": kind, **names},
            "type": "Normal" if normal else "Warning",
            "reason": reason,
            "message": message,
            "source": {"component": source},
            "firstTimestamp": now(),
            "lastTimestamp": now(),
            "count": 1,
        }
        with suppress(*UNREACHABLE):
            self("POST", f"/api/v1/namespaces/{meta['namespace']}/events", body)
