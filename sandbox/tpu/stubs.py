"""What stands in for vLLM, torch and the rest of tpu-inference's dependencies, so that its models can be built alone.

The packages would be 5 GB. A model takes a handful of their functions, which are written out below, and imports names
of which nothing that compiles a step makes use. Those are `UNUSED`: a name for annotations and base classes that raises
as soon as it is called or looked into. What is in no list here is missing, and its import fails.
"""

import importlib.util
import logging
import runpy
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

UNUSED = {
    "filelock": "",  # weights are downloaded under a lock
    "huggingface_hub": "snapshot_download",
    "huggingface_hub.constants": "",
    "requests": "",  # asks the metadata server for the TPU's type
    "safetensors": "safe_open",
    "sympy": "divisors",  # block sizes of mixture-of-experts kernels
    # Conversion of weights, and annotations of functions that take either framework's tensors.
    "torch": "Tensor bfloat16 dtype float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz uint16 uint32 uint8",
    "torch.nn": "Module",
    "torchax.interop": "jax_view torch_view",
    "torchax.ops.mappings": "j2t_dtype t2j t2j_dtype",
    "torchax.tensor": "Tensor",
    "tpu_inference.layers.vllm.quantization.configs": "VllmQuantConfig",  # annotations
    "tqdm.auto": "tqdm",
    "transformers": "LlamaConfig Qwen2Config Qwen3Config",  # annotations
    "vllm": "envs",
    "vllm.config": "ModelConfig VllmConfig get_current_vllm_config",
    "vllm.model_executor.layers.fused_moe": "RoutedExperts",
    "vllm.model_executor.layers.fused_moe.activation": "MoEActivation",
    "vllm.model_executor.model_loader.dummy_loader": "DummyModelLoader",
    "vllm.model_executor.models.utils": "AutoWeightsLoader",
    "vllm.sequence": "IntermediateTensors",
}
"""Imported and never used here, by module."""


class StubError(Exception):
    """Something that is only a name here was used: the check has to be extended, and says nothing of the model."""


class _Unused(type):
    def __call__(cls, *_: object, **__: object) -> Any:
        raise StubError(f"{cls.__module__}.{cls.__name__} is only a name in sandbox/tpu/stubs.py, and was called")

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise StubError(f"{cls.__module__}.{cls.__name__}.{name} was used; sandbox/tpu/stubs.py has only its name")


class _Logger(logging.Logger):
    """vLLM's has these in addition."""

    def info_once(self, *args: Any) -> None:
        self.info(*args)

    def warning_once(self, *args: Any) -> None:
        self.warning(*args)


def _rope_theta(config: Any, default_theta: float) -> None:
    """vLLM's `set_default_rope_theta` for the configurations of transformers 5, which have `rope_parameters`."""
    config.rope_parameters.setdefault("rope_theta", default_theta)


def _layers_of_a_rank(layers: int, rank: int, ranks: int) -> tuple[int, int]:
    if (rank, ranks) != (0, 1):
        raise StubError("pipeline parallelism is not checked")
    return 0, layers


def _register_model_loader(_name: str) -> Callable[[type], type]:
    return lambda loader: loader


def _unused(module: str, name: str) -> type:
    return _Unused(name, (), {"__module__": module})


REPLACED: dict[str, dict[str, Any]] = {
    "huggingface_hub": {"HfFileSystem": lambda: _unused("huggingface_hub", "HfFileSystem")},  # made when imported
    "vllm.distributed.utils": {"get_pp_indices": _layers_of_a_rank},
    "vllm.logger": {"_VllmLogger": _Logger, "init_logger": _Logger},
    "vllm.model_executor.model_loader": {"register_model_loader": _register_model_loader},
    "vllm.transformers_utils.config": {"set_default_rope_theta": _rope_theta},
    "vllm.utils.math_utils": {"cdiv": lambda a, b: -(-a // b)},
}
"""What is used, and does the same here for the cases that are checked."""


def _module(name: str) -> types.ModuleType:
    """The stand-in of this name, made with those that it lies in; tpu-inference's own packages stay themselves."""
    if name not in sys.modules:
        module = sys.modules[name] = types.ModuleType(name, "A stand-in of sandbox/tpu/stubs.py.")
        module.__path__ = []
        parent, _, last = name.rpartition(".")
        if parent and parent not in ("tpu_inference", "tpu_inference.layers"):
            setattr(_module(parent), last, module)
    return sys.modules[name]


def install() -> None:
    """Put the stand-ins where they are imported, and import tpu-inference's settings of the compiler. Before jax is."""
    if "jax" in sys.modules:
        raise StubError("jax is imported already, and has not seen tpu-inference's flags for its compiler")
    for name, names in UNUSED.items():
        module = _module(name)
        for unused in names.split():
            setattr(module, unused, _unused(name, unused))
    for name, values in REPLACED.items():
        for key, value in values.items():
            setattr(_module(name), key, value)
    # The package's own __init__ registers a platform with vLLM; what lies in it is the real thing.
    spec = importlib.util.find_spec("tpu_inference")
    if spec is None or not spec.submodule_search_locations:
        raise StubError("tpu-inference is not installed")
    package = sys.modules["tpu_inference"] = types.ModuleType("tpu_inference")
    package.__path__ = list(spec.submodule_search_locations)
    runpy.run_path(str(Path(package.__path__[0], "env_override.py")))  # XLA_FLAGS and LIBTPU_INIT_ARGS
