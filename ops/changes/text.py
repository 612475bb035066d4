"""What a preview would do, as a comment for a pull request: `python -m ops report EVENTS --stack NAME`."""

import html
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pulumi.automation.events import EngineEvent, PolicyEvent, PropertyDiff, StepEventMetadata, StepEventStateMetadata
from pulumi.runtime.rpc import UNKNOWN, _special_sig_key

LIMIT = 60_000
"""Characters of a report; GitHub takes 65,536 in a comment, and the workflow may add some."""
LONGEST_LINE, MOST_PATHS, MOST_MESSAGES, OPEN_LINES = 1000, 20, 20, 12


class Watched(NamedTuple):
    """A type of resource that holds state or costs downtime, by the end of its qualified type, and what that means."""

    kind: str
    what: str
    replace: str
    delete: str
    name: str = ""


WATCHED = (
    Watched(
        "gcp:container/cluster:Cluster",
        "cluster",
        replace="replaced with everything in it: no model answers for as long as a destroy and an up",
        delete="deleted with everything in it",
    ),
    Watched(
        "gcp:compute/address:Address",
        "gateway address",
        replace="another address, so another base URL for every client",
        delete="the base URL is gone, and Google may give the address to somebody else",
    ),
    Watched(
        "TpuPool$gcp:container/nodePool:NodePool",
        "TPU node pool",
        replace="deleted and made anew: every model is down for pool, node and start time, and needs free TPU capacity",
        delete="every model is down",
    ),
    Watched(
        "serving.kserve.io/v1alpha2:LLMInferenceService",
        "model",
        replace="deleted, then made anew: down for its start time",
        delete="down for good",
    ),
    Watched(
        "gcp:compute/network:Network",
        "VPC",
        replace="replaced with all that stands in it, the cluster too",
        delete="deleted with all that stands in it",
    ),
    Watched(
        "gcp:compute/subnetwork:Subnetwork",
        "subnet",
        replace="replaced with the cluster that stands in it",
        delete="deleted with the cluster that stands in it",
    ),
    Watched(
        "gcp:container/nodePool:NodePool",
        "node pool",
        replace="what runs on it moves: a few minutes, at worst for all models",
        delete="what runs on it has to find room elsewhere",
    ),
    *(
        Watched(f"Gateway${kind}", what, replace="no model answers until it is back", delete="no model answers")
        for kind, what in (("kubernetes:core/v1:Service", "load balancer"), ("kubernetes:helm.sh/v3:Release", "proxy"))
    ),
    *(
        Watched(kind, what, replace=gone, delete=gone, name=name)
        for kind, what, name, gone in (
            ("kubernetes:helm.sh/v3:Release", "CRDs", "kserve-llmisvc-crd", "every model is deleted with its type"),
            ("kubernetes:core/v1:Namespace", "namespace", "", "deleted with everything in it, volume claims included"),
        )
    ),
)
"""In the order of the report. The first that fits counts."""

_NEW_NODES = r"nodeConfig\.(machineType|diskSizeGb|diskType|imageType|linuxNodeConfig)"
IN_PLACE = (
    (
        "TpuPool$gcp:container/nodePool:NodePool",
        _NEW_NODES,
        "TPU node pool",
        "GKE makes its nodes anew, one after the other: the models on them are down for node and start time",
    ),
    (
        "TpuPool$gcp:container/nodePool:NodePool",
        "nodeLocations",
        "TPU node pool",
        "models in a zone that is taken away are down for node and start time",
    ),
    (
        "gcp:container/nodePool:NodePool",
        _NEW_NODES,
        "node pool",
        "GKE makes its nodes anew: a few minutes, at worst for all models",
    ),
)
"""Updates that cost downtime: end of the qualified type, property paths, what it is, what it costs."""

