"""Carries TCP connections from a listening socket to wherever they are to go."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CONNECT_SECONDS = 2
Target = Callable[[str], tuple[str, int] | None]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _serve(listener: socket.socket, target: Target, end: asyncio.Event) -> None:
    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            there = target(writer.get_extra_info("peername")[0])
            if there:
                # A Pod that has just gone does not refuse: nothing answers.
                far_reader, far_writer = await asyncio.wait_for(asyncio.open_connection(*there), CONNECT_SECONDS)
                try:
                    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
                finally:
                    far_writer.close()
        writer.close()

    server = await asyncio.start_server(carry, sock=listener)
    await end.wait()
    server.close()  # what is still carried is cut off with the loop


@contextmanager
def forward(listener: socket.socket, target: Target) -> Iterator[None]:
    """Carry every connection to `listener` to what `target` names at that moment for who comes from an address; to
    nothing, it is closed at once.

    The socket is closed in the end, and may belong to another network than the target.
    """
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()

    async def run() -> None:
        end = asyncio.Event()
        started.append((asyncio.get_running_loop(), end))
        ready.set()
        await _serve(listener, target, end)

    thread = threading.Thread(target=lambda: asyncio.run(run()), name=f"forward {listener.getsockname()}", daemon=True)
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        loop, end = started[0]
        loop.call_soon_threadsafe(end.set)
        thread.join()
        listener.close()
