"""Compiled programs that outlive a Pod: a folder of a bucket, mounted where vLLM keeps them.

vLLM on TPU compiles for minutes before it serves, and keeps what it compiled in jax's persistent cache, in its
container, where it dies with the Pod. `VLLM_XLA_CACHE_PATH` names another place (`CompilationManager` in
tpu_inference/runner/compilation_manager.py of https://github.com/vllm-project/tpu-inference/tree/v0.27.0).

Each program is a file of its own, named by a hash of the program, the versions of jaxlib and libtpu, XLA's flags and
the chips (jax/_src/cache_key.py of https://github.com/jax-ml/jax/tree/jax-v0.11.0). It is written once, as a whole, and
not renamed (`LRUCache.put` in lru_cache.py): an object appears when its file is closed, so nobody reads half of one,
and a bucket needs no hierarchical namespace for it. What cannot be read is compiled.
"""

from typing import Any

from infra.google import slices
from infra.releases import pins
from infra.settings.model import Model

from . import fuse

PATH = "/var/cache/xla"
NAME = "compile-cache"
ENVIRONMENT = {"name": "VLLM_XLA_CACHE_PATH", "value": PATH}
MOUNT = {"name": NAME, "mountPath": PATH}


def folder(model: Model, tpu_slice: slices.Slice) -> str:
    """The folder of a model on a slice with this release of vLLM.

    jax's own names would keep all of them apart. The folders keep them apart for people, and from models that have
    nothing to do with one another. Flags are not in it: after a change of them, what is the same is still found.
    """
    release = pins.VLLM_TPU_IMAGE.rpartition(":")[2]
    return f"{model.namespace}/{model.name}/{tpu_slice.name}/{release}"


def volume(model: Model, tpu_slice: slices.Slice, bucket: Any) -> dict[str, Any]:
    """The volume of vLLM's Pod, of the bucket of this name."""
    return fuse.volume(NAME, bucket, f"only-dir={folder(model, tpu_slice)}")
