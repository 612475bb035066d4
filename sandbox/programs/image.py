"""What an image is here: programs of this machine, what they need of a container, and what adapts them to a Pod."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from sandbox.api_client import Api, Json

Env = dict[str, str]


class PullError(Exception):
    """The image cannot be had; the message is the registry's."""


class ExecError(Exception):
    """The image has no such program; the message is the container runtime's."""


class Needs(NamedTuple):
    """What the program of an image needs: quantities as in a Pod, empty if nothing is known.

    `user` is whom the image itself names. `capabilities` has for each what the program says without it, `memory` is
    the least it gets by with, `shm` what it writes to /dev/shm, and with `tpu` it starts libtpu.
    """

    user: int
    capabilities: Mapping[str, str] = {}
    memory: str = "0"
    shm: str = "0"
    tpu: bool = False


class Pod(Protocol):
    """What a program may have to know of its Pod, with the folder of its files and a user of the API server."""

    namespace: str
    manifest: Json
    address: str
    folder: Path
    api: Api

    def reaches(self, host: str) -> bool:
        """Whether what runs in it gets to a host outside of the VPC."""
        ...

    def resolves(self) -> bool:
        """Whether what runs in it may ask for names."""
        ...


class Image(NamedTuple):
    """An image: its entrypoint, the program here for each of its own, what it needs of its container, and what adapts
    its arguments and environment.

    A program is a command line; a bare name is one of the sandbox's own programs. `adapt` returns the arguments after
    the program, and may change the environment. `end` runs beside the program before it is ended, where the image has a
    process of its own for that.
    """

    entrypoint: list[str]
    programs: dict[str, list[str]]
    needs: Needs
    adapt: Callable[[Pod, list[str], Env], list[str]] | None = None
    end: Sequence[str] = ()
