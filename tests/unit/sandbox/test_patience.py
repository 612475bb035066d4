"""How long a stack waits for what is in its cluster."""

import pulumi
import pytest

from sandbox.engine.patience import shortened


@pytest.mark.parametrize(
    ("own", "patience", "expected"),
    [
        ("90m", 300, "300s"),
        ("1h30m", 5399, "5399s"),
        ("1h30m", 5401, "5400s"),
        ("20s", 300, "20s"),
        (None, 300, "300s"),
        (None, 6000, "600s"),
    ],
)
def test_a_timeout_is_shortened_and_never_prolonged(own: str | None, patience: float, expected: str) -> None:
    short = shortened(pulumi.CustomTimeouts(create=own, update=own, delete=own), patience)
    assert (short.create, short.update, short.delete) == (expected, expected, expected)


def test_what_has_no_timeouts_gets_some() -> None:
    assert shortened(None, 15).delete == "15s"
