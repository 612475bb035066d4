"""How Pods are chosen, and the line that each mistake gets."""

import copy
import json
from typing import Any

from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, problems, refused, stack

OWN: dict[str, Any] = {
    "apiVersion": "llm-d.ai/v1alpha1",
    "kind": "EndpointPickerConfig",
    "plugins": [
        {"type": "single-profile-handler"},
        {"type": "prefix-cache-scorer", "name": "prefixes"},
        {"type": "max-score-picker", "parameters": {"maxNumOfEndpoints": 2}},
    ],
    "schedulingProfiles": [
        {
            "name": "default",
            "plugins": [{"pluginRef": "prefixes", "weight": 0.5}, {"pluginRef": "max-score-picker"}],
        }
    ],
}
WAYS = "Use one of prefix-cache, load, random, or a configuration of your own: docs/routing.md has one."


def told(what: str, **changes: Any) -> tuple[Values, str]:
    """The configuration with changes, and the line it gets."""
    value = {**copy.deepcopy(OWN), **changes}
    shown = json.dumps(value)
    return {"models[0].routing": value}, f"models[0].routing: {shown[:400]}{'...' * (len(shown) > 400)} {what}"


def plugins(*more: dict[str, Any]) -> dict[str, Any]:
    return {"plugins": [*OWN["plugins"], *more]}


def profile(*refs: str) -> dict[str, Any]:
    return {"schedulingProfiles": [{"name": "default", "plugins": [{"pluginRef": ref} for ref in refs]}]}


def without(key: str) -> Values:
    return {k: v for k, v in OWN.items() if k != key}


