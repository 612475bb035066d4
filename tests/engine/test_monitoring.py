"""A stack that is watched, and then is not: what comes and goes, and what stays as it is."""

from collections import Counter

from infra.monitoring.alerts import ALERTS
from sandbox.clouds.google_kinds import ALERT, CHANNEL, CLUSTER, DASHBOARD, SERVICE, UPTIME_CHECK
from sandbox.clouds.kubernetes_kinds import LLM
from tests.support.stacks import Make, since, unchanged

POD_MONITORING = "kubernetes:monitoring.googleapis.com/v1:PodMonitoring"
OF_IT = {ALERT: len(ALERTS) + 1, CHANNEL: 1, DASHBOARD: 1, UPTIME_CHECK: 1, POD_MONITORING: 5}


def test_monitoring_comes_and_goes_alone(sandbox: Make) -> None:
    stack = sandbox()
    stack.up()
    stack.set_config("monitoring", "true")
    stack.set_config("alertEmails", ["team@example.com"])
    made = Counter((op, kind) for op, kind, _ in since(stack, stack.up))
    # The Pod names the port at which libtpu says how busy the chips are, so the model is made anew.
    changed = {("update", CLUSTER): 1, ("delete", LLM): 1, ("create", LLM): 1}
    assert made == {**{("create", kind): count for kind, count in OF_IT.items()}, ("create", SERVICE): 1, **changed}
    assert unchanged(stack.preview())
    assert set(stack.refresh().summary.resource_changes or {}) == {"same"}
    assert unchanged(stack.preview())
    [channel], alerts = stack.inventory.find(CHANNEL), stack.inventory.find(ALERT)
    assert {tuple(alert.inputs["notificationChannels"]) for alert in alerts} == {(channel.id,)}

    stack.set_config("alertEmails", [])
    stack.set_config("monitoring", "false")
    gone = Counter((op, kind) for op, kind, _ in since(stack, stack.up))
    assert {kind: gone["delete", kind] for kind in OF_IT} == OF_IT
    assert gone.keys() - {("delete", kind) for kind in OF_IT} <= {*changed, ("delete", SERVICE)}
    assert unchanged(stack.preview())
