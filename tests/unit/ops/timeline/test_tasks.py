"""The critical path, what could have taken longer, and what a schedule makes of durations and needs."""

import pytest

from ops.timeline.tasks import Task, critical, schedule, slack

NAMES = {key: key for key in "abcdef"}


def path(tasks: list[Task]) -> str:
    return "".join(task.key for task in critical(tasks))


def test_path_goes_from_the_end_to_what_ended_last_of_what_was_needed() -> None:
    tasks = schedule(
        {"a": 1, "b": 5, "c": 2, "d": 1},
        {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")},
        NAMES,
    )
    assert path(tasks) == "abd"
    assert max(task.end for task in tasks) == 7


def test_schedule_begins_each_task_with_the_end_of_its_last_need_and_runs_all_others_beside_it() -> None:
    tasks = {task.key: task for task in schedule({"a": 3, "b": 2, "c": 1}, {"a": (), "b": (), "c": ("a", "b")}, NAMES)}
    assert [(tasks[key].begin, tasks[key].end) for key in "abc"] == [(0, 3), (0, 2), (3, 4)]
    assert tasks["c"].needs == ("a", "b")


def test_without_recorded_needs_the_path_goes_by_time() -> None:
    tasks = [Task("a", "a", 0, 4), Task("b", "b", 0, 2), Task("c", "c", 5, 9), Task("d", "d", 1, 6)]
    assert path(tasks) == "ac"


def test_nothing_needed_ends_the_path_and_nothing_recorded_does_not() -> None:
    assert path([Task("a", "a", 0, 4), Task("b", "b", 5, 9, ())]) == "b"
    assert path([Task("a", "a", 0, 4), Task("b", "b", 5, 9, None)]) == "ab"


def test_what_took_no_time_is_not_on_the_path_though_it_leads_on() -> None:
    tasks = schedule({"a": 2, "b": 0, "c": 1}, {"a": (), "b": ("a",), "c": ("b",)}, NAMES)
    assert path(tasks) == "ac"


def test_clocks_that_disagree_do_not_make_an_endless_path() -> None:
    assert path([Task("a", "a", 0, 4, ("b",)), Task("b", "b", 0, 5, ("a",))]) == "ab"


def test_of_two_that_ended_together_the_later_begun_is_on_the_path() -> None:
    tasks = [Task("a", "a", 0, 4, ()), Task("b", "b", 3, 4, ()), Task("c", "c", 4, 5, ("a", "b"))]
    assert path(tasks) == "bc"


def test_what_ended_last_is_on_the_path_though_it_began_first() -> None:
    tasks = [Task("a", "a", 0, 4, ()), Task("b", "b", 3, 3.5, ()), Task("c", "c", 4, 5, ("a", "b"))]
    assert path(tasks) == "ac"


def test_need_that_is_not_in_the_log_is_passed_over() -> None:
    assert path([Task("b", "b", 5, 9, ("gone",))]) == "b"
    assert path([]) == ""


def test_slack_is_what_could_be_added_without_moving_the_end() -> None:
    tasks = schedule(
        {"a": 1, "b": 5, "c": 2, "d": 1, "e": 3},
        {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("c",)},
        NAMES,
    )
    assert slack(tasks) == {"a": 0, "b": 0, "c": 1, "d": 0, "e": 1}


def test_slack_is_not_told_where_needs_are_not_recorded() -> None:
    assert slack([Task("a", "a", 0, 4), Task("b", "b", 0, 5, ())]) == {"b": 0}


@pytest.mark.parametrize("longer", [1, 2])
def test_slack_is_exact(longer: float) -> None:
    needs = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}
    seconds = {"a": 1, "b": 5, "c": 4, "d": 1}
    moved = schedule({**seconds, "c": 4 + longer}, needs, NAMES)
    assert (max(task.end for task in moved) > 7) == (longer > slack(schedule(seconds, needs, NAMES))["c"])
