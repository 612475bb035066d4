"""TCP connections that are carried by another process, to where this one says."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from sandbox.cluster.forward import Forwarder, forward


@contextmanager
def echo() -> Iterator[tuple[str, int]]:
    """A server that sends back what comes, in upper case, and ends when the client has."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                while data := connection.recv(1000):
                    connection.sendall(data.upper())

    Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def told(address: tuple[str, int], text: bytes = b"hello") -> bytes:
    """What comes back until the other side has ended."""
    with socket.create_connection(address, 60) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while data := connection.recv(1000):
            found += data
        return found


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def test_connection_is_carried_there_and_back(listener: socket.socket) -> None:
    clients: list[str] = []
    with echo() as there:

        def target(client: str) -> tuple[str, int]:
            clients.append(client)
            return there

        address = listener.getsockname()
        with forward(listener, target):
            assert [told(address), told(address, b"x" * 200_000)] == [b"HELLO", b"X" * 200_000]
    assert clients == ["127.0.0.1"] * 2


def test_connection_to_nothing_is_closed(listener: socket.socket) -> None:
    address = listener.getsockname()
    with forward(listener, lambda _: None):
        assert told(address) == b""


def test_each_connection_goes_where_it_is_to_go_at_that_moment() -> None:
    one, other = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    first, second = one.getsockname(), other.getsockname()
    with echo() as there, Forwarder() as forwarder:
        where = [there, None]
        with forwarder.forward(one, lambda _: where[0]), forwarder.forward(other, lambda _: where[1]):
            assert [told(first), told(second)] == [b"HELLO", b""]
            where.reverse()
            assert [told(first), told(second)] == [b"", b"HELLO"]


def test_what_is_carried_is_cut_off_in_the_end(listener: socket.socket) -> None:
    address = listener.getsockname()
    with echo() as there:
        with forward(listener, lambda _: there):
            open_one = socket.create_connection(address, 60)
            open_one.sendall(b"a")
            assert open_one.recv(1) == b"A"
        assert open_one.recv(1) == b""
        open_one.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, 60)
