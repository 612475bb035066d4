"""Commands for people and for CI: `python -m ops COMMAND`.

Here is what they are told; what they do is in the file of each, which is imported only when it is needed: Google's
clients alone take a second.
"""

import math
import os
import re
import ssl
import sys
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import typer

from ops import paying
from ops.diagnose import commands as of_diagnose
from ops.keys import commands
from ops.load import commands as of_load
from ops.options import Folder
from ops.preflight import commands as of_preflight
from ops.refusal import need_pulumi, refuse
from ops.status import commands as of_status
from ops.timeline import commands as of_timeline

app = typer.Typer(
    help="Commands for people and for CI. `COMMAND --help` says what a command needs, prints and exits with.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # what is wrong stays one line, also in a log
)
app.add_typer(commands.app, name="keys")


def base_url(text: str) -> str:
    """A URL with a host that can be asked."""
    import httpx2

    try:
        port, url = urlsplit(text).port, httpx2.URL(text)
        usable = url.scheme in ("http", "https") and url.host and port != 0
    except (ValueError, httpx2.InvalidURL) as error:  # it says what is wrong with port or host
        raise typer.BadParameter(f"{text!r} is not a URL: {error}. Use the stack output `baseUrl`") from None
    if not usable:
        raise typer.BadParameter(f"{text!r} is not a URL. Use the stack output: pulumi stack output baseUrl")
    return text


