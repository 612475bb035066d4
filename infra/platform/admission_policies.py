"""What the API server refuses in a closed cluster, whoever asks: a Pod of the host, an image of strangers, a binding of
everybody.

Rules of CEL, which the API server holds to in its own process and with no webhook
(https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/). So they hold for what charts,
controllers and `kubectl` bring as well as for this program, and need nothing that could be down. Policies do not judge
policies, so who may delete them can always do so: docs/security.md says when.

What was there before is not judged again: a Pod that is only labelled or ended passes, and so do the older subjects of
a binding.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from infra.releases import images, pins
from infra.settings.schema import Settings

from .names import CERT_MANAGER, ISTIO_INGRESS, ISTIO_SYSTEM, KEDA, KSERVE, WARM_UP

Json = dict[str, Any]

SUFFIX = ".gke-tpu-inference"
OF_GOOGLE = (
    "^(kube-(system|public|node-lease)|(gke|gmp)-.+|"
    "(asm|cnrm|config-management|configconnector-operator|gatekeeper|resource-group)-system)$"
)
"""Namespaces in which GKE, and what Google installs beside it, run agents of the node
(https://github.com/GoogleCloudPlatform/gke-policy-library leaves out the same)."""
BASELINE = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
    *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)
"""Capabilities of the standard `baseline`
(https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline)."""
EVERYBODY = ("system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts")
"""Users and groups that are no one in particular: strangers, whoever has any account of Google's, every Pod."""
RELEASE = r":v?[0-9]+\.[0-9]+\.[0-9]+([-+._][0-9A-Za-z._-]+)?(@sha256:[0-9a-f]{64})?"
DIGEST = "@sha256:[0-9a-f]{64}"
IMAGES_OF_GKE = (
    r"(gke\.gcr\.io|((us|eu|asia)\.)?gcr\.io/gke-release|[a-z0-9-]+-artifactregistry\.gcr\.io/gke-release)"
    r"/[a-z0-9._/-]+"
)
"""What GKE puts into Pods of others, such as the sidecar of Cloud Storage FUSE: only Google may push there."""

DOCKER_HUB = "docker.io/"

EVERY = "variables.containers.all(c, {})"
HOST_RULES = {
    "no container is privileged": EVERY.format("!c.?securityContext.?privileged.orValue(false)"),
    "the host's network, processes and IPC stay its own": " && ".join(
        f"!object.spec.?{what}.orValue(false)" for what in ("hostNetwork", "hostPID", "hostIPC")
    ),
    "no port of the host is taken": EVERY.format("c.?ports.orValue([]).all(port, port.?hostPort.orValue(0) == 0)"),
    "no folder of the host is mounted": "object.spec.?volumes.orValue([]).all(volume, !has(volume.hostPath))",
}
"""What keeps a Pod from its node, told to who breaks it, and the rule."""


class Policy(NamedTuple):
    """A ValidatingAdmissionPolicy, its binding of the same name, and in which namespaces that puts it in force."""

    name: str
    spec: Json
    namespaces: Json | None = None

    def binding(self) -> Json:
        """The spec of the ValidatingAdmissionPolicyBinding."""
        where = {"matchResources": {"namespaceSelector": self.namespaces}} if self.namespaces else {}
        return {"policyName": self.name, "validationActions": ["Deny"], **where}


def named(operator: str, namespaces: Sequence[str]) -> Json:
    """The selector of the namespaces of these names (`In`), or of all others (`NotIn`)."""
    key = "kubernetes.io/metadata.name"
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(namespaces)}]}


def containers(of: str = "object") -> str:
    """All containers of a Pod."""
    kinds = ("containers", "initContainers", "ephemeralContainers")
    return " + ".join(f"dyn({of}.spec.?{kind}.orValue([]))" for kind in kinds)


def of_pods(**rest: Any) -> Json:
    """A policy for Pods, and for the containers that are put into one later."""
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
    rules = [{**pods, "resources": ["pods", "pods/ephemeralcontainers"]}]
    return {"failurePolicy": "Fail", "matchConstraints": {"resourceRules": rules}, **rest}


def held_to(settings: Settings) -> list[str]:
    """The namespaces of the platform and of the models, whose Pods are held to more than the rules for all others."""
    models = sorted({model.namespace for model in settings.models})
    some = [name for name, there in ((KEDA, settings.autoscaled), (WARM_UP, settings.warm_up)) if there]
    return [ISTIO_SYSTEM, ISTIO_INGRESS, CERT_MANAGER, KSERVE, *some, *models]


def host_access(settings: Settings) -> Policy:
    """No Pod takes part of its node, in any namespace but Google's. Those of `held_to` have stricter rules already:
    `restricted`, and `infra/models/admission.py`."""
    capabilities = f"c.?securityContext.?capabilities.?add.orValue([]).all(added, added in {list(BASELINE)})"
    rules = {**HOST_RULES, "no container adds a capability beyond `baseline`": EVERY.format(capabilities)}
    elsewhere = {"name": "not-of-google", "expression": f"!request.namespace.matches('{OF_GOOGLE}')"}
    # A Pod keeps what it has of its node for life, so only a new one, or a new container of one, is judged.
    new = {"name": "new", "expression": "request.operation == 'CREATE' || request.?subResource.orValue('') != ''"}
    spec = of_pods(
        matchConditions=[elsewhere, new],
        variables=[{"name": "containers", "expression": containers()}],
        validations=[{"expression": rule, "message": f"in this cluster, {what}"} for what, rule in rules.items()],
    )
    return Policy(f"host-access{SUFFIX}", spec, named("NotIn", held_to(settings)))


