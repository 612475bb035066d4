"""The table of flows: what the program's NetworkPolicies let through and what not, by an evaluator of others."""

import pytest

from sandbox.build import places
from sandbox.cluster.flows import Flow
from tests.support.isolated import PEERS, STRANGER, policies, verdicts, without_one
from tests.support.program import Run
from tests.support.reader import passes
from tests.support.stacks import MODEL
from tests.support.table_of_flows import ALLOWED, ALLOWED_WITH_LETS_ENCRYPT, REFUSED, REFUSED_WITH_LETS_ENCRYPT


@pytest.fixture
def closed(run: Run) -> list[dict[str, object]]:
    """The policies of dev with one more model, elsewhere."""
    assert (places.BIN / "netpol").exists(), "run `make tools` first"
    return policies(run(isolation=True, models=[MODEL, STRANGER], tpuMaxNodes=2))


@pytest.mark.parametrize("phase", ["up"], indirect=True)
def test_flows_that_are_needed_pass_and_no_others(closed: list[dict[str, object]]) -> None:
    allowed, refused = [Flow(*row) for row in ALLOWED], [Flow(*row) for row in REFUSED]
    assert [flow for flow, passed in zip(allowed, verdicts(closed, allowed), strict=True) if not passed] == []
    assert [flow for flow, passed in zip(refused, verdicts(closed, refused), strict=True) if passed] == []


@pytest.mark.parametrize("phase", ["up"], indirect=True)
def test_lets_encrypt_opens_what_a_challenge_needs_and_no_more(run: Run) -> None:
    name = {"tls": "lets-encrypt", "hostname": "llm.example.com", "acmeEmail": "ops@example.com"}
    opened = policies(run(isolation=True, models=[MODEL, STRANGER], tpuMaxNodes=2, **name))
    allowed = [Flow(*row) for row in [*ALLOWED, *ALLOWED_WITH_LETS_ENCRYPT]]
    more = {row[:3] for row in ALLOWED_WITH_LETS_ENCRYPT}
    refused = [Flow(*row) for row in [*(r for r in REFUSED if r[:3] not in more), *REFUSED_WITH_LETS_ENCRYPT]]
    assert [flow for flow, passed in zip(allowed, verdicts(opened, allowed), strict=True) if not passed] == []
    assert [flow for flow, passed in zip(refused, verdicts(opened, refused), strict=True) if passed] == []


@pytest.mark.parametrize("phase", ["up"], indirect=True)
def test_our_own_reading_is_that_of_others(closed: list[dict[str, object]]) -> None:
    """For every two peers and every port of the table: the unit tests have nothing but ours."""
    ports = {(flow.port, flow.protocol) for flow in (Flow(*row) for row in ALLOWED + REFUSED)}
    flows = [Flow(a, b, *port) for a in PEERS for b in PEERS for port in sorted(ports) if a != b]
    differ = [f for f, passed in zip(flows, verdicts(closed, flows), strict=True) if passed != passes(closed, PEERS, f)]
    assert differ == []


@pytest.mark.parametrize("phase", ["up"], indirect=True)
def test_no_policy_peer_or_port_is_idle(closed: list[dict[str, object]]) -> None:
    """Without any one of them, a flow of the table is judged otherwise: what is not needed is not open."""
    flows = [Flow(*row) for row in ALLOWED + REFUSED]
    whole = verdicts(closed, flows)
    idle = [missing for missing, fewer in without_one(closed) if verdicts(fewer, flows) == whole]
    assert [missing for missing in idle if not missing.startswith("strangers/")] == []


@pytest.mark.parametrize("phase", ["up"], indirect=True)
def test_dev_has_no_policy(run: Run) -> None:
    assert policies(run()) == []
