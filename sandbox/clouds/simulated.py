"""The clouds of a stack for which nothing is real: Google Cloud and Kubernetes, both simulated, with one inventory."""

from collections.abc import Iterator
from contextlib import contextmanager

from .calls import Cloud
from .google import Google
from .inventory import Inventory
from .kubernetes import Kubernetes


@contextmanager
def simulated(inventory: Inventory) -> Iterator[dict[str, Cloud]]:
    """What stands in for the clouds, by the name of the provider."""
    yield {"gcp": Google(inventory), "kubernetes": Kubernetes(inventory)}
