"""Makes the Automation API's language host tell a failure once.

It logs what a program raised and returns it as well, and the engine prints both. The host that Pulumi ships for Python
logs it and bails out (https://github.com/pulumi/pulumi/blob/master/sdk/python/cmd/pulumi-language-python-exec), which
is what a person sees who runs `pulumi up`.
"""

from typing import Any

from pulumi.automation import _server, _stack
from pulumi.runtime.proto import language_pb2


class LanguageHost(_server.LanguageServer):
    """The Automation API's, which says of what it has logged that it has been told."""

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """Run the program."""
        result = super().Run(request, context)
        return language_pb2.RunResponse(bail=True) if result.error else result


def install() -> None:
    """Let every stack of this process use it."""
    _stack.LanguageServer = LanguageHost  # pyright: ignore[reportPrivateImportUsage]
