"""What the endpoint picker is told by each strategy, and what its index of prefixes is."""

from typing import Any

import pytest
import yaml

from infra.google.slices import SLICES
from infra.models.picker_config import configuration, index
from infra.releases import picker_plugins
from infra.settings.model import Model
from tests.support.program import Declared, Run, spec
from tests.support.stacks import MODEL

V6E_4 = SLICES["v6e-4"]
KSERVES = """
apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: single-profile-handler
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: no-hit-lru-scorer
- type: max-score-picker
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: queue-scorer
    weight: 2
  - pluginRef: kv-cache-utilization-scorer
    weight: 2
  - pluginRef: prefix-cache-scorer
    weight: 3
  - pluginRef: no-hit-lru-scorer
    weight: 2
  - pluginRef: max-score-picker
"""
"""What KServe v0.20.0 gives a picker that is told nothing."""


def model(**fields: Any) -> Model:
    return Model.model_validate({"name": "m", "namespace": "n", "uri": "hf://Qwen/Qwen2.5-3B-Instruct", **fields})


def told(**fields: Any) -> dict[str, Any]:
    return configuration(model(**fields), V6E_4)


def test_default_is_word_for_word_kserves_own() -> None:
    """So that no picker restarts when KServe is told what it would have done anyway."""
    assert yaml.safe_dump(told(maxModelLen=2048)) == yaml.safe_dump(yaml.safe_load(KSERVES))


def test_load_is_the_default_without_what_is_about_prefixes() -> None:
    assert told(routing="load") == {
        "apiVersion": "inference.networking.x-k8s.io/v1alpha1",
        "kind": "EndpointPickerConfig",
        "plugins": [
            {"type": "single-profile-handler"},
            {"type": "queue-scorer"},
            {"type": "kv-cache-utilization-scorer"},
            {"type": "max-score-picker"},
        ],
        "schedulingProfiles": [
            {
                "name": "default",
                "plugins": [
                    {"pluginRef": "queue-scorer", "weight": 2},
                    {"pluginRef": "kv-cache-utilization-scorer", "weight": 2},
                    {"pluginRef": "max-score-picker"},
                ],
            }
        ],
    }


def test_random_asks_nothing_about_a_pod() -> None:
    found = told(routing="random")
    assert found["plugins"] == [{"type": "single-profile-handler"}, {"type": "random-picker"}]
    assert found["schedulingProfiles"] == [{"name": "default", "plugins": [{"pluginRef": "random-picker"}]}]


def test_configuration_of_ones_own_is_handed_on_as_it_is() -> None:
    own = yaml.safe_load(KSERVES)
    assert told(routing=own) == own


@pytest.mark.parametrize("length", [1024, 2048, 8192, 32768])
def test_index_finds_out_by_itself_while_vllms_blocks_are_not_too_small(length: int) -> None:
    assert index(model(maxModelLen=length), V6E_4) is None


@pytest.mark.parametrize(
    ("fields", "blocks"),
    [
        # 1,589,760 tokens of cache with blocks of 128, as `make tpu-check` compares them with the compiler
        pytest.param({"maxModelLen": 16384}, 24841, id="a long context, so blocks of 32"),
        pytest.param({"extraArgs": ["--max-num-seqs=64"]}, 24841, id="the model's own length for few, so blocks of 16"),
        pytest.param({"maxModelLen": 2048, "extraArgs": ["--block-size=32"]}, 24841, id="small blocks on purpose"),
    ],
)
def test_index_is_told_how_many_blocks_of_its_own_size_the_cache_holds(fields: dict[str, Any], blocks: int) -> None:
    assert index(model(**fields), V6E_4) == {
        "type": "approx-prefix-cache-producer",
        "parameters": {"autoTune": False, "blockSizeTokens": 64, "lruCapacityPerServer": blocks},
    }


def test_index_of_a_model_that_is_not_known_finds_out_by_itself() -> None:
    assert index(model(uri="hf://somebody/something"), V6E_4) is None


def test_index_stands_among_the_plugins_of_the_strategy_that_uses_it_alone() -> None:
    long = {"maxModelLen": 16384}
    assert [plugin["type"] for plugin in told(**long)["plugins"]] == [
        *("single-profile-handler", "approx-prefix-cache-producer", "queue-scorer", "kv-cache-utilization-scorer"),
        *("prefix-cache-scorer", "no-hit-lru-scorer", "max-score-picker"),
    ]
    assert told(**long)["schedulingProfiles"] == told(maxModelLen=2048)["schedulingProfiles"]
    assert told(routing="load", **long) == told(routing="load", maxModelLen=2048)


@pytest.mark.parametrize("routing", ["prefix-cache", "load", "random"])
def test_every_plugin_of_a_strategy_is_one_of_the_pinned_picker(routing: str) -> None:
    plugins = told(routing=routing, maxModelLen=16384)["plugins"]
    assert {plugin["type"] for plugin in plugins} <= picker_plugins.USABLE


def test_picker_is_told_inline(dev: Declared) -> None:
    assert spec(dev)["router"]["scheduler"]["config"] == {"inline": yaml.safe_load(KSERVES)}


def test_model_of_another_strategy_is_told_it(run: Run) -> None:
    declared = run(models=[{**MODEL, "routing": "random", "slice": "v6e-8"}])
    inline = spec(declared)["router"]["scheduler"]["config"]["inline"]
    assert inline["plugins"][-1] == {"type": "random-picker"}


def test_index_is_that_of_the_models_own_slice(run: Run) -> None:
    declared = run(models=[{**MODEL, "maxModelLen": 16384, "slice": "v6e-8", "tensorParallelSize": 8}])
    plugins = spec(declared)["router"]["scheduler"]["config"]["inline"]["plugins"]
    assert plugins[1] == index(Model.model_validate({**MODEL, "maxModelLen": 16384}), SLICES["v6e-8"])
    assert plugins[1] != index(Model.model_validate({**MODEL, "maxModelLen": 16384}), V6E_4)
