"""IPv4 ranges: what is one, what GKE takes, and how many nodes fit."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, model, problems, refused, stack

RANGE_FORM = "Write it as its first address and a length, like 10.0.0.0/20."

BAD: dict[str, tuple[Values, str]] = {
    # Form
    "range with host bits": (
        {"subnetCidr": "10.0.0.1/20"},
        f'subnetCidr: "10.0.0.1/20" is not an IPv4 range (10.0.0.1/20 has host bits set). {RANGE_FORM}',
    ),
    "range of no length": (
        {"podCidr": "10.4.0.0/33"},
        f"podCidr: \"10.4.0.0/33\" is not an IPv4 range ('33' is not a valid netmask). {RANGE_FORM}",
    ),
    "range of half an address": (
        {"serviceCidr": "10.8/20"},
        f"serviceCidr: \"10.8/20\" is not an IPv4 range (Expected 4 octets in '10.8'). {RANGE_FORM}",
    ),
    "range of IPv6": (
        {"subnetCidr": "fd00::/64"},
        f"subnetCidr: \"fd00::/64\" is not an IPv4 range (Expected 4 octets in 'fd00::'). {RANGE_FORM}",
    ),
    "authorized network with host bits": (
        {"authorizedNetworks": ["198.51.100.0/24", "203.0.113.7/24"]},
        'authorizedNetworks[1]: "203.0.113.7/24" is not an IPv4 range (203.0.113.7/24 has host bits set). '
        f"{RANGE_FORM}",
    ),
    "allowed client with host bits": (
        {"allowedClients": ["203.0.113.7/24"]},
        'allowedClients[0]: "203.0.113.7/24" is not an IPv4 range (203.0.113.7/24 has host bits set). ' + RANGE_FORM,
    ),
    "allowed clients on loopback": (
        {"allowedClients": ["198.51.100.0/24", "127.0.0.1/32"]},
        'allowedClients: ["198.51.100.0/24", "127.0.0.1/32"] contains 127.0.0.1/32, which lies in 127.0.0.0/8 '
        "(loopback), and nothing comes from there. Remove it.",
    ),
    # Places
    "Pods on the nodes' range": (
        {"podCidr": "10.0.0.0/14"},
        'podCidr: "10.0.0.0/14" overlaps `subnetCidr`, which is 10.0.0.0/20. Choose ranges that do not overlap.',
    ),
    "Services on the Pods' range": (
        {"serviceCidr": "10.4.0.0/20"},
        'serviceCidr: "10.4.0.0/20" overlaps `podCidr`, which is 10.4.0.0/14. Choose ranges that do not overlap.',
    ),
    "control plane on the Services' range": (
        {"controlPlaneCidr": "10.8.0.16/28"},
        'controlPlaneCidr: "10.8.0.16/28" overlaps `serviceCidr`, which is 10.8.0.0/20. Choose ranges that do not '
        "overlap.",
    ),
    "control plane that is no /28": (
        {"controlPlaneCidr": "172.16.0.0/27"},
        'controlPlaneCidr: "172.16.0.0/27" is not a /28, and GKE takes no other size for the control plane. Use a /28.',
    ),
    # Sizes
    "Pod range for fewer nodes than the pools may have": (
        {"podCidr": "10.64.0.0/22"},
        'podCidr: "10.64.0.0/22" is too small for up to 5 nodes and their Services. Use a /21 or larger.',
    ),
    "Service range too small": (
        {"serviceCidr": "10.65.0.0/28"},
        'serviceCidr: "10.65.0.0/28" is too small for up to 5 nodes and their Services. Use a /27 or larger.',
    ),
    "subnet for fewer nodes than the pools may have": (
        {"subnetCidr": "10.66.0.0/29"},
        'subnetCidr: "10.66.0.0/29" is too small for up to 5 nodes and their Services. Use a /28 or larger.',
    ),
    "subnet for fewer nodes than the TPU pool may have": (
        {"tpuMaxNodes": 9, "subnetCidr": "10.66.0.0/28"},
        'subnetCidr: "10.66.0.0/28" is too small for up to 13 nodes and their Services. Use a /27 or larger.',
    ),
    "subnet for fewer nodes than the TPU pools of all classes may have": (
        {"tpuCapacity": ["on-demand", "spot", "flex-start"], "tpuMaxNodes": 3, "subnetCidr": "10.66.0.0/28"},
        'subnetCidr: "10.66.0.0/28" is too small for up to 13 nodes and their Services. Use a /27 or larger.',
    ),
    "Pod range for fewer nodes than the TPU pools of all slices and classes may have": (
        {
            **{"tpuCapacity": ["on-demand", "spot"], "tpuMaxNodes": 2, "podCidr": "10.64.0.0/21"},
            "models": [model(name="a"), model(name="b", slice="v6e-8"), model(name="c", slice="v6e-4")],
        },
        'podCidr: "10.64.0.0/21" is too small for up to 12 nodes and their Services. Use a /20 or larger.',
    ),
}

GOOD: dict[str, Values] = {
    "public range for Pods": {"podCidr": "8.0.0.0/14"},
    "largest range for nodes": {"subnetCidr": "11.0.0.0/8"},
    "largest range for Pods": {"podCidr": "11.0.0.0/9"},
    "largest range for Services": {"serviceCidr": "11.0.0.0/16"},
    "smallest ranges for four nodes": {
        **{"systemMaxNodes": 2, "tpuMaxNodes": 1},
        **{"subnetCidr": "10.66.0.0/29", "podCidr": "10.64.0.0/22", "serviceCidr": "10.65.0.0/27"},
    },
    "smallest range for twelve nodes": {"systemMaxNodes": 3, "tpuMaxNodes": 8, "subnetCidr": "10.66.0.0/28"},
    "authorized network": {"authorizedNetworks": ["198.51.100.0/24"]},
    "private authorized network": {"authorizedNetworks": ["10.0.0.0/8"]},
    "allowed clients": {"allowedClients": ["198.51.100.0/24", "11.0.0.0/8", "203.0.113.7/32"]},
    "clients of a range with private ones in it": {"allowedClients": ["8.0.0.0/5"]},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


def test_range_is_judged_as_for_one_slice_where_no_model_says_which() -> None:
    of_no_model = problems(stack({"models": [], "subnetCidr": "10.66.0.0/29"}))
    assert [line for line in of_no_model if "is too small for up to 5 nodes" in line]


def test_everyone_as_a_caller_is_a_warning() -> None:
    assert parse(stack({"authorizedNetworks": ["0.0.0.0/0"]})).warnings == [
        "authorizedNetworks: 0.0.0.0/0 lets everyone knock at the control plane, and `kubectl` and Pulumi need "
        "none of it."
    ]


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "10.1.2.0/24", "172.16.0.0/12", "192.168.1.0/24", "100.64.0.0/10"])
def test_private_clients_are_refused_as_the_load_balancer_sees_none(cidr: str) -> None:
    assert problems(stack({"allowedClients": [cidr]})) == [
        f'allowedClients: ["{cidr}"] contains {cidr}, which is private, and the load balancer sees public addresses '
        "only. Use the public range that these clients come from, such as that of their NAT."
    ]


def test_everyone_as_a_client_is_a_warning() -> None:
    assert parse(stack({"allowedClients": ["0.0.0.0/0"]})).warnings == [
        "allowedClients: 0.0.0.0/0 lets everyone reach the endpoint, as an empty list does."
    ]
    assert parse(stack({"allowedClients": ["0.0.0.0/1"]})).warnings == []


def test_clients_by_address_keep_lets_encrypt_out() -> None:
    name = {"tls": "lets-encrypt", "hostname": "llm.example.com", "acmeEmail": "ops@example.com"}
    assert not [line for line in parse(stack(name)).warnings if line.startswith("allowedClients")]
    warnings = parse(stack({**name, "allowedClients": ["198.51.100.0/24"]})).warnings
    assert (
        "allowedClients: keeps Let's Encrypt out, which asks from addresses that it does not tell, so no certificate "
        "is signed or renewed. Remove it, or use `tls` self-signed or secret."
    ) in warnings


PROHIBITED = [
    ("0.0.0.0/8", "0.0.0.0/8 (this network)"),
    ("127.0.0.0/20", "127.0.0.0/8 (loopback)"),
    ("169.254.0.0/20", "169.254.0.0/16 (link-local)"),
    ("224.0.0.0/20", "224.0.0.0/4 (multicast)"),
    ("239.255.240.0/20", "224.0.0.0/4 (multicast)"),
    ("255.255.240.0/20", "255.255.255.255/32 (broadcast)"),
]


@pytest.mark.parametrize(("cidr", "prohibited"), PROHIBITED)
def test_range_that_google_uses_itself_is_refused_by_its_name(cidr: str, prohibited: str) -> None:
    assert problems(stack({"subnetCidr": cidr})) == [
        f'subnetCidr: "{cidr}" overlaps {prohibited}, which Google Cloud refuses. Use a private range, like '
        "10.0.0.0/20."
    ]


@pytest.mark.parametrize(("cidr", "prohibited"), PROHIBITED[:-1])
def test_callers_that_cannot_be_are_refused_by_their_name(cidr: str, prohibited: str) -> None:
    assert problems(stack({"authorizedNetworks": [cidr]})) == [
        f'authorizedNetworks: ["{cidr}"] contains {cidr}, which lies in {prohibited}, and nothing comes from there. '
        "Remove it."
    ]


@pytest.mark.parametrize(
    ("key", "cidr", "largest"),
    [("subnetCidr", "32.0.0.0/7", 8), ("podCidr", "32.0.0.0/8", 9), ("serviceCidr", "32.0.0.0/15", 16)],
)
def test_range_larger_than_gke_takes_is_refused(key: str, cidr: str, largest: int) -> None:
    assert problems(stack({key: cidr})) == [
        f'{key}: "{cidr}" is larger than GKE takes here. Use a /{largest} or smaller.'
    ]


def test_public_range_for_the_control_plane_is_refused() -> None:
    assert problems(stack({"controlPlaneCidr": "8.8.8.0/28"})) == [
        'controlPlaneCidr: "8.8.8.0/28" is a public range, which GKE refuses here. Use a private one, like '
        "172.16.0.0/28."
    ]


@pytest.mark.parametrize(
    ("cidr", "why"),
    [
        ("10.64.0.0", "it has no length"),
        ("10.0.0.0/\u0662\u0660", "it has other characters than digits, dots and a slash"),
    ],
)
def test_what_argues_against_a_range_is_told(cidr: str, why: str) -> None:
    (line,) = problems(stack({"subnetCidr": cidr}))

    assert line.endswith(f" is not an IPv4 range ({why}). {RANGE_FORM}")


@pytest.mark.parametrize(("bad", "good"), [("systemMaxNodes", "tpuMaxNodes"), ("tpuMaxNodes", "systemMaxNodes")])
def test_nodes_of_a_pool_whose_number_is_wrong_count_as_one(bad: str, good: str) -> None:
    (line,) = problems(stack({bad: "many", good: 2, "subnetCidr": "10.66.0.0/29"}))

    assert line.startswith(f'{bad}: "many" ')


@pytest.mark.parametrize("key", ["subnetCidr", "podCidr", "serviceCidr"])
def test_range_without_its_length_is_refused(key: str) -> None:
    """Else it would be a range of one address."""
    (line,) = problems(stack({key: "10.64.0.0"}))

    assert line.startswith(f'{key}: "10.64.0.0" is not an IPv4 range')
