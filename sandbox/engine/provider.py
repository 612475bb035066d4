"""A Pulumi resource provider over gRPC, generic over the cloud it speaks for.

The engine attaches to it by port (PULUMI_DEBUG_PROVIDERS) and opens one connection for each provider resource, so
the configuration of a provider is kept by connection.
"""
# The engine's protocol names the methods of `Provider`, and documents them.
# ruff: noqa: ARG002, D102, N802

import re
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2, json_format, struct_pb2
from google.rpc import (
    status_pb2,  # pulumi has its own copy; one process cannot load both, and Google's clients use this
)
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc
from pulumi.runtime.rpc import UNKNOWN

from sandbox.clouds.calls import Call, Cloud, NotReadyError, Props
from sandbox.clouds.inventory import CloudError

Around = Callable[[str, Call], AbstractContextManager[None]]
"""Entered around each create, update and delete, with the operation's name: where tests bring faults about."""


def changes(old: Any, new: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(property path, ADD | DELETE | UPDATE) of everything that differs, in the engine's path syntax."""
    if old is None or new is None:
        if old is not new:
            yield path, "ADD" if old is None else "DELETE"
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(k for k in old.keys() | new.keys() if not k.startswith("__")):
            bare = re.fullmatch(r"[A-Za-z_]\w*", key)
            part = (f".{key}" if path else key) if bare else '["{}"]'.format(key.replace('"', '\\"'))
            yield from changes(old.get(key), new.get(key), path + part)
    elif isinstance(old, list) and isinstance(new, list):
        for i in range(max(len(old), len(new))):
            a, b = (side[i] if i < len(side) else None for side in (old, new))
            yield from changes(a, b, f"{path}[{i}]")
    elif old != new:
        yield path, "UPDATE"


def project(template: Any, live: Any) -> Any:
    """The part of `live` that `template` (a resource's inputs) speaks of: what a refresh makes its inputs."""
    if isinstance(template, list) and isinstance(live, list):
        return [project(template[i], item) if i < len(template) else item for i, item in enumerate(live)]
    if not isinstance(template, dict) or not isinstance(live, dict):
        return live
    return {k: project(v, live.get(k, v)) for k, v in template.items() if k in live or k.startswith("__")}


def _props(message: struct_pb2.Struct) -> Props:
    return json_format.MessageToDict(message)


def _struct(props: Props) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(props)
    return message


def _details(error: NotReadyError) -> bytes:
    """How the engine is told what to keep of an object that is not ready."""
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(id=error.object_id, properties=_struct(error.props), reasons=[str(error)])
    )
    code = grpc.StatusCode.UNKNOWN.value[0]
    return status_pb2.Status(code=code, message=str(error), details=[detail]).SerializeToString()


