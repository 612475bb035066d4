"""The sandbox's Go programs, built from their public modules: a registry of Go modules is all it takes.

Standard library only, so that it can run while the SDKs are still being installed.
"""

# Every command line here is our own.
# ruff: noqa: S603

import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from . import go, lock, places, progress
from .go import BuildError

KUBERNETES_PLUGIN = "kubernetes-provider"  # by the name of the engine's choice it would be found on PATH, too
CERT_MANAGER = "cert-manager"
FORTIO = "fortio"
WAITING = "another build runs here: waiting until it is done"


class Module(NamedTuple):
    """A folder below `tools`, whose go.mod and go.sum pin everything: its programs, and what they are linked with."""

    programs: dict[str, str]
    """The package of each."""
    variables: Callable[[], dict[str, str]] = dict
    """Go variables that name the version, for programs that tell it to others."""
    tags: tuple[str, ...] = ()
    """Go's build tags: what is left out, or comes along."""


def _kubernetes() -> dict[str, str]:
    version = go.required("cluster", "k8s.io/kubernetes")
    major, minor = version.removeprefix("v").split(".")[:2]
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return {f"k8s.io/component-base/version.{name}": value for name, value in values.items()}


def _pulumi() -> dict[str, str]:
    version = go.required("pulumi", "github.com/pulumi/pulumi/pkg/v3")
    return {"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": version}


def _kubernetes_provider() -> dict[str, str]:
    return {"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version": go.locked("pulumi-kubernetes")}


MODULES = {
    "actionlint": Module({"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}),
    CERT_MANAGER: Module(
        {
            CERT_MANAGER: "sandbox/build/tools/cert-manager",
            "acmesolver": "sandbox/build/tools/cert-manager/acmesolver",
        }
    ),
    "cluster": Module(
        {
            "etcd": "go.etcd.io/etcd/server/v3",
            "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
            "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
            "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
            "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery",
        },
        _kubernetes,
    ),
    FORTIO: Module({FORTIO: "fortio.org/fortio"}),
    "kserve": Module(
        {
            "llmisvc": "github.com/kserve/kserve/cmd/llmisvc",
            "epp": "sigs.k8s.io/gateway-api-inference-extension/cmd/epp",
        }
    ),
    "keda": Module(
        {f"keda-{name}": f"github.com/kedacore/keda/v2/cmd/{name}" for name in ("operator", "adapter", "webhooks")}
    ),
    "kubernetes-provider": Module({KUBERNETES_PLUGIN: "sandbox/build/tools/kubernetes-provider"}, _kubernetes_provider),
    "netpol": Module({"netpol": "sandbox/build/tools/netpol"}),
    "pebble": Module({"pebble": "sandbox/build/tools/pebble"}),
    "prometheus": Module(
        {name: f"github.com/prometheus/prometheus/cmd/{name}" for name in ("prometheus", "promtool")},
        # Of all that it could find its targets by, Kubernetes alone.
        tags=("remove_all_sd", "enable_kubernetes_sd"),
    ),
    "pulumi": Module({"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"}, _pulumi),
}
CONTROL_PLANE = (CERT_MANAGER, "cluster", "kserve", "kubernetes-provider", "netpol", "pebble")
MONITORING = ("prometheus", "keda")
"""What measures and scales in a cluster, as far as somebody wants it: a quarter of an hour more of compiling."""


def missing(*modules: str) -> list[str]:
    """The programs of modules that are not there as pinned; by default of the control plane."""
    wanted = modules or CONTROL_PLANE
    return [program for module in wanted for program in MODULES[module].programs if not _built(module, program)]


def build(module: str) -> None:
    """Build a module's programs into `places.BIN`, unless they are there as pinned; one build at a time."""
    if _missing(module):
        with lock.held(places.HOME / "build.lock", waiting=WAITING):
            _build(module)


def _missing(module: str) -> bool:
    return not all(_built(module, program) for program in MODULES[module].programs)


def _build(module: str) -> None:
    if not _missing(module):  # the other build was the same
        return
    packages = MODULES[module].programs
    compiler = go.find(module)
    places.BIN.mkdir(parents=True, exist_ok=True)
    print(f"building {', '.join(packages)} with {compiler}, once", flush=True)
    # Built beside their place and renamed, so that an interrupted build leaves nothing that looks like a program.
    with tempfile.TemporaryDirectory(dir=places.BIN) as folder:
        tags = [f"-tags={','.join(tags)}"] if (tags := MODULES[module].tags) else []
        count = len(_run(module, [str(compiler), "list", *tags, "-deps", *packages.values()]).splitlines())
        _run(module, [str(compiler), *_flags(module), *tags, "-o", folder + "/", *packages.values()], count)
        _stamp(module).unlink(missing_ok=True)
        for program, package in packages.items():
            os.replace(Path(folder) / _executable(package), places.BIN / program)
        _stamp(module).write_text(_pinned(module))
    print(f"built {', '.join(packages)} in {places.BIN}", flush=True)


def _flags(module: str) -> list[str]:
    told = [f"-X {name}={value}" for name, value in MODULES[module].variables().items()]
    # No inlining: a quarter less work for the compiler, and nothing here has to be fast.
    return ["build", "-v", "-trimpath", "-gcflags=all=-l", "-ldflags", " ".join(["-s", "-w", *told])]


def _run(module: str, command: list[str], packages: int = 0) -> str:
    """Run Go, and tell how far it is with so many packages. Returns what it prints."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, cwd=places.TOOLS / module, env=go.environment(), stdout=out, stderr=log)
        try:
            progress.watch(process, log.fileno(), packages)
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            log.seek(0)
            raise BuildError(
                f"the build of {', '.join(MODULES[module].programs)} failed:\n{''.join(log.readlines()[-30:])}"
                "It needs a Go module proxy, 4 GB of memory, 15 GB of disk. What is compiled is kept: just try again."
            )
        out.seek(0)
        return out.read()


def _executable(package: str) -> str:
    """What Go calls the program of a package: the last part of its path that is not a major version."""
    parts = package.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def _stamp(module: str) -> Path:
    """Tells from what the programs of a module were built."""
    return places.BIN / f".{module}"


def _built(module: str, program: str) -> bool:
    return (places.BIN / program).exists() and go.read(_stamp(module)) == _pinned(module)


def _pinned(module: str) -> str:
    """A hash of what the module's programs are made of: everything it pins, code of our own, the versions told."""
    return go.pinned([module], str(MODULES[module].variables()), *MODULES[module].tags)
