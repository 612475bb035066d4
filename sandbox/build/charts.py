"""The charts and CRDs of the program, laid out from the Go modules that they lie in.

Standard library only, so that it can run while the SDKs are still being installed.
"""

import hashlib
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import NamedTuple

from infra.releases import pins
from sandbox.clouds import registries

from . import go, places
from .go import BuildError


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
    pins.CERT_MANAGER: Source("cert-manager", "github.com/cert-manager/cert-manager", "deploy/charts/cert-manager"),
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
KEDA = Source("keda", "github.com/kedacore/keda/v2", "config/crd/bases")
"""The CRDs of KEDA, whose chart is in no module: `sandbox/build/keda` stands in for its templates."""
OWN = Path(__file__).with_name("keda")


def missing() -> list[str]:
    """The charts and CRDs that are not there as pinned."""
    stale = go.read(places.CHARTS / ".stamp") != _layout()
    charts = [*(chart.name for chart in CHART_SOURCES), OWN.name]
    names = [name for name in charts if stale or not (places.CHARTS / name).exists()]
    return names + [f"CRDs of {name}" for name in CRD_SOURCES if stale or not (places.CRDS / name).exists()]


def _layout() -> str:
    """A hash of everything that the charts and CRDs come from, this file included."""
    pinned = go.pinned(sorted({source.tools for source in (*CHART_SOURCES.values(), *CRD_SOURCES.values(), KEDA)}))
    files = [Path(__file__), *sorted(path for path in OWN.rglob("*") if path.is_file())]
    here = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return hashlib.sha256(f"{pinned} {here} {list(CHART_SOURCES)}".encode()).hexdigest()


def lay_out() -> None:
    """Copy the charts and CRDs out of their modules, and make of the charts what their releases are."""
    print(f"laying out charts and CRDs in {places.HOME}", flush=True)
    places.HOME.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=places.HOME) as folder:
        charts, crds = Path(folder) / places.CHARTS.name, Path(folder) / places.CRDS.name
        for chart, source in CHART_SOURCES.items():
            _copy(source, charts / chart.name)
            _finish(chart, charts / chart.name)
        _keda(charts / OWN.name)
        for name, source in CRD_SOURCES.items():
            _copy(source, crds / name)
        (charts / ".stamp").write_text(_layout())
        for new, place in ((crds, places.CRDS), (charts, places.CHARTS)):
            if place.exists():
                place.rename(Path(folder) / f"old {place.name}")
            new.rename(place)


def _keda(folder: Path) -> None:
    """KEDA's chart: our templates, and with them the CRDs of its module, of the module's version.

    Of the patches in the module's config/crd/patches, this is the one for ScaledObjects; the others are for ScaledJobs.
    """
    shutil.copytree(OWN, folder)
    version = go.required(KEDA.tools, KEDA.module).removeprefix("v")
    for line in ("version: 0.0.0", "appVersion: 0.0.0"):
        _set(folder / "Chart.yaml", line, line.replace("0.0.0", version))
    crds = folder / "templates" / "crds"
    _copy(KEDA, crds)
    file = crds / "keda.sh_scaledobjects.yaml"
    window = re.compile(r"( +stabilizationWindowSeconds:\n(?: .*\n)*?)( +)format: int32\n")
    text, count = window.subn(r"\1\2format: int32\n\2minimum: 0\n\2maximum: 3600\n", go.read(file))
    if count != 2:
        raise BuildError(f"{file.name} has {count} stabilizationWindowSeconds, not 2: adapt sandbox/build/charts.py")
    file.write_text(text)


def _copy(source: Source, target: Path) -> None:
    """Copy a folder or a file of a module into the folder `target`; in Go's own copy everything is read-only."""
    origin = go.downloaded(source.tools, source.module) / source.path
    if not origin.exists():
        raise BuildError(f"{source.module} has no {source.path} any more: adapt sandbox/build/charts.py")
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
            _set(values, "hub: registry.istio.io/testing", "hub: docker.io/istio")
            _set(values, "tag: latest", f"tag: {chart.version}")
    elif chart == pins.CERT_MANAGER:
        source = CHART_SOURCES[chart]
        if (built := go.required(source.tools, source.module)) != chart.version:
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
    text, count = lines.subn(lambda found: found[1] + new, go.read(file))
    if count != 1:
        raise BuildError(
            f"{file.parent.name}/{file.name} has {count} lines `{old}`, not one. Its module has changed, or does not "
            "have the version of infra/releases/pins.py: adapt sandbox/build/tools or sandbox/build/charts.py."
        )
    file.write_text(text)
