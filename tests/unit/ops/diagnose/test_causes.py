"""Each cause, found in what was seen of it, and not in what looks like it."""

from typing import Any

import pytest

from ops.diagnose.causes import NO_MODEL, TABLE, UNKNOWN, findings
from ops.diagnose.objects import Pod
from ops.diagnose.observed import Observed, Pool
from sandbox.clouds import registries
from sandbox.clouds.nat import timed_out
from sandbox.clouds.registries import Remote, UnpublishedError
from tests.support.diagnosed import (
    EXAMPLES,
    HBM,
    LOG,
    PENDING_CERTIFICATE,
    SCALE_UP,
    VLLM_IMAGE,
    unscheduled,
    vllm,
    without,
)
from tests.support.observations import (
    CONTROLLER,
    DEPLOYMENTS,
    INITIALIZING,
    PICKER,
    PLACE,
    PROXY,
    RUNNING,
    UNSCHEDULED,
    deployment,
    ended,
    event,
    model,
    pod,
    seen,
    thing,
    waiting,
    well,
)
from tests.support.recordings import Recording, recordings

NOT_RECORDED = {
    "quota": "the simulated Google Cloud has machines or none, and no quota of them",
    "no node for another reason": "its autoscaler fails for want of machines alone",
    "bucket not mounted": "its kubelet has no driver of Cloud Storage FUSE",
    "disk full": "its nodes have the disk of this machine",
    "out of memory on the chip": "it has no chips",
    "no model yet": "what is asked on the real control plane is about a model that was deployed",
    "waiting for a node": "a node comes within a second",
    "compiling": "its vLLM compiles nothing",
}
"""Causes of which the words are those of their sources, in `tests.support.diagnosed`, and why."""


