"""The cluster's API server, asked for lists and logs and nothing else."""

import binascii
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from kubernetes import config
from kubernetes.client import ApiClient, ApiException, Configuration
from kubernetes.config import ConfigException
from urllib3 import Retry
from urllib3.exceptions import HTTPError, MaxRetryError

from infra.settings.explain import masked
from ops.words import one_line

UNREACHABLE = (HTTPError, OSError)
SECONDS = 15
"""For each answer."""
PARALLEL = 8


class ClusterError(Exception):
    """The cluster cannot be asked; the message says why and what to do."""


def why(error: Exception) -> str:
    """Why a request was in vain, in a few words."""
    if isinstance(error, MaxRetryError):
        error = error.reason or error
    if isinstance(error, ApiException):
        return {401: "401, not signed in", 403: "403, no right to"}.get(int(error.status or 0), f"{error.status}")
    return masked(one_line(error))[:200]


def unusable(error: Exception) -> str:
    """Why a kubeconfig makes no sense. What Python says of a value or a file that cannot be decoded names neither."""
    if isinstance(error, binascii.Error):
        return f"one of its values is not base64: {error}"
    if isinstance(error, UnicodeDecodeError):
        return "it is not text"
    return masked(one_line(error))


class Cluster:
    """A reader of a cluster, by a kubeconfig. Raises `ClusterError` if that makes no sense.

    The official client's typed objects drop fields that they do not know and have none for custom resources, so it is
    asked for JSON. A request that fails is not made again: the next look comes soon.
    """

    def __init__(self, kubeconfig: Mapping[str, Any] | Path) -> None:
        settings = Configuration(connection_pool_maxsize=PARALLEL, retries=Retry(0))
        try:
            if isinstance(kubeconfig, Path):
                config.load_kube_config(str(kubeconfig), client_configuration=settings, persist_config=False)
            else:
                config.load_kube_config_from_dict(kubeconfig, client_configuration=settings, persist_config=False)
        except (OSError, yaml.YAMLError, ConfigException, TypeError, AttributeError, ValueError) as error:
            raise ClusterError(f"the kubeconfig cannot be used: {unusable(error)}") from None
        self.server = str(settings.host)
        self._client = ApiClient(settings)

    def _get(self, path: str, query: Mapping[str, str], accept: str) -> bytes:
        request = self._client.param_serialize(
            "GET",
            path,
            query_params=list(query.items()),
            header_params={"Accept": accept},
            auth_settings=["BearerToken"],
        )
        response = self._client.call_api(*request[:4], _request_timeout=SECONDS)
        body = response.read()
        if not 200 <= response.status < 300:
            raise ApiException.from_response(http_resp=response, body=body.decode(errors="replace"), data=None)
        return body

    def silent(self, error: Exception) -> ClusterError:
        """What is said of a cluster that does not answer, for one of what `UNREACHABLE` names."""
        return ClusterError(
            f"{self.server} does not answer: {why(error)}. It takes gke-gcloud-auth-plugin on PATH, a login "
            "(`gcloud auth login`) and roles/container.viewer"
        )

    def page(self, path: str, most: int, **query: str) -> tuple[list[dict[str, Any]], bool]:
        """At most so many objects of a list, and whether those are all. `query` selects among them.

        Raises `ApiException` if it is refused or not installed, or what `UNREACHABLE` names.
        """
        found = json.loads(self._get(path, {**query, "limit": str(most)}, "application/json"))
        return found["items"], not found["metadata"].get("continue")

    def objects(self, path: str, most: int) -> tuple[list[dict[str, Any]], bool]:
        """As `page` has them. An API that is not installed has none."""
        try:
            return self.page(path, most)
        except ApiException as error:
            if error.status == 404:
                return [], True
            raise

    def log(self, namespace: str, pod: str, container: str, *, lines: int, previous: bool) -> str:
        """The last lines of a container, now or before its last restart. Raises as `objects` does."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        query = {"container": container, "tailLines": str(lines), "previous": str(previous).lower()}
        return self._get(path, query, "*/*").decode(errors="replace")
