"""What gateway and picker add to a request: the same completions asked of a stand-in for vLLM, and through both.

fortio asks, which Istio's own benchmarks use (https://github.com/fortio/fortio), over so many connections that each
send the next request when the answer is there. The stand-in answers at once, so what is left is the way. All ways are
measured in turn, in one run on one machine: compare them with one another. What a request passes comes before all else
that this machine does (`processors`), as far as whoever measures may say so.
"""

import json
import subprocess
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, NamedTuple

from rich.table import Table

from infra.platform.names import PICKER, VLLM, VLLM_PORT
from sandbox.build import places, programs
from sandbox.cluster import pods
from sandbox.engine.stack import SandboxError

from . import processors
from .up import GATEWAY, INGRESS, Up

CONNECTIONS = (1, 20, 100)
SECONDS = 10
RESOLUTION = 0.00005
"""Of the histogram, in seconds."""
PERCENTILES = (50, 95, 99)
GOALS = {1: (2.0, 6.0), 20: (5.0, 20.0)}
"""By number of connections: milliseconds that a completion may take more than of the stand-in itself, at the median and
at the 99th percentile."""
DIRECT, ROUTED, WHOLE = "vLLM's stand-in", "gateway, picker", "load balancer, gateway, picker"
HEALTH, ROUTED_HEALTH = "health of the stand-in", "health by the gateway"


class Way(NamedTuple):
    """A way to ask: its name, the URL, and the body, if it is a POST."""

    name: str
    url: str
    body: str = ""


class Measured(NamedTuple):
    """A way over so many connections: requests a second, and milliseconds, by percentile."""

    way: str
    connections: int
    rate: float
    times: dict[int, float]


def ways(up: Up) -> list[Way]:
    """To the stand-in itself, by the gateway's own address, and as users come, by the load balancer's.

    Health goes past the picker: what it takes more by the gateway is the gateway's share alone.
    """
    path = up.outputs["baseUrl"].split("/", 3)[3]
    model = next(pod["status"]["podIP"] for pod in up.of_model(VLLM) if pods.ready(pod))
    gateway = next(p["status"]["podIP"] for p in pods.pods(up.plane, INGRESS, GATEWAY) if pods.ready(p))
    body = json.dumps({"model": up.outputs["model"], "prompt": "What is the capital of France?", "max_tokens": 8})
    return [
        Way(HEALTH, f"http://{model}:{VLLM_PORT}/health"),
        Way(ROUTED_HEALTH, f"http://{gateway}/{path}/health"),
        Way(DIRECT, f"http://{model}:{VLLM_PORT}/v1/completions", body),
        Way(ROUTED, f"http://{gateway}/{path}/v1/completions", body),
        Way(WHOLE, f"{up.outputs['baseUrl']}/v1/completions", body),
    ]


def command(way: Way, connections: int, seconds: int) -> list[str]:
    """How fortio is asked."""
    asked = [str(places.BIN / programs.FORTIO), "load", "-quiet", "-json=-", f"-c={connections}", "-qps=0"]
    asked += [f"-t={seconds}s", f"-r={RESOLUTION}", f"-p={','.join(map(str, PERCENTILES))}", "-nocatchup"]
    if way.body:
        asked += ["-content-type=application/json", f"-payload={way.body}"]
    return [*asked, way.url]


def measured(way: Way, connections: int, told: dict[str, Any]) -> Measured:
    """What fortio says. Raises `SandboxError` unless every answer was one."""
    codes = told["RetCodes"]
    if set(codes) != {"200"}:
        raise SandboxError(f"{way.name}, {connections} connections: not every answer was 200, but {codes}")
    times = {round(p["Percentile"]): p["Value"] * 1000 for p in told["DurationHistogram"]["Percentiles"]}
    return Measured(way.name, connections, told["ActualQPS"], times)


def passed(up: Up) -> list[int]:
    """The processes that a request passes."""
    there = [*pods.pods(up.plane, INGRESS, GATEWAY), *up.of_model(PICKER), *up.of_model(VLLM)]
    return [*processors.of_pods(pod["status"]["podIP"] for pod in there), *processors.carriers()]


def measure(up: Up, connections: Iterable[int], seconds: int) -> tuple[list[Measured], bool]:
    """Every way over each number of connections, in turn, and whether nothing else came in between."""
    found: list[Measured] = []
    asked = list(product(connections, ways(up)))
    with processors.first(passed(up)) as alone:
        for each, way in asked:
            done = subprocess.run(command(way, each, seconds), capture_output=True, text=True, check=False)  # noqa: S603
            if done.returncode:
                raise SandboxError(f"fortio has failed: {done.stderr.strip()[-500:]}")
            found.append(measured(way, each, json.loads(done.stdout)))
    return found, alone


def added(rows: Sequence[Measured], connections: int, way: str = WHOLE) -> dict[int, float]:
    """Milliseconds that a completion takes more than of the stand-in itself, by percentile."""
    of = {row.way: row.times for row in rows if row.connections == connections}
    return {percentile: of[way][percentile] - of[DIRECT][percentile] for percentile in PERCENTILES}


def missed(rows: Sequence[Measured]) -> list[str]:
    """Which goals were missed, and by what."""
    found: list[str] = []
    for connections in sorted({row.connections for row in rows} & GOALS.keys()):
        extra = added(rows, connections)
        for percentile, goal in zip((50, 99), GOALS[connections], strict=True):
            if extra[percentile] > goal:
                took = f"{extra[percentile]:.1f} ms more at {percentile} %, and the goal is {goal:g}"
                found.append(f"{connections} connection(s): {took}")
    return found


def table(rows: Sequence[Measured]) -> Table:
    """Every way, and how many times as long as the stand-in alone it takes."""
    shown = Table(title="Milliseconds of a request", title_justify="left")
    shown.add_column("connections", justify="right")
    shown.add_column("way")
    for head in ("requests/s", *(f"{p} %" for p in PERCENTILES), "of the stand-in's, 50 %", "99 %"):
        shown.add_column(head, justify="right")
    bases = {ROUTED_HEALTH: HEALTH, ROUTED: DIRECT, WHOLE: DIRECT}
    by_way = {(row.way, row.connections): row for row in rows}
    for row in rows:
        base = by_way.get((bases.get(row.way, ""), row.connections))
        ratios = [f"{row.times[p] / base.times[p]:.1f} x" if base else "" for p in (50, 99)]
        shown.add_row(
            str(row.connections), row.way, f"{row.rate:,.0f}", *(f"{row.times[p]:.2f}" for p in PERCENTILES), *ratios
        )
    return shown
