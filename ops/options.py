"""Options that more than one command has."""

from pathlib import Path
from typing import Annotated

import typer

Stack = Annotated[str, typer.Option(metavar="NAME", help="the stack")]
Folder = Annotated[Path, typer.Option("--cwd", metavar="FOLDER", help="folder of the Pulumi project")]
