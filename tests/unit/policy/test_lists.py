"""The policy's lists of what there may be, and its rules for what runs: what is not there is refused."""

import pytest

from infra.releases import pins
from policy.rules import charts, grants, workloads
from policy.rules.allowed import BOOTSTRAP, REGISTRIES
from policy.rules.resource import UNKNOWN, Resource
from tests.support.policy import LLM, broken, grant, refused, release, service, taken

RBAC = "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding"
KEDA = "https://kedacore.github.io/charts"
NODE = "serviceAccount:n@p.iam.gserviceaccount.com"


def binding(role: str, *subjects: str) -> Resource:
    return Resource(RBAC, "b", {"roleRef": {"name": role}, "subjects": [{"name": name} for name in subjects]})


def made(type_: str) -> Resource:
    return Resource(type_, "x", {})


BAD: dict[str, tuple[Resource, str, str]] = {
    **{
        f"a resource of type {type_}": (
            made(type_),
            "allowed-types",
            f"the type {type_} is none that gke-tpu-inference",
        )
        for type_ in (
            "google-native:container/v1:Cluster",
            "gcp:compute/instance:Instance",
            "gcp:projects/iAMBinding:IAMBinding",
            "gcp:projects/iAMPolicy:IAMPolicy",
            "gcp:serviceaccount/key:Key",
            "kubernetes:core/v1:Pod",
            "kubernetes:yaml/v2:ConfigFile",
            "kubernetes:helm.sh/v4:Chart/",
            "kubernetes:core/v1:PodPatch",
            "command:local:Command",
            "pulumi:providers:google-native",
            "pulumi-nodejs:dynamic:Resource",
            "gcp:iam/workloadIdentityPool:WorkloadIdentityPool",
        )
    },
    "owner": (grant(role="roles/owner"), "allowed-grants", 'role is "roles/owner", which gke-tpu-inference does not'),
    "editor": (grant(role="roles/editor"), "allowed-grants", "roles/editor"),
    "a role of bootstrap's in a stack": (
        grant(role="roles/container.admin"),
        "allowed-grants",
        "roles/container.admin",
    ),
    "a role that somebody has made": (grant(role="projects/p/roles/mine"), "allowed-grants", "projects/p/roles/mine"),
    "owner in bootstrap": (grant(role="roles/owner")._replace(project=BOOTSTRAP), "allowed-grants", "roles/owner"),
    **{
        f"a grant to {member}": (grant(member=member), "allowed-grants", f'member is "{member}"')
        for member in (
            "allUsers",
            "allAuthenticatedUsers",
            "user:mallory@example.com",
            "group:all@example.com",
            "domain:example.com",
            "projectOwner:p",
            "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/github/*",
        )
    },
    "a grant to several": (
        grant(member=None, members=[NODE, "allUsers"]),
        "allowed-grants",
        'members[1] is "allUsers"',
    ),
    "a role of ours that permits more": (
        Resource(
            grants.CUSTOM_ROLE,
            "r",
            {"roleId": "pulumiDriftSecrets", "permissions": ["container.secrets.get", "iam.roles.update"]},
            project=BOOTSTRAP,
        ),
        "allowed-grants",
        'permissions has "iam.roles.update", which pulumiDriftSecrets does not permit',
    ),
    "a chart of others": (release(chart="oci://evil.example/istiod"), "pinned-charts", "none of the program's"),
    "a chart by the name of a repository": (release(chart="istio/istiod"), "pinned-charts", "none of the program's"),
    "a chart in a directory": (release(chart="./charts/istiod"), "pinned-charts", 'chart is "./charts/istiod"'),
    "another chart of a mirror": (
        release(chart="oci://own.example/charts/other")._replace(own=("oci://own.example/charts",)),
        "pinned-charts",
        "oci://own.example/charts/other",
    ),
    "a chart of any version": (release(version=None), "pinned-charts", "version is null"),
    "a chart of a range": (release(version="^1.2"), "pinned-charts", 'version is "^1.2"'),
    "a chart of any version in a mirror": (
        release(chart="oci://own.example/istiod", version=None)._replace(own=("oci://own.example",)),
        "pinned-charts",
        "version is null",
    ),
    "another repository": (
        release(chart="keda", repositoryOpts={"repo": "https://evil.example"}),
        "pinned-charts",
        'chart is "https://evil.example/keda"',
    ),
    "a chart of a registry in another repository": (
        release(repositoryOpts={"repo": "https://evil.example"}),
        "pinned-charts",
        'chart is "https://evil.example/',
    ),
    "a chart by its name alone": (release(chart="keda"), "pinned-charts", 'chart is "keda"'),
    "a repository that wants a password": (
        release(chart="keda", repositoryOpts={"repo": KEDA, "password": "x", "username": "y"}),
        "plain-values",
        "repositoryOpts has password, username, and only `repo` is judged here",
    ),
    "KEDA's images from elsewhere": (
        release(chart="keda", repositoryOpts={"repo": KEDA}, values={"global": {"image": {"registry": "evil.io"}}}),
        "images-of-charts",
        'values.global.image.registry is "evil.io"',
    ),
    "values that nobody sees": (
        release(valueYamlFiles=[{"path": "values.yaml"}]),
        "plain-values",
        "valueYamlFiles is set: values that no rule here sees",
    ),
    "a program behind Helm": (release(postrender="/bin/evil"), "plain-values", "postrender is set: a program"),
    "an image among the values": (
        release(values={"pilot": {"image": "evil.example/pilot:1.31.4"}}),
        "images-of-charts",
        'values.pilot.image is "evil.example/pilot:1.31.4", from where no image is taken',
    ),
    "an image among the values that moves": (
        release(values={"pilot": {"image": "docker.io/istio/pilot:latest"}}),
        "images-of-charts",
        'values.pilot.image is "docker.io/istio/pilot:latest", which may be another image tomorrow',
    ),
    "an image of a container among the values": (
        release(values={"pilot": {"extra": [{"image": "busybox:1.37.0"}]}}),
        "images-of-charts",
        "values.pilot.extra[0].image",
    ),
    **{
        f"another {key} for a chart's images": (
            release(values={"global": {key: "evil.example/release"}}),
            "images-of-charts",
            f'values.global.{key} is "evil.example/release", from where no image is taken',
        )
        for key in ("hub", "registry", "repository", "imageRegistry")
    },
    "a registry that begins as ours": (
        release(values={"pilot": {"hub": "docker.io/istio2"}}),
        "images-of-charts",
        "docker.io/istio2",
    ),
    "a chart's tag moved to latest": (
        release(values={"pilot": {"tag": "latest1"}}),
        "images-of-charts",
        'values.pilot.tag is "latest1"',
    ),
    "a chart's tag that is a number": (
        release(values={"pilot": {"tag": 1}}),
        "images-of-charts",
        "values.pilot.tag is 1,",
    ),
    **{
        f"the image {image}": (service(image=image), "pinned-images", f'{part}containers[0].image is "{image}"')
        for part, image in (
            ("spec.template.", "docker.io/vllm/vllm-tpu:latest"),
            ("spec.template.", "docker.io/vllm/vllm-tpu:latest1"),
            ("spec.template.", "docker.io/vllm/vllm-tpu:nightly-20261101"),
            ("spec.template.", "docker.io/vllm/vllm-tpu:v0"),
            ("spec.template.", "docker.io/vllm/vllm-tpu"),
            ("spec.template.", "docker.io/vllm/vllm-tpu:v0.27.0@sha256:abc"),
            ("spec.template.", "evil.example/vllm/vllm-tpu:v0.27.0"),
            ("spec.template.", "docker.io.evil.example/vllm/vllm-tpu:v0.27.0"),
        )
    },
    "an init container's image": (
        service({"initContainers": [{"image": "busybox:1.37.0"}]}),
        "pinned-images",
        "spec.template.initContainers[0].image",
    ),
    "weights in a moving image": (
        Resource(LLM, "m", {"spec": {"model": {"uri": "oci://example.com/qwen:main"}}}),
        "pinned-images",
        'spec.model.uri is "oci://example.com/qwen:main"',
    ),
    "weights in an image without a tag": (
        Resource(LLM, "m", {"spec": {"model": {"uri": "oci://example.com:5000/qwen"}}}),
        "pinned-images",
        "oci://example.com:5000/qwen",
    ),
    "a moving image as a volume": (
        service({"volumes": [{"image": {"reference": "weights:main"}}]}),
        "pinned-images",
        "spec.template.volumes[0].image.reference",
    ),
    **{
        f"a Pod with {key}": (service({key: True}), "no-host", f"spec.template.{key} is true")
        for key in ("hostPID", "hostNetwork", "hostIPC")
    },
    "a privileged container": (
        service(securityContext={"privileged": True}),
        "no-host",
        "containers[0].securityContext.privileged is true",
    ),
    "a privileged container of a chart": (
        release(values={"pilot": {"securityContext": {"privileged": True}}}),
        "no-host",
        "values.pilot.securityContext.privileged is true",
    ),
    "a folder of the node": (service({"volumes": [{"hostPath": {"path": "/"}}]}), "no-host", "volumes[0].hostPath is"),
    **{
        f"a volume that is a {kind} of the node": (
            Resource(workloads.VOLUME, "v", {"spec": {kind: {"path": "/"}}}),
            "no-host",
            f'spec.{kind} is {{"path": "/"}}',
        )
        for kind in ("hostPath", "local")
    },
    "a port of the node": (service(ports=[{"hostPort": 80}]), "no-host", "ports[0].hostPort is 80"),
    "a capability": (
        service(securityContext={"capabilities": {"add": ["SYS_RESOURCE", "SYS_ADMIN"]}}),
        "no-host",
        'capabilities.add[1] is "SYS_ADMIN"',
    ),
}


