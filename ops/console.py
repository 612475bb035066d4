"""Where tables are printed."""

from rich.console import Console

WIDTH = 120
"""Columns of a table that is not on a terminal: all of them, whatever a log is wide."""
WIDE = 240
"""The same of a table with names and ids that are to be copied whole."""


def console(width: int = WIDTH) -> Console:
    """The terminal, or a page of a fixed width in place of one."""
    found = Console()
    return found if found.is_terminal else Console(width=width)
