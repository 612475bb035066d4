"""A program that ends when its engine has ended.

When an update fails, the engine is gone before the program is. The Automation API's language server then stops the
program's event loop, and on its way to cancel what still runs there, it tries to log, which fails: what ran stays
behind, and Python complains about it whenever it is collected, as `RuntimeError: no running event loop`
(pulumi 3.272, `pulumi/automation/_server.py`, `LanguageServer.Run`).
"""

import asyncio
from collections.abc import Callable
from typing import Any

import grpc


def ends_with_engine(program: Callable[[], Any]) -> Callable[[], Any]:
    """The same program; a call that nobody answers cancels all that runs in its event loop."""

    def run() -> Any:
        asyncio.get_running_loop().set_exception_handler(_hang_up)
        return program()

    return run


def _hang_up(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if isinstance(context.get("exception"), grpc.RpcError):
        for task in asyncio.all_tasks(loop):
            task.cancel()
    else:
        loop.default_exception_handler(context)
