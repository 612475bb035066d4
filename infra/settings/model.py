"""One entry of `models`: its fields, their defaults and their checks, as Pulumi.yaml cannot describe them."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel

from infra.google import slices

from . import extra_args, uris
from .autoscaling import Autoscaling, Replicas
from .context import context
from .explain import refuse
from .routing import Routing
from .tpu import SliceName

MAX_NAME = 63 - len("-kserve-self-signed-certs")
"""Longest model name, in characters: KServe v0.20 appends up to this suffix and hashes what is then longer than a DNS
label, so a longer name would not be found by the route."""

RESERVED_NAMESPACES = frozenset(
    {"cert-manager", "default", "istio-ingress", "istio-system", "keda", "kserve", "tpu-warm-up"}
)

TPU_DTYPES = {"auto": "bfloat16", "half": "bfloat16", "float16": "bfloat16"}
"""What vLLM gets in place of a `dtype` that it would run as float16, if only for a checkpoint in float16 (`auto`).

The TPU backend does not cast float16, and its attention kernel does not compile for it: `Mosaic failed to compile TPU
kernel ... Invalid vector register cast` (tpu-inference 0.27.0, kernels/ragged_paged_attention/v3/kernel.py, with libtpu
0.0.44 for v6e). vLLM's own TPU backend, which came before it, made bfloat16 of it (vllm/platforms/tpu.py
of vLLM 0.10). float32 compiles and stays.
"""


def _dns_label(value: str) -> str:
    if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", value) or len(value) > 63:
        raise ValueError(
            "is not a DNS label. Use at most 63 lower-case letters, digits and hyphens, a letter first, no hyphen last."
        )
    return value


def _name_problem(name: str) -> str | None:
    if not name or name.startswith("-") or re.search(r"\s", name) or not name.isprintable():
        return f"contains {name!r}. Use names without spaces that do not begin with a hyphen."
    return extra_args.template_problem(name)


class Model(BaseModel):
    """One model to serve.

    Units: `max_model_len` in tokens, `tensor_parallel_size` in chips, `replicas` in Pods, each of which takes a whole
    TPU node. The validation context is a `Context`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, use_attribute_docstrings=True)

    name: Annotated[str, AfterValidator(_dns_label)]
    """Name of the model's service and last part of its base path. A DNS label of at most 38 characters, not `default`.
    """
    namespace: Annotated[str, AfterValidator(_dns_label)]
    """Kubernetes namespace and first part of the base path. Models may share one. Not one of the platform's:
    `cert-manager`, `default`, `istio-ingress`, `istio-system`, `keda`, `kserve`, `tpu-warm-up`, `gke-*`, `gmp-*`,
    `kube-*`.
    """
    uri: str
    """Where the weights are: `hf://ORGANISATION/REPOSITORY[:REVISION]`, `gs://BUCKET/PATH` (docs/storage.md),
    `pvc://CLAIM/PATH` or `oci://REGISTRY/IMAGE:TAG`. With `protect`, the revision is a commit of 40 digits.
    """
    served_names: tuple[str, ...] = ()
    """Names that the API answers to, the first being the one it reports. Empty means `/mnt/models` and the Hugging
    Face repository, or for other URIs `/mnt/models` and `name`.
    """
    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] = "auto"
    """Precision of weights and activations, one of `auto`, `half`, `float16`, `bfloat16`, `float`, `float32`. The
    first three reach vLLM as `bfloat16`: the TPU kernels of this release do not compile for float16.
    """
    max_model_len: Annotated[StrictInt, Field(ge=1)] | None = None
    """Longest context in tokens, prompt and answer together. Unset means the model's own."""
    slice: SliceName | None = None
    """TPU slice that the model runs on, one of those of `tpuSlice`. Unset means `tpuSlice`. Each slice in use has
    node pools of its own.
    """
    tensor_parallel_size: Annotated[StrictInt, Field(ge=1)] | None = None
    """Chips over which one copy of the model is split, a divisor of the slice's chips. Unset means all of them."""
    replicas: Replicas = 1
    """Number of Pods, or `{min, max}`, between which the load decides, and with `min: 0` none while nobody asks
    (docs/scaling.md). Each takes a whole TPU node, so the sum over all models, of `max` where there is one, must not
    exceed `tpuMaxNodes`.
    """
    routing: Routing = "prefix-cache"
    """How the endpoint picker chooses the Pod of each request, one of `prefix-cache`, `load`, `random`, or an
    `EndpointPickerConfig` of your own (docs/routing.md). It matters from two replicas on.
    """
    paused: StrictBool = False
    """Serve nothing and take no TPU node until this is false again; its paths answer 503 meanwhile. `python -m ops
    pause` and `resume` write it (docs/cost.md).
    """
    extra_args: tuple[str, ...] = ()
    """Further flags of `vllm serve`, one list item per word, like `--max-num-seqs=64`: those of the list below, and no
    others.
    """
    trust_remote_code: StrictBool = False
    """Run Python code that lies beside the weights, as some models want. It runs with all that the Pod may do, so read
    it first, and name the revision that you read.
    """

    @field_validator("name")
    @classmethod
    def _free_and_short_enough(cls, name: str) -> str:
        if len(name) > MAX_NAME:
            raise ValueError(
                f"is {len(name)} characters long, and at most {MAX_NAME} are allowed, because KServe appends to it. "
                "Choose a shorter name."
            )
        if name == "default":
            raise ValueError("is the name of the namespace's own service account. Choose another.")
        return name

    @field_validator("namespace")
    @classmethod
    def _not_the_platforms(cls, namespace: str) -> str:
        if namespace in RESERVED_NAMESPACES or namespace.startswith(("gke-", "gmp-", "kube-")):
            raise ValueError("belongs to the platform. Choose another namespace for the model.")
        return namespace

    @field_validator("uri")
    @classmethod
    def _supported(cls, uri: str) -> str:
        return uris.model(uri)

    @field_validator("served_names")
    @classmethod
    def _names_are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        refuse(map(_name_problem, names))
        return names

    @field_validator("extra_args")
    @classmethod
    def _args_are_flags_of_others(cls, args: tuple[str, ...]) -> tuple[str, ...]:
        refuse(extra_args.problems(args))
        return args

    @field_validator("tensor_parallel_size")
    @classmethod
    def _fits_slice(cls, size: int | None, info: ValidationInfo) -> int | None:
        slice_ = (
            slices.SLICES.get(str(info.data.get("slice") or context(info).tpu_slice)) if "slice" in info.data else None
        )
        if size is not None and slice_ is not None:
            allowed = slices.tensor_parallel_sizes(slice_.chips)
            if size not in allowed:
                raise ValueError(
                    f"does not fit the {slice_.chips} chips of {slice_.name}. Allowed: {', '.join(map(str, allowed))}. "
                    "Leave it out to use every chip."
                )
        return size

    @property
    def autoscaling(self) -> Autoscaling | None:
        """The range of the replicas, if they have one."""
        return self.replicas if isinstance(self.replicas, Autoscaling) else None

    @property
    def sleeps(self) -> bool:
        """Whether the model has no Pods while nobody asks for it."""
        return self.autoscaling is not None and self.autoscaling.min == 0

    @property
    def fewest(self) -> int:
        """The fewest Pods with which the model answers: of one that sleeps it is one."""
        return self.replicas if isinstance(self.replicas, int) else max(self.replicas.min, 1)

    @property
    def most(self) -> int:
        """The most Pods that the model may have."""
        return self.replicas if isinstance(self.replicas, int) else self.replicas.max

    @property
    def tpu_dtype(self) -> str:
        """The `dtype` as it reaches vLLM."""
        return TPU_DTYPES.get(self.dtype, self.dtype)

    @property
    def names(self) -> tuple[str, ...]:
        """The names vLLM answers to, the first being the one it reports: unless set, `/mnt/models`, where KServe puts
        the weights, and then the repository, or for other URIs the model's own name."""
        if self.served_names:
            return self.served_names
        found = uris.repository(self.uri)
        return ("/mnt/models", found.name if found else self.name)


def _at_least_one(models: tuple[Model, ...]) -> tuple[Model, ...]:
    if not models:
        raise ValueError("is empty. Add at least one: docs/settings.md has the fields.")
    return models


Models = Annotated[tuple[Model, ...], AfterValidator(_at_least_one)]


def warnings(models: Iterable[Model]) -> Iterator[str]:
    """What may be wrong with models."""
    for i, model in enumerate(models):
        if model.dtype in ("half", "float16"):
            yield (
                f"models[{i}].dtype: {model.dtype} reaches vLLM as {model.tpu_dtype}, as no TPU kernel of this release "
                f"compiles for float16. Write {model.tpu_dtype}, and nothing else changes."
            )
