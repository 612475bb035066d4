"""What the commands of `python -m ops keys` are told; what they do is in `book.py`, imported only when it is needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.options import Folder, Stack
from ops.refusal import need_pulumi, refuse
from ops.say import say

if TYPE_CHECKING:
    from .book import Book

app = typer.Typer(
    help="Keys of a stack: create, list, revoke, rotate.\n\nA key is a signed token, which clients "
    "send as they send any key. It needs `pulumi` and the stack's backend, and to sign also what decrypts the stack's "
    "secrets. What is public about it is written to the stack file, for you to commit; `pulumi up` puts it in force. "
    "It prints a key once and keeps none.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def key_name(text: str) -> str:
    """A name that a token may have."""
    from infra.settings.access import token_name

    try:
        return token_name(text)
    except ValueError as wrong:
        raise typer.BadParameter(f"{text!r} {wrong}") from None


Name = Annotated[str, typer.Option(parser=key_name, metavar="NAME", help="whose it is: a person, a team, a service")]


@contextmanager
def book(stack: str, folder: Path) -> "Iterator[Book]":
    """The keys of a stack; what the user can mend ends the command with one line."""
    need_pulumi()
    from .book import Book, KeysError
    from .configuration import Configuration, ConfigurationError

    try:
        yield Book(Configuration(stack, folder))
    except (KeysError, ConfigurationError) as wrong:
        refuse(str(wrong))


def up(stack: str) -> str:
    """How what was written comes into force."""
    return f"Commit Pulumi.{stack.rsplit('/', 1)[-1]}.yaml, and run `pulumi up --stack {stack}`: then"


@app.command()
def create(
    stack: Stack,
    name: Name,
    model: Annotated[
        list[str], typer.Option(metavar="NAMESPACE/NAME", help="a model that it is for (default: all); repeatable")
    ] = [],  # noqa: B006 - Typer's way to say that there are none
    days: Annotated[int, typer.Option(min=1, max=365, help="how long it lasts")] = 90,
    cwd: Folder = Path(),
) -> None:
    """Makes a key, and prints it, once.

    The first key of a stack makes its signing key too, which stays encrypted in the stack file. A key ends by itself,
    after 90 days unless --days says otherwise, and after 365 at the latest.

    It needs `pulumi`, the stack's backend, and what decrypts the stack's secrets. It prints the key alone on standard
    output, and what there is to do on standard error. It exits with 0, or with 2 if it cannot run.
    """
    with book(stack, cwd) as keys:
        made = keys.create(name, model, days)
        print(made.token)
        only = f" for {', '.join(model)} alone" if model else ""
        say(f"The key {made.record.id} of {name}{only} ends at {made.record.expires}. It is shown this once.")
        say(f"{up(stack)} it counts." if made.update else "It counts at once; commit its record in the stack file.")
        if not keys.wanted:
            say(f"Nobody is asked for a key yet: `pulumi config set auth tokens --stack {stack}`.")


@app.command("list")
def show(stack: Stack, cwd: Folder = Path()) -> None:
    """Shows what is known of the keys.

    It needs `pulumi` and the stack's backend, and decrypts nothing. It prints a table. It exits with 0, or with 2 if it
    cannot run.
    """
    with book(stack, cwd) as keys:
        from rich.table import Table

        from ops.console import WIDE, console

        table = Table("name", "id", "models", "ends", "state", "signed by")
        for token in keys.tokens:
            models = ", ".join(token.models) or "all"
            table.add_row(token.name, token.id, models, token.expires, keys.state(token), token.key)
        console(WIDE).print(table)


@app.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="ID", help="the id of a key, or its name if no other has it")],
    stack: Stack,
    cwd: Folder = Path(),
) -> None:
    """Ends a key before its time.

    It needs `pulumi` and the stack's backend, and decrypts nothing. It prints nothing on standard output, and what
    there is to do on standard error. It exits with 0, or with 2 if it cannot run.
    """
    with book(stack, cwd) as keys:
        gone = keys.revoke(which)
        say(f"The key {gone.id} of {gone.name} is revoked. {up(stack)} it is refused.")


@app.command()
def rotate(
    stack: Stack,
    compromised: Annotated[
        bool, typer.Option("--compromised", help="somebody else may have the signing key: end all that it has signed")
    ] = False,
    cwd: Folder = Path(),
) -> None:
    """Makes a new signing key.

    What the old one has signed counts until it ends, and then its public key goes with the next change. If somebody
    else may have the signing key, --compromised ends every key of the stack, those that nobody knows of too.

    It needs `pulumi`, the stack's backend, and what decrypts the stack's secrets. It prints nothing on standard output,
    and what there is to do on standard error. It exits with 0, or with 2 if it cannot run.
    """
    with book(stack, cwd) as keys:
        made = keys.rotate(compromised=compromised)
        counts = "every older key is refused" if compromised else "keys made from now on count, beside the older ones"
        say(f"The signing key is now {made.id}. {up(stack)} {counts}.")


@app.command()
def token(
    stack: Stack,
    name: Name = "smoke",
    minutes: Annotated[int, typer.Option(min=1, max=60, help="how long it lasts")] = 15,
    cwd: Folder = Path(),
) -> None:
    """Signs a key for a check, of at most an hour, without a record.

    For CI, which cannot commit a record: it ends before anybody would revoke it. Of a stack without `auth: tokens` it
    prints nothing, as nobody is asked there.

    It needs `pulumi`, the stack's backend, and what decrypts the stack's secrets. It prints the key alone on standard
    output. It exits with 0, or with 2 if it cannot run.
    """
    with book(stack, cwd) as keys:
        if keys.wanted:
            print(keys.short(name, minutes))
            return
        say(f"{stack} asks nobody for a key, so there is none")
