"""What the endpoint picker of a model is told: which plugins choose the Pod of a request."""

from collections.abc import Mapping
from typing import Any

from infra.google.slices import Slice
from infra.releases.picker_plugins import INDEX, LEAST_BLOCK, SCORER_OF_PREFIXES
from infra.settings import fitting
from infra.settings.model import Model
from infra.settings.routing import Strategy

_LOAD = {"queue-scorer": 2, "kv-cache-utilization-scorer": 2}
WEIGHTS: Mapping[Strategy, Mapping[str, int]] = {
    "prefix-cache": {**_LOAD, SCORER_OF_PREFIXES: 3, "no-hit-lru-scorer": 2},
    "load": _LOAD,
    "random": {},
}
"""What each strategy asks about a Pod, and how much that counts. The first is what KServe v0.20 gives a picker that is
told nothing (`schedulerConfigText` in
https://github.com/kserve/kserve/blob/v0.20.0/pkg/controller/v1alpha2/llmisvc/scheduler.go), in its order, so that
KServe writes the same text of it and restarts no picker; `load` is that without what is about prefixes."""


def index(model: Model, tpu_slice: Slice) -> dict[str, Any] | None:
    """What the index of prefixes has to be told of a model, or nothing where it finds out by itself.

    The picker learns of vLLM how many blocks its cache has and how many tokens are in one, but tells none apart that
    are smaller than `LEAST_BLOCK`, and still counts as many: it would take prefixes for cached that vLLM has dropped
    long ago. So of smaller blocks it is told how many of its own size they make, as far as the fit is known.
    """
    judged = fitting.judged(model, tpu_slice)
    if judged is None or judged.fit.page >= LEAST_BLOCK:
        return None
    blocks = judged.fit.cache_tokens // LEAST_BLOCK
    parameters = {"autoTune": False, "blockSizeTokens": LEAST_BLOCK, "lruCapacityPerServer": blocks}
    return {"type": INDEX, "parameters": parameters}


def configuration(model: Model, tpu_slice: Slice) -> dict[str, Any]:
    """The EndpointPickerConfig of a model that runs on a slice.

    It is never left out: KServe keeps the configuration that a picker has if it is told of none, so the default could
    not be gone back to (`preserveSchedulerConfig`).
    """
    if isinstance(model.routing, dict):
        return model.routing
    weights = WEIGHTS[model.routing]
    picker = "max-score-picker" if weights else "random-picker"
    told = index(model, tpu_slice) if SCORER_OF_PREFIXES in weights else None
    scored = [{"pluginRef": scorer, "weight": weight} for scorer, weight in weights.items()]
    return {
        "apiVersion": "inference.networking.x-k8s.io/v1alpha1",
        "kind": "EndpointPickerConfig",
        "plugins": [
            {"type": "single-profile-handler"},
            *([told] if told else []),
            *({"type": plugin} for plugin in (*weights, picker)),
        ],
        "schedulingProfiles": [{"name": "default", "plugins": [*scored, {"pluginRef": picker}]}],
    }