def known(settings: Settings) -> tuple[list[str], list[str]]:
    """The repositories whose releases may run, from where `imageRegistry` says alone, and the images of models."""
    own = [*pins.IMAGES, *(pins.KEDA_IMAGES if settings.autoscaled else ())]
    pulled = [images.pulled(image, places=settings.image_places) for image in own]
    weights = [model.uri.removeprefix("oci://") for model in settings.models if model.uri.startswith("oci://")]
    return sorted({image.rpartition(":")[0] for image in pulled}), sorted(set(weights))


def _pattern(repository: str) -> str:
    """The pattern of a repository's name: of Docker Hub's, which is where a name without a host leads, also the short
    one, as KServe's chart has it (https://github.com/distribution/reference/blob/main/normalize.go)."""
    pattern = re.escape(repository)
    hub = re.escape(DOCKER_HUB)
    return f"({hub})?{pattern.removeprefix(hub)}" if pattern.startswith(hub) else pattern


def known_images(settings: Settings) -> Policy:
    """Where the platform and the models run, nothing runs but releases of what they are made of.

    Releases, not the pinned ones alone: while `pulumi up` moves a pin, Pods of the older one may have to start anew.
    """
    repositories, weights = known(settings)
    names = "|".join([*(_pattern(name) for name in repositories), IMAGES_OF_GKE])
    pattern = f"^({names})({RELEASE}|{DIGEST})$"
    volumes = "dyn({0}.spec.?volumes.orValue([])).map(v, v.?image.?reference.orValue('')).filter(image, image != '')"
    every = f"({containers('{0}')}).map(c, c.?image.orValue('')) + {volumes}"
    variables = {
        "images": every.format("object"),
        "before": f"oldObject == null ? [] : {every.format('oldObject')}",
        "unknown": (
            f"variables.images.filter(i, !(i in variables.before) && !(i in {weights}) && !i.matches(r'{pattern}'))"
        ),
    }
    message = (
        "variables.unknown.join(', ') + ' is no release of an image that this stack is made of, from where it takes "
        "them. What it may run is in infra/releases/pins.py, and imageRegistry says where from.'"
    )
    spec = of_pods(
        variables=[{"name": name, "expression": expression} for name, expression in variables.items()],
        validations=[{"expression": "size(variables.unknown) == 0", "messageExpression": message}],
    )
    return Policy(f"known-images{SUFFIX}", spec, named("In", held_to(settings)))


def bindings() -> Policy:
    """No role for everybody, and nobody new who may do everything.

    The control plane's own parts, which Kubernetes calls `system:NAME`, bind what they always do.
    """
    parts = "request.userInfo.username.startsWith('system:')"
    for prefix in ("serviceaccount:", "node:", "anonymous"):
        parts += f" && !request.userInfo.username.startsWith('system:{prefix}')"
    added = "object.?subjects.orValue([]).filter(s, oldObject == null || !(s in oldObject.?subjects.orValue([])))"
    kinds = {"apiGroups": ["rbac.authorization.k8s.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"]}
    everybody = f"variables.added.all(s, !(s.name in {list(EVERYBODY)}))"
    everything = "(object.roleRef.kind == 'ClusterRole' && object.roleRef.name == 'cluster-admin')"
    rules = {
        f"no role is bound to {', '.join(EVERYBODY)}, as that is everybody": everybody,
        "nobody new is bound to cluster-admin: who administers the cluster has roles/container.admin in IAM": (
            f"!{everything} || size(variables.added) == 0"
        ),
    }
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**kinds, "resources": ["clusterrolebindings", "rolebindings"]}]},
        "matchConditions": [{"name": "not-of-the-control-plane", "expression": f"!({parts})"}],
        "variables": [{"name": "added", "expression": added}],
        "validations": [{"expression": rule, "message": f"in this cluster, {what}"} for what, rule in rules.items()],
    }
    return Policy(f"bindings{SUFFIX}", spec)


def node_volumes() -> Policy:
    """No volume that is a folder or a disk of a node: a claim would bring it past what `host_access` asks of Pods.

    Where a volume is cannot be changed later, and one that was there has to be bound and released, so only a new one is
    judged (`ValidatePersistentVolumeUpdate` in
    https://github.com/kubernetes/kubernetes/blob/master/pkg/apis/core/validation/validation.go).
    """
    volumes = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["persistentvolumes"]}
    rule = "!has(object.spec.hostPath) && !has(object.spec.local)"
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [volumes]},
        "validations": [{"expression": rule, "message": "in this cluster, no volume is a folder or disk of a node"}],
    }
    return Policy(f"node-volumes{SUFFIX}", spec)


def policies(settings: Settings) -> list[Policy]:
    """Those of a stack with `isolation`; without it there are none."""
    if not settings.isolation:
        return []
    return [host_access(settings), known_images(settings), bindings(), node_volumes()]
