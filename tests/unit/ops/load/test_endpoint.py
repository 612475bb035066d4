"""Whom a load asks, and with which key."""

from collections.abc import Callable
from typing import Any

import pytest

from ops.load.endpoint import Endpoint, EndpointError, key_for, of_stack
from tests.support.loads import MODEL, PLACE

OUTPUTS = {"models": {PLACE: {"baseUrl": "http://a/n/m", "model": "/mnt/models"}}}


@pytest.mark.parametrize("named", ["", PLACE, MODEL["name"]])
def test_model_is_the_only_one_or_the_one_that_is_named(named: str) -> None:
    assert of_stack(OUTPUTS, named) == Endpoint(PLACE, "http://a/n/m", "/mnt/models")


@pytest.mark.parametrize(
    ("outputs", "named", "why"),
    [
        ({}, "", "the stack has no output `models`: `pulumi up` has not come as far, or has been undone"),
        (OUTPUTS, "other", f"the stack has no model other: name one with --model, of {PLACE}"),
        (
            {"models": OUTPUTS["models"] | {"n/b": {}}},
            "",
            f"the stack has several models: name one with --model, of {PLACE}, n/b",
        ),
        (
            {"models": {"n/b": {"paused": True}}},
            "",
            "n/b is paused: `python -m ops resume n/b --stack STACK` starts it again",
        ),
    ],
)
def test_who_cannot_be_asked_is_told(outputs: dict[str, Any], named: str, why: str) -> None:
    with pytest.raises(EndpointError) as refused:
        of_stack(outputs, named)
    assert str(refused.value) == why


def test_key_is_sent_only_where_one_is_asked_for(serve: Callable[..., Endpoint]) -> None:
    assert key_for(serve(), "mine") == ""
    assert key_for(serve(key="mine"), "mine") == "mine"


def test_missing_key_is_told(serve: Callable[..., Endpoint]) -> None:
    with pytest.raises(EndpointError, match="wants a key: give one with --key, or in OPENAI_API_KEY"):
        key_for(serve(key="mine"), "")


def test_wrong_key_is_told(serve: Callable[..., Endpoint]) -> None:
    with pytest.raises(EndpointError, match="401 answer to a completion"):
        key_for(serve(key="mine"), "other")


@pytest.mark.parametrize("status", [200, 426])
def test_page_in_place_of_an_answer_is_not_measured(serve: Callable[..., Endpoint], status: int) -> None:
    with pytest.raises(EndpointError, match=f"would measure something else: {status} answer to a completion: <html>"):
        key_for(serve(page="<html>Upgrade</html>", status=status), "")


def test_nobody_is_not_measured() -> None:
    with pytest.raises(EndpointError, match="no answer to a completion: ConnectError"):
        key_for(Endpoint(PLACE, "http://127.0.0.1:9", "m"), "")
