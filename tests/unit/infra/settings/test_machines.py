"""Machine types for the nodes that run the platform."""

import pytest

from infra.settings import machines
from infra.settings.load import parse
from tests.support.stack_settings import Values, refused, stack

NO_TYPE = "is not a machine type. Use one like e2-standard-4 (4 vCPUs or more)."
IS_ARM = (
    "has an Arm processor. GKE taints such nodes, and nothing of the platform tolerates that. Use one like "
    "e2-standard-4."
)

BAD: dict[str, tuple[Values, str]] = {
    "TPU machine for the system": (
        {"systemMachineType": "ct6e-standard-4t"},
        'systemMachineType: "ct6e-standard-4t" is a TPU machine, and only Pods that ask for TPUs run there. Use one '
        "like e2-standard-4.",
    ),
    "machine type that is none": (
        {"systemMachineType": "large"},
        f'systemMachineType: "large" {NO_TYPE}',
    ),
    "machine type with an empty part": ({"systemMachineType": "e2--4"}, f'systemMachineType: "e2--4" {NO_TYPE}'),
    "machine type too long to be one": (
        {"systemMachineType": f"e2-{'x' * 61}"},
        f'systemMachineType: "e2-{"x" * 61}" {NO_TYPE}',
    ),
    "TPU machine by its newer name": (
        {"systemMachineType": "tpu7x-standard-4t"},
        'systemMachineType: "tpu7x-standard-4t" is a TPU machine, and only Pods that ask for TPUs run there. Use one '
        "like e2-standard-4.",
    ),
    "Arm of Tau": ({"systemMachineType": "t2a-standard-4"}, f'systemMachineType: "t2a-standard-4" {IS_ARM}'),
    "Arm of Axion": ({"systemMachineType": "c4a-standard-4"}, f'systemMachineType: "c4a-standard-4" {IS_ARM}'),
    "Arm of the new Axion": ({"systemMachineType": "n4a-standard-4"}, f'systemMachineType: "n4a-standard-4" {IS_ARM}'),
    "too little memory": (
        {"systemMachineType": "n1-highcpu-4"},
        'systemMachineType: "n1-highcpu-4" has 3.6 GB of memory, and istiod alone asks for 2 GiB of what GKE leaves of '
        "it. Use one with more, like e2-standard-4.",
    ),
}

UNKNOWN = (
    "is not among the machine types that were known when this was written. If it is none, the cluster gets no nodes: "
    "`gcloud compute machine-types list`."
)
SMALL = "may be too small for Istio, KServe and the endpoint pickers; e2-standard-4 holds them."

WARNED: dict[str, tuple[Values, str]] = {
    "new family": ({"systemMachineType": "n9-standard-4"}, f"systemMachineType: n9-standard-4 {UNKNOWN}"),
    "new family, custom": (
        {"systemMachineType": "n9-custom-4-16384"},
        f"systemMachineType: n9-custom-4-16384 {UNKNOWN}",
    ),
    "new class": ({"systemMachineType": "e2-megamem-4"}, f"systemMachineType: e2-megamem-4 {UNKNOWN}"),
    "new size": ({"systemMachineType": "e2-standard-5"}, f"systemMachineType: e2-standard-5 {UNKNOWN}"),
    "longest name": ({"systemMachineType": f"e2-{'x' * 60}"}, f"systemMachineType: e2-{'x' * 60} {UNKNOWN}"),
    "small": ({"systemMachineType": "e2-medium"}, f"systemMachineType: e2-medium {SMALL}"),
    "three processors": ({"systemMachineType": "n2-custom-3-8192"}, f"systemMachineType: n2-custom-3-8192 {SMALL}"),
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)


@pytest.mark.parametrize(("changes", "warning"), WARNED.values(), ids=WARNED)
def test_what_is_not_known_is_a_warning(changes: Values, warning: str) -> None:
    assert parse(stack(changes)).warnings == [warning]


@pytest.mark.parametrize("machine", ["e2-standard-4", "n1-standard-8", "n2-custom-4-16384", "c3-standard-8-lssd"])
def test_machine_that_is_known_and_large_enough_is_no_warning(machine: str) -> None:
    assert parse(stack({"systemMachineType": machine})).warnings == []


PUBLISHED = {
    **{"e2-standard-32": 128, "e2-highmem-16": 128, "e2-highcpu-32": 32, "e2-medium": 4, "e2-small": 2, "e2-micro": 1},
    **{"n1-standard-96": 360, "n1-highmem-96": 624, "n1-highcpu-96": 86.4, "g1-small": 1.7, "f1-micro": 0.6},
    **{"n2-standard-128": 512, "n2-highmem-96": 768, "n2-highcpu-96": 96},
    **{"n2d-standard-224": 896, "n2d-highmem-96": 768, "n2d-highcpu-224": 224},
    **{"n4-standard-80": 320, "n4-highmem-80": 640, "n4-highcpu-80": 160},
    **{"n4d-standard-96": 384, "n4d-highmem-96": 768, "n4d-highcpu-96": 192},
    **{"t2d-standard-60": 240, "c2-standard-60": 240},
    **{"c2d-standard-112": 448, "c2d-highmem-112": 896, "c2d-highcpu-112": 224},
    **{"c3-standard-176": 704, "c3-highmem-176": 1408, "c3-highcpu-176": 352},
    **{"c3d-standard-360": 1440, "c3d-highmem-360": 2880, "c3d-highcpu-360": 720},
    **{"c4-standard-288": 1080, "c4-highmem-288": 2232, "c4-highcpu-288": 576},
    **{"c4d-standard-384": 1488, "c4d-highmem-384": 3024, "c4d-highcpu-384": 720},
    **{"custom-8-16384": 16, "n2-custom-8-16384": 16, "n2d-custom-8-131072-ext": 128},
}
"""Gigabytes of the largest of each class, as Google lists them; of custom ones what their name says."""


@pytest.mark.parametrize("machine", PUBLISHED)
def test_machine_has_the_memory_that_google_publishes(machine: str) -> None:
    known = machines.known(machine)

    assert known
    assert known.gb == pytest.approx(PUBLISHED[machine])


@pytest.mark.parametrize(("machine", "vcpus"), [("e2-medium", 1), ("c2-standard-30", 30), ("n2-custom-12-24576", 12)])
def test_machine_has_the_processors_of_its_name_and_a_shared_core_counts_as_one(machine: str, vcpus: int) -> None:
    known = machines.known(machine)

    assert known
    assert known.vcpus == vcpus
