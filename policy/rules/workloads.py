"""What runs in the cluster: its images, and what it takes of its node."""

from collections.abc import Iterator

from .allowed import CAPABILITIES
from .charts import TYPES as CHART_TYPES
from .images import from_registry, numbered, released
from .resource import UNKNOWN, Resource, Rule, differs, nodes, shown

HOST = ("hostIPC", "hostNetwork", "hostPID", "privileged")
"""What makes a Pod a part of its node, where it is true."""
VOLUME = "kubernetes:core/v1:PersistentVolume"


def _images(resource: Resource) -> Iterator[str]:
    if not resource.type.startswith("kubernetes:") or resource.type in CHART_TYPES:
        return
    for path, text in nodes(resource.props):
        if not isinstance(text, str) or text == UNKNOWN:
            continue
        weights = path.endswith(".uri") and text.startswith("oci://")
        if path.endswith(".image") and not from_registry(resource, text):
            yield (
                f"{path} is {shown(text)}, from where no image is taken. The value of the setting `imageRegistry` goes "
                "into IMAGE_REGISTRIES in policy/rules/allowed.py, and a new publisher into REGISTRIES."
            )
        if (path.endswith(".image") and not released(text)) or (
            (weights or path.endswith(".image.reference")) and not numbered(text.removeprefix("oci://"))
        ):
            yield f"{path} is {shown(text)}, which may be another image tomorrow. Name a release's tag or a digest."


def _host(resource: Resource) -> Iterator[str]:
    if not resource.type.startswith("kubernetes:"):
        return
    for path, value in nodes(resource.props):
        key = path.rpartition(".")[2]
        if key in HOST and differs(value, None, False):
            yield f"{path} is {shown(value)}, which makes the Pod a part of its node. Remove it."
        local = path == "spec.local" and resource.type == VOLUME
        if (key in ("hostPath", "hostPort") or local) and differs(value, None, 0):
            yield f"{path} is {shown(value)}, which is the node's. Remove it."
        if "capabilities.add[" in path and differs(value, *CAPABILITIES):
            yield (
                f"{path} is {shown(value)}, which no container gets. If one has to, add it to CAPABILITIES in "
                "policy/rules/allowed.py."
            )


RULES = (
    Rule(
        "pinned-images",
        "Images are of known registries, by a release's tag or a digest.",
        "https://kubernetes.io/docs/concepts/containers/images/#image-names",
        _images,
    ),
    Rule(
        "no-host",
        "No Pod takes its node's processes, network, files or rights.",
        "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
        _host,
    ),
)
