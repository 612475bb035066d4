"""What the sandbox holds a container to: the program's own Pod passes, each change that reality refuses does not."""

import os
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from infra.google import slices
from infra.models import pod
from infra.settings.context import Context
from infra.settings.model import Model
from sandbox.cluster import container_rules
from sandbox.cluster.container_rules import Failure, resident
from sandbox.programs import catalogue
from sandbox.programs.image import Needs

Json = dict[str, Any]
Change = Callable[[Json], Any]
VLLM = catalogue.IMAGES["docker.io/vllm/vllm-tpu"].needs
INITIALIZER = catalogue.IMAGES["docker.io/kserve/storage-initializer"].needs
NOBODY = Needs(user=65532)
TPU = "RuntimeError: Unable to initialize backend 'tpu': INVALID_ARGUMENT: "


def made_pod(slice_name: str = "v6e-4") -> Json:
    """The Pod that KServe makes of the program's template, as far as it matters here."""
    model = Model.model_validate({"name": "m", "namespace": "n", "uri": "hf://a/b"}, context=Context(slice_name, 1))
    template = pod.pod_template(model, slices.SLICES[slice_name])
    template["containers"][0]["volumeMounts"] = [{"name": "dshm", "mountPath": "/dev/shm"}]  # noqa: S108 - KServe's
    return {"metadata": {"name": "m-0", "namespace": "n", "uid": "1234"}, "spec": template}


def node(slice_name: str = "v6e-4") -> Json:
    """A node of the slice's pool, as GKE labels it."""
    of = slices.SLICES[slice_name]
    labels = {"cloud.google.com/gke-tpu-topology": of.topology}
    return {"metadata": {"labels": labels}, "status": {"capacity": {"google.com/tpu": str(of.chips)}}}


def main(of: Json) -> Json:
    return of["spec"]["containers"][0]


def env(name: str, value: str) -> Change:
    """Gives a variable of the main container another value."""
    return lambda of: [e.update(value=value) for e in main(of)["env"] if e["name"] == name]


def ends(of: Json, needs: Needs = VLLM, on: Json | None = None) -> Failure | None:
    container = main(of)
    given = {e["name"]: e["value"] for e in container["env"]}
    return container_rules.failure(needs, of, container, given, on or node())


@pytest.mark.parametrize("name", slices.SLICES)
def test_pod_of_the_program_runs_on_a_node_of_its_slice(name: str) -> None:
    of = made_pod(name)
    assert container_rules.config_error(VLLM, of, main(of)) is None
    assert ends(of, on=node(name)) is None


def test_initializer_of_the_program_has_what_it_needs() -> None:
    of = made_pod()
    assert container_rules.failure(INITIALIZER, of, of["spec"]["initContainers"][0], {}, node()) is None


# Users


def test_root_that_must_not_be_is_refused_in_the_kubelets_words() -> None:
    of = made_pod()
    main(of)["securityContext"]["runAsNonRoot"] = True
    assert container_rules.config_error(VLLM, of, main(of)) == (
        'container\'s runAsUser breaks non-root policy (pod: "m-0_n(1234)", container: main)'
    )


def test_image_of_root_that_must_not_be_is_refused_in_the_kubelets_words() -> None:
    of = made_pod()
    of["spec"]["securityContext"] = {"runAsNonRoot": True}
    main(of)["securityContext"] = {}
    assert container_rules.config_error(VLLM, of, main(of)) == (
        'container has runAsNonRoot and image will run as root (pod: "m-0_n(1234)", container: main)'
    )


@pytest.mark.parametrize(
    ("needs", "whole", "own"),
    [
        (VLLM, {"runAsNonRoot": True}, {"runAsUser": 1000}),
        (VLLM, {"runAsNonRoot": True}, {"runAsNonRoot": False}),
        (VLLM, {"runAsUser": 1000}, {"runAsNonRoot": True}),
        (NOBODY, {}, {"runAsNonRoot": True}),
        (VLLM, {}, {}),
    ],
    ids=["another user", "allowed after all", "the Pod's user", "the image's user", "nothing asked"],
)
def test_user_that_may_run_is_not_refused(needs: Needs, whole: Json, own: Json) -> None:
    of = made_pod()
    of["spec"]["securityContext"], main(of)["securityContext"] = whole, own
    assert container_rules.config_error(needs, of, main(of)) is None


# Capabilities


