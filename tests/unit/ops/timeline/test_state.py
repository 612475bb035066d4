"""What the state says of what waited for what."""

from typing import Any

from ops.timeline.state import name, needs

PREFIX = "urn:pulumi:dev::project::"
STACK = f"{PREFIX}pulumi:pulumi:Stack::project-dev"


def resource(kind: str, own: str, *dependencies: str, custom: bool = True, **more: Any) -> dict[str, Any]:
    urn = f"{PREFIX}{kind}::{own}"
    return {"urn": urn, "type": kind, "custom": custom, "dependencies": [*dependencies], **more}


API = resource("gcp:projects/service:Service", "compute", parent=STACK)
NETWORK = resource("infra:Network", "net", API["urn"], custom=False, parent=STACK)
VPC = resource("infra:Network$gcp:compute/network:Network", "net", parent=NETWORK["urn"])
PROVIDER = resource("pulumi:providers:kubernetes", "k8s", VPC["urn"])
NAMESPACE = resource("kubernetes:core/v1:Namespace", "n", parent=STACK, provider=f"{PROVIDER['urn']}::an-id")
ALL = [resource("pulumi:pulumi:Stack", "project-dev", custom=False), API, NETWORK, VPC, PROVIDER, NAMESPACE]


def test_resource_needs_what_it_depends_on_its_provider_and_what_its_component_waited_for() -> None:
    assert needs(ALL) == {
        API["urn"]: (),
        VPC["urn"]: (API["urn"],),
        PROVIDER["urn"]: (VPC["urn"],),
        NAMESPACE["urn"]: (PROVIDER["urn"],),
    }


def test_what_is_not_in_the_state_any_more_is_passed_over() -> None:
    assert needs([VPC]) == {VPC["urn"]: ()}


def test_name_is_short() -> None:
    assert name(VPC["urn"]) == "Network net"
    assert name(PROVIDER["urn"]) == "provider k8s"
