"""What stands in for Pulumi's Kubernetes plugin, with the real engine and small programs on the real API server."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi.automation import CommandError, OpType

from sandbox.control_plane import ControlPlane, wait_until
from sandbox.live import LiveKubernetes
from sandbox.provider import Cloud
from sandbox.stack import Sandbox

NAMESPACE = "live-provider"
TOKEN = "hf_of_a_test"  # noqa: S105

CHART = {
    "Chart.yaml": "{apiVersion: v2, name: small, version: 1.2.3}",
    "values.yaml": "{text: hello, replicas: 0}",
    "templates/all.yaml": """
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {text: {{ .Values.text }}}
---
{{- if .Values.replicas }}
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: &app {matchLabels: {app: small}}
  template: {metadata: {labels: {app: small}}, spec: {containers: [{name: main, image: none}]}}
{{- end }}
""",
}

Program = Callable[[pulumi.ResourceOptions], Any]
Make = Callable[..., Sandbox]


class Small(Sandbox):
    """A stack with nothing but the live provider."""

    patience: float = 60

    def _clouds(self) -> dict[str, Cloud]:
        return {"kubernetes": LiveKubernetes(self.world, self.patience)}


@pytest.fixture(scope="module")
def namespace(plane: ControlPlane) -> Iterator[str]:
    """A namespace for all tests here, as deleting one takes seconds."""
    plane.kubectl("create", "namespace", NAMESPACE)
    yield NAMESPACE
    plane.kubectl("delete", "namespace", NAMESPACE)


@pytest.fixture
def make(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Make]:
    """Makes a stack of what a program declares with the options it gets; it is destroyed after the test."""
    assert namespace == NAMESPACE
    with ExitStack() as stack:

        def make(program: Program, kubeconfig: str | None = None) -> Sandbox:
            def run() -> None:
                text = kubeconfig or plane.kubeconfig.read_text()
                provider = k8s.Provider("cluster", kubeconfig=text, cluster_identifier="cluster")
                program(pulumi.ResourceOptions(provider=provider))

            sandbox = stack.enter_context(Small(home=tmp_path / "home", program=run))
            stack.callback(sandbox.destroy)
            return sandbox

        yield make


@pytest.fixture
def chart(tmp_path: Path) -> str:
    """A chart with a ConfigMap, and a Deployment that no node can run if `replicas` says so."""
    for name, text in CHART.items():
        path = tmp_path / "small" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(tmp_path / "small")


def meta(name: str, **annotations: str) -> k8s.meta.v1.ObjectMetaArgsDict:
    return {"name": name, "namespace": NAMESPACE, "annotations": annotations}


def gateway(options: pulumi.ResourceOptions, **custom_timeouts: str) -> None:
    """A Gateway, of which nothing in this cluster takes care."""
    k8s.apiextensions.CustomResource(
        "gateway",
        api_version="gateway.networking.k8s.io/v1",
        kind="Gateway",
        metadata=meta("gateway", **{"pulumi.com/waitFor": "condition=Programmed"}),
        spec={"gatewayClassName": "nobody", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
        opts=options.merge(pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(**custom_timeouts))),
    )


def programmed(plane: ControlPlane, status: str, message: str = "") -> None:
    """Say what a controller would."""
    condition = {"type": "Programmed", "status": status, "reason": "Test", "message": message}
    change = json.dumps({"status": {"conditions": [condition | {"lastTransitionTime": "2026-01-01T00:00:00Z"}]}})
    plane.kubectl("patch", "gateway", "gateway", "-n", NAMESPACE, "--subresource=status", "--type=merge", "-p", change)


def exists(plane: ControlPlane, kind: str, name: str) -> bool:
    return bool(plane.kubectl("get", kind, name, "-n", NAMESPACE, "--ignore-not-found"))


def data(plane: ControlPlane, name: str) -> dict[str, str]:
    return json.loads(plane.kubectl("get", "configmap", name, "-n", NAMESPACE, "--output=jsonpath={.data}"))


def failure(operation: Callable[..., Any]) -> str:
    with pytest.raises(CommandError) as error:
        operation(color="never")
    return str(error.value)


def state(sandbox: Sandbox, name: str) -> dict[str, Any]:
    return next(r for r in sandbox.resources() if r["urn"].endswith(f"::{name}"))


def config_map(value: str) -> Program:
    return lambda options: k8s.core.v1.ConfigMap("map", metadata=meta("map"), data={"a": value}, opts=options)


def test_the_life_of_a_stack(make: Make, plane: ControlPlane, chart: str) -> None:
    port, text = 8080, "one"

    def program(options: pulumi.ResourceOptions) -> None:
        place = k8s.core.v1.Namespace("place", metadata={"name": "live-provider-own"}, opts=options).metadata.name
        secret = k8s.core.v1.Secret(
            "secret",
            metadata={"name": "secret", "namespace": place},
            string_data={"TOKEN": pulumi.Output.secret(TOKEN)},
            opts=options,
        )
        k8s.core.v1.ServiceAccount(
            "account", metadata={"namespace": place}, secrets=[{"name": secret.metadata.name}], opts=options
        )
        service = k8s.core.v1.Service(
            "service",
            metadata={"namespace": place},
            spec={"selector": {"app": "none"}, "ports": [{"port": 80, "target_port": port}]},
            opts=options,
        )
        release = k8s.helm.v3.Release(
            "release", name="release", namespace=place, chart=chart, values={"text": text}, opts=options
        )
        pulumi.export("address", service.spec.cluster_ip)
        pulumi.export("release", release.status.status)

    before = plane.objects()
    sandbox = make(program)
    assert sandbox.preview().change_summary == {OpType.CREATE: 7}
    sandbox.up()
    assert sandbox.outputs()["address"].startswith("10.")
    assert sandbox.outputs()["release"] == "deployed"
    assert sandbox.preview().change_summary == {OpType.SAME: 7}
    assert sandbox.refresh().summary.resource_changes == {"same": 7}
    assert sandbox.preview().change_summary == {OpType.SAME: 7}
    kept = json.dumps(sandbox.resources())
    assert TOKEN not in kept
    assert "aGZfb2ZfYV90ZXN0" not in kept  # the same in base64, as the API server answers it

    port, text = 8081, "two"
    assert sandbox.up().summary.resource_changes == {"same": 5, "update": 2}
    port = 8082  # the second change in place: the first one made the object that was created an applied one
    assert sandbox.up().summary.resource_changes == {"same": 6, "update": 1}

    sandbox.destroy()
    assert plane.objects() == before


def test_what_is_not_ready_is_kept_and_waited_for_again(make: Make, plane: ControlPlane) -> None:
    sandbox = make(lambda options: gateway(options, create="4s"))
    saying = threading.Timer(2, programmed, (plane, "False", "there is no such class"))
    saying.start()
    said = failure(sandbox.up)
    assert "was successfully created, but the Kubernetes API server reported that it failed to fully init" in said
    assert "timed out waiting for the condition" in said
    assert "Programmed is False (Test): there is no such class" in said
    assert state(sandbox, "gateway")["initErrors"]

    threading.Timer(2, programmed, (plane, "True")).start()
    assert sandbox.up().summary.resource_changes == {"same": 2, "update": 1}
    assert "initErrors" not in state(sandbox, "gateway")


def test_an_interruption_ends_a_wait_and_loses_nothing(make: Make, plane: ControlPlane) -> None:
    sandbox = make(gateway)

    def interrupt() -> None:
        wait_until(lambda: exists(plane, "gateway", "gateway"), "the Gateway", 30)
        for process in Path("/proc").glob("[0-9]*"):
            if b"--exec-kind" in (process / "cmdline").read_bytes():
                os.kill(int(process.name), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    assert "the operation was cancelled" in failure(sandbox.up)
    assert state(sandbox, "gateway")["initErrors"]


def test_waits_do_not_hold_the_simulated_world(make: Make, plane: ControlPlane) -> None:
    sandbox = make(lambda options: gateway(options, create="4s"))
    held: list[bool] = []

    def look() -> None:
        wait_until(lambda: exists(plane, "gateway", "gateway"), "the Gateway", 30)
        held.append(sandbox.world.lock.acquire(timeout=1))

    looking = threading.Thread(target=look)
    looking.start()
    failure(sandbox.up)
    looking.join()
    assert held == [True]


def test_a_finalizer_that_holds_up_a_deletion_is_named(make: Make, plane: ControlPlane) -> None:
    def program(options: pulumi.ResourceOptions) -> None:
        options = options.merge(pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(delete="2s")))
        config_map("1")(options)

    sandbox = make(program)
    sandbox.up()
    finalizers = '{{"metadata": {{"finalizers": {}}}}}'.format
    plane.kubectl("patch", "configmap", "map", "-n", NAMESPACE, "-p", finalizers('["example.com/hold"]'))
    assert "finalizers might be preventing deletion (example.com/hold)" in failure(sandbox.destroy)
    plane.kubectl("patch", "configmap", "map", "-n", NAMESPACE, "-p", finalizers("null"))
    sandbox.destroy()
    assert not exists(plane, "configmap", "map")


def test_an_object_that_exists_is_not_adopted(make: Make, plane: ControlPlane) -> None:
    plane.kubectl("create", "configmap", "map", "-n", NAMESPACE, "--from-literal=a=theirs")
    sandbox = make(config_map("1"))
    assert 'configmaps "map" already exists' in failure(sandbox.up)
    assert data(plane, "map") == {"a": "theirs"}
    plane.kubectl("delete", "configmap", "map", "-n", NAMESPACE)


def test_drift_is_found_and_a_field_of_others_is_not_taken_by_force(make: Make, plane: ControlPlane) -> None:
    sandbox = make(config_map("1"))
    sandbox.up()
    plane.kubectl("patch", "configmap", "map", "-n", NAMESPACE, "-p", '{"data": {"a": "2"}}')
    assert sandbox.refresh().summary.resource_changes == {"same": 2, "update": 1}
    said = failure(sandbox.up)
    assert 'The resource managed by field manager "pulumi-kubernetes" had an apply conflict' in said
    assert 'conflict with "kubectl-patch" using v1: .data.a' in said


def test_what_vanished_is_made_again(make: Make, plane: ControlPlane) -> None:
    sandbox = make(config_map("1"))
    sandbox.up()
    plane.kubectl("delete", "configmap", "map", "-n", NAMESPACE)
    assert sandbox.refresh().summary.resource_changes == {"same": 2, "delete": 1}
    sandbox.up()
    assert data(plane, "map") == {"a": "1"}


def test_a_new_name_replaces(make: Make, plane: ControlPlane) -> None:
    name = "before"
    sandbox = make(lambda options: k8s.core.v1.ConfigMap("map", metadata=meta(name), opts=options))
    sandbox.up()
    name = "after"
    assert sandbox.up().summary.resource_changes == {"same": 2, "replace": 1}
    assert (exists(plane, "configmap", "before"), exists(plane, "configmap", "after")) == (False, True)


def test_a_preview_refuses_an_unknown_field(make: Make) -> None:
    def program(options: pulumi.ResourceOptions) -> None:
        k8s.apiextensions.CustomResource(
            "map", api_version="v1", kind="ConfigMap", metadata=meta("map"), spec={"a": 1}, opts=options
        )

    assert 'unknown field "spec"' in failure(make(program).preview)


def test_an_error_does_not_show_a_secret(make: Make) -> None:
    def program(options: pulumi.ResourceOptions) -> None:
        k8s.core.v1.Secret("secret", metadata=meta("secret"), string_data={f"{TOKEN}!": f"{TOKEN}!"}, opts=options)

    said = failure(make(program).up)
    assert 'Secret "secret" is invalid' in said
    assert TOKEN not in said


def test_a_failed_release_is_kept_and_upgraded(make: Make, chart: str) -> None:
    values: dict[str, Any] = {"replicas": 1}

    def program(options: pulumi.ResourceOptions) -> None:
        k8s.helm.v3.Release(
            "release", name="release", namespace=NAMESPACE, chart=chart, timeout=4, values=values, opts=options
        )

    sandbox = make(program)
    said = failure(sandbox.up)
    assert f'Helm release "{NAMESPACE}/release" was created, but failed to initialize completely' in said
    assert f"resource Deployment/{NAMESPACE}/release not ready" in said
    assert state(sandbox, "release")["outputs"]["status"]["status"] == "failed"

    values = {"replicas": 0}
    assert sandbox.up().summary.resource_changes == {"same": 2, "update": 1}
    status = state(sandbox, "release")["outputs"]["status"]
    assert (status["status"], status["revision"], status["version"]) == ("deployed", 2, "1.2.3")


def test_a_release_takes_over_what_exists_only_when_told(make: Make, plane: ControlPlane, chart: str) -> None:
    plane.kubectl("create", "configmap", "release", "-n", NAMESPACE, "--from-literal=text=theirs")
    own = False

    def program(options: pulumi.ResourceOptions) -> None:
        k8s.helm.v3.Release(
            "release", name="release", namespace=NAMESPACE, chart=chart, take_ownership=own, opts=options
        )

    sandbox = make(program)
    assert "cannot be imported into the current release: invalid ownership metadata" in failure(sandbox.up)
    own = True
    sandbox.up()
    assert data(plane, "release") == {"text": "hello"}


def test_an_unreachable_cluster(make: Make, plane: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    kubeconfig = plane.kubeconfig_for("token")
    kubeconfig["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    sandbox = make(config_map("1"), json.dumps(kubeconfig))
    sandbox.preview()
    assert "configured Kubernetes cluster is unreachable: unable to load schema information" in failure(sandbox.up)
    assert plane.kubectl("get", "configmap", "map", "-n", NAMESPACE, "--ignore-not-found") == ""
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    sandbox.destroy()
