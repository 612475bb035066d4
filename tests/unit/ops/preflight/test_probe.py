"""A machine that is asked for and given back, through Google's own clients."""

from typing import Any

import pytest
from google.api_core.exceptions import BadRequest
from google.cloud import compute_v1 as gce

from infra.settings.load import parse
from ops.preflight import probe
from ops.preflight.findings import Finding, Status
from ops.preflight.needs import Capacity
from tests.support.google_apis import Apis
from tests.support.stack_settings import Values, stack

ZONE = "europe-west4-a"


@pytest.fixture
def project() -> Apis:
    return Apis()


def ask(project: Apis, settings: Values | None = None) -> list[Finding]:
    return list(probe.probe(parse(stack(settings)), project.subnets, project.make))


def machine(project: Apis) -> gce.Instance:
    [made] = project.made.values()
    return made


def test_machine_that_comes_goes_at_once_and_what_it_costs_is_told(project: Apis) -> None:
    [found] = ask(project)
    assert found.status is Status.OK
    assert found.found == (
        "on-demand ct6e-standard-4t in europe-west4-a: came, and is asked to go. That costs 4 chips for about 2 "
        "minutes, or for 10 if it cannot be deleted: prices are at https://cloud.google.com/tpu/pricing"
    )
    assert project.deleted == list(project.made)


def test_machine_is_the_node_pools_and_ends_by_itself(project: Apis) -> None:
    ask(project)
    made = machine(project)
    assert made.machine_type.endswith(f"/{ZONE}/machineTypes/ct6e-standard-4t")
    assert made.scheduling.max_run_duration.seconds == 600
    assert made.scheduling.instance_termination_action == "DELETE"
    assert not made.network_interfaces[0].access_configs
    assert not made.service_accounts


@pytest.mark.parametrize(("capacity", "model"), [("on-demand", "STANDARD"), ("spot", "SPOT")])
def test_machine_is_bought_as_the_pool_buys_it(project: Apis, capacity: str, model: str) -> None:
    ask(project, {"tpuCapacity": [capacity]})
    assert machine(project).scheduling.provisioning_model == model


def test_flex_start_waits_in_the_queue_for_a_bounded_time(project: Apis) -> None:
    ask_ = probe.Ask(parse(stack()).used_slices[0], Capacity("flex-start"), ZONE, project.subnets[0].self_link)
    made = probe.machine("m", ask_)
    assert made.scheduling.provisioning_model == "FLEX_START"
    assert made.params.request_valid_for_duration.seconds < probe.PATIENCE


def test_stockout_is_told_in_googles_words_for_each_zone(project: Apis) -> None:
    project.stockouts |= {"us-east5-a"}
    project.subnets.append(project.subnet("s", "default", "us-east5", "10.200.0.0/20"))
    found = ask(project, {"location": "us-east5", "tpuZones": ["us-east5-a", "us-east5-b"]})
    assert [f.status for f in found] == [Status.WARN, Status.OK]
    assert "in us-east5-a: no capacity now. The zone 'projects/my-project/zones/us-east5-a' does not" in found[0].found
    assert "another zone" in found[0].do


def test_machine_that_does_not_come_is_given_back_too(project: Apis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "PATIENCE", 1)
    project.stuck.add(ZONE)
    [found] = ask(project)
    assert (found.status, found.found) == (Status.WARN, f"on-demand ct6e-standard-4t in {ZONE}: not there after 1 s")
    assert project.deleted == list(project.made)


def test_machine_that_cannot_be_deleted_is_a_failure_with_the_command(project: Apis) -> None:
    project.undeletable = True
    [came, left] = ask(project)
    [name] = project.made
    assert (came.status, left.status) == (Status.OK, Status.FAIL)
    assert f"{name} in {ZONE} may still be there" in left.found
    assert "deletes itself after 10 minutes" in left.found
    assert left.do == f"gcloud compute instances delete {name} --zone={ZONE} --project=my-project"


def test_machine_is_given_back_if_somebody_has_had_enough(project: Apis, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(probe, "_asked", interrupted)
    monkeypatch.setattr("secrets.token_hex", lambda _: "0")
    project.made["preflight-0"] = gce.Instance(name="preflight-0")
    with pytest.raises(KeyboardInterrupt):
        ask(project)
    assert project.deleted == ["preflight-0"]


def quota_exceeded() -> Exception:
    told = gce.Errors(code="QUOTA_EXCEEDED", message="Quota 'TPUS_PER_TPU_FAMILY' exceeded. Limit: 0.0")
    return BadRequest("FORBIDDEN", response=gce.Operation(error=gce.Error(errors=[told])))


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (quota_exceeded(), Status.FAIL, "Quota 'TPUS_PER_TPU_FAMILY' exceeded"),
        (BadRequest("Invalid value: x"), Status.LEFT_OUT, "Invalid value: x"),
    ],
)
def test_other_answers(error: Exception, status: Status, says: str) -> None:
    found = probe.verdict(error, probe.Ask(parse(stack()).used_slices[0], Capacity("on-demand"), ZONE, "s"))
    assert found.status is status
    assert says in found.found
    assert found.do


def test_machine_needs_a_subnet_in_the_region(project: Apis) -> None:
    [found] = ask(project, {"location": "us-east5-a"})
    assert (found.status, found.found[:32]) == (Status.LEFT_OUT, "no VPC has a subnet in us-east5,")
    assert project.made == {}


def test_reservation_is_not_asked_for(project: Apis) -> None:
    [found] = ask(project, {"tpuCapacity": ["reservation:mine"]})
    assert (found.status, found.found) == (Status.LEFT_OUT, "reservation is capacity that you have")
    assert project.made == {}