@pytest.mark.parametrize(("name", "observed"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_cause_is_found_and_no_other(name: str, observed: Observed) -> None:
    assert {found.cause.name for found in findings(observed, PLACE)} == {name}


@pytest.mark.parametrize("recorded", list(recordings()), ids=lambda recorded: "+".join(recorded.causes))
def test_cause_is_found_in_what_the_real_control_plane_showed(recorded: Recording) -> None:
    assert {found.cause.name for found in findings(recorded.observed, recorded.model)} == set(recorded.causes)


def test_every_cause_is_recorded_but_for_what_the_sandbox_has_none_of() -> None:
    recorded = {cause for recording in recordings() for cause in recording.causes}
    assert {cause.name for cause in TABLE} - recorded == NOT_RECORDED.keys()


def test_every_cause_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == {cause.name for cause in (*TABLE, UNKNOWN)}


def one(observed: Observed, place: str = PLACE) -> Any:
    [found] = findings(observed, place)
    return found


def test_nothing_is_found_where_all_is_well() -> None:
    assert findings(well(), PLACE) == []


PICKER_MADE = [*DEPLOYMENTS, deployment("llm-d/qwen-kserve-router-scheduler", 0)]
STALE = event("FailedCreate", 'secrets "qwen-hugging-face" not found', of="qwen")
CHIPS = Pod.model_validate(
    {"metadata": {"name": "a", "namespace": "warm"}, "spec": {"nodeSelector": UNSCHEDULED.spec.node_selector}}
)


@pytest.mark.parametrize(
    ("name", "cause", "parts"),
    [
        ("models", "model gone", {"models": []}),
        ("models", "no model yet", {"models": [], "expected": []}),
        ("services", "gateway without an address", {"services": [], "pods": [pod(ready=True)]}),
        ("pods", "unknown", {"pods": []}),
        ("pods", "picker down", {"pods": [], "deployments": PICKER_MADE}),
        ("pods", "picker down", {"pods": [pod("router-scheduler")]}),
        ("pods", "service account missing", {"pods": [], "service_accounts": [thing("llm-d/default")]}),
        ("pods", "token Secret missing", {"pods": [], "events": [STALE]}),
        ("pods", "waiting for a node", {"pods": [CHIPS]}),
    ],
)
def test_what_a_list_does_not_have_is_told_only_if_it_was_read_to_its_end(
    name: str, cause: str, parts: dict[str, Any]
) -> None:
    observed = seen(**{"models": [model()], **parts})
    assert cause in {found.cause.name for found in findings(observed, PLACE)}
    assert findings(observed.model_copy(update={"incomplete": [name]}), PLACE) == []


def test_account_that_may_be_among_those_that_were_not_read_is_not_missing() -> None:
    observed = seen(service_accounts=[thing("llm-d/default")], incomplete=["service_accounts"])
    assert one(observed).cause.name == "unknown"


def test_pod_whose_events_were_not_read_waits_and_says_so() -> None:
    found = one(seen(UNSCHEDULED, incomplete=["events"]))
    assert (found.cause.name, found.sign.said) == ("waiting for a node", "not all events were read")


def test_fault_that_was_read_is_told_whatever_was_not() -> None:
    assert one(seen(pod(vllm=ended("Bus error", 135)), incomplete=["pods"])).cause.name == "it ends again and again"


def test_stockout_is_told_in_gkes_words_with_what_was_tried_and_since_when() -> None:
    pools = [Pool(name="a", zones=["us-east5-a", "us-east5-b"]), Pool(name="b", zones=["us-east5-a"], capacity="spot")]
    [pending, _] = unscheduled("FailedScaleUp", SCALE_UP.format("GCE out of resources")).pods
    observed = unscheduled("FailedScaleUp", SCALE_UP.format("GCE out of resources")).model_copy(update={"pools": pools})
    sign = one(observed).sign
    assert sign.said == SCALE_UP.format("GCE out of resources")
    assert sign.more == "tried: on-demand in us-east5-a, us-east5-b; spot in us-east5-a"
    assert sign.since == pending.condition("PodScheduled").last_transition_time  # pyright: ignore[reportOptionalMemberAccess]


def test_pools_of_another_slice_were_not_tried() -> None:
    pools = [Pool(name=t, zones=["us-east5-a"], capacity=c, topology=t) for t, c in (("2x2", "spot"), ("1x1", "x"))]
    observed = unscheduled("FailedScaleUp", SCALE_UP.format("GCE out of resources")).model_copy(update={"pools": pools})
    assert one(observed).sign.more == "tried: spot in us-east5-a"


def test_compute_class_that_a_pod_asks_for_is_told() -> None:
    selector = {**UNSCHEDULED.spec.node_selector, "cloud.google.com/compute-class": "v6e-4"}
    asks = UNSCHEDULED.model_copy(update={"spec": UNSCHEDULED.spec.model_copy(update={"node_selector": selector})})
    observed = seen(asks, events=[event("FailedScaleUp", SCALE_UP.format("GCE out of resources"))])
    assert one(observed).sign.more.endswith("by ComputeClass v6e-4")


def test_stockout_is_told_of_a_pod_that_asks_for_the_chips_before_the_model() -> None:
    job = Pod.model_validate(
        {
            "metadata": {"name": "warm-up-1", "namespace": "warm"},
            "spec": {"nodeSelector": UNSCHEDULED.spec.node_selector},
        }
    )
    said = event("FailedScaleUp", SCALE_UP.format("GCE out of resources"), of="warm-up-1", namespace="warm")
    observed = seen(expected=[], models=[], pods=[job], events=[said])
    assert (one(observed, NO_MODEL).cause.name, one(observed, NO_MODEL).sign.what) == (
        "no capacity",
        "Pod warm/warm-up-1",
    )


def test_image_that_a_pod_cannot_pull_that_asks_before_the_model_is_told() -> None:
    job = {
        "metadata": {"name": "v6e-4-arrival-1", "namespace": "tpu-warm-up"},
        "spec": {"nodeName": "tpu-1", "nodeSelector": UNSCHEDULED.spec.node_selector},
        "status": {"containerStatuses": [{"name": "main", **waiting("ImagePullBackOff", "not found")}]},
    }
    asking = Pod.model_validate(job)
    found = one(seen(expected=[], models=[], pods=[asking]), NO_MODEL)
    assert (found.cause.name, found.sign.said) == ("image pull", "not found")
    assert findings(seen(pods=[pod(ready=True), asking], models=[model()]), PLACE) == []


def test_last_word_of_the_autoscaler_counts() -> None:
    said = [event("FailedScaleUp", SCALE_UP.format("GCE out of resources"), ago=30)]
    said += [event("FailedScaleUp", SCALE_UP.format("GCE quota exceeded"), ago=1)]
    assert one(seen(UNSCHEDULED, events=said)).cause.name == "quota"


def test_class_that_is_asked_after_another_had_nothing_is_waited_for() -> None:
    said = [event("FailedScaleUp", SCALE_UP.format("GCE out of resources"), ago=2)]
    said.append(event("TriggeredScaleUp", "pod triggered scale-up: tpu-spot 0->1", ago=1))
    found = one(seen(UNSCHEDULED, events=said))
    assert (found.cause.name, found.sign.said) == ("waiting for a node", said[1].message)


def test_each_zone_that_had_nothing_is_told_while_the_autoscaler_rests() -> None:
    said = [event("FailedScaleUp", f"zones us-east5-{z}: GCE out of resources.", ago=3 - i) for i, z in enumerate("ab")]
    said.append(event("NotTriggerScaleUp", "pod didn't trigger scale-up: 2 in backoff after failed scale-up", ago=0))
    found = one(seen(UNSCHEDULED, events=said))
    assert found.cause.name == "no capacity"
    assert found.sign.said == "zones us-east5-b: GCE out of resources. zones us-east5-a: GCE out of resources."


def test_events_of_another_pod_are_not_the_models() -> None:
    said = event("FailedScaleUp", SCALE_UP.format("GCE out of resources"), of="other")
    assert one(seen(UNSCHEDULED, events=[said])).cause.name == "waiting for a node"


UNATTACHED = 'secrets "qwen-hugging-face" not found'


@pytest.mark.parametrize(
    ("of", "ago", "cause"),
    [
        ("qwen", 5, "token Secret missing"),
        ("qwen-kserve-7d9", 5, "token Secret missing"),
        ("other", 5, "pulling the image"),
        ("qwen-2-kserve-7d9", 5, "pulling the image"),
        ("qwen", 40, "pulling the image"),
    ],
)
def test_event_counts_for_its_model_until_the_next_pod_is_made(of: str, ago: float, cause: str) -> None:
    said = event("FailedCreate", UNATTACHED, of=of, ago=ago)
    assert one(seen(pod(vllm=waiting("ContainerCreating")), events=[said])).cause.name == cause


@pytest.mark.parametrize(("ago", "cause"), [(5, "token Secret missing"), (15, "unknown")])
def test_event_from_before_a_model_was_last_ready_is_over_without_a_pod_too(ago: float, cause: str) -> None:
    assert one(seen(events=[event("Error", UNATTACHED, of="qwen", ago=ago)])).cause.name == cause


def test_what_is_on_its_way_is_not_told_beside_a_fault() -> None:
    observed = seen(pod(weights=RUNNING, vllm=INITIALIZING), services=[thing(PROXY)])
    assert one(observed).cause.name == "gateway without an address"


def test_reason_of_a_gateway_without_an_address_is_that_of_google_cloud() -> None:
    said = 'requested ip "34.7.208.8" is neither static nor assigned to the LB'
    told = event("SyncLoadBalancerFailed", said, of="inference-gateway", kind="Service", namespace="istio-ingress")
    assert one(seen(pod(ready=True), services=[thing(PROXY)], events=[told])).sign.said == said


def test_reason_of_a_pending_certificate_is_the_challenges() -> None:
    assert "no such host" in one(seen(certificates=PENDING_CERTIFICATE)).sign.more


def test_what_is_wrong_around_a_model_is_told_although_it_is_ready() -> None:
    observed = well().model_copy(update={"deployments": without(CONTROLLER)})
    assert one(observed).cause.name == "webhook without an answer"


def test_one_ready_picker_of_two_is_enough() -> None:
    assert findings(seen(models=[model()], pods=[pod(ready=True), *pickers(True, False)]), PLACE) == []


def pickers(*ready: bool) -> list[Pod]:
    return [pod("router-scheduler", ready=is_ready) for is_ready in ready]


def test_picker_that_waits_for_a_node_says_so() -> None:
    waits = pod("router-scheduler", node="", initContainerStatuses=[], containerStatuses=[])
    said = event("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.", of=PICKER)
    assert one(seen(pods=[pod(ready=True), waits], events=[said])).sign.said.endswith("Insufficient cpu.")


def test_image_that_no_registry_answers_for_points_at_nat() -> None:
    observed = seen(pod(weights=waiting("ErrImagePull", timed_out(VLLM_IMAGE))))
    assert "NAT" in one(observed).sign.more


def test_image_that_the_nodes_may_not_read_points_at_their_roles() -> None:
    place = "europe-west4-docker.pkg.dev/p/hub"
    with pytest.raises(UnpublishedError) as refused:
        registries.image(f"{place}/vllm/vllm-tpu:v0.27.0", {place: Remote("docker.io", readable=False)})
    found = one(seen(pod(weights=INITIALIZING, vllm=waiting("ErrImagePull", str(refused.value)))))
    assert (found.cause.name, found.sign.more) == (
        "image pull",
        "the nodes' account may not read that repository: see docs/images.md",
    )


def test_reason_is_read_in_the_log_where_the_message_does_not_have_it() -> None:
    observed = seen(pod(vllm=ended("")), logs={LOG: f"INFO: x\n{HBM}\n"})
    assert one(observed).cause.name == "out of memory on the chip"
    assert "exceeds available HBM (31.24G)" in one(observed).sign.said


def test_container_that_runs_again_and_is_ready_is_no_crash() -> None:
    again = {**ended("Bus error"), **RUNNING, "ready": True}
    assert findings(seen(pod(vllm=again, ready=True), models=[model()]), PLACE) == []


def test_next_command_names_the_model() -> None:
    assert one(vllm("Bus error", 135)).next == "kubectl logs -n llm-d deploy/qwen-kserve -c main --previous"


def test_unknown_says_what_kserve_says() -> None:
    assert one(seen(pod(ready=True))).sign.said == "Deployment is not available"


def test_pods_that_are_on_their_way_out_do_not_count() -> None:
    old = pod(vllm=ended("Bus error"))
    gone = old.model_copy(update={"metadata": old.metadata.model_copy(update={"deletion_timestamp": well().at})})
    assert findings(seen(gone, pod(ready=True), models=[model()]), PLACE) == []
