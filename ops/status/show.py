"""A status, printed."""

from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.cost import usd
from ops.diagnose.report import ago, shortened

from .cost_today import Cost
from .judge import Model, Status, Window
from .known import Alert, Deployed, Unknown

STYLES = {"serving": "green", "down": "red", "starting": "yellow", "unknown": "yellow"}
UP = {True: ("serving", "green"), False: ("not serving", "red"), None: ("unknown", "yellow")}


def unknown(of: Unknown) -> str:
    """Why something is not known."""
    return f"unknown, because {shortened(of.because)}"


def clock(time: datetime) -> str:
    """A time of a day."""
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _since(time: datetime, now: datetime) -> str:
    return f"since {clock(time)}, for {ago(time, now)}"


def _deployed(of: Deployed | Unknown) -> str:
    if isinstance(of, Unknown):
        return unknown(of)
    commit = f"commit {of.commit[:12]}" if of.commit else "no commit"
    changed = " and changes that are in none" if of.changed else ""
    message = f": {of.message}" if of.message else ""
    failed = f"; {of.failed.what} failed at {clock(of.failed.at)}" if of.failed else ""
    return f"{clock(of.at)}, of {commit}{changed}{message}{failed}"


def _nodes(of: Status) -> str:
    if isinstance(of.nodes, Unknown):
        return unknown(of.nodes)
    counted = ", ".join(f"{count} {name}" for name, count in of.nodes.items()) or "none"
    return counted + (f"; not ready: {', '.join(of.not_ready)}" if of.not_ready else "")


def _cost(of: Cost | Unknown) -> str:
    if isinstance(of, Unknown):
        return unknown(of)
    sure = of.least == of.most
    amount = usd(of.most) if sure else f"{usd(of.least)} to {usd(of.most)}"
    counted = "of the nodes that are there" if sure else "with and without the models' nodes, as these are not known"
    without = f"; without {', '.join(of.without)}, whose price is not known" if of.without else ""
    return f"{amount} US dollars since midnight UTC, an estimate at list prices, {counted}{without}"


def _alerts(of: list[Alert] | Unknown, now: datetime) -> str:
    if isinstance(of, Unknown):
        return unknown(of)
    return "; ".join(f"{alert.name} {_since(alert.since, now)}" for alert in of) or "none is open in the project"


def _window(of: Window | str | Unknown, now: datetime) -> str:
    if isinstance(of, Unknown):
        return unknown(of)
    if isinstance(of, str):
        return f"{of}, as the stack file has no maintenanceWindow"
    return f"now, until {clock(of.ends)}" if of.begins <= now else f"{clock(of.begins)} to {clock(of.ends)}"


def _row(model: Model) -> list[str | Text]:
    pods, measured = model.replicas, model.traffic
    counted = "?" if isinstance(pods, Unknown) else f"{pods.ready} of {pods.wanted}"
    values: list[float | Unknown] = (
        [measured, measured] if isinstance(measured, Unknown) else [measured.requests, measured.first_token]
    )
    shown = ["?" if isinstance(one, Unknown) else text.format(one) for one, text in zip(values, FORMATS, strict=True)]
    since = clock(model.since) if model.since else ""
    return [model.name, Text(model.state, STYLES.get(model.state, "")), counted, *shown, since]


FORMATS = ("{:.2f}", "{:.3f} s")
"""Of requests a second, and of the time to the first token."""


def _unknown_as(what: str, told: object, of: Unknown) -> str:
    """Why something is not known, in short if that was told of something else."""
    return f"unknown, as {what} are" if told == of else unknown(of)


def _reasons(of: Status) -> list[str]:
    """Why a cell of the table has no value, each reason once."""
    found: list[str] = []
    for model in of.models:
        if isinstance(model.replicas, Unknown):
            found.append(f"ready Pods are {_unknown_as('nodes', of.nodes, model.replicas)}")
        if isinstance(model.traffic, Unknown):
            found.append(f"requests and time to first token are {_unknown_as('alerts', of.alerts, model.traffic)}")
            continue
        for what, value in (("requests", model.traffic.requests), ("time to first token", model.traffic.first_token)):
            if isinstance(value, Unknown):
                found.append(f"{what} of {model.name}: {unknown(value)}")
    return list(dict.fromkeys(found))


def show(of: Status, to: Console) -> None:
    """Print it."""

    def line(label: str, text: str) -> None:
        to.print(Text(f"{label:<13}{text}"), soft_wrap=True)

    word, style = UP[of.serving]
    since = f" {_since(of.since, of.at)}" if of.since else ""
    to.print(Text.assemble((of.stack, "bold"), ": ", (word, f"bold {style}"), since))
    line("deployed", _deployed(of.deployed))
    line("nodes", _nodes(of))
    line("cost today", _cost(of.cost_today))
    line("alerts", _alerts(of.alerts, of.at))
    line("maintenance", _window(of.maintenance, of.at))
    if of.models:
        table = Table("model", "state", "ready", "requests/s", "first token", "since")
        for model in of.models:
            table.add_row(*_row(model))
        to.print(table)
    else:
        line("models", "none that is known")
    for model in of.models:
        if model.detail:
            to.print(Text(f"{model.name}: {model.state}, {shortened(model.detail)}"), soft_wrap=True)
    for reason in [*_reasons(of), *(f"left out: {one}" for one in of.left_out)]:
        to.print(Text(reason), soft_wrap=True)
    if any(model.state in ("down", "starting") for model in of.models):
        to.print(Text(f"to see why: python -m ops diagnose --stack {of.stack}"), soft_wrap=True)
