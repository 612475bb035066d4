"""What was learnt of a stack at one time: all that its status is made of, each part known or not, and why not."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from infra.settings.schema import Settings
from ops.diagnose.observed import Observed, Pool


class Part(BaseModel):
    """A part of what was learnt, or of what is told."""

    model_config = ConfigDict(frozen=True)


class Unknown(Part):
    """In place of what could not be asked: why, and what to do."""

    because: str


class NoCluster(Unknown):
    """In place of what a cluster has, of a stack without one: it was destroyed, or has not come as far."""


class Failed(Part):
    """An update, or a destroy, that failed, and when it ended."""

    kind: str
    at: datetime

    @property
    def what(self) -> str:
        """What it was, in words."""
        return "an update" if self.kind == "update" else f"a {self.kind}"


class Deployed(Part):
    """The last update that succeeded: when it ended, from which commit, whether there were changes in none, and what it
    says of itself. `failed` is the last one that has failed since."""

    at: datetime
    commit: str | None
    changed: bool
    message: str
    failed: Failed | None = None


class Health(Part):
    """What a model's path for health has answered: the status, and the `code` of an error in OpenAI's shape. Without a
    status there was no answer, and `said` is why."""

    status: int | None
    said: str = ""
    code: str = ""


class Endpoint(Part):
    """A model of the stack's outputs: its base URL, and whether the stack file has paused it."""

    url: str
    paused: bool = False


class Traffic(Part):
    """Requests that ended, a second, and the median time to the first token in seconds, of some minutes."""

    requests: float | Unknown
    first_token: float | Unknown


class Alert(Part):
    """An alert that is open."""

    name: str
    since: datetime
    severity: str = ""


class Node(Part):
    """A node: its pool, whether it is ready, when it came, and of a TPU node the topology of its slice."""

    name: str
    pool: str = ""
    topology: str = ""
    ready: bool = False
    came: datetime


class Known(Part):
    """Everything. `endpoints`, `health` and `traffic` are by `namespace/name`."""

    stack: str
    at: datetime
    settings: Settings | Unknown
    deployed: Deployed | Unknown
    endpoints: Mapping[str, Endpoint] | Unknown
    health: Mapping[str, Health] = {}
    cluster: Observed | Unknown
    pools: list[Pool] = []
    nodes: list[Node] | Unknown
    traffic: Mapping[str, Traffic] | Unknown
    alerts: list[Alert] | Unknown
