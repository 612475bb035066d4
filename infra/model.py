"""One entry of `models`: its fields, their defaults and their checks, as Pulumi.yaml cannot describe them."""

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from . import tpu

MAX_NAME = 63 - len("-kserve-self-signed-certs")
"""Longest model name, in characters: KServe v0.20 appends up to this suffix and hashes what is then longer than a DNS
label, so a longer name would not be found by the route."""

RESERVED_NAMESPACES = frozenset({"cert-manager", "default", "istio-ingress", "istio-system", "kserve"})

TPU_DTYPES = {"auto": "bfloat16", "half": "bfloat16", "float16": "bfloat16"}
"""What vLLM gets in place of a `dtype` that it would run as float16, if only for a checkpoint in float16 (`auto`).

The TPU backend does not cast float16, and its attention kernel does not compile for it: `Mosaic failed to compile TPU
kernel ... Invalid vector register cast` (tpu-inference 0.27.0, kernels/ragged_paged_attention/v3/kernel.py, with libtpu
0.0.44 for v6e). vLLM's own TPU backend, which came before it, made bfloat16 of it (vllm/platforms/tpu.py
of vLLM 0.10). float32 compiles and stays.
"""

_URI_FORMS = "hf://ORGANISATION/REPOSITORY, pvc://CLAIM/PATH or oci://REGISTRY/IMAGE:TAG"
_OWN_FLAGS = {
    "--dtype": "the field `dtype` sets it",
    "--max-model-len": "the field `maxModelLen` sets it",
    "--served-model-name": "the field `servedNames` sets it",
    "--tensor-parallel-size": "the field `tensorParallelSize` sets it",
    "-tp": "the field `tensorParallelSize` sets it",
    "--pipeline-parallel-size": "a Pod has one host, and `tensorParallelSize` uses its chips",
    "-pp": "a Pod has one host, and `tensorParallelSize` uses its chips",
    "--data-parallel-size": "a Pod has one host; use `replicas`",
    "-dp": "a Pod has one host; use `replicas`",
    "--model": "the field `uri` sets it",
    "--config": "a file of flags would override the fields",
    "--port": "routes and probes rely on port 8000",
    "--shutdown-timeout": "the Pod's grace period goes with it",
    "--host": "probes rely on every interface",
    "--uds": "routes and probes rely on port 8000",
    "--ssl-keyfile": "probes and gateway speak plain HTTP to vLLM",
    "--ssl-certfile": "probes and gateway speak plain HTTP to vLLM",
    "--api-key": "everyone who can read the Pod can read a flag, so it is no place for a secret",
}
"""Flags that the program sets itself or that break what it sets, and why. argparse takes a beginning for the whole."""


def _dns_label(value: str) -> str:
    if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", value) or len(value) > 63:
        raise ValueError(
            "is not a DNS label. Use at most 63 lower-case letters, digits and hyphens, a letter first, no hyphen last."
        )
    return value


def refuse(problems: Iterable[str | None]) -> None:
    """Raise one `ValueError` with all the problems that a list has, if it has any."""
    found = [problem for problem in problems if problem]
    if found:
        raise ValueError(" It also ".join(found))


def _template_problem(value: str) -> str | None:
    if "{{" not in value:
        return None
    return (
        f"contains {value!r}, and KServe would run its {{{{ as a template. Write JSON with a space between braces "
        "({ {), and leave templates out."
    )


def _name_problem(name: str) -> str | None:
    if not name or name.startswith("-") or re.search(r"\s", name):
        return f"contains {name!r}. Use names without spaces that do not begin with a hyphen."
    return _template_problem(name)


def _flag_problem(arg: str) -> str | None:
    flag = arg.split("=", 1)[0].replace("_", "-")
    own = next((own for own in _OWN_FLAGS if own == flag or (flag.startswith("--") and own.startswith(flag))), None)
    if own:
        return f"contains {flag}. Remove it: {_OWN_FLAGS[own]}."
    if re.match(r"--[\w-]+\s", arg):
        return f"contains {flag!r}, a flag and its value in one. Write {flag.replace(' ', '=', 1)!r}."
    return _template_problem(arg)


class Model(BaseModel):
    """One model to serve.

    Units: `max_model_len` in tokens, `tensor_parallel_size` in chips, `replicas` in Pods, each of which takes a whole
    TPU node. The name of the stack's slice is the validation context.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)

    name: Annotated[str, AfterValidator(_dns_label)]
    namespace: Annotated[str, AfterValidator(_dns_label)]
    uri: str
    served_names: tuple[str, ...] = ()
    dtype: Literal["auto", "half", "float16", "bfloat16", "float", "float32"] = "auto"
    max_model_len: Annotated[StrictInt, Field(ge=1)] | None = None
    tensor_parallel_size: Annotated[StrictInt, Field(ge=1)] | None = None
    replicas: Annotated[StrictInt, Field(ge=1)] = 1
    extra_args: tuple[str, ...] = ()

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
        if uri.startswith("gs://"):
            raise ValueError(
                "cannot be read: KServe's LLMInferenceService has no gs:// support. Use hf://..., or pack the weights "
                "into an image and use oci://..."
            )
        if uri.startswith("s3://"):
            raise ValueError(
                "cannot be read: there is no setting for its credentials yet. Use hf://..., or pack the weights into "
                "an image and use oci://..."
            )
        if not re.fullmatch(r"hf://[\w.-]+/[\w.-]+(:[\w./-]+)?|(pvc|oci)://[^\s/{}]+(/[^\s{}]*)?", uri):
            raise ValueError(f"is not a model URI. Use {_URI_FORMS}.")
        return uri

    @field_validator("served_names")
    @classmethod
    def _names_are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        refuse(map(_name_problem, names))
        return names

    @field_validator("extra_args")
    @classmethod
    def _args_are_flags_of_others(cls, args: tuple[str, ...]) -> tuple[str, ...]:
        if args and not args[0].startswith("-"):
            raise ValueError(f"begins with {args[0]!r}, which is not a flag. Begin with one, like --max-num-seqs=64.")
        refuse(map(_flag_problem, args))
        return args

    @field_validator("tensor_parallel_size")
    @classmethod
    def _fits_slice(cls, size: int | None, info: ValidationInfo) -> int | None:
        slice_ = tpu.SLICES.get(str(info.context))
        if size is not None and slice_ is not None:
            allowed = tpu.tensor_parallel_sizes(slice_.chips)
            if size not in allowed:
                raise ValueError(
                    f"does not fit the {slice_.chips} chips of {slice_.name}. Allowed: {', '.join(map(str, allowed))}. "
                    "Leave it out to use every chip."
                )
        return size

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
        repository = self.uri.removeprefix("hf://").split(":")[0] if self.uri.startswith("hf://") else self.name
        return ("/mnt/models", repository)
