"""One at a time, of those that would get into each other's way in a folder.

Standard library only, so that it can run while the SDKs are still being installed.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class LockError(Exception):
    """The lock cannot be had; the message says why and what to do."""


@contextmanager
def held(file: Path, *, waiting: str = "", refusal: str = "") -> Iterator[None]:
    """Hold the lock `file`, which the system gives back when this process ends, however it ends.

    While another process holds it, print `waiting` and wait; or with `refusal`, raise a `LockError` that says so.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("w")
    except OSError as error:
        raise LockError(f"cannot write into {file.parent}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if refusal:
                raise LockError(refusal) from None
            print(waiting, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
