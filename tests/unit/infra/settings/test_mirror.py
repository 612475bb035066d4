"""Where the charts are taken from in place of their publishers, and what has to lie there."""

from pathlib import Path

import pytest

from infra.releases import pins
from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, problems, refused, stack

NO_MIRROR = "is neither an OCI prefix (oci://REGISTRY/PATH, no slash last) nor a directory. Use one of them."

BAD: dict[str, tuple[Values, str]] = {
    "mirror over https": ({"chartMirror": "https://x.dev/a"}, f'chartMirror: "https://x.dev/a" {NO_MIRROR}'),
    "mirror over http": ({"chartMirror": "http://x.dev/a"}, f'chartMirror: "http://x.dev/a" {NO_MIRROR}'),
    "OCI mirror with a slash last": ({"chartMirror": "oci://x.dev/a/"}, f'chartMirror: "oci://x.dev/a/" {NO_MIRROR}'),
}

GOOD: dict[str, Values] = {
    "OCI mirror": {"chartMirror": "oci://europe-docker.pkg.dev/p/charts"},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


def lay_out_charts(directory: Path) -> None:
    """A directory mirror as `helm pull --untar` makes it."""
    for chart in pins.CHARTS:
        (directory / chart.name).mkdir()
        (directory / chart.name / "Chart.yaml").write_text(f"name: {chart.name}\nversion: {chart.version}\n")


def test_directory_mirror_with_every_chart_is_accepted(tmp_path: Path) -> None:
    lay_out_charts(tmp_path)

    assert parse(stack({"chartMirror": str(tmp_path)})).chart_mirror == str(tmp_path)


def test_directory_mirror_without_a_chart_is_told_which(tmp_path: Path) -> None:
    lay_out_charts(tmp_path)
    (tmp_path / "istiod" / "Chart.yaml").unlink()

    assert problems(stack({"chartMirror": str(tmp_path)})) == [
        f'chartMirror: "{tmp_path}" is a directory without istiod/Chart.yaml. Put every chart into a folder of its '
        "name there, or use an OCI prefix (oci://...)."
    ]


def test_directory_mirror_of_an_autoscaled_stack_has_keda_too(tmp_path: Path) -> None:
    lay_out_charts(tmp_path)
    scaled: Values = {"chartMirror": str(tmp_path), "models[0].replicas": {"min": 1, "max": 2}, "tpuMaxNodes": 2}

    assert problems(stack(scaled)) == [
        f'chartMirror: "{tmp_path}" is a directory without keda/Chart.yaml. Put every chart into a folder of its name '
        "there, or use an OCI prefix (oci://...)."
    ]
    (tmp_path / "keda").mkdir()
    (tmp_path / "keda" / "Chart.yaml").write_text("name: keda\nversion: 2.20.2\n")
    assert problems(stack(scaled)) == [
        f'chartMirror: "{tmp_path}" has keda/Chart.yaml of version 2.20.2, and 2.21.0 is pinned. Get that one (`helm '
        "pull keda --repo https://kedacore.github.io/charts --version 2.21.0 --untar`), or change the pin in "
        "infra/releases/pins.py."
    ]
    (tmp_path / "keda" / "Chart.yaml").write_text("name: keda\nversion: 2.21.0\n")
    assert parse(stack(scaled)).chart_mirror == str(tmp_path)


def test_missing_keda_is_told_beside_a_problem_of_the_model_that_needs_it(tmp_path: Path) -> None:
    lay_out_charts(tmp_path)
    scaled: Values = {"chartMirror": str(tmp_path), "models[0].replicas": {"min": 2, "max": 1}}

    assert [line.split(":")[0] for line in problems(stack(scaled))] == ["models[0].replicas.max", "chartMirror"]


@pytest.mark.parametrize(
    ("text", "found"),
    [("version: v1.19.1\n", "version 1.19.1"), ('version: "1.21.20"\n', "version 1.21.20"), ("", "no version")],
    ids=["older", "longer", "none"],
)
def test_directory_mirror_with_another_version_of_a_chart_is_refused(tmp_path: Path, text: str, found: str) -> None:
    """Helm would install it without a word."""
    lay_out_charts(tmp_path)
    (tmp_path / "cert-manager" / "Chart.yaml").write_text(f"apiVersion: v2\nappVersion: v1.21.2\n{text}")

    assert problems(stack({"chartMirror": str(tmp_path)})) == [
        f'chartMirror: "{tmp_path}" has cert-manager/Chart.yaml of {found}, and v1.21.2 is pinned. Get that one (`helm '
        "pull oci://quay.io/jetstack/charts/cert-manager --version v1.21.2 --untar`), or change the pin in "
        "infra/releases/pins.py."
    ]


def test_mirror_that_does_not_exist_is_not_called_a_directory(tmp_path: Path) -> None:
    assert problems(stack({"chartMirror": str(tmp_path / "nowhere")})) == [
        f'chartMirror: "{tmp_path}/nowhere" is no directory: there is nothing of this name. Use the path of one, or an '
        "OCI prefix (oci://REGISTRY/PATH, no slash last)."
    ]


def test_mirror_that_is_a_file_is_told_so(tmp_path: Path) -> None:
    (file := tmp_path / "charts.tgz").write_text("")

    assert problems(stack({"chartMirror": str(file)})) == [
        f'chartMirror: "{file}" is a file, not a directory. Use the path of one, or an OCI prefix '
        "(oci://REGISTRY/PATH, no slash last)."
    ]


@pytest.mark.parametrize(
    ("path", "reason"), [("/x\u200b", "it has invisible characters"), ("/" + "x" * 300, "File name too long")]
)
def test_mirror_that_can_be_no_path_is_refused_with_the_reason(path: str, reason: str) -> None:
    (line,) = problems(stack({"chartMirror": path}))

    assert line.endswith(
        f" cannot be a directory ({reason}). Use the path of one, or an OCI prefix (oci://REGISTRY/PATH, no slash "
        "last)."
    )


def test_credentials_in_a_mirror_are_refused_with_the_way_to_give_them() -> None:
    (line,) = problems(stack({"chartMirror": "oci://user:pw@r.io/charts"}))

    assert line.endswith(
        "holds credentials, which everyone who reads this file or the cluster would see. Remove them, and log in with "
        "`helm registry login`."
    )


@pytest.mark.parametrize("mirror", ["oci://r.io", "oci://r.io:5000/a"])
def test_registry_is_a_mirror_with_and_without_a_path(mirror: str) -> None:
    parse(stack({"chartMirror": mirror}))


def test_all_missing_charts_are_told_before_what_is_wrong_with_others(tmp_path: Path) -> None:
    lay_out_charts(tmp_path)
    for chart in ("istiod", "base"):
        (tmp_path / chart / "Chart.yaml").unlink()
    (tmp_path / "gateway" / "Chart.yaml").write_text("version: 1.0.0\n")
    (line,) = problems(stack({"chartMirror": str(tmp_path)}))

    assert "without base/Chart.yaml, istiod/Chart.yaml. Put" in line


def test_chart_whose_file_is_not_all_text_is_read_for_its_version(tmp_path: Path) -> None:
    lay_out_charts(tmp_path)
    (tmp_path / "cert-manager" / "Chart.yaml").write_bytes(b"description: \xff\nversion: v1.21.2\n")

    assert parse(stack({"chartMirror": str(tmp_path)})).chart_mirror == str(tmp_path)
