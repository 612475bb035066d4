"""How TPU capacity is bought: the classes, what does not go together, and what may cost later."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, model, problems, refused, stack

WRITTEN = "reservation:NAME, on-demand, flex-start, spot"
FLEX: Values = {"location": "us-east5-a", "tpuCapacity": ["on-demand", "flex-start"]}

BAD: dict[str, tuple[Values, str]] = {
    "one class as text, as it was once": (
        {"tpuCapacity": "spot"},
        'tpuCapacity: "spot" is not a list. Write one, even for a single value.',
    ),
    "no class": ({"tpuCapacity": []}, f"tpuCapacity: [] is empty. Name at least one of {WRITTEN}."),
    "unknown class": (
        {"tpuCapacity": ["cheap"]},
        f"tpuCapacity: [\"cheap\"] contains 'cheap', which is no class of capacity. Use {WRITTEN}.",
    ),
    "class with a name that has none": (
        {"tpuCapacity": ["spot:mine"]},
        f"tpuCapacity: [\"spot:mine\"] contains 'spot:mine', which is no class of capacity. Use {WRITTEN}.",
    ),
    "reservation without its name": (
        {"tpuCapacity": ["reservation"]},
        "tpuCapacity: [\"reservation\"] contains 'reservation', which names none. Write reservation:NAME; `gcloud "
        "compute reservations list` shows them.",
    ),
    "class twice": (
        {"tpuCapacity": ["spot", "on-demand", "spot"]},
        'tpuCapacity: ["spot", "on-demand", "spot"] names a class twice. Name each once.',
    ),
    "two reservations": (
        {"tpuCapacity": ["reservation:a", "reservation:b"]},
        'tpuCapacity: ["reservation:a", "reservation:b"] names two reservations, and a slice has one node pool for '
        "each class. Name one.",
    ),
    "setting that has gone": (
        {"tpuReservation": "mine"},
        'tpuReservation: "mine" has gone: `tpuCapacity` is a list, and names the reservation itself. Remove it with '
        "`pulumi config rm tpuReservation`, and run `pulumi config set --path 'tpuCapacity[0]' reservation:mine` "
        "(docs/capacity.md).",
    ),
    "migration with nowhere to go": (
        {"tpuCapacityMigration": True},
        "tpuCapacityMigration: true has nowhere to move to, as `tpuCapacity` is on-demand alone. Name more classes, or "
        "remove it.",
    ),
    "flex-start that is kept": (
        {**FLEX, "tpuCapacity": ["flex-start", "spot"], "tpuMinNodes": 1},
        "tpuMinNodes: 1 keeps nodes of the first class of `tpuCapacity`, and flex-start has none that stay. Set it to "
        "0, or put another class first.",
    ),
    "life that is too long": (
        {**FLEX, "tpuFlexStartSeconds": 604_801},
        "tpuFlexStartSeconds: 604801 is too large. Use 604800 or less.",
    ),
    "life that is too short": (
        {**FLEX, "tpuFlexStartSeconds": 599},
        "tpuFlexStartSeconds: 599 is too small. Use 600 or more.",
    ),
    "GKE without flex-start": (
        {**FLEX, "gkeVersion": "1.33.0-gke.1711999"},
        'gkeVersion: "1.33.0-gke.1711999" has no flex-start for TPUs, which `tpuCapacity` names. Use '
        "1.33.0-gke.1712000 or newer, or remove it to use the channel's.",
    ),
}

GOOD: dict[str, Values] = {
    "spot": {"tpuCapacity": ["spot"]},
    "another order than Google's": {"tpuCapacity": ["spot", "on-demand"]},
    "reservation": {"tpuCapacity": ["reservation:mine"]},
    "shared reservation": {"tpuCapacity": ["reservation:projects/p/reservations/v6e"]},
    "migration between classes": {"tpuCapacity": ["on-demand", "spot"], "tpuCapacityMigration": True},
    "a node that is kept, and flex-start after it": {**FLEX, "tpuMinNodes": 1},
    "shortest life": {**FLEX, "tpuFlexStartSeconds": 600},
    "oldest GKE with flex-start": {**FLEX, "gkeVersion": "1.33.0-gke.1712000"},
    "older GKE without it": {"gkeVersion": "1.33.0-gke.1711999"},
}

test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


@pytest.mark.parametrize(
    "name", ["A", "1a", "a-", "a" * 64, "projects/p/reservations/", "p/reservations/a", "a/b", "a b"]
)
def test_name_that_no_reservation_has_is_refused(name: str) -> None:
    (line,) = problems(stack({"tpuCapacity": [f"reservation:{name}"]}))

    assert f"contains 'reservation:{name}', which has no name of a reservation." in line


@pytest.mark.parametrize("name", ["a", "a" * 63, "a-1"])
def test_shortest_and_longest_name_of_a_reservation_are_accepted(name: str) -> None:
    parse(stack({"tpuCapacity": [f"reservation:{name}"]}))


def test_order_of_the_stack_file_is_kept() -> None:
    assert parse(stack({"tpuCapacity": ["spot", "on-demand"]})).tpu_capacity == ("spot", "on-demand")


@pytest.mark.parametrize(
    ("classes", "protect", "warned"),
    [
        (["spot"], True, True),
        (["flex-start", "spot"], True, True),
        (["on-demand", "spot"], True, False),
        (["reservation:r", "spot"], True, False),
        (["spot"], False, False),
    ],
)
def test_production_on_nodes_that_google_takes_back_is_a_warning(
    classes: list[str], protect: bool, warned: bool
) -> None:
    commit = f"hf://Qwen/Qwen2.5-3B-Instruct:{'a' * 40}"
    values = {"location": "us-east5-a", "tpuCapacity": classes, "protect": protect, "models[0].uri": commit}
    found = parse(stack({**values, "publicWithoutAuthentication": True})).warnings
    told = [w for w in found if "Google takes such nodes back, and without capacity for the next one" in w]

    assert len(told) == warned
    assert all(", ".join(classes) in text and "`protect: true`" in text for text in told)


def test_zone_not_known_to_have_flex_start_is_a_warning_with_those_that_are() -> None:
    zones = {"location": "us-east5", "tpuZones": ["us-east5-a", "us-east5-c"]}
    found = [w for w in parse(stack({**zones, "tpuCapacity": ["flex-start"]})).warnings if "flex-start" in w]

    assert found == [
        "tpuCapacity: us-east5-c was not known to have flex-start for TPU v6e when this was written; known are "
        "asia-northeast1-b, us-east5-a, us-east5-b. If it has none, that pool stays empty."
    ]
    assert not [w for w in parse(stack({**zones, "tpuCapacity": ["spot"]})).warnings if "flex-start" in w]


def test_slices_in_use_are_those_of_the_models_the_stacks_own_first() -> None:
    models = [model(name="a", slice="v6e-8"), model(name="b"), model(name="c", slice="v6e-1")]
    accepted = parse(stack({"models": models, "tpuMaxNodes": 3}))

    assert [s.name for s in accepted.used_slices] == ["v6e-4", "v6e-1", "v6e-8"]
    assert [accepted.slice_of(m).name for m in accepted.models] == ["v6e-8", "v6e-4", "v6e-1"]


def test_chips_of_the_models_own_slice_decide_how_it_may_be_split() -> None:
    assert problems(stack({"models[0].slice": "v6e-1", "models[0].tensorParallelSize": 4})) == [
        "models[0].tensorParallelSize: 4 does not fit the 1 chips of v6e-1. Allowed: 1. Leave it out to use every chip."
    ]
    parse(stack({"tpuSlice": "v6e-1", "models[0].slice": "v6e-4", "models[0].tensorParallelSize": 4}))
