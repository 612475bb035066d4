"""The endpoint's name in Cloud DNS."""

import pulumi
import pulumi_gcp as gcp

from infra.settings.schema import Settings

TTL = 300
"""Seconds for which a resolver may keep it, so how long a changed address may take."""


def record(
    name: str, *, settings: Settings, address: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> gcp.dns.RecordSet | None:
    """An A record from the host name to an address, in a zone of the project that exists; None without a zone.

    It makes no zone: that of a domain outlives the stacks that have names in it.
    """
    if not settings.dns_zone:
        return None
    return gcp.dns.RecordSet(
        name,
        managed_zone=settings.dns_zone,
        name=f"{settings.hostname}.",  # a whole name ends in a dot there
        type="A",
        ttl=TTL,
        rrdatas=[address],
        opts=opts,
    )
