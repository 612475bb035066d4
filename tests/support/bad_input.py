# ruff: noqa: RUF001 - tables of odd characters
"""Stack files that must not be accepted, drawn from every kind of mistake that is known.

Each draw is a change of the dev stack's configuration, and the setting that the message has to name. The engine has
read the file by then: what it refuses by itself is in `bad_files.py`.
"""

from typing import Any

from hypothesis import strategies as st

from .mistakes import KEY, SECRET, Kind, drawn, some

_number = st.integers(0, 9999).map(str)
_word = st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=12)
_invisible = st.sampled_from("\u200b\u202e\u2066\ufeff\u00ad\x1b\x07\u2028\x7f\0")
_foreign = st.sampled_from("äßжπ日ａ１٣")
_uri = "models[0].uri"
_ranges = ("subnetCidr", "podCidr", "serviceCidr", "controlPlaneCidr")


def _flags(kind: str, *args: Any) -> Kind:
    return some(kind, "models[0].extraArgs", *args, form=lambda a: a if isinstance(a, list) else [a])


def _window(kind: str, field: str, *values: str) -> Kind:
    window = {"start": "2026-01-03T05:00:00Z", "end": "2026-01-03T13:00:00Z", "recurrence": "FREQ=DAILY"}
    return some(kind, f"maintenanceWindow.{field}", *values, form=lambda value: {**window, field: value})


def _budget(kind: str, field: str, *values: Any) -> Kind:
    budget = {"billingAccount": "012345-6789AB-CDEF01", "usd": 4000}
    return some(kind, f"budget.{field}", *values, form=lambda value: {**budget, field: value})


