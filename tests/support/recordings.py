"""What `ops.diagnose` saw on the real control plane, for its tests on machines without one.

`make conformance` with RECORD=1 writes it: one file for each cause that was named, the first of each, with what has
nothing to do with the model left out.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from ops.diagnose.causes import findings
from ops.diagnose.observed import Observed, newest

from .project import ROOT

EVENTS = 12
"""Of which those that came last are kept."""
LEFT_OUT: Any = {"deployments": {"__all__": {"metadata": {"uid", "labels", "annotations"}, "status": {"conditions"}}}}
FOLDER = ROOT / "tests/unit/ops/diagnose/recorded"


class Recording(NamedTuple):
    """One observation, and the causes that are to be named for the model at `namespace/name`."""

    model: str
    causes: list[str]
    observed: Observed


def recordings() -> Iterator[Recording]:
    """All that are kept."""
    for file in sorted(FOLDER.glob("*.json")):
        kept = json.loads(file.read_text())
        yield Recording(kept["model"], kept["causes"], Observed.model_validate(kept["observed"]))


def keep(observed: Observed, model: str, causes: set[str]) -> None:
    """Write one down, unless its causes have one. Raises `ValueError` if what is left of it does not name them."""
    file = FOLDER / f"{'-and-'.join(sorted(causes)).replace(' ', '-')}.json"
    if file.exists():
        return
    kept = _about(observed, model).model_dump(mode="json", exclude_defaults=True, exclude=LEFT_OUT)
    if {found.cause.name for found in findings(Observed.model_validate(kept), model)} != causes:
        raise ValueError(f"too much was left out of {file.name}")
    told = {"model": model, "causes": sorted(causes), "observed": kept}
    FOLDER.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, indent=1) + "\n")


def _about(observed: Observed, model: str) -> Observed:
    """Without the Pods, accounts and events of other models and of the platform, whose Deployments tell enough."""
    namespace, name = model.split("/")
    pods = [p for p in observed.pods if p.metadata.labels.get("app.kubernetes.io/name") == name]
    told = {p.metadata.name for p in pods} | {name}
    things = [e for e in observed.events if e.involved_object.kind == "Service" or e.involved_object.name in told]
    return observed.model_copy(
        update={
            "pods": pods,
            "events": newest(things)[:EVENTS],
            "models": [m for m in observed.models if m.place == model],
            "service_accounts": [a for a in observed.service_accounts if a.metadata.namespace == namespace],
            "services": [s for s in observed.services if s.spec.type == "LoadBalancer"],
        }
    )
