"""Which versions go together, by what their publishers say; settings ask before anything is created.

A release that has no row is unknown, not wrong: read its notes, then add a row, here and in docs/upgrades.md, with its
source. TPU v6e wants GKE 1.31.2-gke.1115000 or newer (https://cloud.google.com/kubernetes-engine/docs/concepts/tpus),
which every row here is beyond. What Istio wants of Gateway API's CRDs concerns kinds that nothing here uses
(https://istio.io/latest/news/releases/1.30.x/announcing-1.30/upgrade-notes/).
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from packaging.version import Version


class Release(NamedTuple):
    """A minor release: the oldest and the newest Kubernetes that it is supported on (none: no limit is published),
    the oldest release of others that it needs, and where all that is said."""

    oldest: str
    newest: str | None
    source: str
    needs: Mapping[str, str] = {}


_ISTIO = "https://istio.io/latest/news/releases/{0}.x/announcing-{0}/"
_CERT_MANAGER = "https://cert-manager.io/docs/releases/"
RELEASES: Mapping[str, Mapping[str, Release]] = {
    "Istio": {
        "1.29": Release("1.31", "1.35", _ISTIO.format("1.29")),
        "1.30": Release("1.32", "1.36", _ISTIO.format("1.30")),
        "1.31": Release("1.32", "1.36", _ISTIO.format("1.31")),
    },
    "cert-manager": {
        "1.17": Release("1.29", "1.33", _CERT_MANAGER),
        "1.18": Release("1.29", "1.33", _CERT_MANAGER),
        "1.19": Release("1.31", "1.35", _CERT_MANAGER),
        "1.20": Release("1.32", "1.35", _CERT_MANAGER),
        "1.21": Release("1.33", "1.36", _CERT_MANAGER),
    },
    "KServe": {
        # Its page names no Istio. Older ones than 1.29 fail: https://github.com/kserve/kserve/issues/5007.
        "0.20": Release(
            "1.32",
            None,
            "https://kserve.github.io/website/docs/admin-guide/kubernetes-deployment-llmisvc",
            {"Istio": "1.29", "cert-manager": "1.18", "Gateway API": "1.3"},
        ),
    },
    # "Tested", not "supported", is what its page says.
    "KEDA": {"2.21": Release("1.34", "1.36", "https://keda.sh/docs/2.21/operate/cluster/")},
}
GATEWAY_API = {"1.36": "1.5"}
"""Gateway API's release by the GKE minor that brings its CRDs, as far as it is published
(https://github.com/gbrayut/cloud-examples/tree/main/gke-gateway-api-crds)."""


def minor(version: str) -> str:
    """`1.31` of `1.31.1`, `v1.31.1` or `1.31.1-gke.1000`."""
    parsed = Version(version.replace("-gke.", "."))
    return f"{parsed.major}.{parsed.minor}"


def _older(version: str, other: str) -> bool:
    return Version(minor(version)) < Version(minor(other))


def _releases(versions: Mapping[str, str]) -> dict[str, Release]:
    """The known releases among those that are pinned, as `Istio 1.31`."""
    pinned = {product: minor(version) for product, version in sorted(versions.items())}
    return {f"{p} {m}": RELEASES[p][m] for p, m in pinned.items() if m in RELEASES[p]}


def _range(release: Release) -> str:
    return f"{release.oldest} to {release.newest}" if release.newest else f"{release.oldest} or newer"


def kubernetes(versions: Mapping[str, str]) -> tuple[str, str]:
    """The oldest and the newest Kubernetes that everything pinned is supported on."""
    releases = _releases(versions).values()
    return max((r.oldest for r in releases), key=Version), min((r.newest for r in releases if r.newest), key=Version)


def problems(versions: Mapping[str, str]) -> Iterator[str]:
    """What does not go together among the pinned versions of the products, each with the way out."""
    for product, version in versions.items():
        release = RELEASES[product].get(minor(version))
        if release is None:
            yield (
                f"{product} {version}: {minor(version)} is not among the releases that are known to go with the "
                f"others: {', '.join(RELEASES[product])}. Use one of them, or read its release notes and add it to "
                "infra/releases/compatibility.py and docs/upgrades.md."
            )
            continue
        for other, least in release.needs.items():
            if other in versions and _older(versions[other], least):
                yield f"{product} {version} needs {other} {least} or newer, not {versions[other]} ({release.source})."
    known = _releases(versions)
    if any(release.newest for release in known.values()) and _older(*reversed(kubernetes(versions))):
        shown = ", ".join(f"{name} on {_range(release)}" for name, release in known.items())
        yield f"no Kubernetes runs all of them: {shown}. Use releases that have one in common."


def gke_problem(version: str, versions: Mapping[str, str]) -> str | None:
    """Why the pinned versions do not run on a GKE version, and the way out. The product that asks for most is named."""
    oldest, newest = kubernetes(versions)
    for name, release in sorted(_releases(versions).items(), key=lambda of: Version(of[1].oldest), reverse=True):
        if _older(version, release.oldest):
            return (
                f"is older than {name} is supported on, which is {_range(release)} ({release.source}). Use {oldest} to "
                f"{newest}, or remove it to use the channel's."
            )
        brought, needed = GATEWAY_API.get(minor(version)), release.needs.get("Gateway API")
        if brought and needed and _older(brought, needed):
            return (
                f"brings Gateway API {brought}, and {name} needs {needed} or newer ({release.source}). Use a newer "
                "one, or remove it to use the channel's."
            )
    return None


def gke_warnings(version: str, versions: Mapping[str, str]) -> Iterator[str]:
    """What is not said to run on a GKE version, but may."""
    for name, release in _releases(versions).items() if version else ():
        if release.newest and _older(release.newest, version):
            yield (
                f"gkeVersion: {version} is newer than what {name} was supported on when this was written, which is "
                f"{_range(release)}. It may run; docs/upgrades.md says where to look."
            )
