"""How a change moves what a stack costs: the output `estimatedCost`, as it is and as it would be."""

from collections.abc import Mapping
from typing import Any

OUTPUT = "estimatedCost"
STATES = {"usdPerHourRunning": "running", "usdPerHourIdle": "idle", "usdPerHourMost": "at the most"}
HOURS_A_DAY = 24
LEAST = 0.005
"""Dollars a day that are worth a word."""


def _a_day(outputs: Mapping[str, Any], key: str) -> float | None:
    """Dollars a day, None if the outputs do not say it: of a stack that is not there, or not known before `up`."""
    told = outputs.get(OUTPUT)
    usd = told.get(key) if isinstance(told, dict) else None
    return usd * HOURS_A_DAY if isinstance(usd, int | float) else None


def _moved(state: str, old: float | None, new: float) -> str:
    if old is None:
        return f"{new:,.2f} {state}"
    if abs(new - old) < LEAST:
        return f"{new:,.2f} {state}, as before"
    return f"{old:,.2f} → **{new:,.2f}** {state} ({new - old:+,.2f})"


def cost(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The line of a report, empty if nothing changes or nothing is known."""
    days = [(state, _a_day(old, key), _a_day(new, key)) for key, state in STATES.items()]
    if all(new == old or (old is not None and new is not None and abs(new - old) < LEAST) for _, old, new in days):
        return ""
    parts = [_moved(state, old, new) for state, old, new in days if new is not None]
    return f"Estimated cost, in US dollars a day: {'; '.join(parts)}." if parts else ""