test_rule_refuses = refused(BAD)


@pytest.mark.parametrize(
    ("resource", "part"),
    [
        *((binding("view", name), f"subjects[0] is {name}, which is everybody") for name in grants.EVERYBODY),
        (binding("cluster-admin", "somebody"), "roleRef is cluster-admin"),
    ],
)
def test_binding_of_everybody_or_of_everything_is_refused_whatever_may_be_made(resource: Resource, part: str) -> None:
    said = broken(resource)
    assert set(said) == {"allowed-types", "named-subjects"}
    assert part in said["named-subjects"][0]


GOOD: dict[str, Resource] = {
    "a component": made("gke-tpu-inference:infra:Mesh"),
    "a grant to the nodes": grant(),
    "a grant to workflows": grant(
        "gcp:serviceaccount/iAMMember:IAMMember",
        role="roles/iam.workloadIdentityUser",
        member="principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/github/attribute.x/y",
    )._replace(project=BOOTSTRAP),
    "a role of bootstrap's there": grant(role="projects/p/roles/pulumiDriftSecrets")._replace(project=BOOTSTRAP),
    "a release by its tag": service(),
    "a release by its digest": service(image=f"docker.io/vllm/vllm-tpu@sha256:{'a' * 64}"),
    "an image of one's own registry": service(image="own.example/vllm/vllm-tpu:v0.27.0")._replace(own=("own.example",)),
    "weights in a numbered image": Resource(LLM, "m", {"spec": {"model": {"uri": "oci://example.com/qwen:v1"}}}),
    "the capability of a model": service(
        securityContext={"privileged": False, "capabilities": {"add": ["SYS_RESOURCE"]}}
    ),
    "a chart": release(version="v0.20.0"),
    "a chart of a mirror": release(chart="oci://own.example/istiod")._replace(own=("oci://own.example",)),
    "a chart in a directory of one's own": release(chart="/srv/istiod", version=None)._replace(own=("/srv",)),
    "a chart with images by digest": release(values={"pilot": {"tag": "v1.21.2", "digest": f"sha256:{'a' * 64}"}}),
    "a chart with images of one's own": release(
        values={"global": {"hub": "own.example/release"}, "pilot": {"image": "own.example/kserve/controller"}}
    )._replace(own=("own.example",)),
}


