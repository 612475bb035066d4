"""Whether each place offers the machine types that the stack asks for there."""

from collections.abc import Collection, Iterator, Mapping

from infra.settings import places

from .findings import Finding, fail, ok

CHECK = "machine type"


def _missing(place: str, zones: Collection[str]) -> bool:
    """Whether a zone, or every zone of a region, lacks what these have."""
    return not any(zone == place or places.region(zone) == place for zone in zones)


def findings(wanted: Mapping[str, Collection[str]], offered: Mapping[str, Collection[str]]) -> Iterator[Finding]:
    """A line for each type: `wanted` has the places for it, `offered` the zones that have it."""
    for kind, where in wanted.items():
        zones = sorted(offered.get(kind, ()))
        if missing := [place for place in where if _missing(place, zones)]:
            has = f"It is in {', '.join(zones)}" if zones else "No zone has it for this project"
            setting = "`tpuZones` or `location`" if kind.startswith("ct") else "`systemMachineType` or `location`"
            yield fail(CHECK, f"{kind} is not offered in {', '.join(missing)}", f"{has}: change {setting}")
        else:
            yield ok(CHECK, f"{kind} is offered in {', '.join(where)}")
