"""Whether each model is where its URI says, the token opens it, and it fits.

Hugging Face answers a request for a file of a gated model with 401 or 403, and with 401 too if there is no such
repository, as it does not tell what is private. What it means stands in the header `X-Error-Code`: RepoNotFound,
RevisionNotFound, EntryNotFound, GatedRepo (`hf_raise_for_status` in
https://github.com/huggingface/huggingface_hub/blob/main/src/huggingface_hub/utils/_http.py).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import httpx2

from infra.google.slices import Slice
from infra.settings import fit, fitting, model_config, uris
from infra.settings.model import Model
from infra.settings.schema import Settings
from ops import config_json

from .findings import Finding, fail, left_out, ok, warn

CHECK, FIT = "model", "fit"
Answer = httpx2.Response | Exception
Hub = Callable[[str, str, str], Answer]


class Token(NamedTuple):
    """The token that the Pods get: whether the stack has one, which only the engine can read, and the one of HF_TOKEN,
    which stands for it here."""

    in_stack: bool
    given: str

    @property
    def sent(self) -> str:
        """What Hugging Face is asked with: nothing, if the Pods have nothing."""
        return self.given if self.in_stack else ""


def _closed(uri: str, page: str, token: Token, *, gated: bool) -> Finding:
    """What is said of a model that is not open to who asked."""
    if token.in_stack and not token.given:
        told = f"{uri} takes a token, or is not there; the stack's is encrypted, and HF_TOKEN is empty"
        return left_out(CHECK, told, "Run this again with the same token in HF_TOKEN")
    whose = "HF_TOKEN, which stands for the stack's," if token.in_stack else "a stack without `huggingFaceToken`"
    if gated:
        do = f"Ask for access at {page}, then `pulumi config set --secret huggingFaceToken` with that account's token"
        return fail(CHECK, f"{uri} is gated, and closed to {whose}", do)
    return fail(CHECK, f"{uri}: there is no such model, or it is private and closed to {whose}", f"See {page}")


def access(uri: str, repository: str, answer: Answer, token: Token) -> Finding:
    """Whether a model can be read with the token of the stack, by what Hugging Face answers for its repository."""
    if isinstance(answer, Exception):
        told = f"{uri}: Hugging Face was not reached ({type(answer).__name__})"
        return left_out(CHECK, told, "Run this where it can be")
    code, status = answer.headers.get("X-Error-Code", ""), answer.status_code
    page = f"{config_json.HUB}/{repository}"
    if status == 200:
        return ok(CHECK, f"{uri} is there, and open to the stack")
    if code == "RevisionNotFound":
        return fail(CHECK, f"{uri} has no such revision", f"`git ls-remote {page}` lists those that it has")
    if status in (401, 403) or code in ("GatedRepo", "RepoNotFound"):
        return _closed(uri, page, token, gated=code == "GatedRepo" or status == 403)
    if status == 404:
        return fail(CHECK, f"{uri} has no config.json, so vLLM cannot serve it", f"See what is there: {page}")
    told = f"Hugging Face answers {status} for {uri}"
    return left_out(CHECK, told, "Run this again later: https://status.huggingface.co")


def fits(model: Model, slice_: Slice, config: Mapping[str, Any] | None) -> Finding:
    """Whether a model fits its slice, by its own config.json if there is one, else by what is known here."""
    found = fitting.judged(model, slice_, config)
    again = f"`.venv/bin/python -m ops fit --model {model.uri}` shows every slice"
    if found is None:
        why = "nothing is known of its config.json" if config is None else "it, or its flags, cannot be judged here"
        return left_out(FIT, f"{model.uri}: {why}", again)
    if found.fit.problem:
        return fail(FIT, f"{model.uri} does not fit {slice_.name}: {found.fit.problem}", again)
    told = (
        f"{model.uri} fits {slice_.name}: {fit.gib(found.fit.weights)} of weights a chip, and a cache for "
        f"{found.fit.at_once(found.fit.length)} requests of {found.fit.length} tokens"
    )
    length = found.shape.length
    if model.max_model_len and model.max_model_len > length:
        return warn(FIT, f"{told}, but it has {length} at the most", f"Set `maxModelLen` to {length} or less")
    return ok(FIT, told)


def _config(answer: Answer | None) -> dict[str, Any] | None:
    if not isinstance(answer, httpx2.Response) or answer.status_code != 200:
        return None
    try:
        found = answer.json()
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _known(model: Model) -> bool:
    found = uris.repository(model.uri)
    facts = model_config.known().get(found.name) if found else None
    return bool(found and facts and model_config.is_known(facts, found.revision))


def check(settings: Settings, token: Token, hub: Hub = config_json.ask) -> Iterator[Finding]:
    """Ask for each model's config.json. What is known of a revision comes before it, as in `python -m ops fit`."""
    for model in settings.models:
        answer = None
        if found := uris.repository(model.uri):
            answer = hub(found.name, found.revision, token.sent)
            yield access(model.uri, found.name, answer, token)
        else:
            where = "See the check `bucket`" if model.uri.startswith("gs://") else "Look yourself that it is there"
            yield left_out(CHECK, f"{model.uri} is not on Hugging Face", where)
        yield fits(model, settings.slice_of(model), None if _known(model) else _config(answer))
