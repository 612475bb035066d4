"""How much of what the gateway takes: from where to where."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import problems, stack

MOST = {"maxRequestMb": (1, 4), "requestsPerMinute": (0, 100_000), "maxConcurrentRequests": (1, 10_000)}


@pytest.mark.parametrize(("key", "limits"), MOST.items())
def test_limit_is_taken_from_its_least_to_its_most(key: str, limits: tuple[int, int]) -> None:
    least, most = limits
    for good in limits:
        parse(stack({key: good}))
    assert problems(stack({key: least - 1})) == [f"{key}: {least - 1} is too small. Use {least} or more."]
    assert problems(stack({key: most + 1})) == [f"{key}: {most + 1} is too large. Use {most} or less."]


@pytest.mark.parametrize("key", MOST)
def test_limit_is_a_whole_number(key: str) -> None:
    assert problems(stack({key: "2.5"})) == [f'{key}: "2.5" is not a whole number. Use one, without quotes.']


def test_limits_of_a_stack_that_says_nothing() -> None:
    settings = parse(stack({}))
    assert (settings.max_request_mb, settings.requests_per_minute, settings.max_concurrent_requests) == (4, 0, 512)
    assert settings.allowed_clients == ()
