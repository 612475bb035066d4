"""What Helm installs: which chart, from where, in which version, and with values that the program shows."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from .allowed import CHART_MIRRORS, CHARTS
from .images import from_registry, released
from .resource import UNKNOWN, Props, Resource, Rule, at, nodes, shown

ROOT = Path(__file__).resolve().parents[2]
"""Where `pulumi` and the provider look for what a chart's reference names."""
TYPES = {"kubernetes:helm.sh/v3:Chart", "kubernetes:helm.sh/v3:Release", "kubernetes:helm.sh/v4:Chart"}
VERSION = r"v?\d+\.\d+\.\d+([-+][\w.+-]+)?"
HIDDEN = {
    "postrender": "a program that may turn what the chart makes into anything",
    "postRenderer": "a program that may turn what the chart makes into anything",
    "valueYamlFiles": "values that no rule here sees",
    "valuesFiles": "values that no rule here sees",
}
"""Ways to have something else installed than the chart's name and its values say."""
REPOSITORY = "repo"
"""The one entry of `repositoryOpts` that says where a chart is; the others are how to log in there."""
REGISTRY_KEYS = ("hub", "imageNamespace", "imageRegistry", "registry", "repository")
CERT_MANAGER = {"imageRegistry": "quay.io", "imageNamespace": "jetstack"}
"""The two values that its chart puts before the name of each image, and what they are by themselves
(https://github.com/cert-manager/cert-manager/tree/v1.21.2/deploy/charts/cert-manager)."""
KEDA_REGISTRY, KEDA = "values.global.image.registry", "kedacore"
"""The value that KEDA's chart puts before the names of its images, and how those begin
(https://github.com/kedacore/charts/tree/main/keda)."""


def place(resource: Resource) -> str:
    """Where a release has its chart from: the chart's own reference, or its repository and its name."""
    chart = str(resource.props.get("chart"))
    repository = at(resource.props, "repositoryOpts", REPOSITORY)
    return f"{repository}/{chart}" if repository else chart


def _mirror(resource: Resource, chart: str) -> str | None:
    """The mirror that a chart of ours comes from."""
    place, _, name = chart.rpartition("/")
    ours = any(one.endswith(f"/{name}") for one in CHARTS)
    return place if ours and place in (*CHART_MIRRORS, *resource.own) else None


def _charts(resource: Resource) -> Iterator[str]:
    if resource.type not in TYPES:
        return
    chart, version = place(resource), resource.props.get("version")
    mirror = _mirror(resource, chart)
    if chart not in (*CHARTS, UNKNOWN) and not mirror:
        yield (
            f"chart is {shown(chart)}, which is none of the program's. A new one goes into CHARTS in "
            "policy/rules/allowed.py, and the value of the setting `chartMirror` into CHART_MIRRORS there."
        )
    # localChart of helm_release.go in pulumi-kubernetes asks for a file of that name before any registry.
    if "://" in chart and (ROOT / chart).exists():
        yield (
            f"chart is {shown(chart)}, and the repository has a file or folder of that name, which Helm would take in "
            "its place. Remove it."
        )
    directory = mirror and "://" not in mirror
    if not directory and version != UNKNOWN and not re.fullmatch(VERSION, str(version)):
        yield (
            f"version is {shown(version)}, so Helm takes the newest chart that fits. Pin it in infra/releases/pins.py "
            "and make the release with `release` of infra/platform/charts.py."
        )


def _plain_values(resource: Resource) -> Iterator[str]:
    if resource.type not in TYPES:
        return
    for key, what in HIDDEN.items():
        if resource.props.get(key):
            yield f"{key} is set: {what}. Say in `values` what the chart is to do."
    yield from _values(resource)
    more = sorted(set(resource.props.get("repositoryOpts") or {}) - {REPOSITORY})
    if more:
        yield f"repositoryOpts has {', '.join(more)}, and only `repo` is judged here. Remove the others."


def _values(resource: Resource) -> Iterator[str]:
    """Values by which a chart makes more than it is for. Text goes into its templates as it stands, so a line of it
    could begin another object."""
    values, name = at(resource.props, "values"), place(resource).rpartition("/")[2]
    known = next((keys for chart, keys in CHARTS.items() if chart.endswith(f"/{name}")), None)
    more = sorted(set(cast(Props, values)) - known) if isinstance(values, dict) and known is not None else []
    if more:
        yield (
            f"values has {', '.join(more)}, which the program does not set for {name}. If it has to, add it there in "
            "CHARTS in policy/rules/allowed.py."
        )
    for path, value in nodes({"values": values}):
        if isinstance(value, str) and len(value.splitlines()) > 1:
            yield f"{path} is {shown(value)}, and a chart may take its second line for another object. Write one line."


def _images_of_values(resource: Resource) -> Iterator[str]:
    values = at(resource.props, "values") if resource.type in TYPES else None
    for path, value in nodes({"values": values}):
        key = path.rpartition(".")[2]
        if isinstance(value, (dict, list)) or value in (None, "", UNKNOWN):
            continue
        text = str(value)
        if key in REGISTRY_KEYS and not from_registry(resource, f"{_place(values, path, key, text)}/"):
            yield f"{path} is {shown(value)}, from where no image is taken: REGISTRIES in policy/rules/allowed.py."
        if key == "tag" and not released(f":{text}"):
            yield f"{path} is {shown(value)}, which may be another image tomorrow. Name a release's tag."
        if key.lower().endswith("image"):
            yield from _image_of_value(resource, path, text)


def _place(values: Any, path: str, key: str, text: str) -> str:
    """How the names of images begin by a value."""
    if path == KEDA_REGISTRY:
        return f"{text}/{KEDA}"
    if key not in CERT_MANAGER:
        return text
    beside = at({"values": values}, *path.split(".")[:-1])
    return "/".join(str(at(beside, part) or default) for part, default in CERT_MANAGER.items())


def _image_of_value(resource: Resource, path: str, image: str) -> Iterator[str]:
    """Of a chart's image the tag may be the chart's own, which has the chart's version."""
    if not from_registry(resource, image):
        yield f"{path} is {shown(image)}, from where no image is taken: REGISTRIES in policy/rules/allowed.py."
    if (":" in image.rpartition("/")[2] or "@" in image) and not released(image):
        yield f"{path} is {shown(image)}, which may be another image tomorrow. Name a release's tag or a digest."


RULES = (
    Rule(
        "pinned-charts",
        "Charts are the program's, from where it takes them, in an exact version.",
        "https://helm.sh/docs/helm/helm_install/",
        _charts,
    ),
    Rule(
        "plain-values",
        "Helm installs what the chart and its values say, and nothing else.",
        "https://www.pulumi.com/registry/packages/kubernetes/api-docs/helm/v3/release/",
        _plain_values,
    ),
    Rule(
        "images-of-charts",
        "Charts' values name images of known registries, by a release's tag or a digest.",
        "https://kubernetes.io/docs/concepts/containers/images/#image-names",
        _images_of_values,
    ),
)
