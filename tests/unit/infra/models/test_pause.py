"""A paused model takes no TPU node, says so where it answered, and nothing else changes."""

from google.protobuf.json_format import MessageToDict

from infra.models import pause
from tests.support.pods import model
from tests.support.program import UNKNOWN, Declared, Resource, Run, spec
from tests.support.stacks import MODEL

OTHER = {**MODEL, "name": "other"}


def paused(run: Run) -> Declared:
    return run(models=[{**MODEL, "paused": True}])


def test_paused_service_is_stopped_and_waited_for_until_it_is_not_ready(run: Run) -> None:
    assert paused(run).one(":LLMInferenceService").inputs["metadata"]["annotations"] == {
        "serving.kserve.io/stop": "true",
        "pulumi.com/waitFor": "condition=Ready=False",
    }


def test_pause_changes_nothing_of_what_replaces_the_service(run: Run) -> None:
    assert spec(paused(run)) == spec(run())


def test_pause_adds_an_answer_and_nothing_else(run: Run, dev: Declared) -> None:
    before = {(r.type, r.name) for r in dev}
    added = sorted(r.type.rsplit(":", 1)[-1] for r in paused(run) if (r.type, r.name) not in before)
    assert added == ["HTTPRoute", "Pause", "Service"]


def answer(run: Run) -> tuple[Resource, Resource]:
    declared = paused(run)
    [service] = [s for s in declared.all("core/v1:Service") if s.inputs["metadata"]["name"].endswith("-paused")]
    return service, declared.one("networking.k8s.io/v1:HTTPRoute")


def test_answer_is_a_service_with_nobody_behind_it(run: Run) -> None:
    service, route = answer(run)
    named = {"name": "qwen2-3b-pattern1-paused", "namespace": MODEL["namespace"]}
    assert service.inputs["metadata"] == {**named, "annotations": {"pulumi.com/skipAwait": "true"}}
    assert service.inputs["spec"] == {"ports": [{"name": "http", "port": 80}]}
    assert route.inputs["metadata"] == named
    assert route.inputs["spec"]["rules"][0]["backendRefs"][0]["name"] == named["name"]


def test_answer_belongs_to_the_pause_and_to_the_cluster(run: Run, phase: str) -> None:
    for part in answer(run):
        assert part.request.parent.endswith(":infra:Pause::llm-d-inference-scheduling.qwen2-3b-pattern1")
        trigger = MessageToDict(part.request.replacement_trigger)
        assert trigger == (UNKNOWN if phase == "preview" else "tpu-inference-id")


def test_route_has_all_below_the_models_path_answered_with_a_time_to_wait() -> None:
    route = pause.route(model(name="qwen", namespace="demo"), {"name": "g", "namespace": "n"}, "qwen-paused")
    [rule] = route["rules"]
    assert route["parentRefs"] == [{"name": "g", "namespace": "n"}]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/demo/qwen"}}]
    assert rule["backendRefs"] == [{"kind": "Service", "name": "qwen-paused", "port": 80}]
    ten_minutes = {"name": "Retry-After", "value": "600"}
    assert rule["filters"] == [{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [ten_minutes]}}]


def test_one_paused_model_leaves_the_others_as_they_are(run: Run) -> None:
    declared = run(models=[{**MODEL, "paused": True}, OTHER])
    other = declared.one(":LLMInferenceService", f"{OTHER['namespace']}.other").inputs["metadata"]
    assert other["annotations"] == {"pulumi.com/waitFor": "condition=Ready"}
    assert len(declared.all(":HTTPRoute")) == 1
