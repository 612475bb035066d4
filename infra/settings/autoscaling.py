"""How many Pods a model has: a number, or a range in which the load decides."""

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, NamedTuple, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictInt,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel

from . import capacity, workload_identity
from .counts import MAX_NODES, MINUTES_OF_A_DAY
from .cron import Cron, TimeZone, times
from .explain import listed, refuse
from .registry import of_stack

LEAST_IDLE = 35
"""Minutes. Nobody is served while a model wakes, which may take half an hour and the two minutes until KEDA sees the
request (docs/scaling.md): one that may sleep sooner could be put to sleep before it was up."""


READER_ROLE = "roles/monitoring.viewer"
"""What it takes to ask Managed Service for Prometheus
(https://docs.cloud.google.com/stackdriver/docs/managed-prometheus/query-api-ui)."""


class Reader(NamedTuple):
    """The Kubernetes service account as which KEDA's operator asks Google."""

    namespace: str
    account: str


def reader(stack: str) -> Reader:
    """That of a stack. IAM takes accounts of the same names in two clusters of a project for one, so the stack's name
    is in it: no stack has a right by the other's, or loses it with the other
    (https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#identity_sameness)."""
    return Reader("keda", f"keda-operator-{of_stack(stack)}")


def member(project: str, stack: str) -> str:
    """That of a stack as IAM names it."""
    return workload_identity.member(project, *reader(stack))


class Window(BaseModel):
    """Times in which a model has at least so many Pods."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    start: Cron
    end: Cron
    timezone: TimeZone
    replicas: Annotated[StrictInt, Field(ge=1, le=MAX_NODES)]

    @field_validator("end")
    @classmethod
    def _is_another_time(cls, end: str, info: ValidationInfo) -> str:
        if (start := info.data.get("start")) and times(end) == times(start):
            raise ValueError("is when it starts, too, so it would never end. Use another time.")
        return end


class Autoscaling(BaseModel):
    """Between how many Pods a model has what its load asks for, and when it may have none. `idle_minutes` in minutes.

    The fields are described in docs/scaling.md. A check that compares with an earlier field finds it in `info.data`
    unless that has a problem of its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    min: Annotated[StrictInt, Field(ge=0, le=MAX_NODES)]
    max: Annotated[StrictInt, Field(ge=1, le=MAX_NODES)]
    idle_minutes: Annotated[StrictInt, Field(ge=LEAST_IDLE, le=MINUTES_OF_A_DAY)] = 60
    schedule: tuple[Window, ...] = ()

    @field_validator("max")
    @classmethod
    def _leaves_room(cls, most: int, info: ValidationInfo) -> int:
        least = info.data.get("min", 0)
        if most < least:
            raise ValueError(f"is below `min`, which is {least}. Raise it to {least + 1} or more, or lower that one.")
        if most == least:
            raise ValueError(f"is what `min` is, so nothing is scaled. Write `replicas: {most}`, or raise it.")
        return most

    @field_validator("idle_minutes")
    @classmethod
    def _may_sleep(cls, minutes: int, info: ValidationInfo) -> int:
        if least := info.data.get("min", 0):
            raise ValueError(f"has no effect, as `min` is {least}. Set `min` to 0, or remove it.")
        return minutes

    @field_validator("schedule")
    @classmethod
    def _is_within(cls, schedule: tuple[Window, ...], info: ValidationInfo) -> tuple[Window, ...]:
        least, most = info.data.get("min", 0), info.data.get("max", MAX_NODES)
        refuse(
            f"wants {window.replicas} replicas from {window.start!r} on, which is {problem}."
            for window in schedule
            for problem in _out_of_range(window.replicas, least, most)
        )
        return schedule


def _out_of_range(replicas: int, least: int, most: int) -> list[str]:
    if replicas > most:
        return [f"above `max`. Use {most} or less, or raise that one"]
    return [f"what `min` gives at all times. Use {least + 1} or more, or remove it"] if replicas <= least else []


def warnings(asleep: Collection[str], least_nodes: int, classes: Collection[str]) -> Iterator[str]:
    """Why it saves nothing that models sleep. `asleep` are their names, `classes` the entries of `tpuCapacity`."""
    if asleep and least_nodes:
        yield (
            f"tpuMinNodes: {least_nodes} nodes stay, and are paid for, also while {listed(asleep)} sleeps. Set it to "
            "0, or `min` of `replicas` to 1."
        )
    if asleep and all(map(capacity.reservation, classes)):
        yield (
            f"tpuCapacity: a reservation is paid for also while {listed(asleep)} sleeps. Set `min` of `replicas` to 1, "
            "and nobody waits for it to wake."
        )


def grant(project: str, stack: str) -> str:
    """The command by which an administrator lets a stack's KEDA ask, once there is a cluster in the project."""
    who = member(project, stack)
    return f"gcloud projects add-iam-policy-binding {project} --role={READER_ROLE} --member='{who}'"


def not_granted(project: str, stack: str, *, autoscaled: bool, grants: bool) -> Iterator[str]:
    """Whether somebody else has to let KEDA ask: without it `pulumi up` ends well, and nothing is ever scaled."""
    if autoscaled and not grants:
        yield (
            "nodeServiceAccount: with it the program grants nothing, and until an administrator lets KEDA read metrics "
            f"no model is scaled, sleeps or wakes (docs/scaling.md): {grant(project, stack)}"
        )


_NUMBER = TypeAdapter[int](Annotated[StrictInt, Field(ge=1, le=MAX_NODES)])


def _read(value: object, info: ValidationInfo) -> int | Autoscaling:
    """A number or a range. The problems of either are told as its own, not as those of one choice among several."""
    if isinstance(value, Mapping | Autoscaling):
        return Autoscaling.model_validate(cast(Any, value), context=info.context)
    return _NUMBER.validate_python(value)


Replicas = Annotated[
    int | Autoscaling,
    PlainValidator(_read),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "object"}]}),
]
