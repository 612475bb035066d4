"""Simulated Google Cloud answers as the official provider does."""

from sandbox.clouds.google_kinds import BUCKET, NAT, POOL, ROUTER
from tests.support.google_project import Project

URL = "https://www.googleapis.com/compute/v1/projects/p"


def test_network_is_read_back_as_its_url_and_a_region_as_its_name(project: Project) -> None:
    router = project.create(ROUTER, name="r", network="projects/p/global/networks/net", region="europe-west4")
    assert (router["network"], router["region"]) == (f"{URL}/global/networks/net", "europe-west4")
    assert router["selfLink"] == f"{URL}/regions/europe-west4/routers/r"


def test_buckets_location_is_read_back_in_upper_case(project: Project) -> None:
    assert project.create(BUCKET, name="b", location="europe-west4")["location"] == "EUROPE-WEST4"


def test_nat_has_no_self_link(project: Project) -> None:
    project.create(ROUTER, name="r", network="net", region="europe-west4")
    nat = project.create(NAT, name="n", router="r", region="europe-west4")
    assert "selfLink" not in nat
    assert nat["type"] == "PUBLIC"


def test_tpu_hosts_are_read_back_without_multithreading_and_no_others(with_cluster: Project) -> None:
    tpu = with_cluster.pool(nodeConfig={"machineType": "ct6e-standard-4t"})
    assert tpu["nodeConfig"]["advancedMachineFeatures"] == {"threadsPerCore": 1}
    system = with_cluster.pool(name="other", nodeConfig={"machineType": "e2-standard-4"})
    assert "advancedMachineFeatures" not in system["nodeConfig"]


def test_what_google_filled_in_and_the_program_does_not_say_is_a_change(with_cluster: Project) -> None:
    inputs = {"nodeConfig": {"machineType": "ct6e-standard-4t"}}
    state = with_cluster.pool(**inputs)
    [pool] = with_cluster.google.inventory.find(POOL)
    assert with_cluster.google.drift(with_cluster.call(POOL, state), pool.id, inputs) == [
        "nodeConfig.advancedMachineFeatures"
    ]
