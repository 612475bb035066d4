"""A stack whose engine dies, or whose cloud fails, at one operation: what interruptions are tested with."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from sandbox.clouds.calls import Call, NotReadyError
from sandbox.clouds.inventory import CloudError

from .stack import SandboxStack

KILLED_BEFORE, KILLED_AFTER = "killed before", "killed after"
REFUSED, IN_ERROR, HELD = "refused", "in error", "held"


class Fault(NamedTuple):
    """What goes wrong when `operation` (create, update or delete) comes to the resource `urn`.

    `KILLED_BEFORE` kills the engine when the request has come and nothing is done yet, `KILLED_AFTER` when all is done
    and nothing answered. `REFUSED` answers with `message` and does nothing; `IN_ERROR`, of a creation, leaves an object
    and says that it is not ready. `HELD` waits for `FaultyStack.resume`.
    """

    operation: str
    urn: str
    effect: str
    message: str = "googleapi: Error 503: The service is currently unavailable., backendError"


class FaultyStack(SandboxStack):
    """A sandbox with one fault at a time, for the engine runs that follow `fail`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fail(None)

    def fail(self, fault: Fault | None) -> None:
        """Say what goes wrong next. No engine may be running."""
        self._fault, self._killed = fault, False
        self.reached, self.resume = threading.Event(), threading.Event()

    def engine(self) -> int:
        """The process that holds the stack's lock: the engine that is running, or that was killed last."""
        [lock] = (self.home / "state" / ".pulumi" / "locks").rglob("*.json")
        return json.loads(lock.read_text())["pid"]

    def _kill(self) -> CloudError:
        os.kill(self.engine(), signal.SIGKILL)
        self._killed = True
        return CloudError("the engine was killed")

    @contextmanager
    def _around(self, operation: str, call: Call) -> Iterator[None]:
        if self._killed:  # it waited for its turn meanwhile, and now nobody asks any more
            raise CloudError("the engine was killed")
        fault = self._fault if self._fault and self._fault[:2] == (operation, call.urn) else None
        effect = fault.effect if fault else ""
        if effect == KILLED_BEFORE:
            raise self._kill()
        if fault and effect == REFUSED:
            raise CloudError(fault.message)
        if effect == HELD:
            self.reached.set()
            self.resume.wait()
        yield
        if effect == KILLED_AFTER:
            raise self._kill()
        if fault and effect == IN_ERROR:
            made = self.inventory.find(call.kind)[-1]
            raise NotReadyError(made.id, made.props, fault.message)
