"""How long a vLLM Pod may take to start, to answer, and to end."""

from typing import Any

import pytest

from infra.google import slices
from infra.models import pod, timing
from tests.support.pods import environment, flags, model

HOUR = 3600


# The start


def start_up(container: dict[str, Any]) -> int:
    """How long the start-up probe lets vLLM load and compile, in seconds."""
    probe = container["startupProbe"]
    return probe["periodSeconds"] * probe["failureThreshold"]


def test_first_start_may_take_an_hour(container: dict[str, Any]) -> None:
    """A start-up that is longer than its probe allows is killed and begins anew, for ever."""
    assert start_up(container) == HOUR


def test_vllm_gives_up_on_its_engine_no_earlier_than_the_probe(container: dict[str, Any]) -> None:
    """Its own ten minutes count when it runs several API servers."""
    assert environment(container, "VLLM_") == {"VLLM_ENGINE_READY_TIMEOUT_S": str(start_up(container))}


def test_whoever_waits_for_a_model_waits_longer_when_the_start_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pulumi's patience, the probe and vLLM's own move together."""
    before = timing.ready_timeout()
    monkeypatch.setattr(timing, "START", 2 * HOUR)
    (container,) = pod.pod_template(model(), slices.SLICES["v6e-4"])["containers"]

    assert start_up(container) == int(environment(container, "VLLM_")["VLLM_ENGINE_READY_TIMEOUT_S"]) == 2 * HOUR
    assert timing.ready_timeout() == before + HOUR


def test_model_has_an_hour_and_a_half_to_become_ready() -> None:
    """Half an hour of it for what comes before vLLM: a node, its image, the weights."""
    assert timing.ready_timeout() == 90 * 60


def test_one_slow_answer_takes_no_pod_out_of_service(container: dict[str, Any]) -> None:
    probe = container["readinessProbe"]

    assert (probe["periodSeconds"], probe["failureThreshold"]) == (5, 3)


def test_hung_pod_is_restarted_after_longer_than_it_is_taken_out_of_service(container: dict[str, Any]) -> None:
    """A restart costs a quarter of an hour of compilation."""
    ready, live = (
        container[p]["periodSeconds"] * container[p]["failureThreshold"] for p in ("readinessProbe", "livenessProbe")
    )

    assert ready < live == 100


# The end


def end(template: dict[str, Any]) -> dict[str, int]:
    """The times of a Pod's end, in seconds."""
    (main,) = template["containers"]
    (_, pre_stop) = main["lifecycle"]["preStop"]["exec"]["command"]
    (timeout,) = flags(main["args"])["--shutdown-timeout"]
    return {"preStop": int(pre_stop), "timeout": int(timeout), "grace": template["terminationGracePeriodSeconds"]}


def test_running_requests_have_time_to_end(template: dict[str, Any]) -> None:
    """Without the flag vLLM breaks them off at SIGTERM."""
    assert end(template)["timeout"] == 45


def test_gateway_and_picker_have_time_to_forget_the_pod_before_it_refuses_requests(template: dict[str, Any]) -> None:
    assert end(template)["preStop"] == 15


def test_engine_has_time_to_let_go_of_the_chips_before_it_is_killed(template: dict[str, Any]) -> None:
    """Kubernetes counts the hook in."""
    times = end(template)

    assert times["grace"] == times["preStop"] + times["timeout"] + 15


def test_grace_period_follows_the_time_that_requests_have(monkeypatch: pytest.MonkeyPatch) -> None:
    before = end(pod.pod_template(model(), slices.SLICES["v6e-4"]))
    monkeypatch.setattr(timing, "SHUTDOWN_TIMEOUT", before["timeout"] + 60)
    after = end(pod.pod_template(model(), slices.SLICES["v6e-4"]))

    assert (after["timeout"], after["grace"]) == (before["timeout"] + 60, before["grace"] + 60)
