"""IPv4 ranges: what is one, what GKE takes, and how many nodes fit."""

import pytest

from infra.settings.load import parse
from tests.support.stack_settings import Values, problems, stack

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
}

GOOD: dict[str, Values] = {
    "public range for Pods": {"podCidr": "8.0.0.0/14"},
    "authorized network": {"authorizedNetworks": ["198.51.100.0/24"]},
}

WARNED: dict[str, tuple[Values, str]] = {
    "everyone": ({"authorizedNetworks": ["0.0.0.0/0"]}, "authorizedNetworks: 0.0.0.0/0 lets everyone"),
}


@pytest.mark.parametrize(("changes", "line"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_this_line_and_no_other(changes: Values, line: str) -> None:
    assert problems(stack(changes)) == [line]


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD)
def test_good_input_is_accepted(changes: Values) -> None:
    parse(stack(changes))


@pytest.mark.parametrize(("changes", "warning"), WARNED.values(), ids=WARNED)
def test_what_is_not_known_is_a_warning(changes: Values, warning: str) -> None:
    assert [line for line in parse(stack(changes)).warnings if line.startswith(warning)]


@pytest.mark.parametrize("key", ["subnetCidr", "podCidr", "serviceCidr"])
def test_range_without_its_length_is_refused(key: str) -> None:
    """Else it would be a range of one address."""
    (line,) = problems(stack({key: "10.64.0.0"}))

    assert line.startswith(f'{key}: "10.64.0.0" is not an IPv4 range')
