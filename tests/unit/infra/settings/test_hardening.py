"""Whether the cluster is hardened, and the key that a user names for it."""

from infra.settings.load import parse
from tests.support.stack_settings import Values, accepted, problems, refused, stack

RING = "projects/my-keys/locations/europe-west4/keyRings/main"
KEY = f"{RING}/cryptoKeys/gke"
FORM = (
    "is not the name of a Cloud KMS key. Write projects/PROJECT_ID/locations/REGION/keyRings/RING/cryptoKeys/KEY, "
    "without a version: `gcloud kms keys list --location REGION --keyring RING` shows it."
)

BAD: dict[str, tuple[Values, str]] = {
    "neither true nor false": (
        {"hardenedCluster": "yes"},
        'hardenedCluster: "yes" is neither true nor false. Use one of them.',
    ),
    "callers of addresses that are taken away": (
        {"hardenedCluster": True, "authorizedNetworks": ["192.0.2.0/24", "198.51.100.0/24"]},
        "hardenedCluster: true takes the control plane's IP addresses away, and `authorizedNetworks` lets "
        "192.0.2.0/24, 198.51.100.0/24 come by them. Remove `authorizedNetworks`: `kubectl` and Pulumi use the DNS "
        "endpoint, which IAM guards.",
    ),
    "a ring": ({"hardenedCluster": True, "kmsKey": RING}, f'kmsKey: "{RING}" {FORM}'),
    "a version": (
        {"hardenedCluster": True, "kmsKey": f"{KEY}/cryptoKeyVersions/1"},
        f'kmsKey: "{KEY}/cryptoKeyVersions/1" {FORM}',
    ),
    "letters of another script": (
        {"hardenedCluster": True, "kmsKey": KEY.replace("gke", "gπe")},
        f'kmsKey: "{KEY.replace("gke", "gπe")}" {FORM}',
    ),
    "key of another region": (
        {"hardenedCluster": True, "kmsKey": KEY.replace("europe-west4", "global")},
        f'kmsKey: "{KEY.replace("europe-west4", "global")}" is in global, and GKE takes a key of the cluster\'s region '
        "alone, which is europe-west4. Make one there, or leave it out, and the program does.",
    ),
    "key that nothing is encrypted with": (
        {"kmsKey": KEY},
        f'kmsKey: "{KEY}" is set, but `hardenedCluster` is false, so nothing would be encrypted with it. Set '
        "`hardenedCluster` to true, or remove it.",
    ),
}
GOOD: dict[str, Values] = {
    "a key of its own": {"hardenedCluster": True},
    "a key of another project": {"hardenedCluster": "true", "kmsKey": KEY},
    "a key of a project of a domain": {"hardenedCluster": True, "kmsKey": KEY.replace("my-keys", "acme.com:keys")},
    "a key in the region of a regional cluster": {
        "hardenedCluster": True,
        "location": "us-east5",
        "tpuZones": ["us-east5-a"],
        "kmsKey": KEY.replace("europe-west4", "us-east5"),
    },
    "callers of addresses that are there": {"authorizedNetworks": ["192.0.2.0/24"]},
}


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)
test_good_input_is_accepted = accepted(GOOD)


def test_key_is_not_compared_with_what_has_a_problem_of_its_own() -> None:
    found = problems(stack({"hardenedCluster": "x", "location": "nowhere", "kmsKey": KEY}))
    assert not [line for line in found if line.startswith("kmsKey")]


REGISTRY = "r.example.com:5000/mirror"
ISSUER = {"issuer": "https://id.example.com", "audiences": ["llm"], "jwksUri": "https://id.example.com:8443/keys"}


def test_what_is_not_on_the_only_port_that_is_open_is_warned_of() -> None:
    open_elsewhere: Values = {
        "imageRegistry": REGISTRY,
        "models[0].uri": "oci://r.example.com:5001/weights:1",
        "auth": "tokens",
        "tokenIssuers": [ISSUER],
    }

    def told(**closed: bool) -> dict[str, str]:
        lines = [line for line in parse(stack(open_elsewhere | closed)).warnings if "nothing gets out" in line]
        return {line.split(": ")[0]: line.split(", and with ")[1].split(" nothing")[0] for line in lines}

    issuer = "tokenIssuers[0].jwksUri"
    assert told() == {}
    assert told(isolation=True) == {issuer: "isolation"}
    assert told(hardenedCluster=True) == dict.fromkeys(["imageRegistry", "models[0].uri", issuer], "hardenedCluster")
    assert told(hardenedCluster=True, isolation=True)[issuer] == "hardenedCluster and isolation"


def test_port_443_is_warned_of_neither_named_nor_unnamed() -> None:
    values = {"hardenedCluster": True, "isolation": True, "auth": "tokens", "imageRegistry": "r.example.com:443/mirror"}
    issuer = ISSUER | {"jwksUri": "https://id.example.com/keys"}
    warnings = parse(stack({**values, "tokenIssuers": [issuer]})).warnings
    assert [line for line in warnings if "nothing gets out" in line] == []


def test_warning_says_where_it_is_and_the_way_out() -> None:
    warnings = parse(stack({"hardenedCluster": True, "imageRegistry": REGISTRY})).warnings
    assert (
        "imageRegistry: r.example.com:5000/mirror is on port 5000, and with hardenedCluster nothing gets out but to "
        "port 443. Serve it there, or open the way yourself, as docs/security.md says."
    ) in warnings
