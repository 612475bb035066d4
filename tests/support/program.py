"""Runs the program on Pulumi's mocks and tells what it declared.

Mocks load no defaults, so they come from Pulumi.yaml, where they stand. Every run has an event loop of its own
(https://github.com/pulumi/pulumi/issues/24338).
"""

import asyncio
import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.mocks import MockMonitor
from pulumi.runtime.proto import resource_pb2

from sandbox.engine.stack import run_main

from .project import ROOT, read

ADDRESS = "34.7.208.8"
AUTHORITY = "the certificate of an authority"
UNKNOWN = pulumi.runtime.rpc.UNKNOWN
"""What stands for a value that a preview does not know yet."""
SECRET_SIGNATURE = pulumi.runtime.rpc._special_sig_key
"""The key that marks a secret on the wire."""


class Resource(NamedTuple):
    """One registered resource: its inputs in wire form, and the request with its options."""

    type: str
    name: str
    inputs: dict[str, Any]
    request: resource_pb2.RegisterResourceRequest


class Declared(list[Resource]):
    """Everything a run of the program declared, and its stack outputs."""

    outputs: dict[str, Any]

    def all(self, type_: str) -> list[Resource]:
        """The resources whose type ends like this, in the order of their registration."""
        return [r for r in self if r.type.endswith(type_)]

    def one(self, type_: str, name: str | None = None) -> Resource:
        """The only resource of a type, or of a type and a name."""
        found = [r for r in self.all(type_) if name in (None, r.name)]
        assert len(found) == 1, f"{len(found)} of {type_} {name or ''} in {[(r.type, r.name) for r in self]}"
        return found[0]


class _Cloud(pulumi.runtime.Mocks):
    """Fills in what the providers compute; in a preview nothing is computed."""

    def __init__(self, preview: bool) -> None:
        self.preview = preview

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        raise AssertionError(f"the program looks something up in the cloud: {args.token}")

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = dict(args.inputs)
        if args.typ.startswith("gcp:"):
            inputs.setdefault("name", f"{args.name}-1a2b3c4")  # the engine makes it, so a preview knows it
        if self.preview:
            return None, inputs
        computed: dict[str, Any] = {}
        match args.typ.split(":")[-1]:
            case "CertificateRequest":
                computed["status"] = {"ca": base64.b64encode(AUTHORITY.encode()).decode()}
            case "Address":
                computed["address"] = ADDRESS
            case "Account":
                account = inputs.get("accountId", "nodes")
                email = f"{account}@{inputs.get('project', 'my-project')}.iam.gserviceaccount.com"
                computed |= {"email": email, "member": f"serviceAccount:{email}"}
            case "ServiceIdentity":
                robot = "service-1@container-engine-robot.iam.gserviceaccount.com"
                computed |= {"email": robot, "member": f"serviceAccount:{robot}"}
            case "IAMCustomRole":
                computed["name"] = f"projects/{inputs['project']}/roles/{inputs['roleId']}"
            case "WorkloadIdentityPool":
                pool = inputs["workloadIdentityPoolId"]
                computed["name"] = f"projects/1/locations/global/workloadIdentityPools/{pool}"
            case "WorkloadIdentityPoolProvider":
                pool, own = inputs["workloadIdentityPoolId"], inputs["workloadIdentityPoolProviderId"]
                computed["name"] = f"projects/1/locations/global/workloadIdentityPools/{pool}/providers/{own}"
            case "UptimeCheckConfig":
                computed["uptimeCheckId"] = f"{args.name}-check"
            case "Cluster":
                computed["selfLink"] = "https://container.googleapis.com/v1/projects/p/clusters/c"
                computed["controlPlaneEndpointsConfig"] = {"dnsEndpointConfig": {"endpoint": "gke-1.gke.goog"}}
        return f"{args.name}-id", {**inputs, **computed}


class _Monitor(MockMonitor):
    """Keeps what the program registers, options included."""

    def __init__(self, preview: bool) -> None:
        super().__init__(_Cloud(preview))
        self.declared = Declared()

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 - gRPC's name
        copy = resource_pb2.RegisterResourceRequest()
        copy.CopyFrom(request)
        self.declared.append(Resource(request.type, request.name, MessageToDict(request.object), copy))
        return super().RegisterResource(request)

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:  # noqa: N802
        if request.urn.split("::")[2] == "pulumi:pulumi:Stack":
            self.declared.outputs = MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)


@cache
def declared(config: str, secrets: tuple[str, ...], preview: bool, folder: Path = ROOT, stack: str = "dev") -> Declared:
    """What the program in a folder declares with a configuration, in JSON; the same one is run once."""
    monitor = _Monitor(preview)
    project = read(folder / "Pulumi.yaml")["name"]

    async def program() -> None:
        pulumi.runtime.set_mocks(monitor.mocks, project=project, stack=stack, preview=preview, monitor=monitor)
        pulumi.runtime.settings.ROOT.set(None)  # mocks make a root of their own, without outputs
        pulumi.runtime.set_all_config(json.loads(config), [f"{project}:{k}" for k in secrets])
        await pulumi.runtime.run_in_stack(partial(run_main, folder))

    # For each resource Pulumi notes every frame of the stack. In a thread there are none of pytest's.
    with ThreadPoolExecutor(1) as own:
        own.submit(lambda: asyncio.run(program())).result()
    return monitor.declared


Run = Callable[..., Declared]


def gke(declared: Declared) -> dict[str, Any]:
    """The inputs of the cluster."""
    return declared.one("container/cluster:Cluster").inputs


def spec(declared: Declared) -> dict[str, Any]:
    """What KServe is told of the only model."""
    return declared.one(":LLMInferenceService").inputs["spec"]
