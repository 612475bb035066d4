"""What `vllm serve` answers to a completion or a chat: in one piece, or as the events of a stream."""

import time
from dataclasses import dataclass
from typing import Any

from .model_requests import Chat, Completion

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """`count` times the same words, with the reason why they end; `usage` is how many tokens that took."""

    asked: Completion | Chat
    request: str
    model: str
    words: tuple[str, ...]
    reason: str
    count: int
    usage: Json

    def whole(self) -> Json:
        """The answer in one piece."""
        choices = [self._choice(at, "".join(self.words), self.reason, role="assistant") for at in range(self.count)]
        return {**self._head(), "choices": choices, "usage": self.usage}

    def events(self) -> list[Json]:
        """The answer word by word."""
        head, words = self._head(), self.words
        choices = [self._choice(at, "", role="assistant") for at in range(self.count)] if self._chat else []
        for at in range(self.count):
            choices += [self._choice(at, word) for word in words[:-1]]
            choices.append(self._choice(at, words[-1] if words else "", self.reason))
        events = [{**head, "choices": [one]} for one in choices]
        if (self.asked.stream_options or {}).get("include_usage"):
            events.append({**head, "choices": [], "usage": self.usage})
        return events

    @property
    def _chat(self) -> bool:
        return isinstance(self.asked, Chat)

    def _head(self) -> Json:
        prefix, kind = ("chatcmpl", "chat.completion") if self._chat else ("cmpl", "text_completion")
        return {
            "id": f"{prefix}-{self.request}",
            "object": f"{kind}.chunk" if self._chat and self.asked.stream else kind,
            "created": int(time.time()),
            "model": self.model,
        }

    def _choice(self, index: int, text: str, reason: str | None = None, **role: str) -> Json:
        part = "delta" if self.asked.stream else "message"
        said = {part: {**role, "content": text}} if self._chat else {"text": text}
        return {"index": index, **said, "logprobs": None, "finish_reason": reason, "stop_reason": None}
