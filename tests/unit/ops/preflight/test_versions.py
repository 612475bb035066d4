"""What is said of GKE's versions."""

from tests.support.preflight import FAIL, OK, WARN, channel, cluster, lines
from tests.support.stacks import autoscaled

test_line = lines(
    {
        "version": (
            None,
            {},
            OK,
            "GKE version",
            "1.35.2-gke.200 on REGULAR, which all that is pinned is supported on",
            "",
        ),
        "version that is too old": (
            channel("REGULAR", "1.32.1-gke.1"),
            {},
            FAIL,
            "GKE version",
            "1.32.1-gke.1, the default of REGULAR, is older than cert-manager 1.21 is supported on",
            "Set `releaseChannel` to one whose default is 1.33 to 1.36, or `gkeVersion`",
        ),
        "version that is too old for KEDA": (
            channel("REGULAR", "1.33.1-gke.1"),
            autoscaled(),
            FAIL,
            "GKE version",
            "1.33.1-gke.1, the default of REGULAR, is older than KEDA 2.21 is supported on",
            "Set `releaseChannel` to one whose default is 1.34 to 1.36, or `gkeVersion`",
        ),
        "version that is too new": (
            channel("REGULAR", "1.99.1-gke.1"),
            {},
            WARN,
            "GKE version",
            "1.99.1-gke.1 is newer than what Istio 1.31 was supported on",
            "Try it in a stack that may break first",
        ),
        "version that is not offered": (
            None,
            {"gkeVersion": "1.34.1-gke.9"},
            FAIL,
            "GKE version",
            "gkeVersion 1.34.1-gke.9 is not offered on REGULAR in europe-west4-a",
            "Use one of 1.35.2-gke.200..., or remove it",
        ),
        "version that was offered to a stack that is up": (
            lambda p: p.clusters.append(cluster()),
            {"gkeVersion": "1.34.1-gke.9"},
            OK,
            "GKE version",
            "1.34.1-gke.9 on REGULAR",
            "",
        ),
        "channel that is not offered": (
            lambda p: p.channels.pop("REGULAR"),
            {},
            FAIL,
            "GKE version",
            "release channel REGULAR is not offered in europe-west4-a",
            "Set `releaseChannel` to another one",
        ),
    }
)
