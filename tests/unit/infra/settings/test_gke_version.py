"""The lowest version of GKE, and its channel."""

from tests.support.stack_settings import Values, accepted, refused

NO_VERSION = (
    "is not a full GKE version like 1.34.1-gke.1829001. Use one of `gcloud container get-server-config`, or remove it "
    "to use the channel's."
)
OLD_VERSION = (
    "is older than cert-manager 1.21 is supported on, which is 1.33 to 1.36 "
    "(https://cert-manager.io/docs/releases/). Use 1.33 to 1.36, or remove it to use the channel's."
)

BAD: dict[str, tuple[Values, str]] = {
    "unknown release channel": (
        {"releaseChannel": "regular"},
        "releaseChannel: \"regular\" is not allowed. Use one of 'RAPID', 'REGULAR', 'STABLE' or 'EXTENDED'.",
    ),
    "GKE one minor below the oldest": (
        {"gkeVersion": "1.32.9-gke.9999999"},
        f'gkeVersion: "1.32.9-gke.9999999" {OLD_VERSION}',
    ),
    "GKE below the oldest, though not as text": (
        {"gkeVersion": "1.9.7-gke.9999999"},
        f'gkeVersion: "1.9.7-gke.9999999" {OLD_VERSION}',
    ),
    "GKE version without patch and build": ({"gkeVersion": "1.33"}, f'gkeVersion: "1.33" {NO_VERSION}'),
    "GKE version latest": ({"gkeVersion": "latest"}, f'gkeVersion: "latest" {NO_VERSION}'),
}

GOOD: dict[str, Values] = {
    "oldest GKE": {"gkeVersion": "1.33.0-gke.1"},
    "GKE far above the floor": {"gkeVersion": "1.100.0-gke.1"},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)