@pytest.mark.parametrize(
    ("security", "has"),
    [
        ({}, {"CHOWN", "NET_RAW"}),
        ({"capabilities": {"drop": ["ALL"]}}, set()),
        ({"capabilities": {"drop": ["ALL"], "add": ["SYS_RESOURCE"]}}, {"SYS_RESOURCE"}),
        ({"capabilities": {"drop": ["NET_RAW"], "add": ["CAP_SYS_RESOURCE"]}}, {"CHOWN", "SYS_RESOURCE"}),
        ({"capabilities": {"add": ["SYS_RESOURCE"]}, "runAsUser": 1000}, set()),
        ({"privileged": True}, {"CHOWN", "NET_RAW", "SYS_RESOURCE"}),
    ],
)
def test_capabilities_are_those_that_are_left(security: Json, has: set[str]) -> None:
    of = made_pod()
    main(of)["securityContext"] = security
    found = container_rules.capabilities(VLLM, of, main(of))
    assert found & {"CHOWN", "NET_RAW", "SYS_RESOURCE"} == has


# How a program ends


@pytest.mark.parametrize(
    ("change", "code", "reason", "words"),
    [
        (lambda of: main(of)["securityContext"]["capabilities"].update(add=[], drop=["ALL"]), 1, "Error", "DMA"),
        (lambda of: main(of)["securityContext"].update(runAsUser=1000), 1, "Error", "CAP_SYS_RESOURCE"),
        (lambda of: main(of)["resources"]["limits"].update(memory="1Mi"), 137, "OOMKilled", ""),
        (lambda of: of["spec"]["volumes"][0]["emptyDir"].update(sizeLimit="1Ki"), 135, "Error", "Bus error"),
        (lambda of: main(of).pop("volumeMounts"), 135, "Error", "Bus error"),
        (
            env("TPU_HOST_BOUNDS", "9,9,9"),
            1,
            "Error",
            f"{TPU}Topology HOST_BOUNDS does not match VM metadata. Topology: 9,9,9, VM metadata: 1,1,1",
        ),
        (
            env("TPU_CHIPS_PER_HOST_BOUNDS", "4,1,1"),
            1,
            "Error",
            f"{TPU}Topology CHIPS_PER_HOST_BOUNDS does not match VM metadata. Topology: 4,1,1, VM metadata: 2,2,1",
        ),
        (lambda of: main(of)["resources"]["limits"].update({"google.com/tpu": "2"}), 1, "Error", "chips per host: 2"),
        (lambda of: main(of)["resources"].pop("limits"), 1, "Error", f"{TPU}No TPU devices found"),
    ],
    ids=[
        *(
            "no capabilities",
            "not root",
            "1 MiB of memory",
            "shared memory of 1 KiB",
            "shared memory as the runtime has it",
        ),
        *("host bounds", "chip bounds", "half of the chips", "no chips"),
    ],
)
def test_program_that_gets_too_little_ends(change: Change, code: int, reason: str, words: str) -> None:
    of = made_pod()
    change(of)
    found = ends(of)
    assert found is not None
    assert (found.code, found.reason) == (code, reason)
    assert words in found.message


def test_bounds_are_the_nodes_and_not_only_as_many_chips() -> None:
    assert ends(made_pod("v6e-8"), on=node("v6e-8")) is None
    of = made_pod("v6e-8")
    env("TPU_CHIPS_PER_HOST_BOUNDS", "4,2,1")(of)
    assert ends(of, on=node("v6e-8")) is not None


def test_unset_bounds_are_the_nodes() -> None:
    of = made_pod()
    main(of)["env"] = []
    assert ends(of) is None


def test_host_of_a_larger_slice_has_its_share_of_the_topology() -> None:
    of, larger = made_pod(), node()
    larger["metadata"]["labels"]["cloud.google.com/gke-tpu-topology"] = "4x4"
    env("TPU_HOST_BOUNDS", "2,2,1")(of)
    assert ends(of, on=larger) is None


def test_initializer_of_too_little_memory_is_killed() -> None:
    of = made_pod()
    container = of["spec"]["initContainers"][0]
    container["resources"]["limits"]["memory"] = "1Mi"
    assert container_rules.failure(INITIALIZER, of, container, {}, node()) == (137, "OOMKilled", "")


def test_without_a_limit_the_machines_memory_is_enough() -> None:
    of = made_pod()
    main(of)["volumeMounts"] = []
    of["spec"]["volumes"] = []
    assert container_rules.memory_limit(main(of)) == float("inf")
    assert ends(of, NOBODY) is None


def test_program_that_has_ended_holds_no_memory() -> None:
    ended = subprocess.Popen(["true"])  # noqa: S607
    ended.wait()
    assert resident(ended.pid) == 0


def test_memory_of_what_a_program_has_started_is_its_own() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as shell:  # noqa: S607
        assert shell.stdout
        started = int(shell.stdout.readline())
        together, of_the_other = resident(shell.pid), resident(started)
        os.kill(started, signal.SIGKILL)
    assert 0 < of_the_other < together
