"""The Jobs that ask for a TPU node before there is a model: what they ask for, what they give way to, who waits."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from infra.google.slices import SLICES, Slice
from infra.models import warm_up_jobs
from infra.models.pod import pod_template
from infra.releases import pins
from infra.settings.load import parse
from infra.settings.schema import Settings
from tests.support.dependencies import needs
from tests.support.pods import model
from tests.support.program import UNKNOWN, Declared, Resource, Run
from tests.support.stack_settings import stack

Spec = dict[str, Any]


def settings(**changes: Any) -> Settings:
    return parse(stack(changes))


def pod(job: Spec) -> Spec:
    return job["template"]["spec"]


@pytest.fixture
def holder(slice_: Slice) -> Spec:
    return warm_up_jobs.holder(slice_, settings())


@pytest.fixture
def image(slice_: Slice) -> Spec:
    return warm_up_jobs.image(slice_, settings())


@pytest.fixture
def arrival(slice_: Slice) -> Spec:
    return warm_up_jobs.arrival(slice_, settings())


def job(declared: Declared, name: str) -> Resource:
    return declared.one(":Job", name)


def test_holder_asks_for_what_the_model_asks_for(holder: Spec, slice_: Slice) -> None:
    of_model = pod_template(model(), slice_, settings().image(pins.VLLM_TPU_IMAGE))
    for what in ("nodeSelector", "tolerations"):
        assert pod(holder)[what] == of_model[what]
    [container], [vllm] = pod(holder)["containers"], of_model["containers"]
    assert container["resources"] == vllm["resources"]


def test_holder_has_no_long_pull_that_would_keep_the_chips_from_the_model(holder: Spec, arrival: Spec) -> None:
    [container] = pod(holder)["containers"]
    small = settings().image(pins.STORAGE_INITIALIZER_IMAGE)
    assert container["image"] == small == pod(arrival)["containers"][0]["image"]
    assert container["command"] == ["sleep", "infinity"]


def test_models_image_is_pulled_by_a_pod_that_has_no_chips_to_give_way_for(image: Spec, slice_: Slice) -> None:
    of_model = pod_template(model(), slice_, settings().image(pins.VLLM_TPU_IMAGE))
    [container], [vllm] = pod(image)["containers"], of_model["containers"]
    assert container["image"] == vllm["image"]
    assert container["command"] == ["true"]
    assert "resources" not in container
    assert "affinity" not in pod(image)
    assert pod(image)["restartPolicy"] == "OnFailure"
    for what in ("nodeSelector", "tolerations"):
        assert pod(image)[what] == of_model[what]


def test_arrival_waits_for_a_node_of_the_slice_and_takes_no_chips_of_it(arrival: Spec, slice_: Slice) -> None:
    assert pod(arrival)["nodeSelector"] == pod_template(model(), slice_)["nodeSelector"]
    assert "resources" not in pod(arrival)["containers"][0]
    assert "affinity" not in pod(arrival)


def test_holder_gives_way_once_and_is_not_made_again(holder: Spec) -> None:
    assert holder["backoffLimit"] == 0
    assert pod(holder)["restartPolicy"] == "Never"
    assert not {"podFailurePolicy", "ttlSecondsAfterFinished"} & holder.keys()
    assert 1 <= pod(holder)["terminationGracePeriodSeconds"] <= 5


def test_holder_stays_away_from_nodes_of_its_slice_on_which_a_model_runs_in_any_pool_and_namespace(
    holder: Spec,
) -> None:
    [term] = pod(holder)["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert term["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == "llminferenceservice-workload"
    assert term["namespaceSelector"] == {}
    assert term["topologyKey"] in pod(holder)["nodeSelector"]


@pytest.mark.parametrize("which", [warm_up_jobs.holder, warm_up_jobs.image])
def test_holder_and_image_end_some_time_after_the_wait_for_a_node(which: Callable[[Slice, Settings], Spec]) -> None:
    deadlines = [which(SLICES["v6e-4"], settings(tpuCapacityWait=wait))["activeDeadlineSeconds"] for wait in (20, 60)]
    assert deadlines == [20 * 60 + 1800, 60 * 60 + 1800]


@pytest.mark.parametrize("which", ["holder", "image", "arrival"])
def test_pods_pass_the_restricted_standard_and_have_no_token(which: str) -> None:
    spec = pod(getattr(warm_up_jobs, which)(SLICES["v6e-4"], settings()))
    [container] = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["runAsUser"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert spec["automountServiceAccountToken"] is False


def test_priority_is_the_last_for_which_a_node_is_added_and_preempts_nobody(dev: Declared) -> None:
    priority = dev.one(":PriorityClass").inputs
    assert (priority["value"], priority["preemptionPolicy"]) == (-10, "Never")
    for name in ("v6e-4-holder", "v6e-4-image", "v6e-4-arrival"):
        assert pod(job(dev, name).inputs["spec"])["priorityClassName"] == priority["metadata"]["name"]
        assert "PriorityClass tpu-warm-up" in needs(dev, job(dev, name))


def test_nothing_waits_for_the_holder_or_the_image_and_the_arrival_is_waited_for(run: Run) -> None:
    declared = run(tpuCapacityWait=7)
    annotations = {r.name: r.inputs["metadata"]["annotations"] for r in declared.all(":Job")}
    assert annotations == {
        "v6e-4-holder": {"pulumi.com/skipAwait": "true"},
        "v6e-4-image": {"pulumi.com/skipAwait": "true"},
        "v6e-4-arrival": {"pulumi.com/waitFor": "condition=Complete"},
    }
    timeouts = job(declared, "v6e-4-arrival").request.customTimeouts
    assert (timeouts.create, timeouts.update) == ("7m", "7m")


def test_node_is_asked_for_once_the_pool_is_there_and_before_the_platform(dev: Declared) -> None:
    for name in ("v6e-4-holder", "v6e-4-image", "v6e-4-arrival"):
        needed = needs(dev, job(dev, name))
        assert "NodePool tpu" in needed
        assert "NodePool system" in needed  # on the way down the Jobs' namespace has to go before the last other node
        assert not [what for what in needed if what.startswith("Release ")]


def test_models_come_after_the_arrival_and_the_platform_does_not(dev: Declared) -> None:
    needed = needs(dev, dev.one(":LLMInferenceService"))
    assert [what for what in needed if what.startswith("Job ")] == ["Job v6e-4-arrival"]
    for release in dev.all(":Release"):
        assert not [what for what in needs(dev, release) if what.startswith("Job ")]


def test_jobs_are_made_once_for_a_slice_and_a_registry(dev: Declared, run: Run) -> None:
    for made in dev.all(":Job"):
        assert list(made.request.ignoreChanges) == ["spec"]
        assert made.request.deleteBeforeReplace
    others = {r.name for r in run(tpuSlice="v6e-8").all(":Job")}
    assert others == {"v6e-8-holder", "v6e-8-image", "v6e-8-arrival"}


@pytest.mark.parametrize(
    ("registry", "host"),
    [("publishers", "docker.io/"), ("registry.example.com/mirror", "registry.example.com/mirror/")],
)
def test_job_is_made_anew_for_another_cluster_or_registry(run: Run, phase: str, registry: str, host: str) -> None:
    for made in run(imageRegistry=registry).all(":Job"):
        assert pod(made.inputs["spec"])["containers"][0]["image"].startswith(host)
        trigger = MessageToDict(made.request.replacement_trigger)
        assert trigger == (UNKNOWN if phase == "preview" else ["tpu-inference-id", registry])


def test_jobs_are_others_once_there_are_several_classes_as_those_of_one_would_fit_no_node(run: Run) -> None:
    declared = run(tpuCapacity=["on-demand", "spot"])
    selected = {
        r.name: pod(r.inputs["spec"])["nodeSelector"]["cloud.google.com/compute-class"] for r in declared.all(":Job")
    }
    assert selected == {f"tpu-v6e-4-{what}": "tpu-v6e-4" for what in ("holder", "image", "arrival")}
    assert "Job tpu-v6e-4-arrival" in needs(declared, declared.one(":LLMInferenceService"))


def test_without_warm_up_there_is_none_of_it(run: Run) -> None:
    declared = run(warmUp=False)
    assert declared.all(":Job") == declared.all(":PriorityClass") == []
    assert "tpu-warm-up" not in json.dumps([r.inputs for r in declared])


def test_isolated_jobs_may_reach_nothing(run: Run) -> None:
    declared = run(isolation=True)
    for name in ("v6e-4-holder", "v6e-4-image", "v6e-4-arrival"):
        assert "NetworkPolicy tpu-warm-up.default-deny" in needs(declared, job(declared, name))
    inside = [p.name for p in declared.all(":NetworkPolicy") if p.inputs["metadata"]["namespace"] == "tpu-warm-up"]
    assert inside == ["tpu-warm-up.default-deny"]
    [names] = declared.one(":ValidatingAdmissionPolicyBinding", "known-images").inputs["spec"]["matchResources"][
        "namespaceSelector"
    ]["matchExpressions"]
    assert "tpu-warm-up" in names["values"]
