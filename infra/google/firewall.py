"""What the VPC's firewall lets reach the nodes, and what the nodes of a hardened cluster may reach."""

from typing import NamedTuple

import pulumi
import pulumi_gcp as gcp

from infra.settings.schema import Settings

from .network import Network

WEBHOOK_PORTS = ("9443", "15017")
"""Where admission webhooks listen on their Pods: KServe's controller, istiod. Cert-manager's 10250 is open anyway."""
METRICS_PORT = "6443"
"""Where KEDA answers for an API of metrics on its Pod, which the API server passes on
(https://keda.sh/docs/2.21/operate/cluster/#firewall). Its webhook has the port of KServe's."""
TUNNEL_PORT = "8132"
"""Where Konnectivity's agents on the nodes open the tunnel by which the control plane comes back to them. Google's page
says that 443 does (https://cloud.google.com/kubernetes-engine/docs/concepts/firewall-rules), upstream's agents use this
(https://kubernetes.io/docs/tasks/extend-kubernetes/setup-konnectivity/), and without it webhooks would time out."""
LAST = 65534
"""Priority of the rule that denies: only the one that every VPC has, and that lets everything out, is behind it."""


class WayOut(NamedTuple):
    """Addresses that nodes may open connections to, and the TCP ports there; no ports mean every protocol."""

    name: str
    ranges: list[pulumi.Input[str]]
    ports: tuple[str, ...] = ()


def ways_out(settings: Settings, gateway_address: pulumi.Input[str]) -> list[WayOut]:
    """All that the nodes of a hardened cluster may open, and the Pods on them.

    DNS, time and tokens come from the metadata server, which no rule can deny
    (https://cloud.google.com/firewall/docs/firewalls#alwaysallowed). Services are not here: nodes send to their Pods.
    HTTPS goes to every address, as registries and Hugging Face have no fixed ones.
    """
    return [
        WayOut("cluster", [settings.subnet_cidr, settings.pod_cidr]),
        WayOut("control-plane", [settings.control_plane_cidr], (TUNNEL_PORT,)),
        WayOut("https", ["0.0.0.0/0"], ("443",)),
        # Cert-manager asks for a certificate only after it has seen its own challenge there.
        WayOut("gateway", [pulumi.Output.concat(gateway_address, "/32")], ("80",)),
    ]


def webhooks(
    name: str, *, settings: Settings, network: Network, service_account: pulumi.Input[str]
) -> gcp.compute.Firewall:
    """The rule that lets the control plane reach `WEBHOOK_PORTS` on nodes that run under this account, and
    `METRICS_PORT` if a model is autoscaled.

    On private nodes GKE opens 443 and 10250 only, and a webhook that times out refuses every object.
    """
    ports = [*WEBHOOK_PORTS, *([METRICS_PORT] if settings.autoscaled else [])]
    return gcp.compute.Firewall(
        f"{name}-webhooks",
        network=network.vpc,
        direction="INGRESS",
        source_ranges=[settings.control_plane_cidr],
        target_service_accounts=[service_account],
        allows=[{"protocol": "tcp", "ports": ports}],
        opts=pulumi.ResourceOptions(parent=network),
    )


class Egress(pulumi.ComponentResource):
    """What the nodes of a hardened cluster may open. They are known by the account that they run under.

    Makes a rule for each of `ways_out`, and one that denies and logs all else. A way that models need beyond these,
    such as to a file server for `pvc://`, takes a rule of the user's in the same VPC, with a priority below `LAST`.
    """

    denied: gcp.compute.Firewall
    """The last of the rules: who waits for it waits for all."""

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        network: Network,
        service_account: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Egress", name, None, opts)
        allowed = [
            gcp.compute.Firewall(
                f"{name}-out-{way.name}",
                network=network.vpc,
                direction="EGRESS",
                destination_ranges=way.ranges,
                target_service_accounts=[service_account],
                allows=[{"protocol": "tcp", "ports": list(way.ports)} if way.ports else {"protocol": "all"}],
                opts=pulumi.ResourceOptions(parent=self),
            )
            for way in ways_out(settings, network.gateway_address)
        ]
        self.denied = gcp.compute.Firewall(
            f"{name}-out-denied",
            network=network.vpc,
            direction="EGRESS",
            priority=LAST,
            destination_ranges=["0.0.0.0/0"],
            target_service_accounts=[service_account],
            denies=[{"protocol": "all"}],
            log_config={"metadata": "INCLUDE_ALL_METADATA"},
            # After what is allowed, and gone before it: there are nodes meanwhile.
            opts=pulumi.ResourceOptions(parent=self, depends_on=allowed),
        )
        self.register_outputs({})
