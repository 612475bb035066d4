"""What `vllm serve` takes for a completion or a chat, and how it says no.

The fields are those that matter to `model_server`; others are passed over, as by vLLM.
"""

import json
import re
from typing import Any

from pydantic import BaseModel, NonNegativeInt, ValidationError


class RequestError(Exception):
    """A request that vLLM refuses with its error object."""

    def __init__(self, message: str, param: str | None, status: int = 400, kind: str = "BadRequestError") -> None:
        message = re.sub(r"/(home|usr|opt|var|tmp|root|lib|mnt|srv)(/[\w.-]+)+", "<path>", message)  # vLLM hides paths
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": kind, "param": param, "code": status}}


def invalid(message: str, param: str, value: int | None = None) -> RequestError:
    """A value that vLLM refuses."""
    detail = f"parameter={param}" if value is None else f"parameter={param}, value={value}"
    return RequestError(f"{message} ({detail})", param)


def malformed(*problems: Any) -> RequestError:
    """What FastAPI finds. The parameter is the place of the first problem, less the names of types in it."""
    place = problems[0]["loc"] if isinstance(problems[0], dict) else ()
    param = ".".join(str(part) for part in place if not re.search(r"\[|^(str|int)$", str(part)))
    count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''}:"
    return RequestError("\n  ".join([count, *map(str, problems)]), param or None, kind="Bad Request")


class Request(BaseModel):
    """What completions and chats have in common, as far as it matters here."""

    model: str | None = None
    max_tokens: int | None = None
    n: int | None = 1
    seed: int | None = None
    temperature: float | None = None
    ignore_eos: bool = False
    stream: bool | None = False
    stream_options: dict[str, Any] | None = None


class Completion(Request):
    """A request to go on with one text or several."""

    prompt: list[NonNegativeInt] | list[list[NonNegativeInt]] | str | list[str]


class Chat(Request):
    """A request to answer messages."""

    messages: list[dict[str, Any]]
    max_completion_tokens: int | None = None


def tokens(part: Any) -> list[str]:
    """The tokens of something: a text, a token, a message, a part of one, or a list of these."""
    if isinstance(part, dict):
        part = part.get("content") or part.get("text") or ""
    if isinstance(part, list):
        return [token for inner in part for token in tokens(inner)]
    return part.split() if isinstance(part, str) else [str(part)]


def prompts(asked: Completion | Chat) -> list[list[str]]:
    """The tokens of each prompt."""
    if isinstance(asked, Chat):
        return [tokens(asked.messages)]
    several = isinstance(asked.prompt, list) and not all(isinstance(token, int) for token in asked.prompt)
    return [tokens(prompt) for prompt in (asked.prompt if several else [asked.prompt])]


def understand(kind: type[Completion | Chat], content_type: str, body: bytes) -> Completion | Chat:
    """The request, checked in the order of FastAPI and vLLM."""
    if content_type != "application/json":
        raise malformed("Unsupported Media Type: Only 'application/json' is allowed")
    try:
        asked = json.loads(body)
        if isinstance(asked, dict) and asked.get("stream_options") and not asked.get("stream"):
            raise invalid("Stream options can only be defined when `stream=True`.", "stream_options")
        if isinstance(asked, dict) and kind is Completion and asked.get("prompt") in (None, ""):
            raise invalid("Either prompt or prompt_embeds must be provided and non-empty.", "prompt")
        return kind.model_validate(asked)
    except UnicodeDecodeError:
        raise malformed("There was an error parsing the body") from None
    except json.JSONDecodeError as error:
        problem = {"type": "json_invalid", "loc": ("body", error.pos), "msg": "JSON decode error", "input": {}}
        raise malformed({**problem, "ctx": {"error": error.msg}}) from error
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise malformed(*({**problem, "loc": ("body", *problem["loc"])} for problem in problems)) from error


def limits(asked: Completion | Chat) -> tuple[str, int | None]:
    """The parameter that limits an answer, and its value."""
    if isinstance(asked, Chat) and asked.max_completion_tokens is not None:
        return "max_completion_tokens", asked.max_completion_tokens
    return "max_tokens", 16 if isinstance(asked, Completion) and asked.max_tokens is None else asked.max_tokens


def allowed(longest: int, name: str, limit: int | None, n: int, lengths: list[int]) -> int:
    """How many tokens an answer may have to prompts of these lengths, `name` being the parameter that limits it."""
    asked = limit or 0
    if asked > longest:
        message = f"{name}={asked} cannot be greater than max_model_len=max_total_tokens={longest}."
        raise invalid(f"{message} Please request fewer output tokens.", name, asked)
    room = longest - asked
    if max(lengths) > room:  # vLLM stops counting one token after what fits
        raise invalid(
            f"This model's maximum context length is {longest} tokens. However, you requested {asked} output tokens"
            f" and your prompt contains at least {room + 1} input tokens, for a total of at least {longest + 1} "
            "tokens. Please reduce the length of the input prompt or the number of requested output tokens.",
            "input_tokens",
            room + 1,
        )
    most = longest - max(lengths) if limit is None else limit
    if n < 1:
        raise RequestError(f"n must be at least 1, got {n}.", None)
    if most < 1:
        raise invalid(f"max_tokens must be at least 1, got {most}.", "max_tokens", most)
    return most


def seeded(asked: Completion | Chat) -> bool:
    """Whether chance has a seed, which the TPU backend refuses: tpu_inference/platforms/tpu_platform.py.

    A temperature of 0 leaves nothing to chance, and -1 is no seed: vllm/sampling_params.py.
    """
    return asked.seed not in (None, -1) and (asked.temperature is None or asked.temperature >= 1e-5)
