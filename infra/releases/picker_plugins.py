"""The plugins of the pinned endpoint picker, as its configuration names them.

They are those that `registerInTreePlugins` registers
(https://github.com/llm-d/llm-d-router/blob/v0.9.0/cmd/epp/runner/runner.go). A type that is not among them, or a
parameter that a plugin does not know, keeps the picker from starting.
"""

from collections.abc import Mapping

RELEASE = "v0.9.0"
"""Whose plugins these are: the tag of `ENDPOINT_PICKER_IMAGE`."""

PICKERS = frozenset({"max-score-picker", "random-picker", "weighted-random-picker"})
"""What chooses one of the Pods that are left. None of them takes turns: `round-robin-fairness-policy` is about whose
request is next, not about where it goes."""

SCORERS = frozenset(
    {
        *("active-request-scorer", "context-length-aware", "kv-cache-utilization-scorer", "load-aware-scorer"),
        *("lora-affinity-scorer", "mm-embeddings-cache-scorer", "no-hit-lru-scorer", "prefix-cache-scorer"),
        *("queue-scorer", "running-requests-size-scorer", "session-affinity-scorer", "token-load-scorer"),
    }
)
FILTERS = frozenset(
    {
        *("by-label", "by-label-selector", "label-selector-filter", "prefix-cache-affinity-filter"),
        "session-affinity-filter",
    }
)
OTHERS = frozenset(
    {
        "single-profile-handler",
        # what scorers and filters are told about requests and Pods
        *("approx-prefix-cache-producer", "inflight-load-producer", "mm-embeddings-cache-producer"),
        *("session-id-producer", "token-producer", "agent-identity", "request-attribute-reporter"),
        *("core-metrics-extractor", "metrics-data-source", "models-data-extractor", "models-data-source"),
        *("endpoint-notification-source", "k8s-notification-source"),
        # which requests are let in, and when
        *("concurrency-detector", "utilization-detector", "probabilistic-admitter", "static-usage-limit-policy"),
        *("edf-ordering-policy", "fcfs-ordering-policy", "slo-deadline-ordering-policy"),
        *("global-strict-fairness-policy", "program-aware-fairness", "round-robin-fairness-policy"),
        # how a request is read
        *("anthropic-parser", "openai-parser", "passthrough-parser", "vertexai-parser", "vllmgrpc-parser"),
        "vllmhttp-parser",
    }
)
USABLE = PICKERS | SCORERS | FILTERS | OTHERS

_KV_EVENTS = "it wants vLLM's events of its cache and a tokenizer beside the picker, and the stack has neither"
_ROLES = "it is for Pods that only read prompts or only write answers, and the stack's do both"
_LATENCY = "it wants a service that predicts latencies, and the stack has none"
_TESTS = "it is for the picker's own tests"
UNUSABLE: Mapping[str, str] = {
    **dict.fromkeys(("precise-prefix-cache-producer", "precise-prefix-cache-scorer"), _KV_EVENTS),
    **dict.fromkeys(("always-disagg-multimodal-decider", "always-disagg-pd-decider", "decode-filter"), _ROLES),
    **dict.fromkeys(
        ("disagg-headers-handler", "disagg-profile-handler", "encode-filter", "pd-profile-handler"), _ROLES
    ),
    **dict.fromkeys(("prefill-filter", "prefill-header-handler", "prefix-based-pd-decider"), _ROLES),
    **dict.fromkeys(("latency-scorer", "latency-slo-admitter", "predicted-latency-producer"), _LATENCY),
    "slo-headroom-tier-filter": _LATENCY,
    **dict.fromkeys(("destination-endpoint-served-verifier", "header-based-testing-filter"), _TESTS),
    "data-parallel-profile-handler": "it is for several vLLM servers in a Pod, and the stack's Pods have one",
    "file-discovery": "it reads Pods from a file instead of the InferencePool",
    "tokenizer": "it is the former name of token-producer",
}
"""Registered too, but of no use in a stack, and why."""

INDEX = "approx-prefix-cache-producer"
"""Knows which prefixes each Pod has been sent, and so may have in its cache."""
SCORER_OF_PREFIXES = "prefix-cache-scorer"
PARAMETERS: Mapping[str, frozenset[str]] = {
    INDEX: frozenset(
        {
            *("autoTune", "blockSize", "blockSizeTokens", "lruCapacityPerServer", "maxPrefixBlocksToMatch"),
            "maxPrefixTokensToMatch",
        }
    ),
    SCORER_OF_PREFIXES: frozenset({"prefixMatchInfoProducerName"}),
    "no-hit-lru-scorer": frozenset({"lruSize", "prefixMatchInfoProducerName", "prefixPluginName", "prefixPluginType"}),
    "active-request-scorer": frozenset({"idleThreshold", "inFlightLoadProducerName", "maxBusyScore", "requestTimeout"}),
    "load-aware-scorer": frozenset({"threshold"}),
    "token-load-scorer": frozenset({"inFlightLoadProducerName", "queueThresholdTokens"}),
    **dict.fromkeys(PICKERS, frozenset({"maxNumOfEndpoints"})),
}
"""The parameters of the plugins that are about caches and load; those of others are left to the picker."""

LEAST_BLOCK = 64
"""Tokens of the smallest block that the index tells apart: `minBlockSizeTokens` in the package approximateprefix."""
