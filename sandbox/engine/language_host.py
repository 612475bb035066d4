"""Makes the Automation API's language host tell a failure once, and no engine suffer from one before it.

It logs what a program raised and returns it as well, and the engine prints both. The host that Pulumi ships for Python
logs it and bails out (https://github.com/pulumi/pulumi/blob/master/sdk/python/cmd/pulumi-language-python-exec), which
is what a person sees who runs `pulumi up`.

Each of its programs makes channels to its engine and closes none, and gRPC shares a connection, and what it knows of
failures, among all channels of a process to one address. An engine that was given the port of one killed before it
would find its program waiting to try again, which the SDK takes for an engine that has ended.
"""

from typing import Any

from pulumi.automation import _server, _stack
from pulumi.runtime import _grpc_settings
from pulumi.runtime.proto import language_pb2

OWN_CONNECTION = ("grpc.use_local_subchannel_pool", 1)
"""See https://grpc.github.io/grpc/core/group__grpc__arg__keys.html."""


class LanguageHost(_server.LanguageServer):
    """The Automation API's, which says of what it has logged that it has been told."""

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        """Run the program."""
        result = super().Run(request, context)
        return language_pb2.RunResponse(bail=True) if result.error else result


def install() -> None:
    """Let every stack of this process use it, and every program a connection of its own."""
    _stack.LanguageServer = LanguageHost  # pyright: ignore[reportPrivateImportUsage]
    options = _grpc_settings._GRPC_CHANNEL_OPTIONS  # pyright: ignore[reportPrivateUsage]
    if OWN_CONNECTION not in options:
        options.append(OWN_CONNECTION)
