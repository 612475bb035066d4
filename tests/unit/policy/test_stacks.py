"""Every committed stack, example and bootstrap keep the policy, as the programs declare them, and no list is idle."""

import json
from collections.abc import Callable

import pytest

from policy.rules import charts, violations
from policy.rules.allowed import BOOTSTRAP, CHARTS, CUSTOM_ROLES, OWN, ROLES, STACK, TYPES
from policy.rules.cluster import ADDRESS, CLUSTER, POOL
from policy.rules.grants import TAKEN
from policy.rules.repositories import REPOSITORY, with_caches
from policy.rules.resource import Resource
from tests.support import bootstrap
from tests.support.program import Declared, Run
from tests.support.project import ROOT, STACKS, settings_of, stack_file

RELEASE = "kubernetes:helm.sh/v3:Release"
LLM = "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"
MIRROR, REGISTRY = "oci://registry.example/charts", "europe-west4-docker.pkg.dev/my-project/images"
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").iterdir())
LETS_ENCRYPT = {"tls": "lets-encrypt", "hostname": "llm.example.com", "acmeEmail": "a@example.com", "dnsZone": "z"}
ISSUER = {"issuer": "https://accounts.google.com", "audiences": ["https://a"], "jwksUri": "https://a.example/certs"}
VARIANTS: dict[str, Callable[[Run], Declared]] = {
    **{stack: lambda run, stack=stack: run(stack) for stack in STACKS},
    **{name: lambda run, name=name: run(**settings_of(ROOT / "examples" / f"{name}.yaml")) for name in EXAMPLES},
    "Let's Encrypt, a zone and a token": lambda run: run(
        "staging", huggingFaceToken="hf_of_a_test", secrets=("huggingFaceToken",), **LETS_ENCRYPT
    ),
    "places of one's own": lambda run: run("prod", imageRegistry=REGISTRY, chartMirror=MIRROR),
    "a budget": lambda run: run(budget={"billingAccount": "012345-6789AB-CDEF01", "usd": 4000}),
    "weights copied into a bucket": lambda run: run("prod", weightsCache=True, nodeServiceAccount=""),
    "compiled programs in a bucket": lambda run: run(compileCache="own"),
    "mail of alerts": lambda run: run("staging", alertEmails=["team@example.com"]),
    "a schedule, and sleep": lambda run: run("prod", **asleep()),
    "keys of others": lambda run: run("staging", tokenIssuers=[ISSUER]),
}
"""All ways to make a stack of something else. A feature that makes a new type is on in one of them."""
DEFAULT_PROVIDER: dict[str, object] = {"project": "my-project"}
"""What the default provider has of `gcp:project`; mocks know none, and have accounts without a project there."""
BOOTSTRAPS: dict[str, dict[str, object]] = {
    "state in a bucket": {},
    "keys of clusters": {"clusterKeys": {"prod": "europe-west4"}},
    "mail of drift that nobody looked at": {"alertEmails": ["team@example.com"]},
    "Pulumi Cloud": {"pulumiCloud": True, "pulumiOrganization": "acme"},
}


def asleep() -> dict[str, object]:
    """Settings of prod by which its model sleeps, but for office hours."""
    hours = {"start": "0 8 * * 1-5", "end": "0 18 * * 1-5", "timezone": "UTC", "replicas": 1}
    [model] = stack_file("prod")["models"]
    return {"models": [{**model, "replicas": {"min": 0, "max": 2, "schedule": [hours]}}]}


def declared(resources: Declared, project: str = STACK) -> list[Resource]:
    """What a run of the program declared, as the rules see it."""
    providers = {r.name: r.inputs for r in resources if r.type.startswith("pulumi:providers:")}

    def provider(urn: str) -> dict[str, object]:
        return providers.get(urn.split("::")[-2], {}) if urn else DEFAULT_PROVIDER

    own = (MIRROR, REGISTRY)
    found = [Resource(r.type, r.name, r.inputs, provider(r.request.provider), project, own) for r in resources]
    return with_caches(found)


def said(resources: list[Resource]) -> list[str]:
    return [problem for resource in resources for problem in violations(resource)]


