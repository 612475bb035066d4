"""A model's `config.json`: from a file, from what is known, or from Hugging Face."""

import json
import os
from pathlib import Path
from typing import Any

import httpx2

from infra.settings import model_config, uris

from .refusal import refuse

HUB = "https://huggingface.co"
PATIENCE = 30
"""Seconds."""


def of_file(file: Path) -> dict[str, Any]:
    """What is in a file."""
    try:
        found = json.loads(file.read_text("utf-8"))
    except OSError as error:
        refuse(f"--config {file}: {error.strerror}. Name a model's config.json")
    except ValueError:
        refuse(f"--config {file} is no JSON. Name a model's config.json")
    if not isinstance(found, dict):
        refuse(f"--config {file} is no JSON object. Name a model's config.json")
    return found


def address(repository: str, revision: str) -> str:
    """Where Hugging Face has it."""
    return f"{HUB}/{repository}/resolve/{revision or 'main'}/config.json"


def ask(repository: str, revision: str, token: str, client: httpx2.Client | None = None) -> httpx2.Response | Exception:
    """What Hugging Face answers, or why it was not reached. An empty token is not sent."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with client or httpx2.Client(timeout=PATIENCE, follow_redirects=True) as asked:
            return asked.get(address(repository, revision), headers=headers)
    except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as error:  # the last: a token that no header can hold
        return error


def of_hub(repository: str, revision: str, client: httpx2.Client | None = None) -> dict[str, Any]:
    """A model's config.json as Hugging Face has it now, asked for with the token of HF_TOKEN if there is one."""
    url = address(repository, revision)
    way_out = f"Or get it elsewhere and name it: --config config.json ({url})"
    answer = ask(repository, revision, os.environ.get("HF_TOKEN", ""), client)
    if isinstance(answer, Exception):
        why = type(answer).__name__
        refuse(f"{repository} is not known here, and Hugging Face was not reached ({why}). {way_out}")
    if answer.status_code in (401, 403):
        refuse(
            f"{repository}: Hugging Face answers {answer.status_code}: there is no such model, or it is gated. Ask for "
            f"access on its page and put a token into HF_TOKEN. {way_out}"
        )
    if answer.status_code != 200:
        refuse(f"{repository}: Hugging Face answers {answer.status_code} to {url}. {way_out}")
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        refuse(f"{repository}: Hugging Face's config.json is no JSON object. {way_out}")
    return found


def of_model(uri: str, file: Path | None) -> tuple[str, dict[str, Any]]:
    """The name of a model and its config.json, of which a file says more than what is known, and that more than what
    has to be asked for."""
    if file:
        return uri.removeprefix("hf://") or str(file), of_file(file)
    if not uri:
        refuse("--model is missing: hf://ORGANISATION/REPOSITORY, or name its config.json with --config")
    found = uris.repository(uri)
    if found is None:
        refuse(f"--model {uri} is not on Hugging Face (hf://...): name its config.json with --config")
    facts = model_config.known().get(found.name)
    if facts and model_config.is_known(facts, found.revision):
        return found.name, facts
    return found.name, of_hub(found.name, found.revision)
