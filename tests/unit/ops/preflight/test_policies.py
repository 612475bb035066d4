"""What is said of organisation policies."""

from google.type.expr_pb2 import Expr

from tests.support.preflight import FAIL, OK, WARN, lines, policies, values

test_line = lines(
    {
        "policies": (None, {}, OK, "organisation policy", "none of 5 that could be is in the way", ""),
        "policy against load balancers": (
            policies("compute.restrictLoadBalancerCreationForTypes", **values(allowed=["in:INTERNAL"])),
            {},
            FAIL,
            "organisation policy",
            "compute.restrictLoadBalancerCreationForTypes refuses EXTERNAL_NETWORK_TCP_UDP: the gateway's load",
            "Ask the organisation's administrators for an exception",
        ),
        "policy for this load balancer": (
            policies("compute.restrictLoadBalancerCreationForTypes", **values(allowed=["in:EXTERNAL"])),
            {},
            OK,
            "organisation policy",
            "none of 5 that could be is in the way",
            "",
        ),
        "policy against NAT": (
            policies("compute.restrictCloudNATUsage", deny_all=True),
            {},
            FAIL,
            "organisation policy",
            "compute.restrictCloudNATUsage refuses projects/my-project: Cloud NAT, by which nodes fetch images",
            "Ask the organisation's administrators",
        ),
        "policy that allows NAT to a folder": (
            policies("compute.restrictCloudNATUsage", **values(allowed=["under:folders/1"])),
            {},
            WARN,
            "organisation policy",
            "Cloud NAT, by which nodes fetch images and weights, unless it is in under:folders/1",
            "See whether it is.",
        ),
        "policy against accounts": (
            policies("iam.disableServiceAccountCreation", enforce=True),
            {},
            FAIL,
            "organisation policy",
            "iam.disableServiceAccountCreation is enforced, and refuses the nodes' account, which the stack makes",
            "Set `nodeServiceAccount` to an account that is there",
        ),
        "policy against accounts, with one of one's own": (
            policies("iam.disableServiceAccountCreation", enforce=True),
            {"nodeServiceAccount": "gke-nodes@my-project.iam.gserviceaccount.com"},
            OK,
            "organisation policy",
            "none of 5 that could be is in the way",
            "",
        ),
        "policy against services": (
            policies("gcp.restrictServiceUsage", **values(denied=["container.googleapis.com"])),
            {},
            FAIL,
            "organisation policy",
            "gcp.restrictServiceUsage refuses container.googleapis.com: APIs that it calls",
            "Ask the organisation's administrators",
        ),
        "policy on locations": (
            policies("gcp.resourceLocations", **values(denied=["europe-west4-a"])),
            {},
            FAIL,
            "organisation policy",
            "gcp.resourceLocations refuses europe-west4-a: where everything lies",
            "Set `location` and `tpuZones` to places that it allows",
        ),
        "policy on locations by group": (
            policies("gcp.resourceLocations", **values(allowed=["in:us-locations"])),
            {},
            WARN,
            "organisation policy",
            "gcp.resourceLocations refuses europe-west4, europe-west4-a: where everything lies, unless it is in "
            "in:us-locations",
            "See whether it is.",
        ),
        "policy on locations that names the region": (
            policies("gcp.resourceLocations", **values(allowed=["in:europe-west4-locations"])),
            {},
            OK,
            "organisation policy",
            "none of 5 that could be is in the way",
            "",
        ),
        "policy against locations by group": (
            policies("gcp.resourceLocations", **values(denied=["in:eu-locations"])),
            {},
            WARN,
            "organisation policy",
            "gcp.resourceLocations refuses europe-west4, europe-west4-a: where everything lies, if it is in "
            "in:eu-locations",
            "See whether it is. Set `location` and `tpuZones` to places that it allows",
        ),
        "policy that allows the region and denies a group": (
            policies(
                "gcp.resourceLocations", **values(allowed=["in:europe-west4-locations"], denied=["in:eu-locations"])
            ),
            {},
            WARN,
            "organisation policy",
            "gcp.resourceLocations refuses europe-west4, europe-west4-a: where everything lies, if it is in "
            "in:eu-locations",
            "See whether it is.",
        ),
        "policy that allows one group and denies another": (
            policies(
                "gcp.resourceLocations", **values(allowed=["in:eu-locations"], denied=["in:low-carbon-locations"])
            ),
            {},
            WARN,
            "organisation policy",
            "unless it is in in:eu-locations and not in in:low-carbon-locations",
            "See whether it is.",
        ),
        "policy against the region beside a group": (
            policies("gcp.resourceLocations", **values(denied=["in:europe-west4-locations", "in:us-locations"])),
            {},
            FAIL,
            "organisation policy",
            "gcp.resourceLocations refuses europe-west4, europe-west4-a: where everything lies",
            "Set `location` and `tpuZones` to places that it allows",
        ),
        "policy against NAT in a folder": (
            policies("compute.restrictCloudNATUsage", **values(denied=["under:folders/1"])),
            {},
            WARN,
            "organisation policy",
            "compute.restrictCloudNATUsage refuses projects/my-project: Cloud NAT, by which nodes fetch images and "
            "weights, if it is in under:folders/1",
            "See whether it is.",
        ),
        "policy against other load balancers by group": (
            policies("compute.restrictLoadBalancerCreationForTypes", **values(denied=["in:INTERNAL"])),
            {},
            OK,
            "organisation policy",
            "none of 5 that could be is in the way",
            "",
        ),
        "policy that is feared": (
            policies("compute.vmExternalIpAccess", deny_all=True),
            {},
            OK,
            "organisation policy",
            "compute.vmExternalIpAccess is in force, and harmless: no node has an external address",
            "",
        ),
        "policy against keys": (
            policies("iam.disableServiceAccountKeyCreation", enforce=True),
            {},
            OK,
            "organisation policy",
            "iam.disableServiceAccountKeyCreation is in force, and harmless: no key of a service account is made",
            "",
        ),
        "policy against default networks": (
            policies("compute.skipDefaultNetworkCreation", enforce=True),
            {},
            OK,
            "organisation policy",
            "compute.skipDefaultNetworkCreation is in force, and harmless: the stack makes a VPC of its own",
            "",
        ),
        "policy of tagged resources": (
            policies(
                "iam.disableServiceAccountCreation", enforce=True, condition=Expr(expression="resource.matchTag()")
            ),
            {},
            OK,
            "organisation policy",
            "none of 5 that could be is in the way",
            "",
        ),
    }
)