def test_there_are_stacks() -> None:
    assert {"dev", "staging", "prod"} <= set(STACKS)


@pytest.mark.parametrize("variant", VARIANTS)
def test_stack_keeps_the_policy(run: Run, variant: str) -> None:
    resources = declared(VARIANTS[variant](run))
    assert {CLUSTER, POOL, ADDRESS, RELEASE, LLM} <= {r.type for r in resources}
    assert said(resources) == []


@pytest.mark.parametrize("settings", BOOTSTRAPS.values(), ids=BOOTSTRAPS)
def test_bootstrap_keeps_the_policy(settings: dict[str, object]) -> None:
    assert said(declared(bootstrap.program(**settings), BOOTSTRAP)) == []


def test_stack_may_not_do_what_bootstrap_may() -> None:
    resources = declared(bootstrap.program(), STACK)
    texts = said(resources)
    assert {"IAMCustomRole", "WorkloadIdentityPool"} <= {text.split()[0].split(":")[-1] for text in texts}
    assert [text for text in texts if '"roles/container.admin", which gke-tpu-inference does not grant' in text]


@pytest.mark.parametrize("phase", ["up"], indirect=True)
def test_nothing_is_allowed_that_no_stack_is_made_of(run: Run) -> None:
    """A feature that is not in `VARIANTS` belongs there."""
    made = [r for variant in VARIANTS.values() for r in declared(variant(run))]
    assert {r.type for r in made if not r.type.startswith(OWN)} == TYPES[STACK]
    assert {str(r.props["role"]) for r in made if "role" in r.props} == ROLES[STACK]
    releases = [r for r in made if r.type in charts.TYPES]
    assert {charts.place(r) for r in releases if MIRROR not in r.props["chart"]} == CHARTS.keys()
    for chart, keys in CHARTS.items():
        of = [
            r.props.get("values", {})
            for r in releases
            if r.props["chart"].rpartition("/")[2] == chart.rpartition("/")[2]
        ]
        assert {key for values in of for key in values} == keys, chart


def test_nothing_is_allowed_that_bootstrap_is_not_made_of() -> None:
    made = [r for settings in BOOTSTRAPS.values() for r in declared(bootstrap.program(**settings), BOOTSTRAP)]
    assert {r.type for r in made} | {"pulumi:providers:gcp"} == TYPES[BOOTSTRAP]  # the default one, which mocks lack
    roles = {str(r.props["role"]) for r in made if "role" in r.props and r.type != TAKEN}
    assert {role for role in roles if role.startswith("roles/")} == ROLES[BOOTSTRAP]
    assert {role.split("/")[-1] for role in roles if not role.startswith("roles/")} == CUSTOM_ROLES.keys()


def test_stack_without_the_label_breaks_it(run: Run) -> None:
    assert sorted(text.split()[0] for text in said(declared(run(labels={})))) == [ADDRESS, CLUSTER]


def test_image_of_a_stacks_repository_is_judged_by_the_repository(run: Run) -> None:
    """A program that someone has edited, so that one of them can be pushed to."""
    resources = declared(run())
    [hub] = [r for r in resources if r.type == REPOSITORY and r.name == "docker-io"]
    pushed = hub._replace(props={**hub.props, "mode": "STANDARD_REPOSITORY"})
    texts = said(with_caches([pushed if r is hub else r for r in resources]))
    assert [text for text in texts if text.startswith(f"{REPOSITORY} docker-io: mode is")]
    assert [text for text in texts if "vllm/vllm-tpu:v0.27.0" in text and "from where no image is taken" in text]
    assert not [text for text in texts if "ghcr-io" in text or "quay-io" in text]


@pytest.mark.parametrize("places", [(), ("oci://registry.example",), (f"{MIRROR}/more",)])
def test_places_of_ones_own_are_named_in_the_lists(run: Run, places: tuple[str, ...]) -> None:
    resources = [r._replace(own=places) for r in declared(run("prod", imageRegistry=REGISTRY, chartMirror=MIRROR))]
    text = json.dumps(said(resources))
    assert "CHART_MIRRORS" in text
    assert "IMAGE_REGISTRIES" in text
