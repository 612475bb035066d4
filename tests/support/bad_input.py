# ruff: noqa: RUF001 - tables of odd characters
"""Stack files that must not be accepted, drawn from every kind of mistake that is known; hypothesis makes them.

Each draw is a change of the dev stack's configuration, and the setting that the message has to name. The engine has
read the file by then: what it refuses by itself is in `BROKEN`.
"""

from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

SECRET = "hf_AbCdEf0123456789"  # noqa: S105 - made up
KEY = "sk-AbCdEf0123456789"

PREFIX = "gke-tpu-inference:"


class Bad(NamedTuple):
    """A mistake: its kind, where it is (a setting, or a field of the first model), and the value."""

    kind: str
    where: str
    value: Any


class Kind(NamedTuple):
    """A kind of mistake, and what makes them."""

    name: str
    mistakes: st.SearchStrategy[Bad]


def _kind(kind: str, where: str, values: st.SearchStrategy[Any]) -> Kind:
    return Kind(f"{kind}, {where}".strip(", ."), values.map(lambda value: Bad(kind, where, value)))


def _flags(kind: str, *args: Any) -> Kind:
    return _kind(kind, "models[0].extraArgs", st.sampled_from(args).map(lambda a: a if isinstance(a, list) else [a]))


_number = st.integers(0, 9999).map(str)
_word = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=12)
_invisible = st.sampled_from("\u200b\u202e\u2066\ufeff\u00ad\x1b\x07\u2028\x7f\0")
_foreign = st.sampled_from("äßжπ日ａ１٣")
_uri = "models[0].uri"
_ranges = ("subnetCidr", "podCidr", "serviceCidr", "controlPlaneCidr")
_window = {"start": "2026-01-03T05:00:00Z", "end": "2026-01-03T13:00:00Z", "recurrence": "FREQ=DAILY"}


def _recurrence(values: st.SearchStrategy[str]) -> Kind:
    return _kind("recurrence", "maintenanceWindow.recurrence", values.map(lambda rule: {**_window, "recurrence": rule}))


