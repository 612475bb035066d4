"""What a preview would do, as a comment for a pull request: `python -m ops report EVENTS --stack NAME`."""

import html
import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pulumi.automation.events import EngineEvent, PolicyEvent, StepEventStateMetadata
from pulumi.runtime.rpc import UNKNOWN

from ops.refusal import refuse

from .cost import cost
from .downtime import Cost, costs
from .events import HIDDEN, Change, LogError, Outcome, collect, look_up, names, plain, read

LIMIT = 60_000
"""Characters of a report; GitHub takes 65,536 in a comment, and the workflow may add some."""
LONGEST_LINE, MOST_PATHS, MOST_MESSAGES, OPEN_LINES = 1000, 20, 20, 12

SHOWN = {
    *("channel", "chart", "cidrBlock", "consumeReservationType", "deletionProtection", "diskSizeGb", "flexStart"),
    *("image", "ipCidrRange", "location", "maxReplicaCount", "maxRunDuration", "minReplicaCount"),
    *("cooldownPeriod", "desiredReplicas", "optimizeRulePriority"),
    *("machineType", "masterIpv4CidrBlock", "minMasterVersion", "nodeLocations", "region", "replicas", "spot"),
    *("serving.kserve.io/stop", "totalMaxNodeCount", "totalMinNodeCount", "uri", "version"),
}
"""Properties whose values a report shows, besides the flags below. All others, known to be secret or not, stay out."""
SHOWN_FLAGS = re.compile(r"--(dtype|max-model-len|max-num-seqs|tensor-parallel-size)=\S*")

TITLES = {
    "preview": {"replace": "to replace", "delete": "to delete", "create": "to create", "update": "to change"},
    "drift": {"delete": "gone", "update": "changed"},
}


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
    value = look_up(path, (state.outputs if outputs else state.inputs) if state else None)
    if value is HIDDEN:
        return None
    if value is None:
        return "unset"
    last = next((name for name in reversed(names(path)) if not name.isdigit()), "")
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


def _called_out(cost: Cost) -> str:
    because = ""
    if cost.op == "replace":
        causes = ", ".join(map(code, cost.causes[:5])) + (", …" if len(cost.causes) > 5 else "")
        because = f" Because of {causes}." if causes else " Because something that it needs is replaced."
    return f"- **{cost.op}** {cost.what} {', '.join(map(code, sorted(cost.names)))}: {cost.price}.{because}"


def marker(stack: str, kind: str) -> str:
    """The first line of a report, by which a workflow finds its comment again."""
    return f"<!-- gke-tpu-inference:{kind}:{stack} -->"


def report(
    events: Iterable[EngineEvent], *, stack: str, kind: str = "preview", simulated: str = "", because: str = ""
) -> str:
    """The engine's events as Markdown. If they are the sandbox's, `simulated` says of what stack, `because` why.

    It shows names, property paths and the values of `SHOWN` alone; secrets are masked by the engine before.
    """
    return render(collect(events, kind), stack=stack, kind=kind, simulated=simulated, because=because)


def render(outcome: Outcome, *, stack: str, kind: str, simulated: str, because: str = "") -> str:
    """What `report` makes of the events, once they are put together."""
    titles = TITLES[kind]
    name = "Drift" if kind == "drift" else "Preview"
    blocks = [Block(marker(stack, kind), [f"### {name} of {code(stack)}"])]
    if simulated:
        note = "> This is the sandbox's preview: no credentials, simulated clouds. What is deployed may differ."
        reason = f" {html.escape(' '.join(because.split()))}" if because else ""
        blocks.append(Block("> [!NOTE]", [f"{note}{reason} Compared with: {code(simulated)}."]))
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
    price = [Block(told, [])] if (told := cost(*outcome.outputs)) else []
    if not outcome.changed:
        return [Block(f"No changes, {len(outcome.changes)} unchanged.", []), *price]
    lines = [_called_out(cost) for cost in costs(outcome)]
    warning = [Block("**Holds state or costs downtime:**\n", lines)] if lines else []
    return [*warning, *price, Block(_counts(outcome, TITLES["preview"]), [])]


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


def write(events: Path, *, stack: str, kind: str, simulated: str, output: Path | None) -> int:
    """Read the log, write the report, and for a workflow whether the stack has drifted; the exit code."""
    try:
        outcome = collect(read(events), kind)
    except LogError as error:
        refuse(str(error))
    text = render(outcome, stack=stack, kind=kind, simulated=simulated)
    if output:
        output.write_text(text)
    else:
        print(text, end="")
    if kind == "drift" and not outcome.failed and "GITHUB_OUTPUT" in os.environ:
        with Path(os.environ["GITHUB_OUTPUT"]).open("a") as file:
            file.write(f"drifted={json.dumps(outcome.changed)}\n")
    return int(outcome.failed or any(policy.enforcement_level == "mandatory" for policy in outcome.violations))
