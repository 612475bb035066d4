"""What is said of a flag that cannot stay."""

import pytest

from infra.settings.extra_args import problems, secret

ONE_HOST = "a Pod has one host, and `tensorParallelSize` uses its chips"
PRINTS = "with which vLLM prints its flags and exits. Remove it."
UNKNOWN = "which vLLM 0.27.0 does not know."
NEAREST = "Did you mean --max-num-seqs? Change it, or remove it."
NOTHING_NEAR = "Change it to one of `vllm serve --help=all`, or remove it."
OF_NO_FLAG = "which belongs to no flag. Remove it, or write it as the value of one, like --max-num-seqs=64."
NO_FIRST = "which is not a flag. Begin with one, like --max-num-seqs=64."
REFUSED = "is refused by vLLM 0.27.0:"
CHANGE = "Change it, or remove the flag."


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        # Names
        (
            ["--max-num=8"],
            "contains --max-num, which may be --max-num-batched-tokens, --max-num-scheduled-tokens, --max-num-seqs. "
            "Write the whole name.",
        ),
        (
            ["--ssl=x"],
            "contains --ssl, which may be --ssl-ca-certs, --ssl-cert-reqs, --ssl-certfile, --ssl-ciphers, "
            "--ssl-keyfile. Write the whole name.",
        ),
        (
            ["--mamba=x"],
            "contains --mamba, which may be --mamba-backend, --mamba-block-size, --mamba-cache-dtype, "
            "--mamba-cache-mode, --mamba-cache-philox-rounds, .... Write the whole name.",
        ),
        (["--max-nums-seqs=8"], f"contains --max-nums-seqs, {UNKNOWN} {NEAREST}"),
        (["--max_nums_seqs=8"], f"contains --max-nums-seqs, {UNKNOWN} {NEAREST}"),
        (["--nothing-like-it=8"], f"contains --nothing-like-it, {UNKNOWN} {NOTHING_NEAR}"),
        (["--dtypes=half"], f"contains --dtypes, {UNKNOWN} {NOTHING_NEAR}"),  # not one that would be refused
        (["--no-seed"], f"contains --no-seed, {UNKNOWN} Did you mean --seed? Change it, or remove it."),
        (["-5x"], f"contains -5x, {UNKNOWN} {NOTHING_NEAR}"),
        (["-n2"], f"contains -n2. Remove it: {ONE_HOST}."),
        (["-h"], f"contains -h, {PRINTS}"),
        (["--hel"], f"contains --hel, {PRINTS}"),
        (["--help=all"], f"contains --help, {PRINTS}"),
        # Values
        (["--", "x"], "contains --, which ends the flags. Remove it."),
        (["--seed=1", "x"], f"contains 'x', {OF_NO_FLAG}"),
        (["--seed", "1", "2"], f"contains '2', {OF_NO_FLAG}"),
        (["--enforce-eager", "2"], f"contains '2', {OF_NO_FLAG}"),
        (["--seed 1", "2"], "contains '--seed 1', a flag and its value in one. Write '--seed=1'."),
        (["--seed 1=2"], "contains '--seed 1=2', a flag and its value in one. Write '--seed=1=2'."),
        (["-1"], f"begins with '-1', {NO_FIRST}"),
        (["-12"], f"begins with '-12', {NO_FIRST}"),
        (["-.5"], f"begins with '-.5', {NO_FIRST}"),
        (["-"], f"begins with '-', {NO_FIRST}"),
        (
            ["--enforce-eager=1"],
            "contains --enforce-eager with a value, and it takes none. Write --enforce-eager, or leave it out.",
        ),
        (
            ["--chat-template", "a\0"],
            "contains 'a\\x00', and no command line can hold its NUL. Remove that character.",
        ),
        # What vLLM's parser says
        (["--api-server-count=0"], f"{REFUSED} --api-server-count is 0, and without one nothing answers. {CHANGE}"),
        (["--enable-auto-tool-choice"], f"{REFUSED} --enable-auto-tool-choice requires --tool-call-parser. {CHANGE}"),
        (["--enable-log-outputs"], f"{REFUSED} --enable-log-outputs requires --enable-log-requests. {CHANGE}"),
        (["--seed=x"], f"{REFUSED} argument --seed: invalid int value: 'x'. {CHANGE}"),
        (["--max-num-seqs"], f"{REFUSED} argument --max-num-seqs: expected one argument. {CHANGE}"),
        (
            ['--attention-config={"nosuch": 1, "other": 2}'],
            f"{REFUSED} argument --attention-config/-ac: AttentionConfig: Unexpected keyword argument: nosuch, other. "
            f"{CHANGE}",
        ),
    ],
)
def test_bad_flag_gets_this_line(args: list[str], problem: str) -> None:
    assert next(problems(args)) == problem


@pytest.mark.parametrize("flag", ["--attention-config=", "--additional-config.a="])
def test_json_that_is_too_deep_to_be_read_is_refused(flag: str) -> None:
    assert list(problems([flag + "[" * 100_000])) == [
        f"{REFUSED} a value is not of the shape that its flag wants. {CHANGE}"
    ]


def test_unknown_flag_may_have_one_value() -> None:
    assert [line.split(",")[0] for line in problems(["--nothing-like-it", "a", "b"])] == [
        "contains --nothing-like-it",
        "contains 'b'",
    ]


def test_every_bad_flag_gets_a_line() -> None:
    assert [line.split(".")[0] for line in problems(["--dtype=half", "--port", "1", "2"])] == [
        "contains --dtype",
        "contains --port",
        "contains '2', which belongs to no flag",
    ]


@pytest.mark.parametrize("words", [["--api-key", "x", "y"], ["--api-key", "-x", "--y"]])
def test_nothing_is_said_of_what_may_be_the_secret_behind_a_flag(words: list[str]) -> None:
    assert list(problems(words)) == [
        "contains --api-key. Remove it: everyone who can read the Pod can read a flag, so it is no place for a secret."
    ]


def test_flag_behind_a_secret_is_told_again() -> None:
    assert len(list(problems(["--api-key", "x", "--port=1"]))) == 2


@pytest.mark.parametrize(
    "args",
    [
        ["--kv-cache-dtype-skip-layers", "0", "1", "2"],
        ["--api-server-count=1"],
        ["--enable-auto-tool-choice", "--tool-call-parser=hermes"],
        ["--enable-log-outputs", "--enable-log-requests"],
        ["-O3"],
        ["-O", "2"],
        ["-O=1"],
        ["--seed", "-1"],
        ["--no-enforce-eager"],
    ],
)
def test_flags_that_vllm_takes_are_nothing_to_speak_of(args: list[str]) -> None:
    assert list(problems(args)) == []


@pytest.mark.parametrize(
    "word", ["--api-key", "--api-key=x", "--api_key x", "--hf-token.x", "--hf-t", "--my-token", "--PASSWD", "--keys"]
)
def test_flag_that_may_hold_a_secret_is_one(word: str) -> None:
    assert secret(["--seed=1", word])


@pytest.mark.parametrize(
    "word",
    ["key", "--", "-", "--seed", "--tokenizer=x", "--max-num-batched-tokens=1", "--max_num_batched_tokens", "--xyz"],
)
def test_flag_that_holds_none_is_none(word: str) -> None:
    assert not secret([word])
