"""The Google APIs that the program calls."""

import pulumi
import pulumi_gcp as gcp

NAMES = (
    "cloudresourcemanager.googleapis.com",  # IAM policy of the project
    "compute.googleapis.com",
    "container.googleapis.com",
    "iam.googleapis.com",  # service accounts
)


class Apis(pulumi.ComponentResource):
    """Enables the APIs in `NAMES`, so that an empty project will do.

    Makes one `gcp.projects.Service` for each. It never disables one on destroy: other things in the project may use it.
    """

    def __init__(self, name: str, *, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("gke-tpu-inference:infra:Apis", name, None, opts)
        for api in NAMES:
            gcp.projects.Service(
                api.split(".")[0],
                service=api,
                disable_on_destroy=False,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})