FLAGS = [
    _kind("unknown flag", "models[0].extraArgs", st.tuples(_word, _number).map(lambda p: [f"--x{p[0]}={p[1]}"])),
    _flags("flag glued to its value", "-tp2", "-pp2", "-n2", "-dp4"),
    _flags("flag and value in one word", "-tp 2", "--port 9", "--dtype float32", "--seed 1", "--nnodes 2"),
    _flags("help", "--help", "-h", "--hel", "--help=all"),
    _kind("word of no flag", "models[0].extraArgs", _word.map(lambda word: ["--seed=1", word])),
    _flags("end of flags", "--", ["--seed=1", "--"], ["--", "x"]),
    _flags(
        "flag that the program decides",
        *("--headless", "--grpc", "--nnodes=2", "-n=2", "-pcp=2", "--port=9", "--node-rank=1", "--master-addr=x"),
        *(
            "--data-parallel-size-local=1",
            "-dpr=1",
            "--shutdown-timeout=1",
            "--uds=/x",
            "--config=/x",
            "--ssl-keyfile=x",
        ),
        *(["--api-server-count=0"], ["-asc", "0"], ["--tensor_parallel_size", "2"], ["--model", "x"], ["--host", "::"]),
    ),
    _flags(
        "value that vLLM refuses",
        *("--seed=x", "--max-num-seqs=1.5", "--enable-lora=true", "--allowed-origins={", "--max-num-seqs"),
        *('--attention-config={"nosuch": 1}', "--kv-cache-dtype=fp99", "--enable-auto-tool-choice", "--seed"),
    ),
    _flags("NUL", "--chat-template=a\0b", ["--chat-template", "\0"]),
    _flags("template", "--chat-template={{ x }}", ["--chat-template", "{{x}}"]),
    _flags(
        "secret in a flag",
        *(f"--api-key={KEY}", f"--api-key {KEY}", f"--api-k={KEY}", ["--api-key", KEY], ["--api_key", KEY, KEY]),
        *(f"--hf-token={SECRET}", ["--hf-token", SECRET], f"--hf-t={SECRET}", f"--token={SECRET}", f"--apikey={KEY}"),
        *(["--seed=1", SECRET], f"--api={KEY}"),
    ),
]
URIS = [
    _kind(
        "claim that Kubernetes refuses",
        _uri,
        st.sampled_from(["Claim", "-a", "a-", "a_b", "a..b", "a" * 254]).map("pvc://{}/x".format),
    ),
    _kind(
        "two dots",
        _uri,
        st.sampled_from(
            ["pvc://c/../x", "pvc://c/a/..", "oci://r/../i:1", "hf://a/..", "hf://a..b/c", "hf://a/b:../x"]
        ),
    ),
    _kind(
        "image that is none",
        _uri,
        st.sampled_from(
            [
                "oci://r.io/Upper:1",
                "oci://r.io/i",
                "oci://r.io/i:1;x",
                "oci://r.io//i:1",
                "oci://",
                "oci://r.io/i:",
                "oci://r.io/i@sha256:1",
                "oci://r.io/é:1",
            ]
        ),
    ),
    _kind("other scripts", _uri, _foreign.map(lambda c: f"hf://Q{c}/model")),
    _kind(
        "repository that is none",
        _uri,
        st.sampled_from(
            [
                "hf://a--b/c",
                "hf://-a/c",
                "hf://a/c.git",
                "hf://a/" + "b" * 96,
                "hf://a/b/c",
                "hf://a/b:x.lock",
                "hf://a b/c",
            ]
        ),
    ),
    _kind(
        "credentials",
        _uri,
        st.sampled_from(
            [
                f"hf://user:{SECRET}@a/b",
                f"hf://{SECRET}@a/b",
                f"oci://user:{KEY}@r.io/i:1",
                f"pvc://u:{KEY}@c/x",
                f"https://x:{KEY}@h/m",
            ]
        ),
    ),
    _kind("unsupported scheme", _uri, _word.map(lambda path: f"gs://{path}/m")),
    _kind(
        "mirror",
        "chartMirror",
        st.sampled_from(
            [
                "oci://user:" + KEY + "@r.io/c",
                "oci://R.io/UPPER",
                "oci://r.io/c/",
                "https://r.io/c",
                "/nowhere/" + "x" * 300,
                "/nowhere\0",
                "nowhere",
                "pyproject.toml",
            ]
        ),
    ),
]
RANGES = [
    *(
        _kind(
            "range that Google refuses",
            where,
            st.sampled_from(
                ["169.254.0.0/20", "127.0.0.0/20", "224.0.0.0/20", "0.0.0.0/0", "0.0.0.0/8", "255.255.255.0/24"]
            ),
        )
        for where in _ranges
    ),
    *(_kind("range far too large", where, st.sampled_from(["64.0.0.0/2", "32.0.0.0/5"])) for where in _ranges),
    _kind("public control plane", "controlPlaneCidr", st.integers(0, 15).map(lambda n: f"8.8.8.{n * 16}/28")),
    *(
        _kind(
            "no range",
            where,
            st.one_of(
                _word, st.sampled_from(["10.0.0.1/20", "10.0.0.0", "10.0/8", "10.0.0.0/33", "١٠.0.0.0/20", "fd00::/64"])
            ),
        )
        for where in _ranges
    ),
    _kind(
        "callers",
        "authorizedNetworks",
        st.sampled_from(["127.0.0.1/32", "169.254.1.0/24", "224.0.0.0/8"]).map(lambda r: [r]),
    ),
]
MACHINES = [
    _kind(
        "too small a machine",
        "systemMachineType",
        st.sampled_from(
            [
                "e2-micro",
                "e2-small",
                "f1-micro",
                "g1-small",
                "n1-standard-1",
                "n1-highcpu-2",
                "e2-highcpu-2",
                "e2-custom-2-2048",
            ]
        ),
    ),
    _kind("Arm", "systemMachineType", st.sampled_from(["t2a-standard-4", "c4a-standard-4", "n4a-standard-8"])),
    _kind(
        "no machine",
        "systemMachineType",
        st.one_of(
            _word, _invisible.map("e2-standard-4{}".format), st.just("E2-standard-4"), st.just("ct6e-standard-4t")
        ),
    ),
    _kind("disk", "tpuBootDiskGb", st.one_of(st.integers(-5, 29), st.integers(65_537, 10**30))),
    _kind("nodes", "tpuMaxNodes", st.one_of(st.integers(-9, 0), st.integers(15_001, 10**30))),
    _kind("nodes of the system", "systemMaxNodes", st.one_of(st.integers(-9, 0), st.integers(15_001, 10**12))),
]
LABELS = [
    _kind("too many labels", "labels", st.integers(64, 90).map(lambda n: {f"k{i}": "v" for i in range(n)})),
    _kind("reserved label", "labels", _word.map(lambda w: {f"goog-{w}": "x"})),
    _kind(
        "label that is none",
        "labels",
        st.one_of(st.just({"k": "v" * 64}), _foreign.map(lambda c: {"k": c}), _invisible.map(lambda c: {"k" + c: "v"})),
    ),
]
PLACES = [
    _kind(
        "place",
        "location",
        st.one_of(
            st.sampled_from(["europe-west٤-a", "europe-west４", "Europe-west4", "europe"]),
            _invisible.map("europe-west4-a{}".format),
        ),
    ),
    _kind("zone", "tpuZones", st.one_of(_word, _foreign.map("europe-west4-{}".format)).map(lambda zone: [zone])),
    _kind(
        "version",
        "gkeVersion",
        st.sampled_from(["1.34", "latest", "١.34.1-gke.1", "1.34.1-gke.1\n", "1.2.3-gke.1", "v1.34.1-gke.1"]),
    ),
    _kind("reservation", "tpuReservation", st.one_of(st.just("a b"), st.just("mine"), _invisible.map("r{}".format))),
    _kind("project", "gcp:project", st.sampled_from(["My Project", "12345", "my-project\n", "my-projеct-1", "p"])),
]
WINDOWS = [
    _recurrence(
        st.sampled_from(
            [
                "FREQ=DAILY;INTERVAL=+0",
                "FREQ=DAILY;INTERVAL=0",
                "FREQ=DAILY;INTERVAL=99999999999",
                "FREQ=DAILY;COUNT=0",
                "FREQ=DAILY;FREQ=WEEKLY",
            ]
        )
    ),
    _recurrence(
        st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]).flatmap(
            lambda f: st.sampled_from(
                [
                    f"FREQ={f};BYMONTH=2;BYMONTHDAY=30",
                    f"FREQ={f};BYMONTH=2;BYMONTHDAY=31",
                    f"FREQ={f};BYYEARDAY=366;BYMONTH=1",
                ]
            )
        )
    ),
    _recurrence(
        st.sampled_from(
            [
                "FREQ=DAILY;BYHOUR=1;BYMINUTE=1",
                "FREQ=HOURLY",
                "FREQ=DAILY;BYDAY=" + ",".join(["MO"] * 400),
                "FREQ=DAILY;BYSETPOS=0",
                "FREQ=DAILY;UNTIL=20260101T000000",
                "FREQ=YEARLY",
                "FREQ=DAILY;X=1",
            ]
        )
    ),
    _kind(
        "long window",
        "maintenanceWindow.end",
        st.sampled_from(["4026-01-03T05:00:00Z", "2027-01-03T05:00:00Z", "9999-12-31T23:59:59Z"]).map(
            lambda end: {**_window, "end": end}
        ),
    ),
    _kind(
        "old window",
        "maintenanceWindow.start",
        st.sampled_from(["0001-01-01T00:00:00Z", "1900-01-01T00:00:00Z", "٢٠٢٦-01-03T05:00:00Z"]).map(
            lambda start: {**_window, "start": start}
        ),
    ),
]
NAMES = [
    _kind(
        "served name",
        "models[0].servedNames",
        st.one_of(
            _invisible.map("qwen{}x".format), st.sampled_from(["", " ", "-x", "--api-key=" + KEY, "{{x}}", "a\nb"])
        ).map(lambda n: [n]),
    ),
    _kind(
        "name",
        "models[0].name",
        st.one_of(_invisible.map("qwen{}x".format), _foreign.map("qwen{}".format), st.just("q" * 39)),
    ),
    _kind(
        "namespace",
        "models[0].namespace",
        st.one_of(_invisible.map("n{}x".format), st.sampled_from(["default", "kube-x", "N", "n" * 64])),
    ),
    _kind("unknown field", "models[0].", _word.map(lambda w: ("x" + w, SECRET))),
    _kind("unknown setting", "", _word.map(lambda w: ("x" + w, SECRET))),
    _kind("invisible setting", "", _invisible.map(lambda c: ("protect" + c, "true"))),
    _kind(
        "namespace of another project",
        "",
        st.sampled_from(
            ["gke-tpu-inferense", "gke-tpu-inferance", "gke_tpu_inference", "GKE-tpu-inference", "gke-tpu-infrence"]
        ).map(lambda n: (f"{n}:protect", "true")),
    ),
]
TYPES = [
    *(
        _kind("type of a model's field", f"models[0].{field}", values)
        for field, values in {
            "name": st.one_of(st.none(), st.integers(), st.lists(_word)),
            "maxModelLen": st.one_of(st.floats(0.1, 0.9), _word, st.just(True), st.integers(max_value=0)),
            "replicas": st.one_of(st.none(), _word, st.integers(max_value=0), st.just(10**40)),
            "extraArgs": st.one_of(st.none(), _word, st.just([None]), st.just([[SECRET]])),
            "servedNames": st.one_of(st.just({"token": SECRET}), _word),
            "dtype": st.one_of(_word.map("x{}".format), st.integers()),
            "tensorParallelSize": st.sampled_from([3, 0, -1, "4", 4.5]),
        }.items()
    ),
    _kind(
        "models",
        "models",
        st.one_of(
            st.just({"huggingFaceToken": SECRET}),
            st.just([]),
            st.just([None]),
            st.lists(_word, min_size=1),
            st.just([[]]),
        ),
    ),
    _kind("deep", "models", st.just("[" * 100_000)),
    _kind("half a character", "labels", st.just({"k\ud800": "v"})),
    _kind("truth", "protect", st.sampled_from(["yes", "on", "1", "True", "no", ""])),
    _kind("whole number", "routerReplicas", st.sampled_from(["1_0", "１", " 1", "1.0", "0x1", "", "6", "9" * 5000])),
]
TOKENS = [
    _kind(
        "token with what no token has",
        "huggingFaceToken",
        st.sampled_from(["\n", " ", "\t", "\u200b", "\0", "é"]).map(lambda c: SECRET + c),
    ),
]
KINDS = [*FLAGS, *URIS, *RANGES, *MACHINES, *LABELS, *PLACES, *WINDOWS, *NAMES, *TYPES, *TOKENS]

