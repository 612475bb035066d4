"""Runs a command where a cluster can live without touching the machine: `python -m sandbox.cluster.isolation COMMAND`.

The command gets namespaces of its own: a network with a bridge for Pods (nothing in it can be reached from outside,
nor reach anything outside), a process tree that ends with it, whatever happens, and a private `/run` and `/etc/hosts`.
No root is needed where the kernel allows user namespaces; the command then believes to be root.

The bridge joins the networks of the Pods, of the control plane, which a packet filter keeps apart from the nodes as
Google's is, and the command's own, which is the machines' and the world outside in one.

Linux only, with `unshare` and `setpriv` (util-linux), `ip` (iproute2), and nf_tables in the kernel.
"""
# Every command line here is our own.
# ruff: noqa: S603

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from .addresses import API_SERVER, BRIDGE, CONTROL_PLANE, GATEWAY, PREFIX_LENGTH

HOME = Path(os.environ.get("SANDBOX_CLUSTER") or Path(__file__).resolve().parents[2] / ".sandbox" / "cluster")
"""The folder of the cluster in these namespaces: keys, logs, what its Pods write. Only one can use it at a time."""
AUTHORITY = HOME / "pki" / "ca.pem"
"""Who signs the certificates of simulated DNS endpoints; every program in here trusts it."""
PLUGINS = HOME / "plugins"
"""On PATH: the credential plugin that a kubeconfig for GKE names."""

INSIDE = "--inside"

TOOLS = {"unshare": "util-linux", "setpriv": "util-linux", "ip": "iproute2", "mount": "util-linux"}


class IsolationError(Exception):
    """The machine cannot do this; the message says what is missing."""


def check() -> None:
    """Raises an `IsolationError` unless this machine can make the namespaces."""
    if sys.platform != "linux":
        raise IsolationError(f"a real control plane needs Linux, this is {sys.platform}")
    missing = {package for tool, package in TOOLS.items() if not shutil.which(tool)}
    if missing:
        raise IsolationError(f"install {' and '.join(sorted(missing))}: a real control plane needs {', '.join(TOOLS)}")
    tried = subprocess.run([*_unshare(), "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        raise IsolationError(
            f"this machine does not allow namespaces ({tried.stderr.strip()}). Run as root, or allow unprivileged user "
            "namespaces: on Ubuntu `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`"
        )


def _unshare() -> list[str]:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return ["setpriv", "--pdeathsig", "KILL", "unshare", *user, *namespaces]


def run(command: list[str], *, pass_fds: tuple[int, ...] = ()) -> int:
    """Run `command` in namespaces of its own and return its exit code. SIGTERM ends it at once, Ctrl-C is its own.

    An inherited listening socket (`pass_fds`) stays in the network it was made in: the way in from outside.
    """
    check()
    HOME.parent.mkdir(parents=True, exist_ok=True)
    lock = HOME.with_suffix(".lock").open("w")  # held until this process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise IsolationError(
            f"another cluster runs in {HOME}: stop it, or set SANDBOX_CLUSTER to another folder"
        ) from None
    inside = [sys.executable, "-m", "sandbox.cluster.isolation", INSIDE, *command]
    process = subprocess.Popen([*_unshare(), *inside], pass_fds=pass_fds)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the command has it too, and decides
    signal.signal(signal.SIGTERM, lambda *_: process.kill())
    return process.wait()


def _set_up() -> None:
    """What the namespaces need before the command starts; runs inside."""
    os.environ |= {
        "SANDBOX_ISOLATED": "1",
        "SSL_CERT_FILE": str(AUTHORITY),
        "PATH": f"{PLUGINS}{os.pathsep}{os.environ['PATH']}",
    }
    hosts = HOME.with_suffix(".hosts")
    hosts.write_text("127.0.0.1 localhost\n")
    steps = [
        "mount -t tmpfs tmpfs /run",
        "mkdir /run/netns",
        f"mount --bind {hosts} /etc/hosts",
        "ip link set lo up",
        f"ip link add {BRIDGE} type bridge",
        f"ip address add {GATEWAY}/{PREFIX_LENGTH} dev {BRIDGE}",
        f"ip link set {BRIDGE} up",
        f"ip netns add {CONTROL_PLANE}",
        f"ip link add {CONTROL_PLANE} type veth peer name eth0 netns {CONTROL_PLANE}",
        f"ip link set {CONTROL_PLANE} master {BRIDGE} up",
        f"ip -netns {CONTROL_PLANE} link set lo up",
        f"ip -netns {CONTROL_PLANE} address add {API_SERVER}/{PREFIX_LENGTH} dev eth0",
        f"ip -netns {CONTROL_PLANE} link set eth0 up",
        f"ip -netns {CONTROL_PLANE} route add default via {GATEWAY}",
    ]
    for step in steps:
        subprocess.run(step.split(), check=True)
    try:
        from . import packet_filter  # noqa: PLC0415 - it takes a package that a simulated cluster does not
    except ImportError as error:
        raise IsolationError(f"{error}: run `make tools`, which installs it") from None
    try:
        packet_filter.apply(CONTROL_PLANE, None)
    except packet_filter.PacketFilterError as error:
        raise IsolationError(str(error)) from None


def isolated() -> bool:
    """Whether this process runs inside such namespaces."""
    return "SANDBOX_ISOLATED" in os.environ


def publish(host: str, address: str) -> None:
    """Make `host` resolve to `address` inside, and to no other."""
    hosts = Path("/etc/hosts")
    others = [line for line in hosts.read_text().splitlines() if line.split()[1:] != [host]]
    hosts.write_text("".join(f"{line}\n" for line in [*others, f"{address} {host}"]))  # mounted, so never replaced


def main() -> int:
    """Run the command given, or set up and become it."""
    try:
        if sys.argv[1:2] == [INSIDE]:
            _set_up()
            os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606
        return run(sys.argv[1:])
    except IsolationError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
