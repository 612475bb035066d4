"""How the sandbox's kubelet notes the end of a container whose Pod is deleted."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sandbox.cluster.container import Container
from sandbox.programs import catalogue


def container(tmp_path: Path, policy: str) -> Container:
    processes = SimpleNamespace(log=lambda name: tmp_path / name)
    pod = SimpleNamespace(namespace="n", name="p", spec={}, plane=SimpleNamespace(processes=processes))
    return Container(cast(Any, pod), {"name": "main", "image": "i"}, policy)


def test_container_that_never_ran_has_failed(tmp_path: Path) -> None:
    never = container(tmp_path, "Always")
    never.end()
    assert never.finished
    assert (never.state["terminated"]["exitCode"], never.state["terminated"]["reason"]) == (
        137,
        "ContainerStatusUnknown",
    )


def test_container_that_ran_has_the_code_of_its_program_and_is_not_started_again(tmp_path: Path) -> None:
    ran = container(tmp_path, "Always")
    ran._process = cast(Any, SimpleNamespace(poll=lambda: -15))
    ran.end()
    assert ran.finished
    assert not ran.succeeded
    assert ran.state["terminated"]["exitCode"] == 143


def test_sleep_needs_no_tpu_and_no_capability_and_vllm_does() -> None:
    image = catalogue.IMAGES["docker.io/vllm/vllm-tpu"]
    assert catalogue.needs(image, ["sleep", "infinity"]) == (image.needs.user, {}, "0", "0", False)
    assert catalogue.needs(image, ["vllm", "serve"]) == image.needs
