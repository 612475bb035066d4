"""Whether the cluster is hardened, and the Cloud KMS key that then encrypts its Secrets."""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, ValidationInfo

from . import places
from .explain import listed
from .scalars import TrueOrFalse

KEY = r"projects/([a-z0-9.-]+:)?[a-z0-9-]+/locations/([a-z0-9-]+)/keyRings/[\w-]{1,63}/cryptoKeys/[\w-]{1,63}"
"""The name of a key: https://cloud.google.com/kms/docs/resource-hierarchy#retrieve_resource_id."""


def _nobody_by_address(hardened: bool, info: ValidationInfo) -> bool:
    callers = info.data.get("authorized_networks")
    if hardened and callers:
        raise ValueError(
            f"takes the control plane's IP addresses away, and `authorizedNetworks` lets {listed(callers)} come by "
            "them. Remove `authorizedNetworks`: `kubectl` and Pulumi use the DNS endpoint, which IAM guards."
        )
    return hardened


def _of_the_region(key: str, info: ValidationInfo) -> str:
    if not key:
        return key
    match = re.fullmatch(KEY, key, re.ASCII)
    if not match:
        raise ValueError(
            "is not the name of a Cloud KMS key. Write "
            "projects/PROJECT_ID/locations/REGION/keyRings/RING/cryptoKeys/KEY, without a version: "
            "`gcloud kms keys list --location REGION --keyring RING` shows it."
        )
    location = info.data.get("location")
    if location is not None and match[2] != places.region(location):
        raise ValueError(
            f"is in {match[2]}, and GKE takes a key of the cluster's region alone, which is "
            f"{places.region(location)}. Make one there, or leave it out, and the program does."
        )
    if info.data.get("hardened_cluster") is False:
        raise ValueError(
            "is set, but `hardenedCluster` is false, so nothing would be encrypted with it. Set `hardenedCluster` to "
            "true, or remove it."
        )
    return key


HardenedCluster = Annotated[TrueOrFalse, AfterValidator(_nobody_by_address)]
KmsKey = Annotated[str, AfterValidator(_of_the_region)]


def warnings(
    registry: str, uris: Sequence[str], jwks: Sequence[str], *, hardened: bool, isolation: bool
) -> Iterator[str]:
    """What nodes and Pods do not reach, as they get out to port 443 alone: nodes pull images from `registry`, and those
    of models whose `uris` are some, and istiod fetches the public keys of issuers, `jwks`.
    """
    nodes = ["hardenedCluster"] if hardened else []
    pods = [*nodes, "isolation"] if isolation else nodes
    images = {f"models[{i}].uri": uri.removeprefix("oci:") for i, uri in enumerate(uris) if uri.startswith("oci:")}
    reached = [(setting, url, nodes) for setting, url in {"imageRegistry": f"//{registry}", **images}.items()]
    reached += [(f"tokenIssuers[{i}].jwksUri", url, pods) for i, url in enumerate(jwks)]
    for setting, url, closed in reached:
        port = urlsplit(url).port
        if closed and port not in (None, 443):
            yield (
                f"{setting}: {url.removeprefix('//')} is on port {port}, and with {' and '.join(closed)} nothing gets "
                "out but to port 443. Serve it there, or open the way yourself, as docs/security.md says."
            )
