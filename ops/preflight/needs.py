"""What a stack asks of Google Cloud, from its settings."""

from typing import NamedTuple

from infra.google.slices import Slice
from infra.settings import capacity
from infra.settings.schema import Settings


class Capacity(NamedTuple):
    """A way in which TPU nodes are bought: `on-demand`, `spot`, `flex-start` or `reservation` with its name."""

    kind: str
    reservation: str = ""

    @property
    def preemptible(self) -> bool:
        """Whether Google counts its chips as preemptible."""
        return self.kind in capacity.ENDING


class Nodes(NamedTuple):
    """How many nodes of a slice the stack takes: for its models to run, and at the most in the pool of each class."""

    slice: Slice
    least: int
    most: int

    def chips(self, nodes: int) -> int:
        """The chips of so many."""
        return nodes * self.slice.chips


def classes(settings: Settings) -> list[Capacity]:
    """The ways to buy TPU nodes, in the order in which they are tried."""
    return [Capacity(capacity.kind(entry), capacity.reservation(entry)) for entry in settings.tpu_capacity]


def tpu_nodes(settings: Settings) -> list[Nodes]:
    """The TPU nodes, by slice, the stack's own first: each replica of a model that is not paused takes one."""
    fewest, most = settings.tpu_min_nodes, settings.tpu_max_nodes
    return [Nodes(slice_, max(settings.serving(slice_), fewest), most) for slice_ in settings.used_slices]


def machine_types(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The machine types, each with the places that must have it: zones, or a region whose zones GKE chooses from."""
    found: dict[str, tuple[str, ...]] = {nodes.slice.machine_type: settings.tpu_zones for nodes in tpu_nodes(settings)}
    return {**found, settings.system_machine_type: (settings.location,)}
