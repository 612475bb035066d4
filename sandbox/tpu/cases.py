"""What a stack asks of vLLM, as the cases that are compiled: from its file, by the program's own functions.

The flags are those of `infra.models.pod.args`, read by vLLM's parser, so that what is checked is what is deployed.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from infra.google import slices
from infra.models import pod
from infra.settings import fit, fitting, uris
from infra.settings.fit import Ask, Fit
from infra.settings.model import Model
from infra.settings.model_config import KNOWN, known, shape
from infra.settings.parameters import head_size
from infra.settings.schema import Settings
from ops import roofline, stack_file
from sandbox.engine.stack import REPO
from sandbox.programs import vllm_flags

from .families import FAMILIES

DTYPES = {"half": "float16", "float": "float32"}
"""vLLM's other words for a dtype (`_STR_DTYPE_TO_TORCH_DTYPE` in vllm/config/model.py)."""

MAX_NUM_BATCHED_TOKENS = 2048
"""vLLM's default: `get_batch_defaults` in vllm/engine/arg_utils.py of vllm-tpu 0.27.0, for a chip whose name it does
not know, as the one that tpu-inference gives ("TPU v6e")."""
SMALLEST_BUCKET = 16
"""Fewest tokens of a step: MIN_TOKEN_BUCKET in `envs.py` of tpu-inference 0.27.0. The others are its doubles."""
FEWEST_REQUESTS = 8
"""MIN_NUM_SEQS in `runner/tpu_runner.py` there."""


class CaseError(Exception):
    """A model of a stack cannot be checked; the message says why, and what to do."""


class Case(NamedTuple):
    """One model on one slice, as vLLM will run it. A step has room for `slots` requests and `batched_tokens` tokens;
    `block_size` is the tokens of a page of the cache, `utilization` the share of a chip's memory, `config` the facts of
    config.json."""

    repository: str
    slice: str
    chips_per_host_bounds: str
    tensor_parallel_size: int
    dtype: str
    max_model_len: int
    slots: int
    batched_tokens: int
    block_size: int
    utilization: float
    config: dict[str, Any]

    @property
    def title(self) -> str:
        """What tells it from other cases."""
        return (
            f"{self.repository} on {self.slice}, tensor parallelism {self.tensor_parallel_size}, {self.dtype}, "
            f"{self.max_model_len} tokens"
        )

    @property
    def fit(self) -> Fit:
        """What the program computes of it."""
        ask = Ask(
            self.tensor_parallel_size, self.dtype, self.max_model_len, self.slots, self.utilization, self.block_size
        )
        return fit.fit(shape(self.config), ask)

    def flops(self, program: str, tokens: int) -> float | None:
        """Operations on a chip with weights, by the roofline's arithmetic, with heads as tpu-inference pads them; of
        attention alone there are none."""
        of, chips = shape(self.config), self.tensor_parallel_size
        run = of._replace(kv_heads=max(of.kv_heads, chips), head=head_size(of.head))
        if program == "attention":
            return None
        return roofline.multiplied(run, *((tokens, 0) if program == "step" else (0, tokens))) / chips

    @property
    def token_buckets(self) -> list[int]:
        """Tokens of every step that vLLM compiles while it starts."""
        last = max(SMALLEST_BUCKET, 1 << (self.batched_tokens - 1).bit_length())
        return [1 << n for n in range(SMALLEST_BUCKET.bit_length() - 1, last.bit_length())]

    @property
    def programs(self) -> list[tuple[str, int]]:
        """What is compiled, with its tokens: the first bucket, that of a step that only decodes, full, and the last."""
        full = (max(SMALLEST_BUCKET, 1 << (tokens - 1).bit_length()) for tokens in (self.slots, self.batched_tokens))
        steps = [("step", tokens) for tokens in sorted({SMALLEST_BUCKET, *full})]
        rows = [("logits", rows) for rows in sorted({FEWEST_REQUESTS, self.slots})]
        return [("attention", SMALLEST_BUCKET), *steps, *rows]


def _config(uri: str, known: Mapping[str, dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """The repository of a model and its facts."""
    found = uris.repository(uri)
    if found is None or found.name not in known:
        raise CaseError(
            f"{uri} cannot be checked: nothing is known of its config.json. Add its facts to {KNOWN.name} under "
            "the id of its repository (only hf:// has one)."
        )
    repository, facts = found.name, known[found.name]
    if FAMILIES.keys().isdisjoint(facts["architectures"]):
        raise CaseError(
            f"{repository} cannot be checked: its architecture is {', '.join(facts['architectures'])}, and this knows "
            f"{', '.join(FAMILIES)}. See sandbox/tpu/families.py."
        )
    return repository, facts


def case_of(model: Model, slice_: slices.Slice, models: Mapping[str, dict[str, Any]] | None = None) -> Case:
    """The case of a model on a slice. Raises `CaseError` for what is not checked here."""
    repository, facts = _config(model.uri, known() if models is None else models)
    args = pod.args(model, slice_)
    try:
        flags = vllm_flags.parse(["serve", "/mnt/models", *args])
    except SystemExit as refused:
        raise CaseError(f"{repository} cannot be checked: vLLM would refuse its flags.") from refused
    if other := fitting.other(flags):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in other)
        raise CaseError(f"{repository} cannot be checked: what {named} makes of it is not known here.")
    seqs = flags.max_num_seqs or fit.MAX_NUM_SEQS
    given = any(arg.startswith("--max-model-len") for arg in args)
    length = flags.max_model_len if given else facts["max_position_embeddings"]
    return Case(
        repository=repository,
        slice=slice_.name,
        chips_per_host_bounds=slice_.chips_per_host_bounds,
        tensor_parallel_size=flags.tensor_parallel_size,
        dtype=DTYPES.get(str(flags.dtype), str(flags.dtype)),
        max_model_len=length,
        slots=max(FEWEST_REQUESTS, seqs),
        batched_tokens=flags.max_num_batched_tokens or min(MAX_NUM_BATCHED_TOKENS, seqs * length),
        block_size=flags.block_size or fit.page_size(length, seqs),
        utilization=flags.gpu_memory_utilization or fit.GPU_MEMORY_UTILIZATION,
        config={"tie_word_embeddings": shape(facts).tied, **facts},  # transformers' default is its class's
    )


def settings_of(stack: str, folder: Path = REPO) -> Settings:
    """The checked settings of a stack's file, with Pulumi.yaml's defaults. What is encrypted does not matter here."""
    try:
        return stack_file.stack(stack, folder).settings
    except stack_file.StackFileError as problem:
        raise CaseError(f"stack {stack}: {problem}.") from None


def cases_of(stacks: Iterable[str], folder: Path = REPO) -> Iterator[tuple[str, Case | CaseError]]:
    """Each stack with each of its models' cases, or why there is none."""
    for stack in stacks:
        try:
            found = settings_of(stack, folder)
        except CaseError as error:
            yield stack, error
            continue
        for model in found.models:
            try:
                yield stack, case_of(model, found.slice_of(model))
            except CaseError as error:
                yield stack, error