FLAGS = [
    drawn("unknown flag", "models[0].extraArgs", st.tuples(_word, _number).map(lambda p: [f"--x{p[0]}={p[1]}"])),
    _flags("flag glued to its value", "-tp2", "-pp2", "-n2", "-dp4"),
    _flags("flag and value in one word", "-tp 2", "--port 9", "--dtype float32", "--seed 1", "--nnodes 2"),
    _flags("help", "--help", "-h", "--hel", "--help=all"),
    drawn("word of no flag", "models[0].extraArgs", _word.map(lambda word: ["--seed=1", word])),
    _flags("end of flags", "--", ["--seed=1", "--"], ["--", "x"]),
    _flags(
        "flag that the program decides",
        *("--headless", "--grpc", "--nnodes=2", "-n=2", "-pcp=2", "--port=9", "--node-rank=1", "--master-addr=x"),
        *("--data-parallel-size-local=1", "-dpr=1", "--shutdown-timeout=1", "--uds=/x", "--config=/x"),
        *("--ssl-keyfile=x", ["--api-server-count=0"], ["-asc", "0"], ["--tensor_parallel_size", "2"]),
        *(["--model", "x"], ["--host", "::"]),
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
    some(
        "claim that Kubernetes refuses",
        _uri,
        *("Claim", "-a", "a-", "a_b", "a..b", "a" * 254),
        form="pvc://{}/x".format,
    ),
    some(
        "two dots", _uri, "pvc://c/../x", "pvc://c/a/..", "oci://r/../i:1", "hf://a/..", "hf://a..b/c", "hf://a/b:../x"
    ),
    some(
        "image that is none",
        _uri,
        *("oci://r.io/Upper:1", "oci://r.io/i", "oci://r.io/i:1;x", "oci://r.io//i:1", "oci://", "oci://r.io/i:"),
        *("oci://r.io/i@sha256:1", "oci://r.io/é:1"),
    ),
    drawn("other scripts", _uri, _foreign.map(lambda c: f"hf://Q{c}/model")),
    some(
        "repository that is none",
        _uri,
        *("hf://a--b/c", "hf://-a/c", "hf://a/c.git", "hf://a/" + "b" * 96, "hf://a/b/c", "hf://a/b:x.lock"),
        *("hf://a b/c",),
    ),
    some(
        "credentials",
        _uri,
        *(f"hf://user:{SECRET}@a/b", f"hf://{SECRET}@a/b", f"oci://user:{KEY}@r.io/i:1", f"pvc://u:{KEY}@c/x"),
        *(f"https://x:{KEY}@h/m",),
    ),
    drawn("unsupported scheme", _uri, _word.map(lambda path: f"s3://{path}/m")),
    some(
        "bucket or folder that is none",
        _uri,
        *("gs://", "gs://ab/m", "gs://Models/m", "gs://-ab/m", "gs://models/", "gs://models//m", "gs://models/../m"),
        *("gs://models/a,ro", "gs://models/a:b", "gs://models/a=b", "gs://models/a b", f"gs://{'a' * 64}/m"),
    ),
    some(
        "mirror",
        "chartMirror",
        *("oci://user:" + KEY + "@r.io/c", "oci://R.io/UPPER", "oci://r.io/c/", "https://r.io/c"),
        *("/nowhere/" + "x" * 300, "/nowhere\0", "nowhere", "pyproject.toml"),
    ),
]
RANGES = [
    *(
        some(
            "range that Google refuses",
            where,
            *("169.254.0.0/20", "127.0.0.0/20", "224.0.0.0/20", "0.0.0.0/0", "0.0.0.0/8", "255.255.255.0/24"),
        )
        for where in _ranges
    ),
    *(some("range far too large", where, "64.0.0.0/2", "32.0.0.0/5") for where in _ranges),
    drawn("public control plane", "controlPlaneCidr", st.integers(0, 15).map(lambda n: f"8.8.8.{n * 16}/28")),
    *(
        drawn(
            "no range",
            where,
            st.one_of(
                _word, st.sampled_from(["10.0.0.1/20", "10.0.0.0", "10.0/8", "10.0.0.0/33", "١٠.0.0.0/20", "fd00::/64"])
            ),
        )
        for where in _ranges
    ),
    some("callers", "authorizedNetworks", ["127.0.0.1/32"], ["169.254.1.0/24"], ["224.0.0.0/8"]),
]
MACHINES = [
    some(
        "too small a machine",
        "systemMachineType",
        *("e2-micro", "e2-small", "f1-micro", "g1-small", "n1-standard-1", "n1-highcpu-2", "e2-highcpu-2"),
        *("e2-custom-2-2048",),
    ),
    some("Arm", "systemMachineType", "t2a-standard-4", "c4a-standard-4", "n4a-standard-8"),
    drawn(
        "no machine",
        "systemMachineType",
        st.one_of(
            _word, _invisible.map("e2-standard-4{}".format), st.just("E2-standard-4"), st.just("ct6e-standard-4t")
        ),
    ),
    drawn("disk", "tpuBootDiskGb", st.one_of(st.integers(-5, 29), st.integers(65_537, 10**30))),
    drawn("nodes", "tpuMaxNodes", st.one_of(st.integers(-9, 0), st.integers(15_001, 10**30))),
    drawn("nodes of the system", "systemMaxNodes", st.one_of(st.integers(-9, 0), st.integers(15_001, 10**12))),
]
LABELS = [
    drawn("too many labels", "labels", st.integers(64, 90).map(lambda n: {f"k{i}": "v" for i in range(n)})),
    drawn("reserved label", "labels", _word.map(lambda w: {f"goog-{w}": "x"})),
    drawn(
        "label that is none",
        "labels",
        st.one_of(st.just({"k": "v" * 64}), _foreign.map(lambda c: {"k": c}), _invisible.map(lambda c: {"k" + c: "v"})),
    ),
]
PLACES = [
    drawn(
        "place",
        "location",
        st.one_of(
            st.sampled_from(["europe-west٤-a", "europe-west４", "Europe-west4", "europe"]),
            _invisible.map("europe-west4-a{}".format),
        ),
    ),
    drawn("zone", "tpuZones", st.one_of(_word, _foreign.map("europe-west4-{}".format)).map(lambda zone: [zone])),
    some("version", "gkeVersion", "1.34", "latest", "١.34.1-gke.1", "1.34.1-gke.1\n", "1.2.3-gke.1", "v1.34.1-gke.1"),
    drawn(
        "capacity",
        "tpuCapacity",
        st.one_of(st.just("spot"), _word, _invisible.map("reservation:r{}".format)).map(lambda name: [name, "spot"]),
    ),
    some("project", "gcp:project", "My Project", "12345", "my-project\n", "my-projеct-1", "p"),
]
WINDOWS = [
    _window(
        "recurrence",
        "recurrence",
        *("FREQ=DAILY;INTERVAL=+0", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=99999999999", "FREQ=DAILY;COUNT=0"),
        "FREQ=DAILY;FREQ=WEEKLY",
    ),
    _window(
        "recurrence",
        "recurrence",
        *(
            f"FREQ={often};{never}"
            for often in ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
            for never in ("BYMONTH=2;BYMONTHDAY=30", "BYMONTH=2;BYMONTHDAY=31", "BYYEARDAY=366;BYMONTH=1")
        ),
    ),
    _window(
        "recurrence",
        "recurrence",
        *("FREQ=DAILY;BYHOUR=1;BYMINUTE=1", "FREQ=HOURLY", "FREQ=DAILY;BYDAY=" + ",".join(["MO"] * 400)),
        *("FREQ=DAILY;BYSETPOS=0", "FREQ=DAILY;UNTIL=20260101T000000", "FREQ=YEARLY", "FREQ=DAILY;X=1"),
    ),
    _window("long window", "end", "4026-01-03T05:00:00Z", "2027-01-03T05:00:00Z", "9999-12-31T23:59:59Z"),
    _window("old window", "start", "0001-01-01T00:00:00Z", "1900-01-01T00:00:00Z", "٢٠٢٦-01-03T05:00:00Z"),
]
BUDGETS = [
    _budget("account", "billingAccount", "", "012345", "billingAccounts/012345-6789AB-CDEF01", "٠12345-6789AB-CDEF01"),
    _budget("amount", "usd", 0, -1, 10**30, 0.5, "4000", True, None, [4000]),
    _budget("thresholds", "thresholds", [], [0], [-5], [10**30], [0.5], [50, 50], ["50"], 50, {"50": True}),
    some("budget that is none", "budget", 4000, "4000", [4000], {"usd": 4000}),
]
NAMES = [
    drawn(
        "served name",
        "models[0].servedNames",
        st.one_of(
            _invisible.map("qwen{}x".format), st.sampled_from(["", " ", "-x", "--api-key=" + KEY, "{{x}}", "a\nb"])
        ).map(lambda n: [n]),
    ),
    drawn(
        "name",
        "models[0].name",
        st.one_of(_invisible.map("qwen{}x".format), _foreign.map("qwen{}".format), st.just("q" * 39)),
    ),
    drawn(
        "namespace",
        "models[0].namespace",
        st.one_of(_invisible.map("n{}x".format), st.sampled_from(["default", "kube-x", "N", "n" * 64])),
    ),
    drawn("unknown field", "models[0].", _word.map(lambda w: ("x" + w, SECRET))),
    drawn("unknown setting", "", _word.map(lambda w: ("x" + w, SECRET))),
    drawn("invisible setting", "", _invisible.map(lambda c: ("protect" + c, "true"))),
    some(
        "namespace of another project",
        "",
        *("gke-tpu-inferense", "gke-tpu-inferance", "gke_tpu_inference", "GKE-tpu-inference", "gke-tpu-infrence"),
        form=lambda n: (f"{n}:protect", "true"),
    ),
]
TYPES = [
    *(
        drawn("type of a model's field", f"models[0].{field}", values)
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
    drawn(
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
    drawn("deep", "models", st.just("[" * 100_000)),
    drawn("half a character", "labels", st.just({"k\ud800": "v"})),
    some("truth", "protect", "yes", "on", "1", "True", "no", ""),
    some("whole number", "routerReplicas", "1_0", "１", " 1", "1.0", "0x1", "", "6", "9" * 5000),
]
TOKENS = [
    some(
        "token with what no token has",
        "huggingFaceToken",
        *("\n", " ", "\t", "\u200b", "\0", "é"),
        form=lambda c: SECRET + c,
    ),
]
KINDS = [*FLAGS, *URIS, *RANGES, *MACHINES, *LABELS, *PLACES, *WINDOWS, *BUDGETS, *NAMES, *TYPES, *TOKENS]
