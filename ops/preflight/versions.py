"""Whether the GKE that the stack gets runs what is pinned, by what GKE offers in the location now."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.releases import compatibility
from infra.settings.schema import Settings

from .findings import Finding, fail, ok, warn

CHECK = "GKE version"


def _channel(config: Any, name: str) -> Any:
    return next((channel for channel in config.channels if channel.channel.name == name), None)


def _not_offered(settings: Settings, offered: list[str]) -> Finding:
    return fail(
        CHECK,
        f"gkeVersion {settings.gke_version} is not offered on {settings.release_channel} in {settings.location}",
        f"Use one of {', '.join(offered[:3])}..., or remove it to use the channel's",
    )


def findings(settings: Settings, config: Any, *, is_up: bool = False) -> Iterator[Finding]:
    """What is to say of the version that a cluster gets, from a message `ServerConfig`. `gkeVersion` is the lowest, so
    that of a stack that is up need not be offered any more."""
    versions = settings.versions
    channel = _channel(config, settings.release_channel)
    if channel is None:
        yield fail(
            CHECK,
            f"release channel {settings.release_channel} is not offered in {settings.location}",
            "Set `releaseChannel` to another one",
        )
        return
    offered = list(channel.valid_versions)
    if settings.gke_version and settings.gke_version not in offered and not is_up:
        yield _not_offered(settings, offered)
        return
    version = settings.gke_version or channel.default_version
    if problem := compatibility.gke_problem(version, versions):
        why = problem.partition(". Use ")[0]
        yield fail(CHECK, f"{version}, the default of {settings.release_channel}, {why}", _another(versions))
        return
    newer = list(compatibility.gke_warnings(version, versions))
    for warning in newer:
        yield warn(CHECK, warning.removeprefix("gkeVersion: "), "Try it in a stack that may break first")
    if not newer:
        yield ok(CHECK, f"{version} on {settings.release_channel}, which all that is pinned is supported on")


def _another(versions: Mapping[str, str]) -> str:
    oldest, newest = compatibility.kubernetes(versions)
    return f"Set `releaseChannel` to one whose default is {oldest} to {newest}, or `gkeVersion`"