SHOWN = {
    *("channel", "chart", "cidrBlock", "deletionProtection", "diskSizeGb", "image", "ipCidrRange", "location"),
    *("machineType", "masterIpv4CidrBlock", "minMasterVersion", "nodeLocations", "region", "replicas", "spot"),
    *("totalMaxNodeCount", "totalMinNodeCount", "uri", "version"),
}
"""Properties whose values a report shows, besides the flags below. All others, known to be secret or not, stay out."""
SHOWN_FLAGS = re.compile(r"--(dtype|max-model-len|max-num-seqs|tensor-parallel-size)=\S*")

TITLES = {
    "preview": {"replace": "to replace", "delete": "to delete", "create": "to create", "update": "to change"},
    "drift": {"delete": "gone", "update": "changed"},
}


def _internal(path: str) -> bool:
    """Whether a property is the provider's own, like `__meta` and `__defaults`."""
    return any(name.startswith("__") for name in _names(path))


def _within(path: str, block: str) -> bool:
    return path.startswith((f"{block}.", f"{block}["))


def _forces(diff: PropertyDiff | None) -> bool:
    return bool(diff and diff.diff_kind.endswith("-replace"))


def _names(path: str) -> list[str]:
    """The steps of a property path in the engine's syntax."""
    return [a or b or c for a, b, c in re.findall(r'\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|([^.\[\]]+)', path)]


def _look_up(path: str, value: Any) -> Any:
    """The value at a path, None if there is none, `HIDDEN` if something on the way is secret or unknown."""
    for name in _names(path):
        if isinstance(value, dict) and _special_sig_key not in value:
            value = value.get(name)
        elif isinstance(value, list) and name.isdigit():
            value = value[int(name)] if int(name) < len(value) else None
        elif value is not None:
            return HIDDEN
    return value


HIDDEN = object()


@dataclass
class Change:
    """What happens to one resource: its steps (a replacement has several) as one operation."""

    op: str
    kind: str
    name: str
    old: StepEventStateMetadata | None = None
    new: StepEventStateMetadata | None = None
    paths: dict[str, PropertyDiff | None] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    found: bool = False
    """By a refresh: what only the cloud says counts too."""

    @property
    def shown(self) -> list[str]:
        """The property paths that a person can use, or else those that there are.

        Without the provider's own keys, such as `__meta`, without blocks of which a part is there, and without what
        only the cloud fills in, unless it is what forces a replacement.
        """
        return self._given or self._leaves

    @property
    def causes(self) -> list[str]:
        """The property paths that make it a replacement; none if it is replaced with what it depends on."""
        forced = [path for path, diff in self.paths.items() if _forces(diff)]
        known = self._given if self.old or self.new else self._leaves
        if causes := [path for path in known if path in forced]:
            return causes
        # The provider names a block, or its own key, in place of what is different.
        named = [*forced, *self.keys]
        within = [path for path in known if any(path == block or _within(path, block) for block in named)]
        return within or (known if named else [])

    @property
    def _leaves(self) -> list[str]:
        own = [path for path in self.paths or dict.fromkeys(self.keys) if not _internal(path)]
        return [path for path in own if not any(_within(other, path) for other in own)]

    @property
    def _given(self) -> list[str]:
        """Those of which the program says something, or the cloud something that counts."""
        inputs = [side.inputs for side in (self.old, self.new) if side]
        outputs = self.old.outputs if self.old else None

        def given(path: str) -> bool:
            sides = [*inputs, outputs] if self.found or _forces(self.paths.get(path)) else inputs
            return any(_look_up(path, side) not in (None, {}, []) for side in sides)

        return [path for path in self._leaves if given(path)]


@dataclass
class Outcome:
    """What the engine has said, in order."""

    changes: dict[str, Change] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    violations: list[PolicyEvent] = field(default_factory=list)
    started: bool = False
    ended: bool = False

    @property
    def failed(self) -> bool:
        """Whether the engine found an error, or did not get to its end."""
        return bool(self.errors) or not self.ended

    @property
    def changed(self) -> bool:
        """Whether any resource is to change, or has changed."""
        return any(change.op != "same" for change in self.changes.values())

    def with_op(self, op: str) -> list[Change]:
        """The resources that this happens to."""
        return [change for change in self.changes.values() if change.op == op]


