"""What is told of a stack, of what was learnt of it."""

from collections import Counter
from datetime import datetime
from typing import Literal

from infra.google.slices import SLICES
from infra.settings import maintenance
from ops.diagnose import phases
from ops.diagnose.causes import findings
from ops.diagnose.observed import Observed
from ops.error_code import ASLEEP

from .cost_today import Cost, today
from .known import Alert, Deployed, Health, Known, NoCluster, Part, Traffic, Unknown

State = Literal["serving", "paused", "asleep", "starting", "down", "unknown"]
WELL = 200
SYSTEM = "system"
SLICE_OF = {of.topology: of.name for of in SLICES.values()}


class Replicas(Part):
    """Pods of a model that are ready, of how many that its Deployment wants now."""

    ready: int
    wanted: int


class Model(Part):
    """A model: how it is and why, since when that is so, its Pods, and what is measured of it."""

    name: str
    state: State
    detail: str = ""
    since: datetime | None = None
    url: str = ""
    replicas: Replicas | Unknown
    traffic: Traffic | Unknown


class Window(Part):
    """When GKE may upgrade the cluster by itself next."""

    begins: datetime
    ends: datetime


class Status(Part):
    """A stack on one screen. `serving` is None if it cannot be told; `left_out` is what the cluster did not tell."""

    stack: str
    at: datetime
    serving: bool | None
    since: datetime | None
    deployed: Deployed | Unknown
    models: list[Model]
    nodes: dict[str, int] | Unknown
    not_ready: tuple[str, ...] = ()
    cost_today: Cost | Unknown
    alerts: list[Alert] | Unknown
    maintenance: Window | Literal["any time"] | Unknown
    left_out: tuple[str, ...] = ()


def replicas(seen: Observed, model: str) -> Replicas | Unknown:
    """How many Pods are ready, and wanted: by the Deployment, which whoever scales a model changes."""
    of, found = seen.deployment(model), seen.model(model)
    for name, is_known in (("pods", False), ("deployments", of is not None)):
        if not is_known and not seen.whole(name):
            return Unknown(because=f"not all {name} were read")
    asked = (of and of.spec.replicas, found and found.spec.replicas)
    wanted = next((count for count in asked if count is not None), 0)
    return Replicas(ready=sum(pod.ready for pod in seen.pods_of(model)), wanted=wanted)


def _said(health: Health | None) -> str:
    if health is None:
        return "its URL is not known"
    return f"its health answers {health.status}" if health.status else f"no answer: {health.said}"


def _unwell(seen: Observed, model: str, health: Health | None) -> tuple[State, str]:
    """A model that does not answer: asleep, on its way, or down, and by what."""
    now = phases.phase(seen, model)
    if now.name == phases.ASLEEP:
        return "asleep", "nobody asks, so it has no Pod"
    faults = [one.cause.name for one in findings(seen, model) if not one.cause.passing]
    if faults:
        return "down", ", ".join(dict.fromkeys(faults))
    if now.name == phases.UNREAD:
        return _by_health(health)
    if now.name == phases.PLATFORM:
        return "down", "it is in the stack's outputs alone"
    if now.name != phases.READY:
        return "starting", ", ".join(filter(None, [now.name, now.detail]))
    return "down" if health else "unknown", f"Ready in the cluster, but {_said(health)}"


def _by_health(health: Health | None) -> tuple[State, str]:
    """A model that does not answer well, in a cluster that does not tell."""
    if health and health.code == ASLEEP:
        return "asleep", "the gateway says so; it may be waking"
    return "down" if health and health.status else "unknown", _said(health)


