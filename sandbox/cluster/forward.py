"""Carries TCP connections from a listening socket to wherever they are to go.

Who carries is another process (`carrier`); who decides where to is asked here, once for each connection.
"""

import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sandbox.engine.stack import REPO

from .carrier import MOST_BYTES

Target = Callable[[str], tuple[str, int] | None]


class Forwarder:
    """Listening sockets whose connections are carried. A context manager; in the end nothing is carried any more."""

    def __init__(self) -> None:
        self._channel, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._targets: dict[int, Target] = {}
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._answer, name="forward", daemon=True)

    def __enter__(self) -> "Forwarder":
        """Start."""
        descriptor = self._theirs.fileno()
        modules = os.pathsep.join(filter(None, [str(REPO), os.environ.get("PYTHONPATH")]))
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "sandbox.cluster.carrier", str(descriptor)],
            pass_fds=(descriptor,),
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": modules},
            start_new_session=True,  # Ctrl-C is for us
        )
        self._theirs.close()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Cut off what is carried."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._channel.close()
        self._process.wait()

    @contextmanager
    def forward(self, listener: socket.socket, target: Target) -> Iterator[None]:
        """Carry every connection to `listener` to what `target` names at that moment for who comes from an address; to
        nothing, it is closed at once.

        The socket is closed in the end, and may belong to another network than the target.
        """
        number = next(self._numbers)
        self._targets[number] = target
        with self._lock:
            message = json.dumps({"listen": number}).encode()
            socket.send_fds(self._channel, [message], [listener.fileno()])
        try:
            yield
        finally:
            with suppress(OSError):
                self._say({"close": number})
            del self._targets[number]
            listener.close()

    def _say(self, message: object) -> None:
        with self._lock:
            self._channel.send(json.dumps(message).encode())

    def _answer(self) -> None:
        with suppress(OSError):
            while data := self._channel.recv(MOST_BYTES):
                asked = json.loads(data)
                self._say({"answer": asked["ask"], "there": self._where(asked["listener"], asked["client"])})

    def _where(self, number: int, client: str) -> tuple[str, int] | None:
        target = self._targets.get(number)
        try:
            return target(client) if target else None
        except Exception:  # a bug of the sandbox: it says so, and the other connections are carried
            traceback.print_exc()
            return None


@contextmanager
def forward(listener: socket.socket, target: Target) -> Iterator[None]:
    """Carry what connects to one listening socket, as `Forwarder.forward`."""
    with Forwarder() as forwarder, forwarder.forward(listener, target):
        yield
