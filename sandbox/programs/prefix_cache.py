"""vLLM's cache of keys and values, and who may run: as much of both as decides where a request had better gone.

A prompt is cut into blocks, each known by its tokens and all before them. What stands at its beginning and is in the
cache is not computed again; the last token always is, so a prompt is never found whole. A block is kept until room is
needed, the one longest unused going first; those of running requests stay. See vllm/v1/core/kv_cache_manager.py,
`get_computed_blocks` and `allocate_slots`, and block_pool.py.

Not imitated: the room for an answer is taken at once and not as it grows, so nothing is ever preempted; a prompt is
computed in one piece, while no other is, and tokens of answers take the same time however many run. The prompts of one
request run at once, and wait for ever if there are too few blocks for all of them, where vLLM runs one after the other.
A client that gives up while its request waits is not noticed: the request keeps its turn, and is computed all the same.
"""

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from threading import Condition, Lock
from typing import NamedTuple

Tokens = Sequence[Hashable]
PREFILL = "SANDBOX_PREFILL_SECONDS"
"""The variable that says how long a token of a prompt takes; without it nothing is cached and no request waits."""


class Held(NamedTuple):
    """What a request holds: the blocks of its prompts, how many others for what is behind them, and how many tokens
    need not be computed."""

    blocks: tuple[int, ...]
    others: int
    found: int


class PrefixCache:
    """So many blocks of so many tokens each."""

    def __init__(self, blocks: int, block_size: int) -> None:
        self.blocks, self.block_size = blocks, block_size
        self._known: OrderedDict[int, int] = OrderedDict()  # who holds each, the longest unused first
        self._others = 0

    @property
    def usage(self) -> float:
        """The share of the blocks that running requests hold."""
        return (sum(1 for holders in self._known.values() if holders) + self._others) / self.blocks

    def _cut(self, prompt: Tokens) -> list[int]:
        """The blocks of a prompt that it fills."""
        cut: list[int] = []
        for end in range(self.block_size, len(prompt) + 1, self.block_size):
            cut.append(hash((cut[-1] if cut else None, *prompt[end - self.block_size : end])))
        return cut

    def _found(self, cut: list[int], prompt: Tokens) -> int:
        """How many blocks at the beginning are there, of those before the last token."""
        most = (len(prompt) - 1) // self.block_size
        return next((at for at, block in enumerate(cut[:most]) if block not in self._known), min(len(cut), most))

    def take(self, prompts: Sequence[Tokens], answer: int) -> Held | None:
        """Hold what prompts need that get answers of so many tokens each, or nothing if there is no room."""
        cuts = [self._cut(prompt) for prompt in prompts]
        found = sum(self._found(cut, prompt) for cut, prompt in zip(cuts, prompts, strict=True))
        needed = sum(-(-(len(prompt) + answer) // self.block_size) for prompt in prompts)
        wanted = Counter(block for cut in cuts for block in cut)
        others = needed - wanted.total()
        idle = sum(1 for block, holders in self._known.items() if not holders and block not in wanted)
        new = sum(1 for block in wanted if block not in self._known)
        free = self.blocks - self._others - len(self._known)
        if new + others > free + idle:
            return None
        for block in [b for b, holders in self._known.items() if not holders and b not in wanted]:
            if new + others <= free:
                break
            del self._known[block]
            free += 1
        for block, times in wanted.items():
            self._known[block] = self._known.get(block, 0) + times
            self._known.move_to_end(block)
        self._others += others
        return Held(tuple(wanted.elements()), others, found * self.block_size)

    def give_back(self, held: Held) -> None:
        """Let go of what a request held. Its blocks stay known, the first of a prompt the longest."""
        self._others -= held.others
        for block in reversed(held.blocks):
            self._known[block] -= 1
            self._known.move_to_end(block)


class Scheduler:
    """Who runs: at most `most` requests at a time, as far as the cache has room, the first come first.

    A token of a prompt that has to be computed takes `seconds`, and one prompt is computed at a time. `queries` and
    `hits` count tokens of prompts: all, and those that were found.
    """

    def __init__(self, cache: PrefixCache, *, most: int, seconds: float) -> None:
        self._cache, self._most, self._seconds = cache, most, seconds
        self.running, self.queries, self.hits = 0, 0, 0
        self._queue: deque[object] = deque()
        self._changed, self._computing = Condition(), Lock()

    @property
    def waiting(self) -> int:
        """How many requests wait to be run."""
        return len(self._queue)

    @property
    def usage(self) -> float:
        """The share of the cache's blocks that running requests hold."""
        with self._changed:
            return self._cache.usage

    @contextmanager
    def run(self, prompts: Sequence[Tokens], answer: int) -> Iterator[float]:
        """Wait for one's turn and until the prompts are computed; their place is held as long as this runs. When the
        turn came, by the clock that only runs on."""
        held = self._admitted(prompts, answer)
        turn = time.monotonic()
        lengths = sum(map(len, prompts))
        try:
            with self._computing:
                time.sleep((lengths - held.found) * self._seconds)
            yield turn
        finally:
            with self._changed:
                self._cache.give_back(held)
                self.running -= 1
                self._changed.notify_all()

    def _admitted(self, prompts: Sequence[Tokens], answer: int) -> Held:
        turn = object()
        with self._changed:
            self._queue.append(turn)
            while True:
                first = self._queue[0] is turn and self.running < self._most
                if first and (held := self._cache.take(prompts, answer)):
                    break
                self._changed.wait()
            self._queue.popleft()
            self.running += 1
            self.queries += sum(map(len, prompts))
            self.hits += held.found
            self._changed.notify_all()
            return held
