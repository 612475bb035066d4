"""What is said beside what a command prints."""

import sys


def say(text: str) -> None:
    """What is going on, or what is wrong, to standard error."""
    print(text, file=sys.stderr)