def state(known: Known, model: str) -> tuple[State, str]:
    """How a model is, and why."""
    health, seen = known.health.get(model), known.cluster
    of = None if isinstance(known.endpoints, Unknown) else known.endpoints.get(model)
    found = None if isinstance(seen, Unknown) else seen.model(model)
    if (of and of.paused) or (found and phases.is_paused(found)):
        return "paused", "by the stack file"
    if health and health.status == WELL:
        around = [] if isinstance(seen, Unknown) else [f.cause.name for f in findings(seen, model)]
        return "serving", f"but {', '.join(dict.fromkeys(around))}" if around else ""
    if isinstance(seen, Unknown):
        return _by_health(health)
    return _unwell(seen, model, health)


def _model(known: Known, name: str) -> Model:
    how, detail = state(known, name)
    seen = known.cluster
    ready = None if isinstance(seen, Unknown) else phases.phase(seen, name)
    nothing = Unknown(because="it is not in the stack's outputs")
    return Model(
        name=name,
        state=how,
        detail=detail,
        since=ready.since if ready and how == "serving" else None,
        url="" if isinstance(known.endpoints, Unknown) or name not in known.endpoints else known.endpoints[name].url,
        replicas=seen if isinstance(seen, Unknown) else replicas(seen, name),
        traffic=known.traffic if isinstance(known.traffic, Unknown) else known.traffic.get(name, nothing),
    )


def serving(known: Known, states: list[State]) -> bool | None:
    """Whether a model serves and nothing is wrong with the others; None if it cannot be told."""
    if any(one in ("down", "starting") for one in states):
        return False
    if "unknown" in states or (not states and isinstance(known.endpoints, Unknown)):
        return None
    return "serving" in states


def nodes(known: Known) -> dict[str, int] | Unknown:
    """How many nodes there are, by slice and class of capacity; those without a TPU are the system's."""
    if isinstance(known.nodes, Unknown):
        return known.nodes
    classes = {pool.name: pool.capacity for pool in known.pools}

    def of(topology: str, pool: str) -> str:
        parts = (SLICE_OF.get(topology, topology), classes.get(pool, ""))
        return " ".join(filter(None, parts)) if topology else SYSTEM

    return dict(sorted(Counter(of(node.topology, node.pool) for node in known.nodes).items()))


def window(known: Known) -> Window | Literal["any time"] | Unknown:
    """The maintenance window that is open, or the next one."""
    if isinstance(known.settings, Unknown):
        return known.settings
    wanted = known.settings.maintenance_window
    if wanted is None:
        return "any time"
    found = maintenance.following(wanted.start, wanted.end, wanted.recurrence, known.at)
    return Window(begins=found[0], ends=found[1]) if found else Unknown(because="none begins within a year")


def cost(known: Known) -> Cost | Unknown:
    """What was paid since midnight; of a stack that has no cluster, or no state that says so, the file alone does not
    tell it."""
    if isinstance(known.settings, Unknown):
        return known.settings
    if isinstance(known.endpoints, Unknown):
        return known.endpoints
    if isinstance(known.nodes, NoCluster):
        return Unknown(because="there is no cluster")
    return today(known.settings, known.nodes, known.pools, known.at)


def status(known: Known) -> Status:
    """What is told."""
    named = [] if isinstance(known.endpoints, Unknown) else list(known.endpoints)
    seen = [] if isinstance(known.cluster, Unknown) else known.cluster.places()
    models = [_model(known, name) for name in dict.fromkeys([*named, *seen])]
    up = serving(known, [model.state for model in models])
    times = [model.since for model in models if model.state == "serving"]
    return Status(
        stack=known.stack,
        at=known.at,
        serving=up,
        since=max((time for time in times if time), default=None) if up and all(times) else None,
        deployed=known.deployed,
        models=models,
        nodes=nodes(known),
        not_ready=() if isinstance(known.nodes, Unknown) else tuple(n.name for n in known.nodes if not n.ready),
        cost_today=cost(known),
        alerts=known.alerts,
        maintenance=window(known),
        left_out=() if isinstance(known.cluster, Unknown) else tuple(dict.fromkeys(known.cluster.left_out)),
    )
