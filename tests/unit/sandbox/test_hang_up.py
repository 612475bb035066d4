"""What becomes of a program whose engine has ended before it."""

# ruff: noqa: ARG002, N802 - gRPC's names

import asyncio
import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import grpc
import pulumi
import pytest
from google.protobuf import empty_pb2
from pulumi.automation._server import LanguageServer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS  # pyright: ignore[reportPrivateUsage]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, language_pb2, resource_pb2, resource_pb2_grpc

from sandbox.engine import language_host
from sandbox.engine.hang_up import ends_with_engine


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Takes the stack, which is all that the program registers."""

    def SupportsFeature(self, request: Any, context: Any) -> Any:
        return resource_pb2.SupportsFeatureResponse(hasSupport=False)

    def RegisterResource(self, request: Any, context: Any) -> Any:
        return resource_pb2.RegisterResourceResponse(urn="urn:pulumi:s::p::pulumi:pulumi:Stack::p-s")

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


class Engine(engine_pb2_grpc.EngineServicer):
    """Takes what the program logs, until it is gone."""

    gone = False

    def SetRootResource(self, request: Any, context: Any) -> Any:
        return engine_pb2.SetRootResourceResponse()

    def Log(self, request: Any, context: Any) -> Any:
        if self.gone:
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        return empty_pb2.Empty()


@pytest.fixture
def engine() -> Engine:
    return Engine()


@contextmanager
def serving(engine: Engine, address: str = "127.0.0.1:0") -> Iterator[str]:
    """Where the program finds its engine."""
    server = grpc.server(ThreadPoolExecutor(2))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(), server)
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port(address)
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def address(engine: Engine) -> Iterator[str]:
    with serving(engine) as address:
        yield address


def run(host: LanguageServer, address: str) -> Any:
    nobody: Any = None
    request = language_pb2.RunRequest(project="p", stack="s", monitor_address=address, args=[address])
    return host.Run(request, nobody)


def test_nothing_is_left_half_done_when_the_engine_is_gone(
    address: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost() -> None:
        await asyncio.sleep(0.1)
        engine.gone = True
        raise grpc.RpcError  # and nobody asks what became of it

    async def never() -> None:
        await asyncio.Event().wait()

    def program() -> None:
        asyncio.get_running_loop().create_task(lost())
        pulumi.Output.from_input(never())

    complaints: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    with suppress(grpc.RpcError):  # the SDK's own, as it cannot log
        run(LanguageServer(ends_with_engine(program)), address)
    gc.collect()
    assert [str(complaint.exc_value) for complaint in complaints] == []


def test_an_engine_may_have_the_port_of_one_that_was_killed(engine: Engine) -> None:
    language_host.install()
    with serving(engine) as address:
        left_open = grpc.insecure_channel(address, options=_GRPC_CHANNEL_OPTIONS)
        grpc.channel_ready_future(left_open).result(timeout=10)
    with suppress(grpc.RpcError):
        engine_pb2_grpc.EngineStub(left_open).Log(engine_pb2.LogRequest())
    with serving(engine, address):
        assert run(language_host.LanguageHost(lambda: None), address) == language_pb2.RunResponse()
    left_open.close()
