"""Which model is paused, and which nodes a pause waits for."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from infra.platform.names import kserve_labels
from ops import pause
from ops.diagnose import state
from ops.diagnose.cluster import Cluster, ClusterError
from ops.pause import STAYS, Found, Nodes, find, paid_anyway, wait
from tests.support.api_server import HANG_UP, ApiServer, api_server
from tests.support.project import ROOT

MODELS = [
    {"name": "a", "namespace": "x"},
    {"name": "b", "namespace": "x", "paused": True},
    {"name": "a", "namespace": "y"},
]


@pytest.mark.parametrize(("name", "found"), [("b", Found(1, "x/b", True)), ("y/a", Found(2, "y/a", False))])
def test_model_is_found_by_its_name_or_with_its_namespace(name: str, found: Found) -> None:
    assert find(MODELS, name) == found


@pytest.mark.parametrize(("name", "said"), [("a", "a is several models of"), ("c", "c is no model of")])
def test_name_that_is_not_one_model_is_refused_with_those_that_there_are(name: str, said: str) -> None:
    with pytest.raises(LookupError, match=f"{said} the stack. There are: x/a, x/b, y/a"):
        find(MODELS, name)


def node(name: str, *, tpu: bool = True) -> dict[str, Any]:
    labels = {"cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice"} if tpu else {}
    return {"metadata": {"name": name, "labels": labels}}


def pod(
    on: str, phase: str = "Running", chips: str | None = "4", *, of: str = "x/other", ends: bool = False
) -> dict[str, Any]:
    limits = {"google.com/tpu": chips} if chips else {"cpu": "1"}
    namespace, name = of.split("/")
    labels = {**kserve_labels("workload"), "app.kubernetes.io/name": name}
    return {
        "metadata": {
            "namespace": namespace,
            "labels": labels,
            **({"deletionTimestamp": "2026-11-30T12:00:00Z"} if ends else {}),
        },
        "spec": {"containers": [{"resources": {"limits": limits}}, {}], "nodeName": on},
        "status": {"phase": phase},
    }


class Served:
    """A cluster with these nodes and Pods, behind a stand-in of its API server, and a clock that only sleeping moves.

    `then` is what happens while it is slept, once for each time.
    """

    def __init__(self, served: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server, self.then, self.now = served, list[Callable[[], None]](), 0.0
        self.nodes = Nodes(Cluster(served.kubeconfig()), "x/a")
        monkeypatch.setattr(pause, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=self._sleep))

    def has(self, nodes: list[dict[str, Any]], *pods: dict[str, Any]) -> None:
        self.server.lists = {"/api/v1/nodes": nodes, "/api/v1/pods": list(pods)}

    def _sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.then:
            self.then.pop(0)()

    def in_trouble(self, *answers: int) -> None:
        self.server.trouble = list(answers)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with api_server({}) as server:
        yield Served(server, monkeypatch)


def test_node_is_idle_if_no_pod_has_chips_on_it(served: Served) -> None:
    nodes = [node(name) for name in ("used", "ended", "agents", "empty", "ending", "starts")]
    pods = [pod("used"), pod("ended", "Succeeded"), pod("agents", chips=None), pod("ending", ends=True)]
    served.has([*nodes, node("system", tpu=False)], *pods, pod("starts", "Pending"))
    assert served.nodes.idle() == ["agents", "empty", "ended", "ending"]
    assert served.nodes.all() == ["agents", "empty", "ended", "ending", "starts", "used"]


def test_node_on_which_the_paused_model_still_is_counts_as_idle_and_those_of_others_do_not(served: Served) -> None:
    bare = pod("bare")
    bare["metadata"]["labels"] = None
    pods = [pod("own", of="x/a"), pod("namesake", of="y/a"), pod("neighbour", of="x/b"), bare]
    served.has([node(each["spec"]["nodeName"]) for each in pods], *pods)
    assert served.nodes.idle() == ["own"]


def test_wait_begins_before_the_paused_models_pod_is_on_its_way_out(served: Served) -> None:
    served.has([node("a")], pod("a", of="x/a"))
    served.then = [lambda: served.has([node("a")], pod("a", of="x/a", ends=True)), lambda: served.has([])]
    assert wait(served.nodes, 60) == []
    assert served.now == 10


def test_list_that_is_not_there_or_not_whole_is_no_answer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.in_trouble(404)
    with pytest.raises(ClusterError, match=r"refuses to list /api/v1/nodes: 404$"):
        served.nodes.idle()
    monkeypatch.setattr(pause, "MOST", 2)
    served.has([node("a"), node("b")])
    assert served.nodes.idle() == ["a", "b"]
    served.has([node("a"), node("b"), node("c")])
    with pytest.raises(ClusterError, match=r"has more than 2 objects of /api/v1/nodes, which are not all read$"):
        served.nodes.idle()


def test_reservation_is_said_to_be_paid_for_without_a_node() -> None:
    assert paid_anyway({"tpuCapacity": ["spot", "reservation:ours"]}) == "reservation:ours is paid for all the same."
    assert paid_anyway({"tpuCapacity": ["spot"]}) == paid_anyway({}) == "Nothing is paid for TPUs."


def test_wait_ends_when_the_idle_node_is_gone_and_not_for_that_of_another_model(served: Served) -> None:
    served.has([node("a"), node("b")], pod("b"))
    served.then = [lambda: None, lambda: served.has([node("b")], pod("b"))]
    assert wait(served.nodes, 60) == []
    assert served.now == 10


def test_node_that_stays_is_named_when_the_time_is_over(served: Served) -> None:
    served.has([node("a")])
    assert wait(served.nodes, 60) == ["a"]
    assert served.now == 60


@pytest.mark.parametrize("answer", [HANG_UP, 410, 500, 503])
def test_wait_goes_on_while_the_api_server_is_away(
    answer: int, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    served.has([node("a")])
    served.then = [lambda: served.in_trouble(answer, answer), lambda: None, lambda: served.has([])]
    assert wait(served.nodes, 600) == []
    assert served.now == 15
    assert capsys.readouterr().err.count("Asked again until 10 minutes are over.") == 1


def test_wait_without_a_first_or_a_last_answer_is_an_error(served: Served) -> None:
    served.has([node("a")])
    served.in_trouble(503)
    with pytest.raises(ClusterError, match=r"refuses to list /api/v1/nodes: 503"):
        wait(served.nodes, 60)
    assert served.now == 0
    served.then = [lambda: served.in_trouble(*[HANG_UP] * 99)]
    with pytest.raises(ClusterError, match="does not answer"):
        wait(served.nodes, 60)
    assert served.now == 60


def test_page_has_the_entry_that_a_node_that_stays_is_told_with() -> None:
    assert f"### {STAYS}\n" in (ROOT / "docs/operations.md").read_text()


def waited(served: Served, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of the wait, with the cluster that is in the stack's state."""
    told = state.State(served.server.kubeconfig(), [], [])
    monkeypatch.setattr(pause.state, "of_stack", lambda stack, folder: {("dev", ROOT): told}[stack, folder])
    return pause._wait("dev", ROOT, "x/a", "Nothing is paid for TPUs.")