def _diff(found: dict[str, str], replaces: Callable[[str], bool], delete_first: bool) -> provider_pb2.DiffResponse:
    kinds = {path: kind + ("_REPLACE" if replaces(path) else "") for path, kind in found.items()}
    top = {path: re.split(r"[.\[]", path, maxsplit=1)[0] for path in kinds}
    entry, response = provider_pb2.PropertyDiff, provider_pb2.DiffResponse
    return response(
        changes=response.DIFF_SOME if kinds else response.DIFF_NONE,
        diffs=sorted(set(top.values())),
        replaces=sorted({top[path] for path, kind in kinds.items() if kind.endswith("_REPLACE")}),
        deleteBeforeReplace=delete_first and any(kind.endswith("_REPLACE") for kind in kinds.values()),
        hasDetailedDiff=True,
        detailedDiff={path: entry(kind=entry.Kind.Value(kind), inputDiff=True) for path, kind in kinds.items()},
    )


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Translates between the engine's protocol and a `Cloud`."""

    def __init__(self, cloud: Cloud, version: str, around: Around) -> None:
        self.cloud = cloud
        self.version = version
        self.around = around
        self.configs: dict[str, Props] = {}

    def _run(
        self,
        request: Any,
        context: grpc.ServicerContext,
        operation: Callable[[Call], Any],
        state: struct_pb2.Struct | None = None,
    ) -> Any:
        kind, name = request.urn.split("::")[-2:]
        config = self.configs.get(context.peer() or "", {})
        call = Call(kind.rsplit("$", 1)[-1], request.urn, name, config, _props(state) if state else {})
        try:
            with self.cloud.inventory.lock:
                return operation(call)
        except CloudError as error:
            message = str(error)
            if isinstance(error, NotReadyError):
                context.set_trailing_metadata((("grpc-status-details-bin", _details(error)),))
        except Exception:  # a bug of the sandbox: the engine is the one who can show it
            message = f"the sandbox failed: {traceback.format_exc()}"
        context.abort(grpc.StatusCode.UNKNOWN, message)

    def Handshake(self, request: Any, context: Any) -> Any:
        # Without accept_secrets the engine unwraps secrets before a call and marks the same keys of its result.
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=False)

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=self.version)

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema="{}")

    def Invoke(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the sandbox simulates no look-ups: {request.tok}")

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = _props(request.old_inputs), _props(request.news)
        found = dict(changes(old, new))
        first_unknown = next((key for key in self.cloud.config_target if new.get(key) == UNKNOWN), None)
        if first_unknown:
            found = {key: kind for key, kind in found.items() if key in (first_unknown, self.cloud.config_replaces)}
        return _diff(found, lambda path: path == self.cloud.config_replaces, False)

    def Configure(self, request: Any, context: Any) -> Any:
        self.configs[context.peer()] = _props(request.args)
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        def check(call: Call) -> Any:
            suffix = request.randomSeed.hex() or self.cloud.inventory.unique(call.urn)
            inputs = self.cloud.check(call, _props(request.olds), _props(request.news), suffix)
            return provider_pb2.CheckResponse(inputs=_struct(inputs))

        return self._run(request, context, check)

    def Diff(self, request: Any, context: Any) -> Any:
        def diff(call: Call) -> Any:
            old, new = _props(request.old_inputs), _props(request.news)
            if settle := getattr(self.cloud, "unchanged", None):
                new = settle(call, old, new)
            found = dict.fromkeys(self.cloud.drift(call, request.id, new), "UPDATE") | dict(changes(old, new))
            # In a refresh it is the provider who has to know of these; in an update the engine has seen to them.
            for ignored in request.ignoreChanges:
                below = (f"{ignored}.", f"{ignored}[")
                found = {p: kind for p, kind in found.items() if p != ignored and not p.startswith(below)}
            delete_first = self.cloud.delete_before_replace(call, old, new)
            return _diff(found, lambda path: self.cloud.replaces(call, path), delete_first)

        return self._run(request, context, diff, request.olds)

    def Create(self, request: Any, context: Any) -> Any:
        def create(call: Call) -> Any:
            inputs = _props(request.properties)
            if request.preview:
                return provider_pb2.CreateResponse(properties=_struct(self.cloud.preview(call, None, inputs)))
            with self.around("create", call):
                object_id, props = self.cloud.create(call, inputs)
            return provider_pb2.CreateResponse(id=object_id, properties=_struct(props))

        return self._run(request, context, create)

    def Read(self, request: Any, context: Any) -> Any:
        def read(call: Call) -> Any:
            props = self.cloud.read(call, request.id)
            if props is None:
                return provider_pb2.ReadResponse()
            inputs = project(_props(request.inputs), props) if request.inputs.fields else props
            return provider_pb2.ReadResponse(id=request.id, properties=_struct(props), inputs=_struct(inputs))

        return self._run(request, context, read, request.properties)

    def Update(self, request: Any, context: Any) -> Any:
        def update(call: Call) -> Any:
            news = _props(request.news)
            if request.preview:
                return provider_pb2.UpdateResponse(properties=_struct(self.cloud.preview(call, request.id, news)))
            with self.around("update", call):
                return provider_pb2.UpdateResponse(properties=_struct(self.cloud.update(call, request.id, news)))

        return self._run(request, context, update)

    def Delete(self, request: Any, context: Any) -> Any:
        def delete(call: Call) -> Any:
            with self.around("delete", call):
                self.cloud.delete(call, request.id)
            return empty_pb2.Empty()

        return self._run(request, context, delete, request.properties)


def serve(cloud: Cloud, version: str, around: Around) -> tuple[grpc.Server, int]:
    """Start a provider for `cloud` on a free loopback port."""
    threads = ThreadPoolExecutor(max_workers=64)  # more than the engine asks at once, or Cancel would wait for its turn
    server = grpc.server(threads, options=[("grpc.max_receive_message_length", -1)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(cloud, version, around), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port
