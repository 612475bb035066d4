"""Problems that no single setting has: what they are only together, or by their names."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, cast

from . import uris
from .counts import MAX_NODES

TOKEN_KEY = "huggingFaceToken"  # noqa: S105 - the name of the setting, not a token

CLOSED = {"tls": "self-signed", "auth": "tokens"}
"""What protects an endpoint, none of which production goes without: by setting, what to set it to."""


def _entries(models: object) -> list[dict[str, Any]]:
    found = cast(list[Any], models) if isinstance(models, list) else []
    return [cast(dict[str, Any], m) for m in found if isinstance(m, dict)]


def between_models(models: object, max_nodes: object) -> Iterator[str]:
    """Problems that no single model has. It looks at the raw values, so that it speaks even if a model has others."""
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
    replicas: list[Any] = [m.get("replicas", 1) for m in entries]
    most = int(text) if re.fullmatch("[0-9]{1,9}", text := str(max_nodes)) else None
    if all(type(r) is int and 0 < r <= MAX_NODES for r in replicas) and most is not None and sum(replicas) > most:
        yield (
            f"models: {sum(replicas)} replicas in all, each taking one TPU node, but `tpuMaxNodes` is {max_nodes}. "
            f"Run `pulumi config set tpuMaxNodes {sum(replicas)}`, or lower `replicas`."
        )


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