test_rule_takes = taken(GOOD)


@pytest.mark.parametrize(
    "resource",
    [
        grant(role=UNKNOWN, member=UNKNOWN),
        release(chart=UNKNOWN, version=UNKNOWN, values=UNKNOWN),
        release(values={"pilot": {"image": UNKNOWN, "tag": UNKNOWN, "hub": UNKNOWN}}),
        service(image=UNKNOWN, securityContext=UNKNOWN),
        service({"hostPID": UNKNOWN, "volumes": [{"hostPath": UNKNOWN}]}),
        service(securityContext={"capabilities": {"add": [UNKNOWN]}}),
    ],
)
def test_what_a_preview_does_not_know_breaks_no_rule(resource: Resource) -> None:
    assert broken(resource) == {}


def test_every_rule_has_its_bad_case() -> None:
    rules = {rule.name for rule in (*grants.RULES, *charts.RULES, *workloads.RULES)}
    assert {rule for _, rule, _ in BAD.values()} | {"named-subjects", "known-issuer"} == rules


def test_lists_are_what_the_pins_say() -> None:
    assert {f"{chart.source}/{chart.name}" for chart in [*pins.CHARTS, pins.KEDA]} == charts.CHARTS.keys()
    all_images = [*pins.IMAGES, *pins.KEDA_IMAGES]
    assert {image[: len(own)] for image in all_images for own in REGISTRIES if image.startswith(own)} == set(REGISTRIES)
    assert [image for image in all_images if not image.startswith(REGISTRIES)] == []
