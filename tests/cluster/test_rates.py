"""How many requests at a time, how many a minute, and from where, with limits that a test can reach."""

import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from sandbox.cluster.control_plane import ControlPlane, wait_until
from sandbox.engine.stack import SandboxStack
from tests.support.project import stack_file
from tests.support.raw_requests import Raw, completion, envoy, exchange, head, post, proxy

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
BASE = f"/{MODEL['namespace']}/{MODEL['name']}"
AT_ONCE, A_MINUTE = 4, 30
CLIENT, OTHER = "198.51.100.7", "198.51.100.8"
"""Addresses of this machine, as long as these tests run."""
COMPLETION = post(f"{BASE}/v1/completions", completion())


@pytest.fixture(scope="module")
def limited(deployed: SandboxStack) -> Iterator[SandboxStack]:
    """The dev stack with small limits, and two more addresses to ask from."""
    for address in (CLIENT, OTHER):
        subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "lo"], check=True)  # noqa: S603, S607
    deployed.set_config("maxConcurrentRequests", AT_ONCE)
    deployed.set_config("requestsPerMinute", A_MINUTE)
    deployed.set_config("allowedClients", ["198.51.100.0/29"])
    changed = deployed.up().summary.resource_changes or {}
    assert set(changed) == {"update", "same"}
    yield deployed
    for address in (CLIENT, OTHER):
        subprocess.run(["ip", "address", "delete", f"{address}/32", "dev", "lo"], check=True)  # noqa: S603, S607


@pytest.fixture
def ask(limited: SandboxStack, plane: ControlPlane) -> Callable[..., Raw]:
    """Asks the proxy itself, to which the client has an address of its own; waits until the limits are in force."""
    assert limited
    there = proxy(plane)
    wait_until(lambda: "local_ratelimit" in envoy(there[0], "config_dump"), "istiod has not told the proxy", 60)
    return lambda request, source, **how: exchange(there, [request], source=source, quiet=0.1, **how)


def test_client_has_so_many_requests_a_minute_and_another_one_its_own(ask: Callable[..., Raw]) -> None:
    health = head("GET", f"{BASE}/health")
    begun = time.monotonic()
    answers = [ask(health, CLIENT) for _ in range(A_MINUTE + 10)]
    fresh = int((time.monotonic() - begun) * A_MINUTE / 60) + 1
    counted = Counter(answer.status for answer in answers)
    assert set(counted) == {200, 429}
    assert A_MINUTE <= counted[200] <= A_MINUTE + fresh
    refused = next(answer for answer in answers if answer.status == 429)
    assert refused.error["code"] == "rate_limit_exceeded"
    assert refused.header("retry-after") == "2"
    # Who says to be somebody else is not.
    pretending = head("GET", f"{BASE}/health", f"X-Forwarded-For: {OTHER}")
    assert 429 in {ask(pretending, CLIENT).status for _ in range(5)}  # one may have come free meanwhile
    assert ask(health, OTHER).status == 200
    time.sleep(2.5)
    assert ask(health, CLIENT).status == 200


def test_requests_beyond_those_at_a_time_are_refused_and_the_running_ones_end_well(ask: Callable[..., Raw]) -> None:
    long = post(f"{BASE}/v1/completions", completion(max_tokens=150, ignore_eos=True))
    with ThreadPoolExecutor(AT_ONCE + 3) as clients:
        running = [clients.submit(ask, long, OTHER) for _ in range(AT_ONCE)]
        time.sleep(1.5)
        refused = [ask(COMPLETION, OTHER) for _ in range(3)]
        assert [answer.status for answer in refused] == [503] * 3
        assert refused[0].error["code"] == "overloaded"
        assert refused[0].header("retry-after") == "1"
        assert [answer.result().status for answer in running] == [200] * AT_ONCE
    assert ask(COMPLETION, OTHER).status == 200


def test_clients_raise_the_right_errors(limited: SandboxStack, ask: Callable[..., Raw]) -> None:
    """The client asks by the load balancer, whose own address the sandbox gives it."""
    limited.set_config("allowedClients", None)
    limited.up()
    assert ask
    client = openai.OpenAI(base_url=limited.outputs()["baseUrl"] + "/v1", api_key="none", max_retries=0)
    with pytest.raises(openai.APIStatusError) as refused:
        client.completions.create(model="/mnt/models", prompt="a" * 4_000_000)
    assert refused.value.status_code == 413
    with pytest.raises(openai.RateLimitError):
        _ = [client.models.list() for _ in range(A_MINUTE + 10)]


def test_only_allowed_clients_reach_the_load_balancer(limited: SandboxStack) -> None:
    limited.set_config("allowedClients", [f"{CLIENT}/32"])
    limited.up()
    balancer = (limited.outputs()["gatewayAddress"], 80)

    def health(source: str) -> int:
        return exchange(balancer, [head("GET", f"{BASE}/health")], source=source, quiet=0.1).status

    wait_until(lambda: health(OTHER) == 0, "an address that is not allowed is answered", 30)
    assert health(CLIENT) in (200, 429)
