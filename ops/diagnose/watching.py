"""The way of each model to Ready, as it goes on: which phases there were, and when it has to end."""

from datetime import datetime, timedelta
from typing import NamedTuple

from .cause import Finding
from .causes import NO_MODEL, findings
from .observed import Observed
from .phases import ASLEEP, DONE, READY, UNREAD, Phase, phase

PATIENCE, PATIENCE_AROUND = timedelta(minutes=1), timedelta(minutes=10)
"""How long a cause has to last until it ends the watch: a pull is tried again, and what stands around the models may
just be in the making, a load balancer and a certificate among it."""


class Step(NamedTuple):
    """A phase that a model has been in, from when on."""

    model: str
    phase: Phase
    began: datetime


class Watching(NamedTuple):
    """What has been seen so far: the steps of each model, and since when each cause is there."""

    steps: tuple[Step, ...] = ()
    causes: tuple[tuple[Finding, datetime], ...] = ()
    models: tuple[str, ...] = ()

    def of(self, model: str) -> list[Step]:
        """The steps of one model."""
        return [step for step in self.steps if step.model == model]

    @property
    def ready(self) -> bool:
        """Whether every model is Ready that is not paused, or has been and sleeps, and there is one."""
        last = [steps[-1].phase.name if (steps := self.of(model)) else "" for model in self.models]
        return any(name in (READY, ASLEEP) for name in last) and all(name in DONE for name in last)

    def lasting(self, now: datetime) -> list[Finding]:
        """The causes that have lasted long enough to end the watch."""
        return [f for f, since in self.causes if now - since >= (PATIENCE_AROUND if f.cause.around else PATIENCE)]

    def unread(self, now: datetime) -> bool:
        """Whether it could not be read for as long where a model is: who may not read it today may not in an hour."""
        last = [steps[-1] for model in self.models or (NO_MODEL,) if (steps := self.of(model))]
        return any(step.phase.name == UNREAD and now - step.began >= PATIENCE for step in last)


def _step(before: list[Step], model: str, now: Phase, at: datetime) -> list[Step]:
    """The steps of a model with the phase of now: another one begins, or the last one goes on."""
    if before and before[-1].phase.name == now.name:
        return [*before[:-1], before[-1]._replace(phase=now)]
    since = now.since if now.since and (not before or now.since >= before[-1].began) else at
    return [*before, Step(model, now, since if since <= at else at)]


def after(before: Watching, seen: Observed) -> Watching:
    """What is known after one more look."""
    known = () if seen.whole("models") else before.models
    models = tuple(dict.fromkeys([*known, *seen.places()]))
    steps = [
        step for model in models or (NO_MODEL,) for step in _step(before.of(model), model, phase(seen, model), seen.at)
    ]
    since = {(finding.model, finding.cause.name, finding.sign.what): when for finding, when in before.causes}
    faults = [f for model in models or (NO_MODEL,) for f in findings(seen, model) if not f.cause.passing]
    causes = tuple((f, since.get((f.model, f.cause.name, f.sign.what), seen.at)) for f in faults)
    return Watching(tuple(steps), causes, models)
