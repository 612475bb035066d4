"""The stand-in's cache of prompts, and who runs."""

import re
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event
from types import SimpleNamespace

import openai
import pytest

from sandbox.cluster.control_plane import wait_until
from sandbox.programs import model_server, prefix_cache
from sandbox.programs.prefix_cache import Held, PrefixCache, Scheduler, Tokens
from tests.support.model_server import NAMES, Serve, ask, openai_client


def words(text: str) -> list[str]:
    return list(text)


def take(cache: PrefixCache, text: str, answer: int = 0) -> Held:
    held = cache.take([words(text)], answer)
    assert held is not None
    return held


def found(cache: PrefixCache, text: str) -> int:
    """How many tokens of a prompt need not be computed, once it has been read and answered."""
    held = take(cache, text)
    cache.give_back(held)
    return held.found


@pytest.fixture
def cache() -> PrefixCache:
    """Eight blocks of four tokens."""
    return PrefixCache(8, 4)


def test_prompt_that_begins_like_an_earlier_one_is_found_as_far_as_whole_blocks_go(cache: PrefixCache) -> None:
    assert found(cache, "aaaabbbbcc") == 0
    assert found(cache, "aaaabbbbdddd") == 8
    assert found(cache, "aaaabbbx") == 4
    assert found(cache, "xaaaabbbb") == 0


def test_block_is_known_by_all_that_stands_before_it(cache: PrefixCache) -> None:
    found(cache, "aaaabbbbc")
    assert found(cache, "eeeebbbbc") == 0


def test_last_token_is_always_computed(cache: PrefixCache) -> None:
    found(cache, "aaaabbbb")
    assert found(cache, "aaaabbbb") == 4


def test_block_that_was_longest_unused_goes_first(cache: PrefixCache) -> None:
    found(cache, "aaaabbbbccccx")
    found(cache, "ddddeeeeffffx")
    assert found(cache, "aaaax") == 4  # used again, so what follows it is older now
    found(cache, "gggghhhhiiiix")
    assert (found(cache, "aaaabbbbccccx"), found(cache, "gggghhhhiiiix")) == (4, 12)


def test_end_of_a_prompt_goes_before_its_beginning(cache: PrefixCache) -> None:
    found(cache, "aaaabbbbccccddddx")
    found(cache, "eeeeffffgggghhhhx")
    assert found(cache, "aaaabbbbccccddddx") == 12


def test_blocks_of_running_requests_stay(cache: PrefixCache) -> None:
    held = take(cache, "aaaabbbbccccx", answer=3)
    found(cache, "ddddeeeeffffx")
    found(cache, "gggghhhhiiiix")
    cache.give_back(held)
    assert found(cache, "aaaabbbbccccx") == 12


def test_usage_is_what_running_requests_hold_and_counts_what_they_share_once(cache: PrefixCache) -> None:
    first = take(cache, "aaaabbbbx", answer=3)
    assert cache.usage == 3 / 8
    second = take(cache, "aaaabbbby", answer=4)
    assert cache.usage == 5 / 8
    cache.give_back(first)
    assert cache.usage == 4 / 8
    cache.give_back(second)
    assert cache.usage == 0


def test_there_is_no_room_while_others_hold_it(cache: PrefixCache) -> None:
    held = take(cache, "aaaabbbbccccdddd", answer=8)
    assert cache.take([words("eeeeffffg")], 0) is None
    assert cache.take([words("aaaabbbbg")], 0) is not None
    cache.give_back(held)
    assert cache.take([words("eeeeffffg")], 0) is not None


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler(PrefixCache(8, 4), most=2, seconds=0)


def test_request_waits_until_one_of_the_most_has_ended_the_first_come_first(scheduler: Scheduler) -> None:
    done: list[str] = []
    ends = {text: Event() for text in "abcd"}

    def run(text: str) -> None:
        with scheduler.run([words(text)], 1):
            done.append(text)
            ends[text].wait()

    with ThreadPoolExecutor() as pool:
        try:
            for text in "ab":
                pool.submit(run, text)
            wait_until(lambda: sorted(done) == ["a", "b"], "two run", 5)
            for at, text in enumerate("cd", start=1):
                pool.submit(run, text)
                wait_until(lambda at=at: scheduler.waiting == at, f"{at} wait", 5)
            ends["a"].set()
            wait_until(lambda: done[2:] == ["c"], "the first that came runs", 5)
            assert (scheduler.running, scheduler.waiting) == (2, 1)
        finally:
            for end in ends.values():
                end.set()
    assert done[2:] == ["c", "d"]
    assert (scheduler.running, scheduler.waiting, scheduler.usage) == (0, 0, 0)


