"""A range of replicas: what a stack file may say, and what it then means."""

import json
from typing import Any

import pytest

from infra.releases import pins
from infra.settings.autoscaling import Autoscaling
from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, model, problems, refused, stack

AT = "models[0].replicas"
WORK = {"start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "timezone": "Europe/Amsterdam", "replicas": 2}


def of(**fields: Any) -> Values:
    """The dev stack with a range of replicas and room for it."""
    return {AT: fields, "tpuMaxNodes": 9}


def at(**fields: Any) -> Values:
    """The dev stack with a schedule."""
    return of(min=1, max=3, schedule=[{**WORK, **fields}])


def schedule(**fields: Any) -> str:
    """A schedule as problems show it."""
    return f"{AT}.schedule: {json.dumps([{**WORK, **fields}])}"


BAD: dict[str, tuple[Values, str]] = {
    "no most": (of(min=1), f"{AT}.max: is required. Add it."),
    "no least": (of(max=2), f"{AT}.min: is required. Add it."),
    "less than none": (of(min=-1, max=2), f"{AT}.min: -1 is too small. Use 0 or more."),
    "least as text": (of(min="1", max=2), f'{AT}.min: "1" is not a whole number. Use one, without quotes.'),
    "least beyond a cluster": (of(min=15_001, max=9), f"{AT}.min: 15001 is too large. Use 15000 or less."),
    "most beyond a cluster": (of(min=1, max=15_001), f"{AT}.max: 15001 is too large. Use 15000 or less."),
    "none at the most": (of(min=0, max=0), f"{AT}.max: 0 is too small. Use 1 or more."),
    "upside down": (
        of(min=3, max=2),
        f"{AT}.max: 2 is below `min`, which is 3. Raise it to 4 or more, or lower that one.",
    ),
    "nothing between": (
        of(min=2, max=2),
        f"{AT}.max: 2 is what `min` is, so nothing is scaled. Write `replicas: 2`, or raise it.",
    ),
    "another field": (
        of(min=1, max=2, maximum=3),
        f"{AT}.maximum: there is no such setting. Did you mean max? Change its name, or remove it.",
    ),
    "idle, and never asleep": (
        of(min=1, max=2, idleMinutes=60),
        f"{AT}.idleMinutes: 60 has no effect, as `min` is 1. Set `min` to 0, or remove it.",
    ),
    "asleep before it is awake": (
        of(min=0, max=2, idleMinutes=34),
        f"{AT}.idleMinutes: 34 is too small. Use 35 or more.",
    ),
    "idle for days": (of(min=0, max=2, idleMinutes=1441), f"{AT}.idleMinutes: 1441 is too large. Use 1440 or less."),
    "schedule above the most": (
        at(replicas=4),
        f"{schedule(replicas=4)} wants 4 replicas from '0 8 * * 1-5' on, which is above `max`. Use 3 or less, or raise "
        "that one.",
    ),
    "schedule of what is there anyway": (
        at(replicas=1),
        f"{schedule(replicas=1)} wants 1 replicas from '0 8 * * 1-5' on, which is what `min` gives at all times. Use 2 "
        "or more, or remove it.",
    ),
    "schedule of none": (at(replicas=0), f"{AT}.schedule[0].replicas: 0 is too small. Use 1 or more."),
    "schedule that ends when it starts": (
        at(end="0  8 * * 1-5"),
        f'{AT}.schedule[0].end: "0  8 * * 1-5" is when it starts, too, so it would never end. Use another time.',
    ),
    "schedule that ends when it starts in other words": (
        at(end="00 8 ? * MON,2,3-5"),
        f'{AT}.schedule[0].end: "00 8 ? * MON,2,3-5" is when it starts, too, so it would never end. Use another time.',
    ),
    "schedule that never begins": (
        at(start="0 8 31 2 *"),
        f'{AT}.schedule[0].start: "0 8 31 2 *" never comes, as no such month has such a day. Use another day or month.',
    ),
    "schedule that never ends": (
        at(end="0 8 31 4,6,9,11 *"),
        f'{AT}.schedule[0].end: "0 8 31 4,6,9,11 *" never comes, as no such month has such a day. Use another day or '
        "month.",
    ),
    "schedule by the machine's own time": (
        at(timezone="localtime"),
        f'{AT}.schedule[0].timezone: "localtime" is no time zone. Use a name of the IANA database, like '
        "Europe/Amsterdam or UTC.",
    ),
    "schedule with another field": (
        at(zone="UTC"),
        f"{AT}.schedule[0].zone: there is no such setting. Did you mean timezone? Change its name, or remove it.",
    ),
    "schedule elsewhere": (
        at(timezone="Mars"),
        f'{AT}.schedule[0].timezone: "Mars" is no time zone. Use a name of the IANA database, like Europe/Amsterdam or '
        "UTC.",
    ),
    "schedule at no time": (
        at(start="61 8 * * *"),
        f"{AT}.schedule[0].start: \"61 8 * * *\" has '61' as its minute. Use numbers of 0 to 59, `*`, lists, ranges, "
        "steps.",
    ),
    "schedule of four fields": (
        at(start="8 * * *"),
        f'{AT}.schedule[0].start: "8 * * *" has 4 fields, and cron has five: minute, hour, day of the month, month, '
        "day of the week. Write it like `0 8 * * 1-5`.",
    ),
    "text": ({AT: "two"}, f'{AT}: "two" is not a whole number. Use one, without quotes.'),
    "a list": ({AT: [1, 2]}, f"{AT}: [1, 2] is not a whole number. Use one, without quotes."),
    "a number of none": ({AT: 0}, f"{AT}: 0 is too small. Use 1 or more."),
    "a number beyond a cluster": ({AT: 15_001}, f"{AT}: 15001 is too large. Use 15000 or less."),
    "more than there are nodes": (
        {AT: {"min": 1, "max": 10}, "tpuMaxNodes": 9},
        "models: 10 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 9. Run `pulumi config set "
        "tpuMaxNodes 10`, or lower `replicas`.",
    ),
    "more than there are nodes, with a number": (
        {"models": [model(name="a", replicas={"min": 1, "max": 2}), model(name="b", replicas=2)], "tpuMaxNodes": 3},
        "models: 4 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 3. Run `pulumi config set "
        "tpuMaxNodes 4`, or lower `replicas`.",
    ),
    "a GKE that KEDA is not for": (
        {**of(min=1, max=2), "gkeVersion": "1.33.4-gke.1"},
        'gkeVersion: "1.33.4-gke.1" is older than KEDA 2.21 is supported on, which is 1.34 to 1.36 '
        "(https://keda.sh/docs/2.21/operate/cluster/). Use 1.34 to 1.36, or remove it to use the channel's.",
    ),
}

GOOD: dict[str, Values] = {
    "a number": {AT: 2, "tpuMaxNodes": 2},
    "a range": {AT: {"min": 1, "max": 2}, "tpuMaxNodes": 2},
    "asleep": of(min=0, max=1, idleMinutes=35),
    "asleep for a day": of(min=0, max=1, idleMinutes=1440),
    "a schedule": at(replicas=3),
    "a schedule of one that sleeps": of(min=0, max=1, schedule=[{**WORK, "replicas": 1}]),
    "a GKE that KEDA is for": {**of(min=1, max=2), "gkeVersion": "1.34.0-gke.1"},
    "an older GKE without KEDA": {"gkeVersion": "1.33.4-gke.1"},
}

test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


def test_problem_of_a_range_and_of_another_setting_are_told_together() -> None:
    assert [line.split(":")[0] for line in problems(stack({**of(min=2, max=1), "warmUp": "so"}))] == [
        "warmUp",
        f"{AT}.max",
    ]


def test_gke_that_keda_is_not_for_and_another_problem_are_told_together() -> None:
    values = {**of(min=1, max=2), "gkeVersion": "1.33.4-gke.1", "warmUp": "so"}

    assert [line.split(":")[0] for line in problems(stack(values))] == ["warmUp", "gkeVersion"]


def test_gke_that_nothing_is_for_is_held_against_keda_too() -> None:
    [line] = problems(stack({**of(min=1, max=2), "gkeVersion": "1.30.1-gke.1"}))

    assert "Use 1.34 to 1.36" in line


@pytest.mark.parametrize(
    ("replicas", "fewest", "most", "sleeps"),
    [
        (3, 3, 3, False),
        ({"min": 2, "max": 4}, 2, 4, False),
        ({"min": 1, "max": 2}, 1, 2, False),
        ({"min": 0, "max": 4}, 1, 4, True),
    ],
)
def test_range_says_how_many_there_are_at_the_least_and_at_the_most(
    replicas: Any, fewest: int, most: int, sleeps: bool
) -> None:
    [found] = parse(stack({AT: replicas, "tpuMaxNodes": 4})).models

    assert (found.fewest, found.most, found.sleeps) == (fewest, most, sleeps)


def test_range_may_be_that_of_the_largest_cluster() -> None:
    found = Autoscaling.model_validate({"min": 14_999, "max": 15_000})

    assert (found.min, found.max) == (14_999, 15_000)


def test_range_that_says_no_more_is_idle_for_an_hour_and_has_no_schedule() -> None:
    [found] = parse(stack(of(min=0, max=2))).models

    assert found.autoscaling == Autoscaling(min=0, max=2)
    assert (Autoscaling(min=0, max=2).idle_minutes, Autoscaling(min=0, max=2).schedule) == (60, ())


def test_stack_counts_the_fewest_and_the_most_replicas_of_what_is_not_paused() -> None:
    settings = parse(
        stack(
            {
                "models": [
                    model(name="a", replicas={"min": 2, "max": 4}),
                    model(name="b", replicas=1),
                    model(name="c", replicas={"min": 0, "max": 3}),
                    model(name="d", replicas={"min": 3, "max": 8}, paused=True),
                ],
                "tpuMaxNodes": 8,
            }
        )
    )
    [tpu_slice] = settings.used_slices

    assert (settings.serving(tpu_slice), settings.most_serving(tpu_slice)) == (4, 8)


@pytest.mark.parametrize("paused", [False, True])
def test_stack_with_a_range_installs_keda_too(paused: bool) -> None:
    settings = parse(stack({**of(min=1, max=2), "models[0].paused": paused}))

    assert settings.autoscaled
    assert settings.versions == {**pins.VERSIONS, "KEDA": "2.21.0"}


def test_stack_without_a_range_installs_nothing_more() -> None:
    settings = parse(stack())

    assert not settings.autoscaled
    assert settings.versions == pins.VERSIONS


def test_newer_gke_than_keda_is_for_is_a_warning() -> None:
    [warning] = [w for w in parse(stack({**of(min=1, max=2), "gkeVersion": "1.37.0-gke.1"})).warnings if "KEDA" in w]

    assert warning.startswith("gkeVersion: 1.37.0-gke.1 is newer than what KEDA 2.21 was supported on")


NODES = (
    "tpuMinNodes: 2 nodes stay, and are paid for, also while qwen2-3b-pattern1 sleeps. Set it to 0, or `min` of "
    "`replicas` to 1."
)
RESERVED = (
    "tpuCapacity: a reservation is paid for also while qwen2-3b-pattern1 sleeps. Set `min` of `replicas` to 1, and "
    "nobody waits for it to wake."
)


@pytest.mark.parametrize(
    ("least", "changes", "told"),
    [
        (0, {}, []),
        (0, {"tpuMinNodes": 2}, [NODES]),
        (1, {"tpuMinNodes": 2}, []),
        (0, {"tpuCapacity": ["reservation:ours"]}, [RESERVED]),
        (1, {"tpuCapacity": ["reservation:ours"]}, []),
        (0, {"tpuCapacity": ["reservation:ours", "on-demand"]}, []),
    ],
)
def test_sleep_that_saves_nothing_is_a_warning(least: int, changes: Values, told: list[str]) -> None:
    found = parse(stack({**of(min=least, max=2), **changes})).warnings

    assert [warning for warning in found if "sleeps" in warning] == told


ACCOUNT = "our-nodes@my-project.iam.gserviceaccount.com"
NOT_GRANTED = (
    "nodeServiceAccount: with it the program grants nothing, and until an administrator lets KEDA read metrics no "
    "model is scaled, sleeps or wakes (docs/scaling.md): gcloud projects add-iam-policy-binding my-project "
    "--role=roles/monitoring.viewer --member='serviceAccount:my-project.svc.id.goog[keda/keda-operator-dev]'"
)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (of(min=1, max=2), []),
        ({"nodeServiceAccount": ACCOUNT}, []),
        ({**of(min=1, max=2), "nodeServiceAccount": ACCOUNT}, [NOT_GRANTED]),
    ],
)
def test_grant_that_is_left_to_an_administrator_is_a_warning(changes: Values, told: list[str]) -> None:
    assert [warning for warning in parse(stack(changes)).warnings if "KEDA read" in warning] == told
