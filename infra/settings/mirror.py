"""What a directory of charts has to hold: every pinned chart, in the pinned version.

Helm takes from a directory whatever lies there, and no version can be asked for.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ValidationInfo

from infra.releases import pins

from . import uris
from .context import context
from .explain import refuse


def _reference(chart: pins.Chart) -> str:
    """The chart in a command of Helm's."""
    oci = chart.source.startswith("oci://")
    return f"{chart.source}/{chart.name}" if oci else f"{chart.name} --repo {chart.source}"


def _problems(directory: str, charts: Iterable[pins.Chart]) -> Iterator[str]:
    files = {chart: Path(directory, chart.name, "Chart.yaml") for chart in charts}
    missing = [f"{chart.name}/Chart.yaml" for chart, file in files.items() if not file.is_file()]
    if missing:
        yield (
            f"is a directory without {', '.join(missing)}. Put every chart into a folder of its name there, or use an "
            "OCI prefix (oci://...)."
        )
    for chart, file in files.items():
        if not file.is_file():
            continue
        found = re.search(r"""^version:[ \t]*["']?v?([^"'\s]+)""", file.read_text(errors="replace"), re.MULTILINE)
        if not found or found[1] != chart.version.removeprefix("v"):
            yield (
                f"has {chart.name}/Chart.yaml of {f'version {found[1]}' if found else 'no version'}, and "
                f"{chart.version} is pinned. Get that one (`helm pull {_reference(chart)} "
                f"--version {chart.version} --untar`), or change the pin in infra/releases/pins.py."
            )


def _has_charts(place: str, info: ValidationInfo) -> str:
    if place and not uris.mirror(place):
        refuse(_problems(place, [*pins.CHARTS, *([pins.KEDA] if context(info).autoscaled else [])]))
    return place


ChartMirror = Annotated[str, AfterValidator(_has_charts)]
