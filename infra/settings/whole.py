"""Problems that no single setting has: what they are only together, or by their names."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from . import uris
from .counts import MAX_NODES
from .explain import shown

TOKEN_KEY = "huggingFaceToken"  # noqa: S105 - the name of the setting, not a token

CLOSED = {"tls": "self-signed", "auth": "tokens"}
"""What protects an endpoint, none of which production goes without: by setting, what to set it to."""


GONE = {
    "tpuReservation": (
        "has gone: `tpuCapacity` is a list, and names the reservation itself. Remove it with `pulumi config rm "
        "tpuReservation`, and run `pulumi config set --path 'tpuCapacity[0]' reservation:{value}` (docs/capacity.md)."
    ),
}
"""Settings that there were, and what to write instead of them."""


def gone(values: Mapping[str, Any]) -> Iterator[str]:
    """Which settings are there no more, and what is now in their place."""
    for key, instead in GONE.items():
        if key in values:
            yield f"{key}: {shown(values[key])} {instead.format(value=values[key] or 'NAME')}"


def _entries(models: object) -> list[dict[str, Any]]:
    found = cast(list[Any], models) if isinstance(models, list) else []
    return [cast(dict[str, Any], m) for m in found if isinstance(m, dict)]


def _most(replicas: object) -> object:
    """The most replicas that a model may have, as far as they are told."""
    return cast(dict[str, Any], replicas).get("max") if isinstance(replicas, dict) else replicas


def between_models(models: object, max_nodes: object, tpu_slice: object) -> Iterator[str]:
    """Problems that no single model has. It looks at the raw values, so that it speaks even if a model has others.

    Each slice has node pools of its own, so its models share `max_nodes`.
    """
    entries = _entries(models)
    first: dict[str, int] = {}
    for j, model in enumerate(entries):
        if not model.get("name"):
            continue
        name = f"{model.get('namespace')}/{model['name']}"
        i = first.setdefault(name, j)
        if i < j:
            yield (
                f"models[{j}]: {name} is the name of models[{i}] as well. "
                "Two models need different names or namespaces."
            )
    replicas: dict[str, list[Any]] = {}
    for model in entries:
        if model.get("paused") is not True:
            replicas.setdefault(str(model.get("slice") or tpu_slice), []).append(_most(model.get("replicas", 1)))
    most = int(text) if re.fullmatch("[0-9]{1,9}", text := str(max_nodes)) else None
    for name, of_slice in replicas.items():
        if all(type(r) is int and 0 < r <= MAX_NODES for r in of_slice) and most is not None and sum(of_slice) > most:
            where = "in all" if len(replicas) == 1 else f"on {name}"
            yield (
                f"models: {sum(of_slice)} replicas {where}, each taking one TPU node, but `tpuMaxNodes` is "
                f"{max_nodes}. Run `pulumi config set tpuMaxNodes {sum(of_slice)}`, or lower `replicas`."
            )


def slices(models: object, tpu_slice: object) -> int:
    """How many slices models have, by the raw values; a paused one keeps its own."""
    return len({str(model.get("slice") or tpu_slice) for model in _entries(models)}) or 1


def autoscaled(models: object) -> bool:
    """Whether some model has a range of replicas, by the raw values; a paused one counts, so that it comes back."""
    return any(isinstance(model.get("replicas"), dict) for model in _entries(models))


def not_pinned(models: object, protect: object) -> Iterator[str]:
    """Why the models of a production stack may be others tomorrow. It looks at the raw values as well.

    A branch or a tag of Hugging Face moves when its owner pushes; a commit is what was read and tried. A URI that is
    none is told elsewhere.
    """
    for i, model in enumerate(_entries(models)) if protect in (True, "true") else ():
        uri = str(model.get("uri"))
        if repository := uris.moving(uri):
            yield (
                f"models[{i}].uri: {uri} names no commit, and a stack with `protect: true` wants one, as other weights "
                "may come under the same name. Write the 40 digits behind a colon that `git ls-remote "
                f"https://huggingface.co/{repository} HEAD` shows: hf://{repository}:COMMIT."
            )
        elif model.get("trustRemoteCode") is True and not uris.fixed(uri):
            yield (
                f"models[{i}].trustRemoteCode: runs code that nothing pins, and a stack with `protect: true` wants it "
                "pinned. Use hf://ORGANISATION/REPOSITORY:COMMIT or oci://REGISTRY/IMAGE@sha256:DIGEST, or remove it."
            )


def token_problems(token: object, secrets: Collection[str]) -> Iterator[str]:
    """What is wrong with the Hugging Face token, which no message shows."""
    if token and TOKEN_KEY not in secrets:
        yield (
            f"{TOKEN_KEY}: is stored in plain text. Run `pulumi config set --secret {TOKEN_KEY}`, and revoke the token "
            "if the file was shared."
        )
    elif isinstance(token, str) and not re.fullmatch("[!-~]*", token):
        yield (
            f"{TOKEN_KEY}: has a space, a line break or another character that no token has. Set it again, as one "
            f"word: `pulumi config set --secret {TOKEN_KEY}`."
        )


def open_in_production(values: Mapping[str, Any]) -> Iterator[str]:
    """What leaves the endpoint of a protected stack open to everyone, which is production, unless that is meant."""
    yes = (True, "true")
    if values.get("protect") not in yes or values.get("publicWithoutAuthentication") in yes:
        return
    for key, instead in CLOSED.items():
        if values.get(key) == "none":
            yield (
                f"{key}: none leaves a stack with `protect: true` open to everyone. Run `pulumi config set {key} "
                f"{instead}` (docs/security.md), or, if that is meant, `pulumi config set publicWithoutAuthentication "
                "true`."
            )
