"""The VPC of a stack."""

import pulumi
import pulumi_gcp as gcp

from infra.settings.schema import Settings

WEBHOOK_PORTS = ("9443", "15017")
"""Where admission webhooks listen on their Pods: KServe's controller, istiod. Cert-manager's 10250 is open anyway."""


class Network(pulumi.ComponentResource):
    """A VPC for one cluster and nothing else.

    Makes the VPC, a subnet with ranges for Pods and Services and Private Google Access, a router with NAT (nodes are
    private and pull images from public registries), a firewall rule and the gateway's address. The rule lets the
    control plane reach `WEBHOOK_PORTS`: on private nodes GKE opens 443 and 10250 only, and a webhook that times out
    refuses every object. It makes no firewall rule for the gateway's load balancer; GKE does, and removes it with the
    Service.

    CIDR ranges are IPv4 in a.b.c.d/n form. `protect` keeps Pulumi from deleting the address, which clients know.
    """

    vpc: pulumi.Output[str]
    subnet: pulumi.Output[str]
    pod_range: str
    service_range: str
    gateway_address: pulumi.Output[str]
    nat: gcp.compute.RouterNat
    webhook_firewall: gcp.compute.Firewall

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
            opts=child,
        )
        self.webhook_firewall = gcp.compute.Firewall(
            f"{name}-webhooks",
            network=vpc.id,
            direction="INGRESS",
            source_ranges=[settings.control_plane_cidr],
            allows=[{"protocol": "tcp", "ports": list(WEBHOOK_PORTS)}],
            opts=child,
        )
        address = gcp.compute.Address(
            f"{name}-gateway",
            region=settings.region,
            address_type="EXTERNAL",
            opts=pulumi.ResourceOptions(parent=self, protect=settings.protect),
        )
        self.vpc, self.subnet, self.gateway_address = vpc.id, subnet.id, address.address
        self.register_outputs({"gateway_address": self.gateway_address})