def plain(message: str) -> str:
    """The engine's message without its marks for colour and the terminal's."""
    return re.sub(r"<\{%.*?%\}>|\x1b\[[0-9;]*[A-Za-z]", "", message).strip()


def collect(events: Iterable[EngineEvent], kind: str = "preview") -> Outcome:
    """The events of one preview or refresh, put together by resource.

    A preview says with the first event of a step what it is; a refresh with the last one what it has found.
    """
    outcome = Outcome()
    for event in events:
        outcome.started = True
        outcome.ended |= event.summary_event is not None
        if step := event.resource_pre_event or (event.res_outputs_event if kind == "drift" else None):
            _add(outcome.changes, step.metadata, found=kind == "drift")
        elif diagnostic := event.diagnostic_event:
            message = plain(diagnostic.message)
            said = {"error": outcome.errors, "warning": outcome.warnings}.get(diagnostic.severity)
            repeated = message.removeprefix("an unhandled error occurred: ")
            if said is not None and message and repeated not in said:
                said.append(message)
        elif policy := event.policy_event:
            outcome.violations.append(policy)
    return outcome


def _add(changes: dict[str, Change], step: StepEventMetadata, *, found: bool) -> None:
    qualified, name = step.urn.split("::")[-2:]
    # `replace`, `create-replacement` and `delete-replaced` are one.
    op = "replace" if "replace" in step.op.value else "same" if step.op.value in ("refresh", "read") else step.op.value
    change = changes.setdefault(step.urn, Change(op, qualified, name, found=found))
    change.op = op if change.op == "same" else change.op
    change.old, change.new = step.old or change.old, step.new or change.new
    change.paths |= step.detailed_diff or dict.fromkeys(step.diffs or [])
    change.keys += step.keys or []


# Markdown


def code(text: str) -> str:
    """The text as a code span, in which nothing is a mention, a link or HTML."""
    text = " ".join(text.split())[:LONGEST_LINE] or " "
    fence = _fence(text, 1)
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def _fence(text: str, shortest: int) -> str:
    return "`" * max(shortest, 1 + max(map(len, re.findall("`+", text)), default=0))


class Block(NamedTuple):
    """Lines between a head and a tail, which stay when lines have to be left out."""

    head: str
    lines: list[str]
    tail: str = ""


def fenced(message: str) -> Block:
    """A message as it is, in a block of code."""
    fence = _fence(message, 3)
    return Block(f"{fence}text", [line[:LONGEST_LINE] for line in message.splitlines()], fence)


def folded(title: str, lines: list[str]) -> Block:
    """A list that is closed if it is long."""
    state = "" if len(lines) > OPEN_LINES else " open"
    return Block(f"<details{state}><summary>{html.escape(title)}</summary>\n", lines, "\n</details>")


def fit(blocks: list[Block], limit: int = LIMIT) -> str:
    """The blocks as one text of at most `limit` characters, with a word where lines are left out."""
    note = "… {} more lines do not fit into a comment. They are in the log of the job."
    room = limit - sum(len(b.head) + len(b.tail) + len(note) + 10 for b in blocks)
    parts: list[str] = []
    for block in blocks:
        kept: list[str] = []
        for line in block.lines:
            room -= len(line) + 1
            if room < 0:
                break
            kept.append(line)
        left = len(block.lines) - len(kept)
        lines = [*kept, note.format(left)] if left else kept
        parts.append("\n".join(part for part in (block.head, *lines, block.tail) if part))
    return "\n\n".join(parts) + "\n"


