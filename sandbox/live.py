"""A real Kubernetes behind the `kubernetes` provider: objects in an API server, releases by Helm's own library.

It stands in for the official plugin (pulumi-kubernetes), which the package registries do not carry, and does what the
source of that one says (https://github.com/pulumi/pulumi-kubernetes/tree/v4.32.0/provider/pkg, `await` and `provider`):
it creates and never adopts, updates by server-side apply without force, previews by dry run, waits, leaves what is not
ready in the state, and deletes in the foreground. Names, diffs and replacements are those of `sandbox.kubernetes`.

What is different:
- Unknown and duplicate fields are refused, where the plugin has the API server warn.
- It waits for `condition=` and, of the built-in kinds, for Services alone, and not the ten seconds in which their
  endpoints settle.
- Its field manager is `pulumi-kubernetes`, where the plugin makes up a name for each object at the first update.
- Helm is version 4, told to apply like version 3, which the plugin has. It waits like version 4, which is stricter
  (also for custom resources) and names what is not ready. A release has no `resourceNames`, its version is not looked
  up in the chart, and it knows only the options in `LiveKubernetes._deploy`.
- No patch resources, imports, lists or rendering to files; of the provider's settings it reads the kubeconfig alone.

Helm's library reads the environment (SSL_CERT_FILE, PATH) when this module is imported, and the certificates once.
"""
# The methods of `LiveKubernetes` are described in `provider.Cloud`.
# ruff: noqa: D102

import base64
import contextlib
import json
import math
import threading
import time
from collections.abc import Callable
from concurrent import futures
from typing import Any

import helm_python
import urllib3
import yaml
from helm_python import _native  # `Config.install` and `upgrade` (0.2.2) do not pass on all options of the library
from kubernetes import client, config
from pulumi.runtime.rpc import UNKNOWN

from .kubernetes import RELEASE, Kubernetes, reach
from .provider import Call, NotReadyError, Props, secret, unknown
from .world import CloudError, World, merge

FIELD_MANAGER = "pulumi-kubernetes"
PATIENCE, RELEASE_PATIENCE = 600, 300
"""How long an object, or a release, may take to be ready or gone, in seconds, if it does not say."""
RETRIES = (1, 2, 4, 8, 16)
"""Seconds before each new try to create an object whose kind or namespace is not there."""


