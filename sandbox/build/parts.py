"""The parts of a real control plane: its programs, the charts that go into it, and the CRDs that GKE brings."""

from . import charts, lock, places, programs


def missing() -> list[str]:
    """The programs, charts and CRDs that are not there as pinned."""
    return [*programs.missing(), *charts.missing()]


def ensure() -> None:
    """Build and lay out what is `missing`; what was built before is kept."""
    for module in programs.CONTROL_PLANE:
        programs.build(module)
    with lock.held(places.HOME / "build.lock", waiting=programs.WAITING):
        if missing():
            charts.lay_out()
