"""The VPC of a stack."""

import pulumi
import pulumi_gcp as gcp

from infra.settings.schema import Settings

from .dns import record

FLOW_LOGS: gcp.compute.SubnetworkLogConfigArgsDict = {
    "aggregation_interval": "INTERVAL_10_MIN",
    "flow_sampling": 0.5,
    "metadata": "INCLUDE_ALL_METADATA",
}
"""Who spoke to whom and how much, of half of the packets, as is Google's default. A line for each connection every ten
minutes, not every five seconds: a stream of tokens is one connection for long."""
NAT_LOGS: gcp.compute.RouterNatLogConfigArgsDict = {"enable": True, "filter": "ALL"}
"""Each connection to the internet, and each for which there was no port; flow logs are samples."""


class Network(pulumi.ComponentResource):
    """A VPC for one cluster and nothing else.

    Makes the VPC, a subnet with ranges for Pods and Services and Private Google Access, a router with NAT (nodes are
    private and pull images from public registries), the gateway's address, and with `dns_zone` the record of the host
    name, which leads there. It makes no firewall rule: those take the nodes' account (`firewall`). For a hardened
    cluster subnet and NAT write logs.

    CIDR ranges are IPv4 in a.b.c.d/n form. `protect` keeps Pulumi from deleting the address, which clients know.
    """

    vpc: pulumi.Output[str]
    subnet: pulumi.Output[str]
    pod_range: str
    service_range: str
    gateway_address: pulumi.Output[str]
    nat: gcp.compute.RouterNat

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Network", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.pod_range, self.service_range = "pods", "services"

        vpc = gcp.compute.Network(name, auto_create_subnetworks=False, opts=child)
        subnet = gcp.compute.Subnetwork(
            name,
            network=vpc.id,
            region=settings.region,
            ip_cidr_range=settings.subnet_cidr,
            secondary_ip_ranges=[
                {"range_name": self.pod_range, "ip_cidr_range": settings.pod_cidr},
                {"range_name": self.service_range, "ip_cidr_range": settings.service_cidr},
            ],
            private_ip_google_access=True,
            log_config=FLOW_LOGS if settings.hardened_cluster else None,
            # GKE refuses to change a range that it uses, and the VPC two subnets that overlap: a new one, after the
            # old.
            opts=pulumi.ResourceOptions(
                parent=self, delete_before_replace=True, replace_on_changes=["secondaryIpRanges"]
            ),
        )
        router = gcp.compute.Router(name, network=vpc.id, region=settings.region, opts=child)
        self.nat = gcp.compute.RouterNat(
            name,
            router=router.name,
            region=settings.region,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            log_config=NAT_LOGS if settings.hardened_cluster else None,
            opts=child,
        )
        address = gcp.compute.Address(
            f"{name}-gateway",
            region=settings.region,
            address_type="EXTERNAL",
            opts=pulumi.ResourceOptions(parent=self, protect=settings.protect),
        )
        record(f"{name}-gateway", settings=settings, address=address.address, opts=child)
        self.vpc, self.subnet, self.gateway_address = vpc.id, subnet.id, address.address
        self.register_outputs({"gateway_address": self.gateway_address})
