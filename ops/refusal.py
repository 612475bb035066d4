"""Ends a command that cannot be run, with one line."""

import shutil
from typing import NoReturn

import typer


def refuse(message: str) -> NoReturn:
    """End with what is wrong with the command line, as Typer does with what it finds itself."""
    typer.echo(f"Error: {message}", err=True)
    raise typer.Exit(2)


def need_pulumi() -> None:
    """Refuse to go on without the CLI."""
    if not shutil.which("pulumi"):
        refuse("pulumi is not on PATH. Install it: https://www.pulumi.com/docs/install/")
