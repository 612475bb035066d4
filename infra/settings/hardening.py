"""Whether the cluster is hardened, and the Cloud KMS key that then encrypts its Secrets."""

import re
from typing import Annotated

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
