"""How far Go is, which says nothing for minutes: a bar with an estimate, or a line now and then where nobody watches.

Standard library only, as there is no other yet.
"""

import os
import subprocess
import sys
import time

BAR = 24
WATCHED, UNWATCHED = 1, 10
"""Seconds from one line to the next: on a terminal, where it is the same line, and in a log."""


def describe(log: str, packages: int, seconds: float) -> str:
    """What Go has said after so many seconds, of so many packages if they are counted. What it has in its cache it does
    not name, and linking comes last and says nothing: the least that is left is a minute.
    """
    lines = log.splitlines()
    downloaded = sum(line.startswith("go: downloading") for line in lines)
    compiled = len(lines) - downloaded
    if not packages or not compiled:
        return f"{seconds:4.0f} s  {downloaded} modules downloaded"
    done = min(BAR * compiled // packages, BAR)
    minutes = seconds * (packages - compiled) / compiled / 60
    estimate = f"{minutes:.0f} minutes" if minutes >= 1.5 else "a minute"
    bar = f"[{'#' * done}{'.' * (BAR - done)}]"
    return f"{seconds:4.0f} s  {bar}  {compiled} of {packages} packages compiled, about {estimate} left"


def watch(process: "subprocess.Popen[bytes]", log: int, packages: int) -> None:
    """Show how far a process is until it ends, from what it writes into `log`."""
    terminal, start = sys.stdout.isatty(), time.monotonic()
    shown = False
    while True:
        try:
            process.wait(WATCHED if terminal else UNWATCHED)
            break
        except subprocess.TimeoutExpired:
            said = os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace")
            text = f"  {describe(said, packages, time.monotonic() - start)}"
            print(f"\r{text:<100}" if terminal else text, end="" if terminal else "\n", flush=True)
            shown = True
    if terminal and shown:
        print()
