"""The Google APIs that the program calls."""

import pulumi
import pulumi_gcp as gcp

from infra.settings.schema import Settings

NAMES = (
    "cloudresourcemanager.googleapis.com",  # IAM policy of the project
    "compute.googleapis.com",
    "container.googleapis.com",
    "iam.googleapis.com",  # service accounts
)
HARDENED = (
    "binaryauthorization.googleapis.com",
    "cloudkms.googleapis.com",
    "containersecurity.googleapis.com",  # the security posture
)
"""What a hardened cluster needs beyond these."""
DNS = ("dns.googleapis.com",)
BUDGET = ("billingbudgets.googleapis.com",)
CACHE = ("artifactregistry.googleapis.com",)
STREAMING = ("containerfilesystem.googleapis.com",)
"""What nodes stream images by (https://cloud.google.com/kubernetes-engine/docs/how-to/image-streaming#requirements)."""
STORAGE = ("storage.googleapis.com",)
MONITORING = ("monitoring.googleapis.com",)


def names(settings: Settings) -> tuple[str, ...]:
    """The APIs that a stack of these settings calls."""
    features = (
        (CACHE, settings.caches),
        (STREAMING, settings.streams_images),
        (HARDENED, settings.hardened_cluster),
        (DNS, settings.dns_zone),
        (BUDGET, settings.budget),
        (STORAGE, settings.mounts_buckets),
        (MONITORING, settings.scraped),
    )
    return NAMES + tuple(api for apis, wanted in features if wanted for api in apis)


class Apis(pulumi.ComponentResource):
    """Enables the APIs of `names`, so that an empty project will do.

    Makes one `gcp.projects.Service` for each. It never disables one on destroy: other things in the project may use it.
    """

    def __init__(self, name: str, *, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gke-tpu-inference:infra:Apis", name, None, opts)
        for api in names(settings):
            gcp.projects.Service(
                api.split(".")[0],
                service=api,
                disable_on_destroy=False,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})