def _value(path: str, state: StepEventStateMetadata | None, outputs: bool) -> str | None:
    """The value at a path if it may be shown, `unset` if there is none."""
    value = _look_up(path, (state.outputs if outputs else state.inputs) if state else None)
    if value is HIDDEN:
        return None
    if value is None:
        return "unset"
    last = next((name for name in reversed(_names(path)) if not name.isdigit()), "")
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    harmless = last in SHOWN or (last == "args" and SHOWN_FLAGS.fullmatch(text))
    known = isinstance(value, str | int | float) and len(text) <= 100 and text not in (UNKNOWN, "[secret]")
    return text if harmless and known else None


def _paths(change: Change) -> Iterator[str]:
    shown = change.shown
    for path in shown[:MOST_PATHS]:
        diff = change.paths.get(path)
        old = _value(path, change.old, outputs=diff is not None and not diff.input_diff)
        new = _value(path, change.new, outputs=False)
        values = {old, new} - {"unset"}
        known = diff is not None and None not in values and values
        yield f"  - {code(path)}" + (f": {code(str(old))} → {code(str(new))}" if known else "")
    if len(shown) > MOST_PATHS:
        yield f"  - and {len(shown) - MOST_PATHS} more"


def _listed(change: Change) -> list[str]:
    head = f"- {code(change.kind.rsplit('$', 1)[-1])} {code(change.name)}"
    return [head, *(_paths(change) if change.op in ("update", "replace") else ())]


def _counts(outcome: Outcome, titles: dict[str, str]) -> str:
    counts = Counter(change.op for change in outcome.changes.values())
    unchanged = counts.pop("same", 0)
    known = [f"**{counts.pop(op)} {title}**" for op, title in titles.items() if op in counts]
    others = [f"**{count} to {op}**" for op, count in counts.items()]
    return ", ".join([*known, *others, f"{unchanged} unchanged"])


def _watched(change: Change) -> tuple[str, str, str] | None:
    """What a change costs: the place in the report, what it is, the price in a phrase; None if nothing."""
    if change.op == "update":
        for kind, pattern, what, cost in IN_PLACE:
            if change.kind.endswith(kind) and any(re.match(pattern, path) for path in change.paths):
                return "change", what, cost
    if change.op in ("replace", "delete"):
        for watched in WATCHED:
            if change.kind.endswith(watched.kind) and watched.name in ("", change.name):
                return change.op, watched.what, getattr(watched, change.op)
    return None