BAD: dict[str, tuple[Values, str]] = {
    "strategy that is none": (
        {"models[0].routing": "cache"},
        f'models[0].routing: "cache" is not allowed. {WAYS}',
    ),
    "taking turns": (
        {"models[0].routing": "round-robin"},
        'models[0].routing: "round-robin" is not allowed. The picker has no plugin that takes turns; random spreads as '
        f"evenly in the long run. {WAYS}",
    ),
    "list": ({"models[0].routing": []}, f"models[0].routing: [] is not allowed. {WAYS}"),
    "nothing": ({"models[0].routing": None}, f"models[0].routing: null is not allowed. {WAYS}"),
    "another kind": told("has another kind than 'EndpointPickerConfig'. Use that.", kind="ConfigMap"),
    "another API": told(
        "has another apiVersion than 'llm-d.ai/v1alpha1' or 'inference.networking.x-k8s.io/v1alpha1'. Use that.",
        apiVersion="v1",
    ),
    "feature gate that is none": told(
        "has another featureGates[1] than 'dataLayer' or 'flowControl'. Use that.",
        featureGates=["flowControl", "speed"],
    ),
    "no profile": (
        {"models[0].routing": without("schedulingProfiles")},
        f"models[0].routing: {json.dumps(without('schedulingProfiles'))} lacks schedulingProfiles. Add it.",
    ),
    "field that is none": told("has scorers, which the picker does not know. Remove it.", scorers=[]),
    "plugin without a type": told("lacks plugins[3].type. Add it.", **plugins({"name": "x"})),
    "weight in quotes": told(
        "has a wrong schedulingProfiles[0].plugins[0].weight: Input should be a valid number. Change it.",
        schedulingProfiles=[{"name": "default", "plugins": [{"pluginRef": "prefixes", "weight": "2"}]}],
    ),
    "weight below nothing": told(
        "has a wrong schedulingProfiles[0].plugins[0].weight: Input should be greater than or equal to 0. Change it.",
        schedulingProfiles=[{"name": "default", "plugins": [{"pluginRef": "prefixes", "weight": -1}]}],
    ),
    "plugin that is misspelt": told(
        "has the plugin 'queue-score', which the picker v0.9.0 does not know. Did you mean queue-scorer? "
        "docs/routing.md has where its plugins are listed.",
        **plugins({"type": "queue-score"}),
    ),
    "plugin that is none": told(
        "has the plugin 'x', which the picker v0.9.0 does not know. docs/routing.md has where its plugins are listed.",
        **plugins({"type": "x"}),
    ),
    "plugin that wants what a stack has not": told(
        "has the plugin precise-prefix-cache-scorer, which is of no use here, as it wants vLLM's events of its cache "
        "and a tokenizer beside the picker, and the stack has neither. Remove it.",
        **plugins({"type": "precise-prefix-cache-scorer"}),
    ),
    "parameter of the index at the scorer, which KServe would drop": told(
        "gives prefix-cache-scorer the parameter lruCapacityPerServer. Give it to approx-prefix-cache-producer "
        "instead.",
        plugins=[{**OWN["plugins"][1], "parameters": {"lruCapacityPerServer": 64}}, OWN["plugins"][2]],
    ),
    "parameter of nobody at the scorer": told(
        "gives prefix-cache-scorer the parameter 'x'. It takes prefixMatchInfoProducerName.",
        plugins=[{**OWN["plugins"][1], "parameters": {"x": 1}}, OWN["plugins"][2]],
    ),
    "parameter of the index elsewhere": told(
        "gives max-score-picker the parameter 'autoTune'. It takes maxNumOfEndpoints.",
        plugins=[OWN["plugins"][1], {"type": "max-score-picker", "parameters": {"autoTune": True}}],
    ),
    "parameter that is none": told(
        "gives max-score-picker the parameter 'most'. It takes maxNumOfEndpoints.",
        plugins=[OWN["plugins"][1], {"type": "max-score-picker", "parameters": {"most": 1}}],
    ),
    "reference to no plugin": told(
        "refers to the plugin 'queue-scorer', which is not in its list of plugins. Add it there.",
        **profile("prefixes", "max-score-picker", "queue-scorer", "queue-scorer"),
    ),
    "reference to a plugin's type, which has a name": told(
        "refers to the plugin 'prefix-cache-scorer', which is not in its list of plugins. Add it there. It also has "
        "the plugin prefixes, which no profile uses. Add it to one, or remove it.",
        **profile("prefix-cache-scorer", "max-score-picker"),
    ),
    "reference to no plugin elsewhere": told(
        "refers to the plugin 'utilization-detector', which is not in its list of plugins. Add it there.",
        flowControl={"saturationDetector": {"pluginRef": "utilization-detector"}},
    ),
    "two plugins of a name": told(
        "has two plugins of the name prefixes. Give one another `name`.",
        **plugins({"type": "queue-scorer", "name": "prefixes"}),
    ),
    "two profiles": told(
        "has 2 schedulingProfiles. Use one, as its Pods are all of one kind.",
        schedulingProfiles=[*OWN["schedulingProfiles"], {"name": "other", "plugins": []}],
    ),
    "two pickers": told(
        "has 2 pickers in one profile: max-score-picker, random-picker. Use one.",
        **plugins({"type": "random-picker"}),
        **profile("prefixes", "max-score-picker", "random-picker"),
    ),
    "template": told(
        "contains '{{ .Name }}', and KServe would run its {{ as a template. Write JSON with a space between braces "
        "({ {), and leave templates out.",
        **plugins({"type": "token-producer", "parameters": {"modelName": "{{ .Name }}"}}),
    ),
}

GOOD: dict[str, Values] = {
    "each strategy": {"models[0].routing": "random"},
    "configuration": {"models[0].routing": OWN},
    "former name of the API": {"models[0].routing": {**OWN, "apiVersion": "inference.networking.x-k8s.io/v1alpha1"}},
    "no handler and no picker, which the picker adds": {
        "models[0].routing": {**OWN, "plugins": [{"type": "queue-scorer"}], **profile("queue-scorer")}
    },
    "parameters of a plugin that are not checked": {
        "models[0].routing": {**OWN, **plugins({"type": "session-id-producer", "parameters": {"anything": [1]}})}
    },
    "detector that is listed": {
        "models[0].routing": {
            **OWN,
            **plugins({"type": "utilization-detector"}),
            "flowControl": {"saturationDetector": {"pluginRef": "utilization-detector"}},
            "featureGates": ["flowControl"],
        }
    },
}

test_bad_routing_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_routing_is_accepted = accepted(GOOD)


def test_unset_it_is_by_prefixes() -> None:
    assert parse(stack()).models[0].routing == "prefix-cache"


def test_configuration_is_kept_as_it_was_written() -> None:
    assert parse(stack({"models[0].routing": OWN})).models[0].routing == OWN


def test_every_problem_is_told_at_once() -> None:
    wrong = {**OWN, **plugins({"type": "x"}), **profile("y", "prefixes", "max-score-picker")}
    [line] = problems(stack({"models[0].routing": wrong}))
    assert "'x'" in line
    assert "'y'" in line