def test_cluster_is_that_of_the_state_and_the_end_is_told(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served.has([node("a")])
    assert waited(served, monkeypatch) == 1
    assert "Still there after 30 minutes, and paid for: a." in capsys.readouterr().err
    served.has([node("b")], pod("b"))
    assert waited(served, monkeypatch) == 0
    assert "no TPU node is idle. 1 TPU nodes serve other models" in capsys.readouterr().out
    served.has([])
    assert waited(served, monkeypatch) == 0
    assert capsys.readouterr().out.endswith("no TPU node is idle. Nothing is paid for TPUs.\n")


def test_cluster_that_does_not_answer_is_told_and_is_no_traceback(
    served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served.server.port = 9
    with pytest.raises(typer.Exit) as ended:
        waited(served, monkeypatch)
    assert ended.value.exit_code == 2
    assert "Error: stack dev: http://127.0.0.1:9 does not answer:" in capsys.readouterr().err


def test_stack_without_a_cluster_is_told_and_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none(*_: Any) -> state.State:
        raise state.NoClusterError("its state has no cluster")

    monkeypatch.setattr(pause.state, "of_stack", none)
    with pytest.raises(typer.Exit) as ended:
        pause._wait("dev", ROOT, "x/a", "")
    assert ended.value.exit_code == 2
    assert "Error: stack dev: its state has no cluster" in capsys.readouterr().err


@pytest.mark.parametrize(("paused", "command"), [(True, "pause"), (False, "resume")])
def test_history_of_the_stack_says_who_deployed_it(paused: bool, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, waited_for = list[str](), list[str]()
    models = [{"name": "a", "namespace": "x", "paused": not paused}]
    file = SimpleNamespace(values=lambda: {"models": models}, set_at=lambda *_: None)
    monkeypatch.setattr(pause, "Configuration", lambda *_: file)
    monkeypatch.setattr(pause, "Cli", lambda *_: lambda *words, **_: asked.extend(words))
    monkeypatch.setattr(pause, "_wait", lambda _stack, _folder, model, _beside: waited_for.append(model) or 0)
    assert pause.run("a", "dev", ROOT, paused=paused, up=True, waits=False) == 0
    assert waited_for == (["x/a"] if paused else [])
    assert asked[:2] == ["up", "--yes"]
    assert asked[2].startswith(f"--message=ops {command} by ")