class ApiError(CloudError):
    """The API server's refusal: its message, the HTTP status (0: no answer) and Kubernetes' reason."""

    def __init__(self, message: str, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


class Api:
    """An API server, for any number of threads."""

    def __init__(self, kubeconfig: str) -> None:
        try:
            self.client = config.new_client_from_config_dict(yaml.safe_load(kubeconfig), persist_config=False)
        except config.ConfigException as error:
            raise ApiError(str(error)) from None

    def request(self, method: str, path: str, body: Any = None, media: str = "application/json", **query: str) -> Any:
        """The object that one request answers."""
        headers, auth = {"Accept": "application/json", "Content-Type": media}, ["BearerToken"]
        try:
            request = self.client.param_serialize(
                method, path, query_params=list(query.items()), header_params=headers, body=body, auth_settings=auth
            )
            response = self.client.call_api(*request, _request_timeout=60)
            response.read()
            return self.client.response_deserialize(response, {"2XX": "object"}).data
        except client.ApiException as error:
            try:
                status = json.loads(error.body or "")
                refusal = ApiError(status["message"], status["code"], status.get("reason", ""))
            except (ValueError, LookupError, TypeError):  # not from an API server
                refusal = ApiError(f"{error.reason} {error.body or ''}".strip(), error.status or 0)
            raise refusal from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ApiError(str(error)) from None

    def path(self, call: Call, object_id: str) -> str:
        """Where an object of the resource's type is."""
        (namespace, _, name), (_, version, kind) = object_id.rpartition("/"), call.kind.split(":")
        version = version.removeprefix("core/")
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        missing = ApiError(f'no matches for kind "{kind}" in version "{version}"', 404)
        try:
            served = self.request("GET", root)["resources"]
        except ApiError as error:
            raise (missing if error.status == 404 else error) from None
        for resource in served:
            if resource["kind"] == kind and "/" not in resource["name"]:
                scope = f"/namespaces/{namespace}" if resource["namespaced"] else ""
                return f"{root}{scope}/{resource['name']}/{name}"
        raise missing

    def get(self, call: Call, object_id: str) -> Props | None:
        """The object, None if there is none of this name or kind."""
        try:
            return self.request("GET", self.path(call, object_id))
        except ApiError as error:
            if error.status == 404:
                return None
            raise


def _plain(value: Any) -> Any:
    """The value without Pulumi's own keys, and whole numbers as such: on the wire they all are floats."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if not k.startswith("__")}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _id(thing: Props) -> str:
    place = thing.get("metadata", thing)
    return f"{place['namespace']}/{place['name']}" if place.get("namespace") else place["name"]


def _outputs(live: Props) -> Props:
    """The properties of the resource. Those of a Secret are secret, and `stringData` is there to compare."""
    if live["kind"] != "Secret":
        return live
    data, text = live.get("data", {}), {}
    for key, value in data.items():
        with contextlib.suppress(UnicodeDecodeError):
            text[key] = base64.b64decode(value).decode()
    return live | {"data": secret(data), "stringData": secret(text)}


def _told(error: ApiError, inputs: Props) -> str:
    """What the API server said, without what is in a Secret."""
    message = str(error)
    if error.reason == "Conflict":
        message = f'The resource managed by field manager "{FIELD_MANAGER}" had an apply conflict: {message}'
    values = [str(v) for part in ("data", "stringData") for v in inputs.get(part, {}).values()]
    for value in sorted(filter(None, values), key=len, reverse=True) if inputs["kind"] == "Secret" else ():
        message = message.replace(value, "[secret]")
    return message


def _annotation(live: Props, name: str) -> str:
    return live["metadata"].get("annotations", {}).get(f"pulumi.com/{name}", "")


def _conditions(live: Props, *, but: str) -> list[str]:
    """What the conditions of the object say, except those with one status."""
    conditions = [c for c in live.get("status", {}).get("conditions", []) if c["status"] != but and c.get("message")]
    return [f"{c['type']} is {c['status']} ({c.get('reason')}): {c['message']}" for c in conditions]


def _unmet(live: Props, expression: str) -> list[str]:
    """Why the object does not meet the annotation `pulumi.com/waitFor`."""
    form, kind, *wanted = expression.split("=")
    if form != "condition":
        raise CloudError(
            f"pulumi.com/waitFor: the sandbox waits for condition=TYPE or condition=TYPE=STATUS, not {expression}"
        )
    wish, status, generation = "".join(wanted) or "True", live.get("status", {}), live["metadata"].get("generation", 0)
    found = [c for c in status.get("conditions", []) if c["type"].lower() == kind.lower()]
    if not found:
        return [f"Resource has no condition {kind}"]
    seen = found[0].get("observedGeneration", status.get("observedGeneration", generation))
    if seen < generation:
        return [f"Generation {seen} is less than expected {generation}"]
    met = found[0]["status"].lower() == wish.lower()
    return [] if met else [f"Resource has condition {kind}={found[0]['status']} (want {wish})"]


def _unready(api: Api, live: Props) -> list[str]:
    """Why the object is not ready; nothing if it is, or is not waited for."""
    if _annotation(live, "skipAwait") == "true":
        return []
    if wait_for := _annotation(live, "waitFor"):
        return _unmet(live, wait_for)
    if (live["apiVersion"], live["kind"]) != ("v1", "Service"):
        return []
    spec, meta, reasons = live["spec"], live["metadata"], []
    if spec.get("selector") and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
        where = f"/api/v1/namespaces/{meta['namespace']}/endpoints"
        endpoints = api.request("GET", where, fieldSelector=f"metadata.name={meta['name']}")["items"]
        if not endpoints or any(subset.get("notReadyAddresses") for subset in endpoints[0].get("subsets", [])):
            reasons.append(
                "Service does not target any Pods. Selected Pods may not be ready, or field '.spec.selector' may not "
                "match labels on any Pods"
            )
    if spec["type"] == "LoadBalancer" and not live["status"]["loadBalancer"].get("ingress"):
        reasons.append("Service was not allocated an IP address; does your cloud provider support this?")
    return reasons


class LiveKubernetes(Kubernetes):
    """The cloud behind the `kubernetes` provider, real.

    `patience` is the longest that it waits for anything, in seconds, whatever a resource says.
    """

    lock = contextlib.nullcontext()  # nothing here is simulated, and who waits must not hold up the simulated world

    def __init__(self, world: World, patience: float | None = None) -> None:
        super().__init__(world)
        self.patience = patience
        self._apis: dict[str, Api] = {}
        self._connecting = threading.Lock()

    def preview(self, call: Call, object_id: str | None, inputs: Props) -> Props:
        shown = {"status": unknown({})} | {k: v for k, v in inputs.items() if not k.startswith("__")}
        if call.kind == RELEASE or f'"{UNKNOWN}"' in json.dumps(inputs):
            return shown
        try:
            api = self._connect(call)
        except CloudError:
            return shown  # it may be reachable when it is the turn of this object
        try:
            if object_id:
                return _outputs(self._apply(api, call, object_id, inputs, dryRun="All"))
            return _outputs(self._post(api, call, inputs, dryRun="All")) | {"status": unknown({})}
        except ApiError as error:
            if error.status in (403, 404) or error.reason == "AlreadyExists":
                return shown  # its kind or namespace may be there by then, or what it replaces gone
            raise CloudError(_told(error, inputs)) from None

    def create(self, call: Call, inputs: Props) -> tuple[str, Props]:
        api = self._connect(call)
        if call.kind == RELEASE:
            return _id(inputs), self._deploy(call, "install", inputs)
        try:
            live = self._post(api, call, inputs)
        except ApiError as error:
            refused = f'resource "{call.urn}" was not successfully created by the Kubernetes API server'
            raise CloudError(f"{refused}: {_told(error, inputs)}") from None
        reported = "but the Kubernetes API server reported that it failed to fully initialize or become live"
        live = self._ready(api, call, live, f'resource "{call.urn}" was successfully created, {reported}')
        return _id(live), _outputs(live)

    def update(self, call: Call, object_id: str, inputs: Props) -> Props:
        api = self._connect(call)
        if call.kind == RELEASE:
            return self._deploy(call, "upgrade", inputs)
        failed = f'the Kubernetes API server reported that "{object_id}" failed to fully initialize or become live'
        try:
            live = self._apply(api, call, object_id, inputs)
        except ApiError as error:
            problem = f"{failed}: {_told(error, inputs)}"
            if live := api.get(call, object_id):  # the engine is to keep the new inputs nonetheless, as with the plugin
                raise NotReadyError(object_id, _outputs(live), problem) from None
            raise CloudError(problem) from None
        return _outputs(self._ready(api, call, live, failed))

    def read(self, call: Call, object_id: str) -> Props | None:
        api = reach(lambda: self._connect(call))
        if api is None:
            return None
        if call.kind != RELEASE:
            live = api.get(call, object_id)
            return _outputs(live) if live else None
        with self._helm(call, object_id) as helm:
            release = _release(helm, object_id)
        return merge(call.state, release) if release else None

    def delete(self, call: Call, object_id: str) -> None:
        api = reach(lambda: self._connect(call))
        if api is None:
            return
        if call.kind == RELEASE:
            self._uninstall(call, object_id)
            return
        live = api.get(call, object_id)
        if live is None:
            return
        policies = {"orphan": "Orphan", "background": "Background"}
        policy = policies.get(_annotation(live, "deletionPropagationPolicy").lower(), "Foreground")
        try:
            api.request("DELETE", api.path(call, object_id), {"propagationPolicy": policy})
        except ApiError as error:
            if error.status != 404:
                raise

        def remaining() -> list[str]:
            left = api.get(call, object_id)
            if left is None or left["metadata"]["uid"] != live["metadata"]["uid"]:
                return []
            finalizers = ", ".join(left["metadata"].get("finalizers", []))
            return [f"finalizers might be preventing deletion ({finalizers})", *_conditions(left, but="False")]

        if reasons := self._wait(call, self._seconds(call, PATIENCE), remaining):
            raise CloudError("; ".join(reasons))

    def _connect(self, call: Call) -> Api:
        """The cluster of the resource's provider, which answers."""
        kubeconfig = call.config.get("kubeconfig") or "{}"
        try:
            with self._connecting:
                api = self._apis.get(kubeconfig) or Api(kubeconfig)
            api.request("GET", "/api")
        except ApiError as error:
            reason = f"unable to load schema information from the API server: {error}"
            raise CloudError(f"configured Kubernetes cluster is unreachable: {reason}") from None
        return self._apis.setdefault(kubeconfig, api)

    def _post(self, api: Api, call: Call, inputs: Props, **query: str) -> Props:
        """The new object. Unless it is a dry run, its kind and namespace get some time to appear."""
        query |= {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        for delay in (*(() if "dryRun" in query else RETRIES), math.inf):
            try:
                where = api.path(call, _id(inputs)).rpartition("/")[0]
                return api.request("POST", where, _plain(inputs), **query)
            except ApiError as error:
                if error.status != 404 or delay > (self.patience or PATIENCE) or call.cancelled.wait(delay):
                    raise
        raise AssertionError("the last try has no delay")

    @staticmethod
    def _apply(api: Api, call: Call, object_id: str, inputs: Props, **query: str) -> Props:
        """The object, updated by server-side apply."""
        path, body = api.path(call, object_id), _plain(inputs)
        fields = api.request("GET", path)["metadata"].get("managedFields", [])
        created = [f for f in fields if f["manager"] == FIELD_MANAGER and f["operation"] == "Update"]
        if created and not query:  # what was created, not applied, is another manager's: each change would conflict
            owned = [f | {"operation": "Apply"} if f in created else f for f in fields]
            change = [{"op": "replace", "path": "/metadata/managedFields", "value": owned}]
            api.request("PATCH", path, change, "application/json-patch+json")
        force = (created and query) or _annotation(body, "patchForce") == "true"
        query |= {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", "force": "true" if force else "false"}
        return api.request("PATCH", path, body, "application/apply-patch+yaml", **query)

    def _seconds(self, call: Call, default: float) -> float:
        return min(call.timeout or default, self.patience or math.inf)

    @staticmethod
    def _wait(call: Call, seconds: float, reasons: Callable[[], list[str]]) -> list[str]:
        """Wait as long as there are reasons to; what is left of them, after why it ended."""
        end, pause = time.monotonic() + seconds, 0.1
        while found := reasons():
            if time.monotonic() > end:
                return ["timed out waiting for the condition", *found]
            if call.cancelled.wait(pause):
                return ["the operation was cancelled", *found]
            pause = min(1.5 * pause, 1)
        return []

    def _ready(self, api: Api, call: Call, live: Props, failed: str) -> Props:
        """The object when it is ready; `failed` begins the message if it is not."""
        path = api.path(call, _id(live))

        def unready() -> list[str]:
            nonlocal live
            live = api.request("GET", path)
            return _unready(api, live)

        try:
            reasons = self._wait(call, self._seconds(call, PATIENCE), unready)
        except CloudError as error:
            reasons = [str(error)]
        if reasons:
            told = (f"{failed}: {reasons[0]}", *reasons[1:], *_conditions(live, but="True"))
            raise NotReadyError(_id(live), _outputs(live), *told)
        return live

    @staticmethod
    def _helm(call: Call, object_id: str) -> helm_python.Config:
        return helm_python.Config(kubeconfig_content=call.config["kubeconfig"], namespace=object_id.rpartition("/")[0])

    def _deploy(self, call: Call, action: str, inputs: Props) -> Props:
        """Install or upgrade a release. The engine has one operation on a release at a time; others run beside it."""
        object_id, seconds = _id(inputs), self._seconds(call, inputs.get("timeout", RELEASE_PATIENCE))
        options = {
            "timeout_seconds": math.ceil(seconds),
            "wait": "watcher",
            "take_ownership": bool(inputs.get("takeOwnership")),
            # Helm 4's own way fails on what it takes over: https://github.com/helm/helm/issues/31510
            "server_side_apply": False if action == "install" else "false",
            "chart_version": inputs.get("version", ""),
            "chart_repo_url": inputs.get("repositoryOpts", {}).get("repo", ""),
        }
        values, shown = json.dumps(_plain(inputs.get("values", {}))), {k: v for k, v in inputs.items() if k[:2] != "__"}
        with (
            self._helm(call, object_id) as helm,
            helm_python.HelmContext() as context,
            futures.ThreadPoolExecutor(1) as pool,
        ):
            before = _release(helm, object_id)
            arguments = (helm._raw(), context._raw(), _native.HANDLE(0), inputs["chart"], inputs["name"], values)
            running = pool.submit(_native.call_string, f"helm_{action}", *arguments, json.dumps(options))
            while futures.wait([running], timeout=0.3).not_done:
                if call.cancelled.is_set():
                    context.cancel()
            after = _release(helm, object_id)
            error = running.exception()
        if error is None and after:
            return merge(shown, after)
        if after is None or (before and before["status"]["revision"] == after["status"]["revision"]):
            raise CloudError(str(error)) from error  # refused: there is no failed revision to keep
        created = "was created, but failed" if action == "install" else "failed"
        failed = f'Helm release "{object_id}" {created} to initialize completely: {error}'
        raise NotReadyError(object_id, merge(shown, after), failed) from error

    def _uninstall(self, call: Call, object_id: str) -> None:
        seconds = self._seconds(call, call.state.get("timeout", RELEASE_PATIENCE))
        with self._helm(call, object_id) as helm:
            try:
                helm.uninstall(object_id.rpartition("/")[2], timeout=math.ceil(seconds), wait="watcher")
            except helm_python.HelmError as error:
                raise CloudError(str(error)) from error


def _release(helm: helm_python.Config, object_id: str) -> Props | None:
    """The computed properties of a release, if there is one."""
    try:
        found = helm.status(object_id.rpartition("/")[2])
    except LookupError:
        return None
    status = {key: found[key] for key in ("name", "namespace", "revision", "status")}
    return {"status": status | {"chart": found["chart_name"], "version": found["chart_version"]}}