BROKEN = {
    "duplicate key": f"config:\n  {PREFIX}protect: true\n  {PREFIX}protect: false\n",
    "yes": f"config:\n  {PREFIX}protect: yes\n",
    "tab": f"config:\n\t{PREFIX}protect: true\n",
    "unclosed quote": f'config:\n  {PREFIX}location: "europe\n',
    "conflict markers": f"<<<<<<< HEAD\nconfig:\n  {PREFIX}protect: true\n=======\n>>>>>>> other\n",
    "recursive alias": f"config:\n  {PREFIX}labels: &a\n    x: *a\n",
    "config as a list": f"config:\n  - {PREFIX}protect\n",
    "a list": "- config\n",
    "a word": "config\n",
    "numeric key": "config:\n  5: x\n",
    "not a number": f"config:\n  {PREFIX}labels:\n    x: .nan\n",
    "half a character": f'config:\n  {PREFIX}location: "\\ud800"\n',
    "a number as a label": f"config:\n  {PREFIX}labels:\n    5: 6\n",
    "a time": f"config:\n  {PREFIX}maintenanceWindow: {{start: 2026-01-03T05:00:00Z}}\n",
    "no value": f"config:\n  {PREFIX}models:\n",
    "a tag": f"config:\n  {PREFIX}tpuSlice: !Tag v5\n",
    "a word for a number": f"config:\n  {PREFIX}tpuMaxNodes: many\n",
    "not text": b"config:\n  \xff\xfe: 1\n",
}
"""Whole stack files that the engine, or the program after it, must refuse."""


def examples(kind: Kind, count: int) -> list[Bad]:
    """So many mistakes of a kind, or as many as there are; the same in every run."""
    found: list[Bad] = []

    @settings(max_examples=count, derandomize=True, database=None, deadline=None)
    @given(kind.mistakes)
    def draw(bad: Bad) -> None:
        found.append(bad)

    draw()
    return found


def apply(values: dict[str, Any], bad: Bad) -> dict[str, Any]:
    """A configuration with a mistake in it."""
    if isinstance(bad.value, tuple):
        key, value = bad.value
        target = values["models"][0] if bad.where else values
        target[key] = value
    elif bad.where.startswith("models[0]."):
        values["models"][0][bad.where.partition(".")[2]] = bad.value
    else:
        values[bad.where.partition(".")[0]] = bad.value
    return values