def test_request_waits_for_room(scheduler: Scheduler) -> None:
    with ThreadPoolExecutor() as pool, ExitStack() as first:
        first.enter_context(scheduler.run([words("aaaabbbbccccdddd")], 12))

        def second() -> None:
            with scheduler.run([words("eeeeffff")], 1):
                pass

        waits = pool.submit(second)
        wait_until(lambda: scheduler.waiting == 1, "it waits", 5)
        assert scheduler.running == 1
        first.close()
        waits.result(5)


def test_usage_is_not_read_while_a_request_changes_the_cache(
    cache: PrefixCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler, inside, end, take = Scheduler(cache, most=2, seconds=0), Event(), Event(), cache.take

    def slow(prompts: Sequence[Tokens], answer: int) -> Held | None:
        inside.set()
        end.wait()
        return take(prompts, answer)

    def run() -> float:
        with scheduler.run([words("aaaa")], 4):
            return scheduler.usage

    monkeypatch.setattr(cache, "take", slow)
    with ThreadPoolExecutor() as pool:
        try:
            running = pool.submit(run)
            assert inside.wait(5)
            read = pool.submit(lambda: scheduler.usage)
            with pytest.raises(TimeoutError):
                read.result(0.2)
        finally:
            end.set()
        assert running.result(5) == 2 / 8
        read.result(5)


def test_what_is_not_found_takes_time_one_prompt_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    slept, at_once = list[float](), list[int]()
    computing = 0

    def sleep(seconds: float) -> None:
        nonlocal computing
        computing += 1
        at_once.append(computing)
        real_sleep(0.01)  # for the other to come in, if it may
        slept.append(seconds)
        computing -= 1

    real_sleep = time.sleep
    monkeypatch.setattr(prefix_cache, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    scheduler = Scheduler(PrefixCache(64, 4), most=8, seconds=0.01)

    def run(text: str) -> None:
        with scheduler.run([words(text)], 1):
            pass

    for _ in range(2):
        with ThreadPoolExecutor() as pool:
            list(pool.map(run, ("a" * 12, "b" * 12)))
    assert slept == pytest.approx([0.12, 0.12, 0.04, 0.04])  # of twelve tokens each, then of four
    assert set(at_once) == {1}
    assert (scheduler.queries, scheduler.hits) == (48, 16)


@pytest.fixture
def caching(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> model_server.Server:
    """A server that caches, in blocks of four words."""
    monkeypatch.setenv("SANDBOX_PREFILL_SECONDS", "0.001")
    return serve("--max-model-len=64", "--block-size=4", "--num-gpu-blocks-override=32")


def metrics(server: model_server.Server) -> dict[str, float]:
    text = ask(server, "GET", "/metrics")[2]
    return {name: float(value) for name, value in re.findall(r"^vllm:(\w+)\{.*?\} (\S+)$", text, re.MULTILINE)}


def test_metrics_are_those_that_the_picker_and_people_read(caching: model_server.Server) -> None:
    client: openai.OpenAI = openai_client(caching)
    for question in ("five six", "seven eight"):
        client.completions.create(model=NAMES[0], prompt=f"one two three four {question}", max_tokens=2)
    found = metrics(caching)
    assert (found["prefix_cache_queries_total"], found["prefix_cache_hits_total"]) == (12, 4)
    assert (found["num_requests_running"], found["num_requests_waiting"], found["kv_cache_usage_perc"]) == (0, 0, 0)
    assert 'cache_config_info{block_size="4",engine="0",num_gpu_blocks="32"} 1.0' in ask(caching, "GET", "/metrics")[2]


def test_messages_of_a_chat_are_found_too(caching: model_server.Server) -> None:
    client = openai_client(caching)
    system = {"role": "system", "content": "You are a helpful assistant."}
    for question in ("Why?", "How?"):
        messages: list[object] = [system, {"role": "user", "content": question}]
        client.chat.completions.create(model=NAMES[0], messages=messages, max_completion_tokens=2)  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert metrics(caching)["prefix_cache_hits_total"] == 4


def test_running_request_holds_its_place(caching: model_server.Server) -> None:
    caching.pace = 0.1
    stream = openai_client(caching).completions.create(model=NAMES[0], prompt="a b c d", max_tokens=4, stream=True)
    next(iter(stream))
    found = metrics(caching)
    assert (found["num_requests_running"], found["kv_cache_usage_perc"]) == (1, 2 / 32)
    stream.close()


def test_unless_a_prompt_takes_time_nothing_is_cached(serve: Serve) -> None:
    server = serve()
    for _ in range(2):
        openai_client(server).completions.create(model=NAMES[0], prompt="a b c d e", max_tokens=2)
    assert metrics(server)["prefix_cache_hits_total"] == 0
