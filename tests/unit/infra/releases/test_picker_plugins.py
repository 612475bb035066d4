"""The plugins of the pinned picker, compared with what its release registers."""

import pytest

from infra.releases.picker_plugins import (
    FILTERS,
    INDEX,
    LEAST_BLOCK,
    PARAMETERS,
    PICKERS,
    RELEASE,
    SCORER_OF_PREFIXES,
    SCORERS,
    UNUSABLE,
    USABLE,
)
from infra.releases.pins import ENDPOINT_PICKER_IMAGE

REGISTERED = """
label-selector-filter by-label-selector by-label encode-filter decode-filter prefill-filter session-affinity-filter
data-parallel-profile-handler load-aware-scorer session-affinity-scorer context-length-aware models-data-source
models-data-extractor prefix-cache-scorer max-score-picker random-picker weighted-random-picker single-profile-handler
disagg-headers-handler prefill-header-handler pd-profile-handler disagg-profile-handler always-disagg-pd-decider
prefix-based-pd-decider always-disagg-multimodal-decider kv-cache-utilization-scorer queue-scorer
running-requests-size-scorer lora-affinity-scorer token-load-scorer no-hit-lru-scorer active-request-scorer
precise-prefix-cache-scorer mm-embeddings-cache-scorer precise-prefix-cache-producer global-strict-fairness-policy
round-robin-fairness-policy program-aware-fairness fcfs-ordering-policy edf-ordering-policy slo-deadline-ordering-policy
static-usage-limit-policy approx-prefix-cache-producer inflight-load-producer mm-embeddings-cache-producer
predicted-latency-producer token-producer tokenizer session-id-producer latency-slo-admitter probabilistic-admitter
prefix-cache-affinity-filter slo-headroom-tier-filter latency-scorer header-based-testing-filter
destination-endpoint-served-verifier metrics-data-source core-metrics-extractor k8s-notification-source
endpoint-notification-source request-attribute-reporter anthropic-parser openai-parser vllmgrpc-parser vllmhttp-parser
passthrough-parser vertexai-parser concurrency-detector utilization-detector file-discovery agent-identity
"""
"""In the order of `registerInTreePlugins` of v0.9.0."""

REASONS = {
    "it wants vLLM's events of its cache and a tokenizer beside the picker, and the stack has neither": {
        "precise-prefix-cache-producer",
        "precise-prefix-cache-scorer",
    },
    "it wants a service that predicts latencies, and the stack has none": {
        "latency-scorer",
        "latency-slo-admitter",
        "predicted-latency-producer",
        "slo-headroom-tier-filter",
    },
    "it is for the picker's own tests": {"destination-endpoint-served-verifier", "header-based-testing-filter"},
    "it is for several vLLM servers in a Pod, and the stack's Pods have one": {"data-parallel-profile-handler"},
    "it reads Pods from a file instead of the InferencePool": {"file-discovery"},
    "it is the former name of token-producer": {"tokenizer"},
}
ROLES = "it is for Pods that only read prompts or only write answers, and the stack's do both"


def test_every_plugin_that_is_registered_is_known_and_no_other() -> None:
    assert set(REGISTERED.split()) == USABLE | UNUSABLE.keys()
    assert not USABLE & UNUSABLE.keys()


def test_plugins_are_those_of_the_pinned_picker() -> None:
    assert ENDPOINT_PICKER_IMAGE.endswith(f":{RELEASE}")


def test_what_a_plugin_does_in_a_profile_is_in_its_name() -> None:
    names = REGISTERED.split()
    assert {n for n in names if n.endswith("-picker")} == PICKERS
    assert {n for n in names if n.endswith("-scorer")} - UNUSABLE.keys() == SCORERS - {"context-length-aware"}
    assert {n for n in names if n.endswith("-filter")} - UNUSABLE.keys() == FILTERS - {"by-label", "by-label-selector"}


@pytest.mark.parametrize("plugin", sorted(UNUSABLE))
def test_plugin_of_no_use_says_why(plugin: str) -> None:
    expected = next((reason for reason, plugins in REASONS.items() if plugin in plugins), ROLES)
    assert UNUSABLE[plugin] == expected


def test_parameters_are_those_that_the_plugins_decode() -> None:
    most = {"maxNumOfEndpoints"}
    assert {
        INDEX: {
            *("autoTune", "blockSize", "blockSizeTokens", "lruCapacityPerServer"),
            *("maxPrefixBlocksToMatch", "maxPrefixTokensToMatch"),
        },
        SCORER_OF_PREFIXES: {"prefixMatchInfoProducerName"},
        "no-hit-lru-scorer": {"lruSize", "prefixMatchInfoProducerName", "prefixPluginName", "prefixPluginType"},
        "active-request-scorer": {"idleThreshold", "inFlightLoadProducerName", "maxBusyScore", "requestTimeout"},
        "load-aware-scorer": {"threshold"},
        "token-load-scorer": {"inFlightLoadProducerName", "queueThresholdTokens"},
        "max-score-picker": most,
        "random-picker": most,
        "weighted-random-picker": most,
    } == PARAMETERS


def test_index_tells_no_smaller_blocks_apart() -> None:
    assert LEAST_BLOCK == 64
