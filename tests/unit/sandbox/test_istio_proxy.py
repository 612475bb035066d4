"""What the gateway's proxy counts, by what Envoy logs and by where its routes lead."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.programs import istio_proxy
from sandbox.programs.istio_proxy import NOWHERE, Destination, Requests, destination, destinations
from tests.support.project import ROOT

HOST = "qwen-inference-pool-ip-1a2b3c4d.models.svc.cluster.local"
POOL = Destination(HOST, "qwen-inference-pool-ip-1a2b3c4d", "models")
CLUSTER = f"outbound|54321||{HOST}"


def dump(*routes: tuple[str, str]) -> dict[str, Any]:
    """Envoy's configuration of routes, by their names and clusters."""
    made = [{"name": name, "match": {}, "route": {"cluster": cluster}} for name, cluster in routes]
    return {"configs": [{"route_config": {"name": "http.80", "virtual_hosts": [{"name": "*", "routes": made}]}}]}


def line(route: str | None, status: int = 200, flags: str | None = "-") -> bytes:
    return (json.dumps({"method": "POST", "route": route, "status": status, "flags": flags}) + "\n").encode()


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def requests(asked: list[str]) -> Requests:
    """Counts by one route to a pool."""

    def ask(path: str) -> str:
        asked.append(path)
        return json.dumps(dump(("models.qwen-kserve-route.0", CLUSTER)))

    return Requests(ask)


def counted(requests: Requests) -> list[str]:
    return [line for line in requests.text().splitlines() if not line.startswith("#")]


def test_clusters_of_istiod_name_their_service() -> None:
    assert destination(CLUSTER) == POOL
    for other in ("BlackHoleCluster", "outbound|443||example.com", "inbound|80||", ""):
        assert destination(other) == NOWHERE


def test_routes_lead_to_the_services_of_their_clusters() -> None:
    direct = {"name": "redirect", "match": {}, "redirect": {}}
    found = dump(("models.qwen-kserve-route.0", CLUSTER))
    found["configs"][0]["route_config"]["virtual_hosts"][0]["routes"].append(direct)
    assert destinations(found) == {"models.qwen-kserve-route.0": POOL, "redirect": NOWHERE}
    assert destinations({"configs": [{"version_info": "1"}]}) == {}


def test_requests_are_counted_by_where_they_went_and_how_they_ended(
    requests: Requests, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISTIO_META_WORKLOAD_NAME", "inference-gateway")
    monkeypatch.setenv("POD_NAMESPACE", "istio-ingress")
    for status, flags in ((200, "-"), (200, None), (503, "UH")):
        requests.read(line("models.qwen-kserve-route.0", status, flags))
    of_pool = (
        'istio_requests_total{reporter="source",source_workload="inference-gateway",'
        'source_workload_namespace="istio-ingress",'
        f'destination_service="{HOST}",destination_service_name="{POOL.name}",'
        'destination_service_namespace="models",request_protocol="http",'
    )
    assert counted(requests) == [
        f'{of_pool}response_code="200",response_flags="-"}} 2',
        f'{of_pool}response_code="503",response_flags="UH"}} 1',
    ]
    assert asked == ["/config_dump?resource=dynamic_route_configs"]


def test_what_no_route_takes_went_nowhere_and_envoy_is_not_asked_each_time(
    requests: Requests, asked: list[str]
) -> None:
    for _ in range(3):
        requests.read(line(None, 404, "NR"))
    [one] = counted(requests)
    assert 'destination_service_name="unknown"' in one
    assert one.endswith('response_code="404",response_flags="NR"} 3')
    assert len(asked) == 1


def test_envoy_that_does_not_answer_yet_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["", json.dumps(dump(("r", CLUSTER)))]
    now = [100.0]
    monkeypatch.setattr(istio_proxy.time, "monotonic", lambda: now[0])
    requests = Requests(lambda _: answers.pop(0))
    requests.read(line("r"))
    now[0] += 1
    requests.read(line("r"))
    assert [f'"{POOL.name}"' in one for one in counted(requests)] == [False, True]


@pytest.mark.parametrize("said", [b"[warning] something\n", b'"text"\n', b"[1]\n", b'{"msg": "no request"}\n', b"\n"])
def test_what_else_is_written_is_no_request(requests: Requests, said: bytes) -> None:
    requests.read(said)
    assert counted(requests) == []


ENVOY = """\
import json, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("ending", flush=True), sys.exit(7)))
print("started", flush=True)
time.sleep(60)
"""


def test_signal_is_envoys_and_so_are_its_output_and_its_exit_code(tmp_path: Path) -> None:
    """Run for itself: its port is a Pod's, so it is another one here."""
    envoy = tmp_path / "envoy.py"
    envoy.write_text(ENVOY)
    start = "from sandbox.programs import istio_proxy; istio_proxy.PORT = 0; sys.exit(istio_proxy.main(sys.argv[1:]))"
    command = [sys.executable, "-c", f"import sys; {start}", sys.executable, str(envoy)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "ending\n"
        assert process.wait(10) == 7
