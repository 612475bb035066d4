"""The VPC: ranges, NAT, and the reserved address."""

from tests.support.program import Declared


def test_subnet_has_ranges_for_pods_and_services_and_private_google_access(dev: Declared) -> None:
    subnet = dev.one(":Subnetwork").inputs
    assert subnet["ipCidrRange"] == "10.0.0.0/20"
    assert [r["ipCidrRange"] for r in subnet["secondaryIpRanges"]] == ["10.4.0.0/14", "10.8.0.0/20"]
    assert subnet["privateIpGoogleAccess"] is True
    assert subnet["region"] == "europe-west4"


def test_ranges_keep_their_names_or_the_subnet_is_replaced(dev: Declared) -> None:
    assert [r["rangeName"] for r in dev.one(":Subnetwork").inputs["secondaryIpRanges"]] == ["pods", "services"]


def test_vpc_makes_no_subnets_of_its_own(dev: Declared) -> None:
    assert dev.one("compute/network:Network").inputs["autoCreateSubnetworks"] is False


def test_nat_serves_the_whole_subnet(dev: Declared) -> None:
    assert dev.one(":RouterNat").inputs["sourceSubnetworkIpRangesToNat"] == "ALL_SUBNETWORKS_ALL_IP_RANGES"


def test_nat_takes_addresses_by_itself(dev: Declared) -> None:
    assert dev.one(":RouterNat").inputs["natIpAllocateOption"] == "AUTO_ONLY"


def test_gateway_address_is_regional_and_external(dev: Declared) -> None:
    address = dev.one("compute/address:Address").inputs
    assert (address["region"], address["addressType"]) == ("europe-west4", "EXTERNAL")
