"""What is said of quotas: chips, processors, disks, addresses."""

import pytest

from infra.settings.load import parse
from ops.preflight import tpu_quota
from ops.preflight.cloud import Cloud
from ops.preflight.needs import Capacity, tpu_nodes
from tests.support.preflight import (
    FAIL,
    LEFT_OUT,
    OK,
    WARN,
    ask,
    both_chips,
    chips,
    cluster,
    lines,
    project_quotas,
    quotas,
    spot_chips,
)
from tests.support.project import stack_file
from tests.support.stack_settings import stack

MODEL = stack_file("dev")["models"][0]

test_line = lines(
    {
        "chips": (
            None,
            {},
            OK,
            "TPU quota",
            "on-demand: 8 chips, TPUS-PER-TPU-FAMILY-per-project-region in europe-west4; at the most 4 are taken",
            "",
        ),
        "chips, too few": (
            chips(europe_west4=3),
            {},
            FAIL,
            "TPU quota",
            "on-demand: 3 chips, TPUS-PER-TPU-FAMILY-per-project-region in europe-west4; the models take 4 to run",
            "--quota-id=TPUS-PER-TPU-FAMILY-per-project-region --dimensions=region=europe-west4,tpu_family=CT6E "
            "--preferred-value=4",
        ),
        "chips of the other regions": (
            chips(us_east5=16, everywhere=2),
            {},
            FAIL,
            "TPU quota",
            "on-demand: 2 chips",
            "docs/deploy.md#3-tpu-quota",
        ),
        "chips to run, but not for all nodes": (
            None,
            {"tpuMaxNodes": 3},
            WARN,
            "TPU quota",
            "8 chips, TPUS-PER-TPU-FAMILY-per-project-region in europe-west4; enough to run, but all nodes "
            "that `tpuMaxNodes` allows take 12",
            "--preferred-value=12",
        ),
        "chips without a stated limit": (
            chips(us_east5=16),
            {},
            WARN,
            "TPU quota",
            "on-demand: TPUS-PER-TPU-FAMILY-per-project-region in europe-west4 states no limit, which may mean 0",
            "Ask for 4: gcloud beta quotas preferences create",
        ),
        "chips without limit": (
            chips(europe_west4=-1),
            {},
            OK,
            "TPU quota",
            "on-demand: TPUS-PER-TPU-FAMILY-per-project-region in europe-west4 has no limit",
            "",
        ),
        "chips of spot": (
            chips(europe_west4=0),
            {"tpuCapacity": ["spot"]},
            OK,
            "TPU quota",
            "spot: 1536 chips, PREEMPTIBLE-TPU-V6E-per-project-region in europe-west4",
            "",
        ),
        "no chips of spot, and enough on demand": (
            spot_chips(0),
            {"tpuCapacity": ["spot"]},
            WARN,
            "TPU quota",
            "spot: 0 chips, PREEMPTIBLE-TPU-V6E-per-project-region in europe-west4; the models take 4 to run. Compute "
            "Engine then takes those of TPUS-PER-TPU-FAMILY-per-project-region, of which there are 8",
            "--quota-id=PREEMPTIBLE-TPU-V6E-per-project-region --dimensions=region=europe-west4 --preferred-value=4",
        ),
        "no chips of flex-start, and no limit on demand": (
            both_chips(0, -1),
            {"location": "us-east5-a", "tpuZones": ["us-east5-a"], "tpuCapacity": ["flex-start"]},
            WARN,
            "TPU quota",
            "Compute Engine then takes those of TPUS-PER-TPU-FAMILY-per-project-region, without limit",
            "--quota-id=PREEMPTIBLE-TPU-V6E-per-project-region --dimensions=region=us-east5",
        ),
        "no chips of spot, and too few on demand": (
            both_chips(0, 3),
            {"tpuCapacity": ["spot"]},
            FAIL,
            "TPU quota",
            "spot: 0 chips, PREEMPTIBLE-TPU-V6E-per-project-region in europe-west4; the models take 4 to run, and "
            "TPUS-PER-TPU-FAMILY-per-project-region, which Compute Engine then takes, has 3",
            "--quota-id=PREEMPTIBLE-TPU-V6E-per-project-region --dimensions=region=europe-west4 --preferred-value=4",
        ),
        "too few chips of spot, as who has some is given no others": (
            both_chips(3, 8),
            {"tpuCapacity": ["spot"]},
            FAIL,
            "TPU quota",
            "spot: 3 chips, PREEMPTIBLE-TPU-V6E-per-project-region in europe-west4; the models take 4 to run, and who "
            "has some of this quota is given no other",
            "--quota-id=PREEMPTIBLE-TPU-V6E-per-project-region --dimensions=region=europe-west4 --preferred-value=4",
        ),
        "chips for two slices, each of which has enough": (
            chips(europe_west4=8),
            {"models": [MODEL, {**MODEL, "name": "large", "slice": "v6e-8"}]},
            FAIL,
            "TPU quota",
            "on-demand: 8 chips, TPUS-PER-TPU-FAMILY-per-project-region in europe-west4; the models take 12 to run",
            "--preferred-value=12",
        ),
        "chips of two classes that take them from one quota": (
            None,
            {"tpuCapacity": ["reservation:mine", "on-demand", "spot"], "tpuMaxNodes": 2},
            WARN,
            "TPU quota",
            "on-demand: 8 chips, TPUS-PER-TPU-FAMILY-per-project-region in europe-west4; enough to run, but all nodes "
            "that `tpuMaxNodes` allows take 16",
            "--preferred-value=16",
        ),
        "chips of a class that has its quota alone": (
            None,
            {"tpuCapacity": ["reservation:mine", "on-demand", "spot"], "tpuMaxNodes": 2},
            OK,
            "TPU quota",
            "spot: 1536 chips, PREEMPTIBLE-TPU-V6E-per-project-region in europe-west4; at the most 8 are taken",
            "",
        ),
        "quota": (None, {}, OK, "quota", "CPUS in europe-west4: 72 of 72 vCPUs free; at the most 12 are taken", ""),
        "quota that is too small": (
            quotas(CPUS=(3, 0)),
            {},
            FAIL,
            "quota",
            "CPUS in europe-west4: 3 of 3 vCPUs free, and the stack takes 4",
            "Ask for more of CPUS: in the console under IAM & Admin, Quotas & System Limits, Compute Engine API",
        ),
        "quota that others use": (
            quotas(HDB_TOTAL_GB=(500, 400)),
            {},
            FAIL,
            "quota",
            "HDB_TOTAL_GB in europe-west4: 100 of 500 GB free, and the stack takes 200",
            ", or remove what uses it",
        ),
        "quota to begin with": (
            quotas(SSD_TOTAL_GB=(250, 0)),
            {},
            WARN,
            "quota",
            "SSD_TOTAL_GB in europe-west4: 250 of 250 GB free: enough to begin with, but it may grow to 300",
            "Ask for more of SSD_TOTAL_GB",
        ),
        "quota that is just enough": (
            quotas(STATIC_ADDRESSES=(1, 0)),
            {},
            OK,
            "quota",
            "STATIC_ADDRESSES in europe-west4: 1 of 1 addresses free; at the most 1 are taken",
            "",
        ),
        "quota of addresses": (
            quotas(STATIC_ADDRESSES=(8, 8)),
            {},
            FAIL,
            "quota",
            "STATIC_ADDRESSES in europe-west4: 0 of 8 addresses free, and the stack takes 1",
            "Ask for more of STATIC_ADDRESSES",
        ),
        "quota of networks": (
            project_quotas(NETWORKS=(5, 5)),
            {},
            FAIL,
            "quota",
            "NETWORKS in the project: 0 of 5 networks free, and the stack takes 1",
            "Ask for more of NETWORKS",
        ),
        "quota of the disks of all pools": (
            quotas(HDB_TOTAL_GB=(1199, 0)),
            {
                **{"tpuCapacity": ["on-demand", "spot"], "tpuBootDiskGb": 100, "tpuMaxNodes": 3},
                "models": [MODEL, {**MODEL, "name": "large", "slice": "v6e-8"}],
            },
            WARN,
            "quota",
            "HDB_TOTAL_GB in europe-west4: 1199 of 1199 GB free: enough to begin with, but it may grow to 1200",
            "Ask for more of HDB_TOTAL_GB",
        ),
        "quota of which the stack's own is a part": (
            lambda p: (p.clusters.append(cluster()), p.quotas.update(CPUS=(12, 12))),
            {},
            OK,
            "quota",
            "CPUS in europe-west4: 12 of 12 vCPUs free; at the most 12 are taken",
            "",
        ),
        "quota of another family": (
            quotas(N2_CPUS=(1, 0)),
            {"systemMachineType": "n2-standard-4"},
            FAIL,
            "quota",
            "N2_CPUS in europe-west4: 1 of 1 vCPUs free",
            "Ask for more of N2_CPUS",
        ),
        "quota that a region does not tell": (
            None,
            {"systemMachineType": "n4-standard-4"},
            LEFT_OUT,
            "quota",
            "processors of the family n4, whose quota is not among a region's",
            "CPUs per VM family",
        ),
    }
)


