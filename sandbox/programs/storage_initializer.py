"""Stands in for KServe's storage initializer: `python -m sandbox.programs.storage_initializer URI PATH [URI PATH...]`.

It downloads nothing. It refuses what the real one refuses before or at the first byte: arguments that are no pairs, a
URI that it cannot read, and on Hugging Face a repository or revision that does not exist and a gated one without a
token (environment HF_TOKEN), each with the messages of KServe v0.20.0, `python/storage`, and of Hugging Face.

A node that reaches nothing outside makes it end as a connection that times out does: the kubelet says so in the
environment SANDBOX_UNREACHABLE.

Left out: every other store is taken to have what is asked of it, no file is written, and a token is not checked beyond
its form.
"""

import os
import re
import sys

from sandbox.clouds.registries import UnpublishedError, model

OTHERS = re.compile(r"(gs|s3|hdfs|webhdfs|https?|file)://")


def fetch(uri: str, token: str) -> None:
    """Raises a `ValueError` that says why something cannot be downloaded."""
    if not uri.startswith("hf://"):
        if not OTHERS.match(uri):
            raise ValueError(
                f"Cannot recognize storage type for {uri}\n'gs://', 's3://', 'file://', 'https://' and 'hf://' are the "
                "current available storage type."
            )
        return
    parts = uri.removeprefix("hf://").split("/")
    if len(parts) != 2 or not all(parts):
        raise ValueError(
            f"Invalid Hugging Face URI format. Expected 'hf://owner/model[:revision]', got '{uri}'",
        )
    name, _, revision = parts[1].partition(":")
    try:
        model(f"{parts[0]}/{name}", revision, token)
    except UnpublishedError as error:
        raise ValueError(f"HuggingFace error for {uri}: {error}") from None


def main(arguments: list[str]) -> int:
    """Pretend, or say why it would fail; the exit code."""
    if not arguments or len(arguments) % 2:
        print("Usage: initializer-entrypoint src_uri_0 dest_path_0 ... src_uri_n dest_path_n")
        return 1
    for uri, path in zip(arguments[::2], arguments[1::2], strict=True):
        try:
            if not path.startswith("/"):
                raise ValueError(f"the sandbox writes to no relative path like {path}")
            if problem := os.environ.get("SANDBOX_UNREACHABLE"):
                raise ValueError(problem)
            fetch(uri, os.environ.get("HF_TOKEN", ""))
        except ValueError as error:
            print(f"Storage initialization failed: {error}", file=sys.stderr)
            return 1
        print(f"Successfully copied {uri} to {path}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
