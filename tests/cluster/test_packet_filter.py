"""What the packet filter lets the control plane's network open, on the kernel itself; no control plane is needed."""
# Every command line here is our own.
# ruff: noqa: S603, S607

import subprocess
import sys
from collections.abc import Iterator

import pytest

from sandbox.cluster import packet_filter
from sandbox.cluster.addresses import API_SERVER, BRIDGE, CONTROL_PLANE
from sandbox.cluster.packet_filter import Allowed

POD, OTHER = "10.4.200.1", "10.4.200.2"
LISTEN = """
import socket, sys, threading
listeners = [socket.create_server((sys.argv[1], int(port))) for port in sys.argv[2:]]
print("listening", flush=True)
def echo(connection):
    while data := connection.recv(9):
        connection.sendall(data)
def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=echo, args=[connection]).start()
for listener in listeners:
    threading.Thread(target=serve, args=[listener]).start()
"""
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 0.6)"
STAY = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
for line in sys.stdin:
    connection.sendall(line.encode())
    print(connection.recv(9).decode(), end="", flush=True)
"""


def within(network: str, program: str, *arguments: str) -> "subprocess.Popen[str]":
    """A program in a network namespace; the empty one is the machine's."""
    place = ["ip", "netns", "exec", network] if network else []
    pipe = subprocess.PIPE
    command = [*place, sys.executable, "-c", program, *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def connects(network: str, address: str, port: int) -> bool:
    _, error = within(network, CONNECT, address, str(port)).communicate(timeout=10)
    assert not error or "TimeoutError" in error
    return not error


@pytest.fixture(scope="module", autouse=True)
def listeners() -> Iterator[None]:
    """Two Pods, and something on the API server's address."""
    running: list[subprocess.Popen[str]] = []
    for address in (POD, OTHER):
        commands = (
            f"ip netns add {address}",
            f"ip link add v{address} type veth peer name eth0 netns {address}",
            f"ip link set v{address} master {BRIDGE} up",
            f"ip -netns {address} address add {address}/14 dev eth0",
            f"ip -netns {address} link set eth0 up",
        )
        for command in commands:
            subprocess.run(command.split(), check=True)
        running.append(within(address, LISTEN, address, "443", "9000", "9001", "9002"))
    running.append(within(CONTROL_PLANE, LISTEN, API_SERVER, "6443"))
    for process in running:
        assert process.stdout
        assert process.stdout.readline() == "listening\n"
    yield
    for process in running:
        process.kill()
        process.communicate()
    for address in (POD, OTHER):
        subprocess.run(["ip", "netns", "delete", address], check=True)


@pytest.fixture(autouse=True)
def lifted() -> Iterator[None]:
    yield
    packet_filter.apply(CONTROL_PLANE, None)


def test_without_flows_nothing_is_opened_and_the_programs_wait() -> None:
    packet_filter.apply(CONTROL_PLANE, [])
    assert not connects(CONTROL_PLANE, POD, 443)


def test_a_flow_opens_its_ports_of_its_pod_and_no_more() -> None:
    packet_filter.apply(CONTROL_PLANE, [Allowed(POD, 443, 443), Allowed(POD, 9000, 9001)])
    opened = [port for port in (443, 9000, 9001, 9002) if connects(CONTROL_PLANE, POD, port)]
    assert opened == [443, 9000, 9001]
    assert not connects(CONTROL_PLANE, OTHER, 443)


def test_a_lifted_filter_lets_everything_through() -> None:
    packet_filter.apply(CONTROL_PLANE, [])
    packet_filter.apply(CONTROL_PLANE, None)
    assert connects(CONTROL_PLANE, POD, 9002)


def test_pods_and_the_kubelet_are_not_asked() -> None:
    packet_filter.apply(CONTROL_PLANE, [])
    assert connects("", POD, 9002)
    assert connects(OTHER, POD, 9002)


def test_the_api_server_answers_pods_and_the_kubelet() -> None:
    packet_filter.apply(CONTROL_PLANE, [])
    assert connects(POD, API_SERVER, 6443)
    assert connects("", API_SERVER, 6443)


def test_what_is_connected_stays_so() -> None:
    process = within(CONTROL_PLANE, STAY, POD, "9000")
    assert process.stdin
    assert process.stdout
    for flows in (None, []):
        packet_filter.apply(CONTROL_PLANE, flows)
        process.stdin.write("hello\n")
        process.stdin.flush()
        assert process.stdout.readline() == "hello\n"
    process.communicate(timeout=5)
    assert not connects(CONTROL_PLANE, POD, 9000)


def test_a_kernel_that_refuses_is_told() -> None:
    program = f"from sandbox.cluster import packet_filter; packet_filter.apply('{CONTROL_PLANE}', None)"
    without = ["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"]
    done = subprocess.run([*without, sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "takes a kernel with nf_tables and nft_ct, and this one refuses" in done.stderr


def test_network_reaches_its_own_address() -> None:
    """The API server is a client of itself: without it, what is deleted waits for minutes."""
    packet_filter.apply(CONTROL_PLANE, [])
    assert connects(CONTROL_PLANE, API_SERVER, 6443)
