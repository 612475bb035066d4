"""What is told when no TPU node has come, and when it is not."""

from datetime import UTC, datetime

from infra.google.slices import SLICES
from infra.models.stockout import is_stockout, message
from infra.settings.load import parse
from tests.support.stack_settings import stack

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ZONES = {"location": "us-east5", "tpuZones": ["us-east5-a", "us-east5-b"], "systemMaxNodes": 3}


def test_message_has_slice_class_zones_since_when_and_the_next_commands() -> None:
    settings = parse(stack({**ZONES, "tpuCapacity": ["spot", "on-demand"], "tpuCapacityWait": 25}))
    said = message(SLICES["v6e-4"], settings, "prod", NOON)
    assert (
        "a v6e-4 (spot, on-demand) was asked for in us-east5-a, us-east5-b since 11:35 UTC, for the 25 minutes" in said
    )
    assert "`python -m ops diagnose --stack prod`" in said
    assert "`kubectl get events -n tpu-warm-up --sort-by=.lastTimestamp`" in said
    assert "the next `pulumi up` goes on from here" in said


def test_wait_in_vain_is_a_stockout_and_a_refusal_is_not() -> None:
    assert is_stockout(["it failed to fully initialize or become live: timed out waiting for the condition"])
    assert not is_stockout(['jobs.batch "v6e-4-arrival" is forbidden: no rights'])
