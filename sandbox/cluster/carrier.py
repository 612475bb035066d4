"""Carries TCP connections, in a process of its own: `python -m sandbox.cluster.carrier FD`, which `forward` starts.

FD is a socket to who has started it. There come listening sockets, each with a number, and for each connection it asks
there where to. In the process of the kubelet and GKE's controllers every piece of an answer would wait for the
interpreter's lock, which a list of all Pods holds for as long as it is read.
"""

import asyncio
import itertools
import json
import socket
import sys
from contextlib import suppress
from typing import Any

CONNECT_SECONDS = 2
MOST_BYTES = 4096
"""Of a message."""


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


class Carrier:
    """Listening sockets by number, what is carried for each, and the questions that are not answered yet."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._servers: dict[int, asyncio.Server] = {}
        self._carried: dict[int, set[asyncio.Task[None]]] = {}
        self._asked: dict[int, asyncio.Future[tuple[str, int] | None]] = {}
        self._numbers = itertools.count()
        self._end = asyncio.Event()

    async def run(self) -> None:
        """Carry, until who has started this has gone."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._channel, self._read)
        await self._end.wait()
        loop.remove_reader(self._channel)

    def _read(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._channel, MOST_BYTES, 1)
        except ConnectionError:
            data, descriptors = b"", []
        if not data:
            self._end.set()
            return
        told: dict[str, Any] = json.loads(data)
        if "answer" in told:
            self._asked.pop(told["answer"]).set_result(told["there"] and tuple(told["there"]))
        elif "listen" in told:
            listener = socket.socket(fileno=descriptors[0])
            task = asyncio.ensure_future(self._listen(told["listen"], listener))
            self._carried[told["listen"]] = {task}
        else:
            self._close(told["close"])

    async def _listen(self, number: int, listener: socket.socket) -> None:
        listener.setblocking(False)

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task  # noqa: S101 - the server's own
            self._carried[number].add(task)
            try:
                await self._carry(number, reader, writer)
            finally:
                self._carried.get(number, set()).discard(task)

        self._servers[number] = await asyncio.start_server(carry, sock=listener)

    async def _carry(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            there = await self._where(number, writer.get_extra_info("peername")[0])
            if there:
                # A Pod that has just gone does not refuse: nothing answers.
                far_reader, far_writer = await asyncio.wait_for(asyncio.open_connection(*there), CONNECT_SECONDS)
                try:
                    await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
                finally:
                    far_writer.close()
        writer.close()

    async def _where(self, number: int, client: str) -> tuple[str, int] | None:
        loop, question = asyncio.get_running_loop(), next(self._numbers)
        self._asked[question] = answer = loop.create_future()
        message = json.dumps({"ask": question, "listener": number, "client": client})
        await loop.sock_sendall(self._channel, message.encode())
        return await answer

    def _close(self, number: int) -> None:
        """Hang up: what is still carried is cut off."""
        if server := self._servers.pop(number, None):
            server.close()
        for task in self._carried.pop(number, set()):
            task.cancel()


async def main(descriptor: int) -> None:
    """Carry what comes."""
    with socket.socket(fileno=descriptor) as channel:
        channel.setblocking(False)
        await Carrier(channel).run()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