def test_stack_whose_clusters_nobody_may_list_counts_what_is_used_as_others() -> None:
    change = lambda p: (p.forbidden.add("container.googleapis.com"), p.quotas.update(CPUS=(12, 12)))  # noqa: E731
    assert [f.status for f in ask(change) if f.found.startswith("CPUS ")] == [FAIL]


@pytest.mark.parametrize("api", ["", "container.googleapis.com"])
def test_clusters_are_asked_for_once_whatever_the_answer(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    clusters = Cloud.clusters
    monkeypatch.setattr(Cloud, "clusters", lambda self: asked.append(self.project) or clusters(self))
    said = ask(lambda p: p.forbidden.add(api))
    assert asked == ["my-project"]
    assert bool([f for f in said if f.status is LEFT_OUT and f.check == "neighbours"]) is bool(api)


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_what_a_stack_takes_of_each_quota_is_told_for_every_stack(name: str) -> None:
    settings = {**stack_file(name), "gcp:project": "my-project"}
    told = {finding.found.split()[0] for finding in ask(None, settings) if finding.check == "quota"}
    assert {"CPUS", "SSD_TOTAL_GB", "HDB_TOTAL_GB", "IN_USE_ADDRESSES", "STATIC_ADDRESSES"} <= told


def test_class_without_quota_is_no_failure_if_another_has_some() -> None:
    ways, nodes = [Capacity("on-demand"), Capacity("flex-start")], tpu_nodes(parse(stack()))
    both = tpu_quota.findings(
        ways, {tpu_quota.ON_DEMAND: 0, tpu_quota.PREEMPTIBLE: 1536}, nodes, region="europe-west4", project="p"
    )
    none = tpu_quota.findings(
        ways, {tpu_quota.ON_DEMAND: 0, tpu_quota.PREEMPTIBLE: 0}, nodes, region="europe-west4", project="p"
    )
    assert [finding.status for finding in both] == [WARN, OK]
    assert [finding.status for finding in none] == [FAIL, FAIL]
