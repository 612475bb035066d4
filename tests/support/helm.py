"""Helm, as Pulumi's Kubernetes plugin has it: what a chart becomes, with no cluster."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.build import places, programs
from sandbox.cluster.stack import official_plugin

LIMIT = 1 << 28
"""Bytes of an answer: CRDs are large."""


def _whole(value: Any) -> Any:
    """With whole numbers in place of those that protobuf has made of them."""
    if isinstance(value, dict):
        return {key: _whole(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def template(chart: Path, name: str, namespace: str, values: dict[str, Any], home: Path) -> list[dict[str, Any]]:
    """The objects of a release; `home` is for what Helm keeps. Values that a chart refuses raise a `grpc.RpcError`."""
    plugin = official_plugin() or places.BIN / programs.KUBERNETES_PLUGIN
    command, env = [str(plugin), "127.0.0.1:1"], {**os.environ, "HOME": str(home)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env) as process:  # noqa: S603
        assert process.stdout
        place = f"127.0.0.1:{int(process.stdout.readline())}"
        with grpc.insecure_channel(place, options=[("grpc.max_receive_message_length", LIMIT)]) as channel:
            provider = provider_pb2_grpc.ResourceProviderStub(channel)
            options = {"path": str(chart), "release_name": name, "namespace": namespace, "values": values}
            arguments = Struct()
            arguments.update({"jsonOpts": json.dumps(options)})
            try:
                provider.Configure(provider_pb2.ConfigureRequest(args=Struct(), acceptSecrets=True), timeout=60)
                asked = provider_pb2.InvokeRequest(tok="kubernetes:helm:template", args=arguments)
                answer = MessageToDict(getattr(provider.Invoke(asked, timeout=120), "return"))
            finally:
                process.kill()
    return _whole(answer["result"])
