"""Remote repositories of Artifact Registry, by which nodes pull the images of publishers."""

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from infra.settings.schema import Settings

DOCKER_HUB = "docker.io"


def upstream(host: str) -> gcp.artifactregistry.RepositoryRemoteRepositoryConfigArgsDict:
    """Where a repository fetches from. Docker Hub, which answers under another name than it has in images, is a preset
    (https://cloud.google.com/artifact-registry/docs/repositories/remote-repo)."""
    if host == DOCKER_HUB:
        return {"description": host, "docker_repository": {"public_repository": "DOCKER_HUB"}}
    return {"description": host, "common_repository": {"uri": f"https://{host}"}}


class ImageCache(pulumi.ComponentResource):
    """A remote repository for each publisher, in the project and the region of the cluster.

    Each fetches an image when it is first asked for and keeps it, so the nodes, which share the addresses of NAT, do
    not come up against the limits of Docker Hub. It has no credentials of a publisher and grants nobody anything: who
    reads it is said with the nodes' account. What it keeps is paid by the gigabyte and goes with it.
    """

    repositories: Sequence[gcp.artifactregistry.Repository]

    def __init__(self, name: str, *, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gke-tpu-inference:infra:ImageCache", name, None, opts)
        self.repositories = [
            gcp.artifactregistry.Repository(
                host.replace(".", "-"),
                project=place.project,
                location=place.location,
                repository_id=place.name,
                format="DOCKER",
                mode="REMOTE_REPOSITORY",
                description=f"Images of {host}, as the nodes of a stack pull them",
                remote_repository_config=upstream(host),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for host, place in settings.caches.items()
        ]
        self.register_outputs({})


def image_cache(
    name: str, *, settings: Settings, opts: pulumi.ResourceOptions
) -> Sequence[gcp.artifactregistry.Repository]:
    """The repositories of a stack that pulls through some of its own."""
    return ImageCache(name, settings=settings, opts=opts).repositories if settings.caches else ()
