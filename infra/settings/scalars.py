"""Scalars as the engine hands them over, which is as text."""

import re
from typing import Annotated

from pydantic import BeforeValidator


def _whole(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch("-?[0-9]{1,18}", value):
        raise ValueError("is not a whole number. Use one, without quotes.")
    return value


def _true_or_false(value: object) -> object:
    if not isinstance(value, bool) and value not in ("true", "false"):
        raise ValueError("is neither true nor false. Use one of them.")
    return value


Whole = Annotated[int, BeforeValidator(_whole)]
TrueOrFalse = Annotated[bool, BeforeValidator(_true_or_false)]