def duration(text: str) -> float:
    """Seconds to wait."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise typer.BadParameter(f"{text!r} is not a number of seconds above 0, such as 60")
    return seconds


def known_id(text: str) -> tuple[str, str]:
    """An id that the user has looked up, and of which resource."""
    urn, _, found = text.partition("=")
    if not (urn.startswith("urn:") and found):
        raise typer.BadParameter(f"{text!r} is not a URN, an equals sign and an id", param_hint="'--id'")
    return urn, found


def digests(option: str, text: str) -> frozenset[str]:
    """Digests from a list of leftovers."""
    found = frozenset(word for word in text.replace(",", " ").split())
    if wrong := [word for word in sorted(found) if not re.fullmatch(r"[0-9a-f]{12}", word)]:
        refuse(f"{option} {wrong[0]} is no digest. Run it without, and take digests from the list that it prints")
    return found


def trust(ca: Path) -> ssl.SSLContext:
    """The authority in a file, and no other."""
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:  # an `SSLError` too
        refuse(
            f"--ca {ca}: {error.strerror or error}. Write the stack output: pulumi stack output caCertificate > {ca}"
        )


@app.command()
def smoke(
    url: Annotated[
        str, typer.Option(parser=base_url, metavar="URL", help="base URL of the model: the stack output `baseUrl`")
    ],
    model: Annotated[str, typer.Option(metavar="NAME", help="the name to ask for (default: the first one)")] = "",
    timeout: Annotated[float, typer.Option(parser=duration, metavar="SECONDS", help="seconds for each request")] = 60,
    key: Annotated[str, typer.Option(metavar="KEY", help="a key, and that it is asked for (or OPENAI_API_KEY)")] = "",
    ca: Annotated[
        Path | None, typer.Option(metavar="FILE", help="the only authority to trust: the output `caCertificate`")
    ] = None,
) -> None:
    """Does a model answer as the API guide says, and nothing else?

    Every request of docs/api-access.md is made through the gateway, as plain HTTP and by the `openai` client, and so
    are requests that must be refused: paths that are not published, another model's prefix, and what the endpoint
    picker turns down.

    It needs a way to the gateway, and a key if the stack has `auth: tokens`. The one of OPENAI_API_KEY is sent only to
    an endpoint that asks for one; with --key, one that does not ask is a failure. Over HTTPS the gateway's certificate
    has to be good: signed by --ca, or without that by an authority that this machine trusts. It prints a table, and
    what is wrong below it. It exits with 0 if all is as it should be, 1 if not, and 2 if it cannot run.
    """
    from .smoke import Smoke, run

    asked = Smoke(url, timeout, trust(ca) if ca else True)
    raise typer.Exit(run(asked, model, key or os.environ.get("OPENAI_API_KEY", ""), wanted=bool(key)))


@app.command()
def recover(
    stack: Annotated[str, typer.Option(metavar="NAME", help="the stack whose run was interrupted")],
    check: Annotated[bool, typer.Option("--check", help="change nothing, only say what was interrupted")] = False,
    cwd: Folder = Path(),
    known: Annotated[
        list[str], typer.Option("--id", metavar="URN=ID", help="an id that it cannot compute; may be given again")
    ] = [],  # noqa: B006 - Typer's way to say that there are none
) -> None:
    """Puts right what an interrupted run has left in the state.

    When the engine is killed, its state still says what was under way. This reads each such object again, those that
    were being created too: what is there stays in the state, what was never made leaves it. Nothing is created or
    deleted. docs/recovery.md has the whole story.

    It needs `pulumi`, the stack's backend and the credentials of an update, and no lock on the stack: `pulumi cancel`
    removes that. It prints a table of what was interrupted and what became of it. It exits with 0 if nothing is pending
    any more, 1 if something is, and 2 if it cannot run.
    """
    need_pulumi()
    from .recover import run

    raise typer.Exit(run(stack, cwd, dict(map(known_id, known)), check=check))


@app.command()
def teardown(
    stack: Annotated[str, typer.Option(metavar="NAME", help="the stack to delete")] = "",
    confirm: Annotated[
        str, typer.Option(metavar="NAME", help="its name once more, instead of being asked for it")
    ] = "",
    remove: Annotated[
        str, typer.Option(metavar="DIGEST,...", help="remove what a list of leftovers has under these")
    ] = "",
    remove_disks: Annotated[str, typer.Option(metavar="DIGEST,...", help="... and these disks: data")] = "",
    leftovers_only: Annotated[bool, typer.Option("--leftovers-only", help="look, and do not destroy")] = False,
    project: Annotated[str, typer.Option(metavar="ID", help="with --leftovers-only, if the state is empty")] = "",
    network: Annotated[list[str], typer.Option(metavar="NAME", help="... and the name of the stack's VPC")] = [],  # noqa: B006
    cluster: Annotated[list[str], typer.Option(metavar="LOCATION/NAME", help="... and of its cluster")] = [],  # noqa: B006
    mark: Annotated[list[str], typer.Option(metavar="MARK", help="the mark that GKE's names carry")] = [],  # noqa: B006
) -> None:
    """Deletes a stack, then looks for what is left behind.

    It shows what will go, refuses a protected stack, asks for the stack's name, and runs `pulumi destroy`; the stack's
    history says who did that, and from which commit. Load balancers, firewall rules and other things that GKE made and
    left are listed, each under a digest, and why they are the stack's. Give digests back with --remove: exactly these
    are removed, and then a failed destroy is tried once more. What was not on the list is kept, and told. Disks hold
    data, so they take --remove-disks. What carries one sign alone may be somebody else's: it is listed, with the
    command that removes it by hand. Nothing is listed while the cluster has nodes.

    --leftovers-only looks without destroying. If the stack's state is empty, it needs --project, --cluster and what is
    known of --network and --mark: a teardown prints the whole command before it deletes anything.

    It needs `pulumi`, the stack's backend, the credentials of an update, and application-default credentials with
    roles/compute.viewer. It prints a table of what is left, and why that is the stack's. It exits with 0 if the stack
    is gone and nothing is left, 1 if not or if it cannot look, and 2 if the command is wrong.
    """
    if project and not (leftovers_only and cluster):
        refuse("--project goes with --leftovers-only and --cluster LOCATION/CLUSTER")
    if not stack and not project:
        refuse("--stack is missing: the name of the stack to delete")
    agreed = [digests("--remove", remove), digests("--remove-disks", remove_disks)]
    if not project:
        need_pulumi()
    from .scope import Scope, ScopeError
    from .teardown import Agreed, run

    try:
        given = Scope.named(project, network, cluster, mark) if project else None
    except ScopeError as wrong:
        refuse(str(wrong))
    raise typer.Exit(
        run(stack, given, confirm=confirm, leftovers_only=leftovers_only, agreed=Agreed(*agreed), marks=mark)
    )


@app.command()
def report(
    events: Annotated[Path, typer.Argument(metavar="EVENTS", help="the engine's event log")],
    stack: Annotated[str, typer.Option(metavar="NAME", help="name of the stack, for the heading")],
    kind: Annotated[Literal["preview", "drift"], typer.Option(help="what was run")] = "preview",
    simulated: Annotated[str, typer.Option(metavar="TEXT", help="say that it is the sandbox's, of TEXT")] = "",
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="where to (default: standard output)")] = None,
) -> None:
    """What a preview would do, as a comment for a pull request.

    It needs the log that the engine writes with `pulumi preview --event-log EVENTS`, a flag that the CLI takes if
    PULUMI_DEBUG_COMMANDS is true. With `--kind drift` it is the log of `pulumi refresh --preview-only`, and the text
    says what has changed outside Pulumi.

    It prints Markdown. It exits with 0 if the engine came to its end, 1 if it failed, did not start or found a
    mandatory policy violated (the text then says why), and 2 if it cannot run. For drift it also appends `drifted=true`
    or `drifted=false` to the file that GITHUB_OUTPUT names, but nothing after a failure: a run that could not look has
    not found that all is well.
    """
    from .report.comment import write

    raise typer.Exit(write(events, stack=stack, kind=kind, simulated=simulated, output=output))


@app.command()
def fit(
    model: Annotated[str, typer.Option(metavar="URI", help="hf://ORGANISATION/REPOSITORY[:REVISION]")] = "",
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="a config.json to judge instead")] = None,
    slice_: Annotated[
        Literal["v6e-1", "v6e-4", "v6e-8"] | None, typer.Option("--slice", help="this one (default: each)")
    ] = None,
    dtype: Annotated[Literal["bfloat16", "half", "float16", "float32"], typer.Option()] = "bfloat16",
    max_model_len: Annotated[
        int | None, typer.Option(min=1, metavar="TOKENS", help="longest context (default: the model's own)")
    ] = None,
    length: Annotated[
        int, typer.Option(min=1, metavar="TOKENS", help="tokens of the requests that are counted")
    ] = 2048,
) -> None:
    """Does a model fit, on which slice, and how fast can it be there?

    The memory of each chip as the pinned release divides it, and a bound of its speed, all computed: docs/fit.md says
    how. Nothing is asked of Google Cloud.

    It needs a model whose config.json is known here, a file (--config), or a way to huggingface.co, for gated models
    with a token in HF_TOKEN. It prints a table of memory, one of speed, and what does not fit below. It exits with 0 if
    the model fits a slice, 1 if not, and 2 if it cannot be judged.
    """
    from .fit import run

    raise typer.Exit(run(model, config, slice_name=slice_ or "", dtype=dtype, length=max_model_len, request=length))


app.command()(of_diagnose.diagnose)
app.command()(of_diagnose.watch)
app.command()(of_status.status)
app.command()(of_preflight.preflight)
app.command()(of_timeline.timeline)
app.command()(of_load.load)


@app.command()
def images(
    registry: Annotated[str, typer.Argument(metavar="REGISTRY", help="the setting `imageRegistry`")],
) -> None:
    """Which images does a registry of one's own have to hold?

    It needs the beginning of their names there, and asks nobody. It prints a line for each image that a stack may pull:
    its name at its publisher, by digest where that is known, and behind a space the name that the stack asks for. Copy
    them with their digests: `python -m ops images REGISTRY | xargs -n 2 crane copy`.
    """
    from infra.releases.images import mirror, pulled
    from infra.releases.pins import IMAGES, KEDA_IMAGES

    for image in (*IMAGES, *KEDA_IMAGES):
        print(pulled(image, places={}, by_digest=True), pulled(image, places=mirror(registry)))


@app.command()
def stacks(
    files: Annotated[list[str] | None, typer.Argument(metavar="[FILE]...", help="changed paths")] = None,
) -> None:
    """Which stacks do changed files touch?

    It needs paths relative to the root of the repository, as arguments or one a line on standard input. It prints the
    stacks' names as a JSON list. A stack's own file touches that stack; the program, what it is checked by and what it
    runs on touch all of them; everything else touches none.
    """
    from .stacks import as_json

    if not files and (sys.stdin is None or sys.stdin.isatty()):
        refuse("no FILE, and standard input has none either: try `git diff --name-only main | ...`")
    print(as_json(files or sys.stdin))


for command in (paying.cost, paying.pause, paying.resume):
    app.command()(command)


if __name__ == "__main__":
    app()
