"""A node pool with TPUs."""

from typing import Any

import pytest

from tests.support.program import Declared, Resource, Run, spec


def tpu_pool(declared: Declared) -> Resource:
    return next(p for p in declared.all(":NodePool") if p.name != "system")


def test_pool_starts_empty_and_asks_any_zone(run: Run) -> None:
    pool = tpu_pool(run(tpuMaxNodes=3, tpuMinNodes=1))
    assert pool.inputs["initialNodeCount"] == 0
    assert "initialNodeCount" in pool.request.ignoreChanges
    assert pool.inputs["autoscaling"] == {"totalMinNodeCount": 1, "totalMaxNodeCount": 3, "locationPolicy": "ANY"}


def test_pool_never_needs_a_second_slice(dev: Declared) -> None:
    pool = tpu_pool(dev)
    assert pool.request.deleteBeforeReplace is True
    assert pool.inputs["upgradeSettings"] == {"strategy": "SURGE", "maxSurge": 0, "maxUnavailable": 1}


def test_pool_leaves_placement_labels_and_taint_to_gke(dev: Declared) -> None:
    pool = tpu_pool(dev).inputs
    assert "placementPolicy" not in pool
    assert not {"labels", "taints"} & pool["nodeConfig"].keys()


@pytest.mark.parametrize(
    ("name", "machine", "chips", "topology"),
    [
        ("v6e-1", "ct6e-standard-1t", "1", "1x1"),
        ("v6e-4", "ct6e-standard-4t", "4", "2x2"),
        ("v6e-8", "ct6e-standard-8t", "8", "2x4"),
    ],
)
def test_slice_decides_machine_chips_and_topology(run: Run, name: str, machine: str, chips: str, topology: str) -> None:
    declared = run(tpuSlice=name)
    assert tpu_pool(declared).inputs["nodeConfig"]["machineType"] == machine
    template = spec(declared)["template"]
    assert template["nodeSelector"]["cloud.google.com/gke-tpu-topology"] == topology
    assert template["containers"][0]["resources"]["limits"] == {"google.com/tpu": chips}
    assert f"--tensor-parallel-size={chips}" in template["containers"][0]["args"]


def test_capacity_is_on_demand_spot_flex_start_or_a_named_reservation(run: Run) -> None:
    def config(*classes: str, **changes: Any) -> dict[str, Any]:
        return tpu_pool(run(**({"tpuCapacity": list(classes)} if classes else {}), **changes)).inputs["nodeConfig"]

    assert (config()["spot"], "reservationAffinity" in config(), "flexStart" in config()) == (False, False, False)
    assert config("spot")["spot"] is True
    reserved = config("reservation:tpus")
    assert reserved["spot"] is False
    assert reserved["reservationAffinity"]["consumeReservationType"] == "SPECIFIC_RESERVATION"
    assert reserved["reservationAffinity"]["values"] == ["tpus"]
    flexible = config("flex-start", tpuFlexStartSeconds=3600)
    assert (flexible["flexStart"], flexible["maxRunDuration"], flexible["spot"]) == (True, "3600s", False)
    assert flexible["reservationAffinity"] == {"consumeReservationType": "NO_RESERVATION"}


def test_pool_of_flex_start_is_neither_repaired_nor_upgraded_while_a_node_lives(run: Run) -> None:
    pool = tpu_pool(run(tpuCapacity=["flex-start"])).inputs
    assert pool["management"] == {"autoRepair": False, "autoUpgrade": True}
    assert "upgradeSettings" not in pool  # GKE's own for such pools, which the provider takes no name of
    assert tpu_pool(run()).inputs["management"] == {"autoRepair": True, "autoUpgrade": True}


def test_pools_of_a_class_have_its_label_and_taint(run: Run) -> None:
    pools = [p for p in run(tpuCapacity=["on-demand", "spot"]).all(":NodePool") if p.name != "system"]
    assert {p.name for p in pools} == {"tpu", "tpu-spot"}
    for pool in pools:
        config = pool.inputs["nodeConfig"]
        assert config["labels"] == {"cloud.google.com/compute-class": "tpu-v6e-4"}
        taint = {"key": "cloud.google.com/compute-class", "value": "tpu-v6e-4", "effect": "NO_SCHEDULE"}
        assert config["taints"] == [taint]


def test_boot_disk_is_sized_by_setting(run: Run) -> None:
    assert tpu_pool(run(tpuBootDiskGb=500)).inputs["nodeConfig"]["diskSizeGb"] == 500


def test_reservation_is_named_by_googles_key(run: Run) -> None:
    pool = tpu_pool(run(tpuCapacity=["reservation:tpus"])).inputs
    assert pool["nodeConfig"]["reservationAffinity"]["key"] == "compute.googleapis.com/reservation-name"


def test_kernels_of_tpu_nodes_map_what_a_server_maps_while_it_loads(dev: Declared) -> None:
    assert tpu_pool(dev).inputs["nodeConfig"]["linuxNodeConfig"] == {"sysctls": {"vm.max_map_count": "8388608"}}
    assert "linuxNodeConfig" not in dev.one(":NodePool", "system").inputs["nodeConfig"]


def test_another_machine_replaces_the_tpu_pool_and_nothing_else_is_ignored(dev: Declared) -> None:
    pool = tpu_pool(dev).request
    assert list(pool.replaceOnChanges) == ["nodeConfig.machineType"]
    assert list(pool.ignoreChanges) == ["initialNodeCount", "nodeConfig.advancedMachineFeatures"]
    assert list(dev.one(":NodePool", "system").request.ignoreChanges) == ["initialNodeCount"]
