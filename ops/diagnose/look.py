"""Looks at a stack's cluster, again and again."""

from pathlib import Path

from . import state
from .cluster import Cluster
from .observe import observe
from .observed import Observed
from .state import State


class Look:
    """The cluster of a stack, or that of a kubeconfig.

    Each call looks once. The state is read each time, as a running `up` writes to it; the connection is kept. Raises
    `StateError` and `ClusterError`.
    """

    def __init__(self, stack: str, folder: Path, kubeconfig: Path | None) -> None:
        self._stack, self._folder, self._kubeconfig = stack, folder, kubeconfig
        self._cluster: Cluster | None = None
        self._way: object = None

    def __call__(self) -> Observed:
        """What there is now."""
        told = state.of_stack(self._stack, self._folder) if self._stack else State({}, [], [])
        way = self._kubeconfig or told.kubeconfig
        if self._cluster is None or way != self._way:
            self._cluster, self._way = Cluster(way), way
        return observe(self._cluster, told.models, told.pools)
