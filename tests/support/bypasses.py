"""What somebody may try to put into the cluster around the program, and what else is put there and passes.

Each is a manifest for `kubectl create --dry-run=server` against a stack of `tests.support.isolated` with `isolation`,
which takes its images from their publishers.
"""

from typing import Any, NamedTuple

from .isolated import NAMESPACE

Manifest = dict[str, Any]
RELEASE = "docker.io/vllm/vllm-tpu:v0.27.0"
BINDING = "bindings"
EMERGENCY = [("delete", "validatingadmissionpolicybinding", f"{BINDING}.gke-tpu-inference")]
"""How an administrator puts a rule out of force: the arguments of kubectl in docs/security.md."""
_RESTRICTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What Pod Security asks for where the platform runs, so that our own rules are what refuses."""


class Bypass(NamedTuple):
    """The manifest, the policy that refuses it, and a part of what is said."""

    manifest: Manifest
    policy: str
    said: str


def pod(namespace: str, *images: str, spec: dict[str, Any] | None = None, **container: Any) -> Manifest:
    """A Pod with these images, and more of its first container and of its spec."""
    containers = [
        {"name": f"c{i}", "image": image, "securityContext": _RESTRICTED, **(container if i == 0 else {})}
        for i, image in enumerate(images)
    ]
    metadata = {"name": "tried", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": containers, **(spec or {})}}


def binding(kind: str, role: str, *subjects: str, namespace: str | None = None) -> Manifest:
    """A binding of a role to groups or users, `User:` before the name; in a namespace, or else everywhere."""
    who = [("User", s.removeprefix("User:")) if s.startswith("User:") else ("Group", s) for s in subjects]
    api = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": "tried", **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": api, "kind": kind, "name": role},
        "subjects": [{"apiGroup": api, "kind": kind_, "name": name} for kind_, name in who],
    }


def volume(**source: Any) -> Manifest:
    """A PersistentVolume from somewhere."""
    spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadOnlyMany"], "storageClassName": "", **source}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "tried"}, "spec": spec}


_ON_NODE = {
    "required": {
        "nodeSelectorTerms": [
            {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["n"]}]}
        ]
    }
}


def _host(**spec: Any) -> Manifest:
    return pod("default", "nginx", spec=spec)


_IMAGE = "is no release of an image that this stack is made of"
_IMAGES = {
    "any image beside a model": (NAMESPACE, "docker.io/library/nginx:1.29.0"),
    "an image of somebody with the same name": (NAMESPACE, "ghcr.io/mallory/vllm-tpu:v0.27.0"),
    "a host that begins like the publisher's": (NAMESPACE, "docker.io.evil.example/vllm/vllm-tpu:v0.27.0"),
    "a repository that ends like ours": (NAMESPACE, "evil.example/docker.io/vllm/vllm-tpu:v0.27.0"),
    "a cache of others under Google's name": (NAMESPACE, "mirror.gcr.io/gke-release/sidecar:v1.0.0"),
    "a namesake on another registry": ("kserve", "quay.io/kserve/llmisvc-controller:v0.20.0"),
    "latest": (NAMESPACE, "docker.io/vllm/vllm-tpu:latest"),
    "latest1": (NAMESPACE, "docker.io/vllm/vllm-tpu:latest1"),
    "a nightly build of a day": (NAMESPACE, "docker.io/vllm/vllm-tpu:nightly-20261101"),
    "no tag": (NAMESPACE, "docker.io/vllm/vllm-tpu"),
    "a tag that moves with releases": (NAMESPACE, "docker.io/vllm/vllm-tpu:v0"),
    "a digest that is none": (NAMESPACE, "docker.io/vllm/vllm-tpu@sha256:abc"),
    "any image beside istiod": ("istio-system", "docker.io/library/nginx:1.29.0"),
    "any image beside the proxy": ("istio-ingress", "docker.io/library/nginx:1.29.0"),
    "any image beside KServe": ("kserve", "docker.io/library/nginx:1.29.0"),
    "any image beside cert-manager": ("cert-manager", "docker.io/library/nginx:1.29.0"),
}
BYPASSES = {
    **{
        what: Bypass(pod(namespace, image), "known-images", f"{image} {_IMAGE}")
        for what, (namespace, image) in _IMAGES.items()
    },
    "a second container": Bypass(pod(NAMESPACE, RELEASE, "nginx:1.29.0"), "known-images", f"nginx:1.29.0 {_IMAGE}"),
    "an init container": Bypass(
        pod(
            NAMESPACE,
            RELEASE,
            spec={"initContainers": [{"name": "i", "image": "nginx:1.29.0", "securityContext": _RESTRICTED}]},
        ),
        "known-images",
        f"nginx:1.29.0 {_IMAGE}",
    ),
    "an image as a volume": Bypass(
        pod(NAMESPACE, RELEASE, spec={"volumes": [{"name": "v", "image": {"reference": "evil.example/x:1.0.0"}}]}),
        "known-images",
        f"evil.example/x:1.0.0 {_IMAGE}",
    ),
    "a privileged container in default": Bypass(
        pod("default", "nginx", securityContext={"privileged": True}), "host-access", "no container is privileged"
    ),
    "the node's processes": Bypass(_host(hostPID=True), "host-access", "the host's network, processes and IPC"),
    "the node's network": Bypass(_host(hostNetwork=True), "host-access", "the host's network, processes and IPC"),
    "the node's IPC": Bypass(_host(hostIPC=True), "host-access", "the host's network, processes and IPC"),
    "the node's files": Bypass(
        _host(volumes=[{"name": "host", "hostPath": {"path": "/"}}]), "host-access", "no folder of the host is mounted"
    ),
    "a port of the node": Bypass(
        pod("default", "nginx", ports=[{"containerPort": 80, "hostPort": 80}]), "host-access", "no port of the host"
    ),
    **{
        f"a volume that is a {kind} of the node": Bypass(volume(**source), "node-volumes", "a folder or disk of a node")
        for kind, source in {
            "folder": {"hostPath": {"path": "/"}},
            "disk": {"local": {"path": "/"}, "nodeAffinity": _ON_NODE},
        }.items()
    },
    "a capability as good as root on the node": Bypass(
        pod("default", "nginx", securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}),
        "host-access",
        "no container adds a capability beyond `baseline`",
    ),
    **{
        f"a role for {who} everywhere": Bypass(binding("ClusterRole", "view", who), BINDING, "as that is everybody")
        for who in ("system:unauthenticated", "system:authenticated", "system:serviceaccounts", "User:system:anonymous")
    },
    "a role for everybody beside somebody": Bypass(
        binding("ClusterRole", "view", "team", "system:authenticated"), BINDING, "as that is everybody"
    ),
    "a role for everybody in a namespace": Bypass(
        binding("Role", "any", "system:authenticated", namespace="default"), BINDING, "as that is everybody"
    ),
    "cluster-admin": Bypass(binding("ClusterRole", "cluster-admin", "User:mallory"), BINDING, "nobody new is bound to"),
    "cluster-admin of a namespace": Bypass(
        binding("ClusterRole", "cluster-admin", "User:mallory", namespace=NAMESPACE), BINDING, "nobody new is bound to"
    ),
}
ALLOWED = {
    "a release by its tag": pod(NAMESPACE, RELEASE),
    "a release of Docker Hub's, as charts name them": pod("kserve", "kserve/llmisvc-controller:v0.20.0"),
    "a later release": pod(NAMESPACE, "docker.io/vllm/vllm-tpu:v0.28.1"),
    "a release by its digest": pod(NAMESPACE, f"docker.io/vllm/vllm-tpu@sha256:{'a' * 64}"),
    "a release by both": pod(NAMESPACE, f"{RELEASE}@sha256:{'a' * 64}"),
    "a variant of Istio's": pod("istio-system", "docker.io/istio/pilot:1.31.4-distroless"),
    "a sidecar of GKE's": pod(
        NAMESPACE, RELEASE, "us-east5-artifactregistry.gcr.io/gke-release/gke-release/sidecar:v1.17.1-gke.0"
    ),
    "any image elsewhere": pod("default", "curlimages/curl"),
    "a capability of `baseline` elsewhere": pod(
        "default", "nginx", securityContext={"capabilities": {"add": ["NET_BIND_SERVICE"]}}
    ),
    "an agent of Google's on the node": pod(
        "kube-system", "gke.gcr.io/agent", spec={"hostNetwork": True}, securityContext={"privileged": True}
    ),
    "a bucket as a volume": volume(csi={"driver": "gcsfuse.csi.storage.gke.io", "volumeHandle": "bucket"}),
    "a role for somebody": binding("ClusterRole", "view", "team@example.com"),
    "cluster-admin's namesake in a namespace": binding("Role", "cluster-admin", "User:ann", namespace="default"),
}
