"""Ways to bring a fault about on the real control plane, for `tests/cluster/test_strict.py`.

`of_the_model` changes the Pod template that the program writes, and KServe, the scheduler and the kubelet take it from
there; `of_the_vpc` and `of_a_policy` close the way out of such a model; `of_an_image` runs an image; `of_the_program`
and `of_a_setting` change the program and the stack, and the engine runs them; `of_an_object` is what the API server
answers to a manifest.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from pulumi.automation import CommandError

from infra.google import slices
from infra.models.pod import pod_template
from infra.settings.context import Context
from infra.settings.model import Model
from ops.diagnose.causes import findings
from ops.diagnose.cluster import Cluster
from ops.diagnose.observe import observe
from sandbox.cluster.control_plane import ClusterError, ControlPlane
from sandbox.engine.stack import SandboxStack
from tests.support import recordings
from tests.support.project import stack_file

Template = dict[str, Any]
MODEL = Model.model_validate(stack_file("dev")["models"][0], context=Context("v6e-4", 1))
NAMESPACE = f"--namespace={MODEL.namespace}"


class Where(NamedTuple):
    """Where a fault is brought about: the dev stack, up, with room for one more model."""

    stack: SandboxStack
    plane: ControlPlane
    monkeypatch: pytest.MonkeyPatch


Make = Callable[[Where], AbstractContextManager[Callable[[], str]]]


def _told(plane: ControlPlane, *pods_of: str) -> str:
    """What the containers of some Pods have to say for themselves: reason, exit code, message."""
    pods = json.loads(plane.kubectl("get", "pods", *pods_of, "--output=json"))["items"]
    statuses = [
        state
        for pod in pods
        for kind in ("initContainerStatuses", "containerStatuses")
        for container in pod["status"].get(kind, [])
        for when in ("state", "lastState")
        for state in container[when].values()
    ]
    return "\n".join(f"{s.get('reason')} {s.get('exitCode', '')} {s.get('message', '')}" for s in statuses)


def diagnosed(plane: ControlPlane, model: str) -> set[str]:
    """The causes that `ops diagnose` names for the model at `namespace/name` of a stack, asked as an administrator.

    With RECORD=1 in the environment what was seen is kept for the tests of `ops.diagnose`.
    """
    observed = observe(Cluster(plane.kubeconfig), [model], [])
    causes = {found.cause.name for found in findings(observed, model)}
    if causes and os.environ.get("RECORD"):
        recordings.keep(observed, model, causes)
    return causes


def _events(plane: ControlPlane, name: str) -> str:
    """What the events of the model's namespace say of what has a name that begins so."""
    events = json.loads(plane.kubectl("get", "events", NAMESPACE, "--output=json"))["items"]
    return "\n".join(event["message"] for event in events if event["involvedObject"]["name"].startswith(name))


def of_the_model(change: Callable[[Template], Any], *, replicas: int = 1, **model: Any) -> Make:
    """One more model, without a route or a token, whose template the program wrote and `change` made wrong."""

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        template = pod_template(MODEL, slices.SLICES["v6e-4"]) | {"serviceAccountName": "strict"}
        change(template)
        spec = {"model": {"uri": MODEL.uri, "name": "strict"} | model, "replicas": replicas, "template": template}
        meta = {"name": "strict", "namespace": MODEL.namespace}
        service = {"apiVersion": "serving.kserve.io/v1alpha2", "kind": "LLMInferenceService", "metadata": meta}
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}
        for manifest in (account, {**service, "spec": spec}):
            where.plane.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(manifest))
        pods = (NAMESPACE, "--selector=app.kubernetes.io/name=strict")
        try:
            yield lambda: f"{_told(where.plane, *pods)}\n{_events(where.plane, 'strict')}"
        finally:
            where.plane.kubectl("delete", "llminferenceservice,serviceaccount", "strict", NAMESPACE)
            where.plane.kubectl("wait", "--for=delete", "pod", *pods, "--timeout=60s")

    return make


def of_the_vpc(kind: str, **inputs: Any) -> Make:
    """One more model, while what the stack has of a kind in its VPC has other inputs."""

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        inventory = where.stack.inventory
        [was] = inventory.find(kind)
        inventory.record("update", replace(was, inputs=was.inputs | inputs))
        try:
            with of_the_model(lambda _: None)(where) as told:
                yield told
        finally:
            inventory.record("update", was)

    return make


def of_a_policy(**spec: Any) -> Make:
    """One more model, while a NetworkPolicy is about its Pods."""
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "strict", "namespace": MODEL.namespace},
        "spec": {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "strict"}}, **spec},
    }

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        where.plane.kubectl("apply", "--server-side", "--filename=-", stdin=json.dumps(policy))
        try:
            with of_the_model(lambda _: None)(where) as told:
                yield told
        finally:
            where.plane.kubectl("delete", "networkpolicy", "strict", NAMESPACE)

    return make


def of_an_image(reference: str, **limits: str) -> Make:
    """A Pod of an image, as a chart with this tag and these limits would have it."""
    container = {"name": "strict", "image": reference, "resources": {"limits": limits}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "strict"}, "spec": {"containers": [container]}}

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        where.plane.kubectl("apply", "--server-side", NAMESPACE, "--filename=-", stdin=json.dumps(pod))
        try:
            yield lambda: _told(where.plane, NAMESPACE, "--field-selector=metadata.name=strict")
        finally:
            where.plane.kubectl("delete", "pod", "strict", NAMESPACE, "--wait")

    return make


def of_the_program(change: Callable[[pytest.MonkeyPatch], Any]) -> Make:
    """The program, changed, as `pulumi up` runs it."""

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        change(where.monkeypatch)
        with pytest.raises(CommandError) as error:
            where.stack.up(color="never")
        where.monkeypatch.undo()
        yield lambda: str(error.value)

    return make


def of_a_setting(key: str, value: Any) -> Make:
    """A setting of the stack, as `pulumi up` meets it."""

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        where.stack.set_config(key, value)
        try:
            with pytest.raises(CommandError) as error:
                where.stack.up(color="never")
        finally:
            where.stack.set_config(key, None)
        yield lambda: str(error.value)

    return make


def of_an_object(manifest: dict[str, Any]) -> Make:
    """A manifest, as the API server takes it with server-side validation."""

    @contextmanager
    def make(where: Where) -> Iterator[Callable[[], str]]:
        with pytest.raises(ClusterError) as error:
            where.plane.kubectl(
                *("apply", "--server-side", "--validate=strict", "--dry-run=server", NAMESPACE, "--filename=-"),
                stdin=json.dumps(manifest),
            )
        yield lambda: str(error.value)

    return make
