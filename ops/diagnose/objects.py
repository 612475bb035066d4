"""Objects of Kubernetes, with the few fields that say why something does not run.

Field names, and which may be missing, are those of `k8s.io/api` 1.36 and of the status of Gateway API, KServe v0.20 and
cert-manager 1.21. What is not read here is dropped, the data of Secrets among it: no Secret is ever asked for.
"""

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from infra.settings.explain import masked, printable

LONGEST = 2000
"""Characters of one message that are kept, the last ones: a traceback ends with what was wrong."""


def _words(value: Any) -> str:
    """What somebody said, without what looks like a secret, and no longer than `LONGEST`."""
    lines = str(value or "")[-LONGEST:].replace("\r", "\n").splitlines()
    return masked("\n".join(printable(line) for line in lines))


Words = Annotated[str, BeforeValidator(_words)]


def _or_empty(value: Any) -> Any:
    """The API server leaves out what is empty, or says null."""
    return [] if value is None else value


class Seen(BaseModel):
    """Part of an object, as the API server has it."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class Meta(Seen):
    """Which object it is."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class Condition(Seen):
    """One thing that a controller says of an object."""

    type: str
    status: str
    reason: str = ""
    message: Words = ""
    last_transition_time: datetime | None = None


class Conditions(Seen):
    """What controllers say of an object."""

    conditions: Annotated[list[Condition], BeforeValidator(_or_empty)] = []


Stands = TypeVar("Stands", bound=Conditions)


class Object(Seen, Generic[Stands]):
    """An object of any kind."""

    metadata: Meta
    status: Stands

    def condition(self, kind: str) -> Condition | None:
        """What is said of one thing."""
        return next((c for c in self.status.conditions if c.type == kind), None)

    @property
    def ready(self) -> bool:
        """Whether its controller says so."""
        found = self.condition("Ready")
        return bool(found and found.status == "True")

    @property
    def place(self) -> str:
        """Namespace and name."""
        return f"{self.metadata.namespace}/{self.metadata.name}"


class Waiting(Seen):
    """A container that does not run yet."""

    reason: str = ""
    message: Words = ""


class Running(Seen):
    """A container that runs."""

    started_at: datetime | None = None


class Terminated(Seen):
    """A container that has ended. KServe asks for the end of its log as the message."""

    exit_code: int = 0
    reason: str = ""
    message: Words = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class State(Seen):
    """One of the three."""

    waiting: Waiting | None = None
    running: Running | None = None
    terminated: Terminated | None = None


class Container(Seen):
    """One container's status."""

    name: str
    image: str = ""
    ready: bool = False
    restart_count: int = 0
    state: State = State()
    last_state: State = State()

    @property
    def failed(self) -> Terminated | None:
        """How it has ended, this time or the last, if not well."""
        ended = [end for end in (self.state.terminated, self.last_state.terminated) if end and end.exit_code]
        return ended[0] if ended and not self.ready else None


class PodSpec(Seen):
    """Where a Pod may run, and where it does."""

    node_name: str = ""
    node_selector: dict[str, str] = {}


class PodStatus(Conditions):
    """How a Pod stands."""

    phase: str = ""
    reason: str = ""
    message: Words = ""
    init_container_statuses: Annotated[list[Container], BeforeValidator(_or_empty)] = []
    container_statuses: Annotated[list[Container], BeforeValidator(_or_empty)] = []


class Pod(Object[PodStatus]):
    """A Pod."""

    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def ready(self) -> bool:
        """Whether it takes requests."""
        return super().ready and not self.metadata.deletion_timestamp

    @property
    def containers(self) -> list[Container]:
        """All of them, in the order in which they start."""
        return [*self.status.init_container_statuses, *self.status.container_statuses]


class Reference(Seen):
    """What an event is about."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


class Series(Seen):
    """An event that came again."""

    last_observed_time: datetime | None = None


class Event(Seen):
    """What a controller did or could not do."""

    involved_object: Reference
    reason: str = ""
    message: Words = ""
    first_timestamp: datetime | None = None
    last_timestamp: datetime | None = None
    event_time: datetime | None = None
    series: Series | None = None

    @property
    def when(self) -> datetime | None:
        """The last time; the scheduler's events have no `lastTimestamp`."""
        again = self.series.last_observed_time if self.series else None
        return again or self.last_timestamp or self.event_time or self.first_timestamp


class Status(Conditions):
    """The conditions of any other object, and what of some kinds stands beside them."""

    ready_replicas: int = 0
    addresses: Annotated[list[dict[str, Any]], BeforeValidator(_or_empty)] = []
    load_balancer: dict[str, Any] = {}
    state: str = ""
    reason: Words = ""


class Spec(Seen):
    """What was asked for."""

    replicas: int | None = None
    type: str = ""


class Thing(Object[Status]):
    """An object of any other kind."""

    kind: str = ""
    spec: Spec = Spec()
    status: Status = Status()