def called_out(outcome: Outcome) -> list[str]:
    """One line for each replacement, deletion and update that holds state or costs downtime, the same ones together."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    found = [(change, watched) for change in outcome.changes.values() if (watched := _watched(change))]
    without_cluster = any(what == "cluster" for _, (_, what, _) in found)
    for change, (op, what, cost) in found:
        if without_cluster and "kubernetes:" in change.kind and what != "model":
            continue  # the cluster's line has said so
        because = ""
        if op == "replace":
            causes = ", ".join(map(code, change.causes[:5])) + (", …" if len(change.causes) > 5 else "")
            because = f" Because of {causes}." if causes else " Because something that it needs is replaced."
        groups.setdefault((what, op, cost, because), []).append(change.name)
    order = [watched.what for watched in WATCHED]
    return [
        f"- **{op}** {what} {', '.join(map(code, sorted(names)))}: {cost}.{because}"
        for (what, op, cost, because), names in sorted(groups.items(), key=lambda item: order.index(item[0][0]))
    ]


def marker(stack: str, kind: str) -> str:
    """The first line of a report, by which a workflow finds its comment again."""
    return f"<!-- gke-tpu-inference:{kind}:{stack} -->"


def report(events: Iterable[EngineEvent], *, stack: str, kind: str = "preview", simulated: str = "") -> str:
    """The engine's events as Markdown. If they are the sandbox's, `simulated` says of what stack.

    It shows names, property paths and the values of `SHOWN` alone; secrets are masked by the engine before.
    """
    return render(collect(events, kind), stack=stack, kind=kind, simulated=simulated)


def render(outcome: Outcome, *, stack: str, kind: str, simulated: str) -> str:
    """What `report` makes of the events, once they are put together."""
    titles = TITLES[kind]
    name = "Drift" if kind == "drift" else "Preview"
    blocks = [Block(marker(stack, kind), [f"### {name} of {code(stack)}"])]
    if simulated:
        note = "> This is the sandbox's preview: no credentials, simulated clouds. What is deployed may differ."
        blocks.append(Block("> [!NOTE]", [f"{note} Compared with: {code(simulated)}."]))
    if outcome.failed:
        blocks += _failure(outcome, "refresh" if kind == "drift" else "preview")
    if outcome.violations:
        blocks.append(Block("**Policy violations:**\n", [_violation(policy) for policy in outcome.violations]))
    if not outcome.failed:
        blocks += _drift(outcome) if kind == "drift" else _plan(outcome)
        blocks += [
            folded(f"{len(changes)} {title}", [line for change in changes for line in _listed(change)])
            for op, title in titles.items()
            if (changes := outcome.with_op(op))
        ]
    for message in outcome.warnings[:MOST_MESSAGES]:
        blocks += [Block("Warning:", []), fenced(message)]
    return fit(blocks)


def _violation(policy: PolicyEvent) -> str:
    resource = (policy.resource_urn or "the stack").rsplit("::", 1)[-1]
    level, name = code(policy.enforcement_level), code(policy.policy_name)
    return f"- {level} {name}, {code(resource)}: {code(plain(policy.message))}"


def _failure(outcome: Outcome, what: str) -> list[Block]:
    if not outcome.started:
        return [Block(f"**The {what} did not start.** The log of the job says why.", [])]
    if not outcome.errors:
        return [Block(f"**The {what} did not come to its end.** The log of the job says why.", [])]
    count = (
        f" The first {MOST_MESSAGES} of {len(outcome.errors)} errors:" if len(outcome.errors) > MOST_MESSAGES else ""
    )
    first = Block(f"**The {what} failed.** Nothing was changed.{count}", [])
    return [first, *map(fenced, outcome.errors[:MOST_MESSAGES])]


def _plan(outcome: Outcome) -> list[Block]:
    if not outcome.changed:
        return [Block(f"No changes, {len(outcome.changes)} unchanged.", [])]
    lines = called_out(outcome)
    warning = [Block("**Holds state or costs downtime:**\n", lines)] if lines else []
    return [*warning, Block(_counts(outcome, TITLES["preview"]), [])]


def _drift(outcome: Outcome) -> list[Block]:
    if not outcome.changed:
        return [Block(f"No drift, {len(outcome.changes)} as Pulumi left them.", [])]
    return [
        Block(
            "What is in the clouds is not what Pulumi made. To undo it: `pulumi up --refresh`. To keep it: make the "
            "stack file or the program say the same, until `pulumi preview --refresh` shows no change.",
            [],
        ),
        Block(_counts(outcome, TITLES["drift"]), []),
    ]


def read(path: Path) -> list[EngineEvent]:
    """The events of a log; none if there is no such file, and those before a line that was cut off."""
    events: list[EngineEvent] = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            events.append(EngineEvent.from_json(json.loads(line)))
        except json.JSONDecodeError:
            break
    return events


def write(events: Path, *, stack: str, kind: str, simulated: str, output: Path | None) -> int:
    """Read the log, write the report, and for a workflow whether the stack has drifted; the exit code."""
    outcome = collect(read(events), kind)
    text = render(outcome, stack=stack, kind=kind, simulated=simulated)
    if output:
        output.write_text(text)
    else:
        print(text, end="")
    if kind == "drift" and not outcome.failed and "GITHUB_OUTPUT" in os.environ:
        with Path(os.environ["GITHUB_OUTPUT"]).open("a") as file:
            file.write(f"drifted={json.dumps(outcome.changed)}\n")
    return int(outcome.failed or any(policy.enforcement_level == "mandatory" for policy in outcome.violations))
