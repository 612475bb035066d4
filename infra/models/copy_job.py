"""The Job that copies a model's weights from Hugging Face into the stack's bucket, once.

It runs KServe's storage initializer, which a Pod would run before vLLM, and so with the same token and for the same
files, but into the bucket. What it has fetched gets its name last: renaming a folder is one step in a bucket with
hierarchical namespace (https://cloud.google.com/storage/docs/rename-hns-folders), so that a folder of a commit's name
is whole. Where there is one nothing is done, so the Job may run again, and one that was cut off goes on.
"""

from typing import Any

from infra.google import storage
from infra.platform import pod_security
from infra.platform.isolation import Policy, dns, metadata_server, to_the_internet
from infra.releases import pins
from infra.settings.model import Model
from infra.settings.schema import Settings

from . import fuse, hugging_face, weights

USER = 1000
"""The one of the image (python/storage-initializer.Dockerfile of https://github.com/kserve/kserve/tree/v0.20.0)."""
PATH = "/weights"
COPY = (
    'there() { test -d "$3" && rm -rf "$2"; }; '
    'there "$@" || { /storage-initializer/scripts/initializer-entrypoint "$1" "$2" && rm -rf "$2/.cache" '
    '&& mkdir -p "${3%/*}" && { mv -T "$2" "$3" || there "$@"; }; }'
)
"""Of a URI, to a folder of the model's own, and from there to the commit's. What `huggingface_hub` notes for itself
goes. Of two models with the same weights the second finds them there, before or after its download, and its own folder
goes."""
PATIENCE = 90 * 60
"""Seconds for a model of a host's size, and a repository that is slow; an estimate."""
TRIES = 7
"""Kubernetes waits from 10 seconds on, and twice as long each time, so ten minutes lie between the first and the last:
a grant may take seven to be in force (https://cloud.google.com/iam/docs/access-change-propagation)."""
STAYS = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
"""Nobody moves the Pod to save a node
(https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md)."""


def job_name(model: Model) -> str:
    """The Job of a model at a commit; another commit has another."""
    return f"{weights.claim_name(model)}-copy"


def account_name(model: Model) -> str:
    """The service account that may write; no other Pod has it."""
    return model.name + storage.COPY


def policy(model: Model, settings: Settings) -> Policy:
    """What the Job's Pod opens: names, its own token, Hugging Face and Cloud Storage."""
    pods = {"batch.kubernetes.io/job-name": job_name(model)}
    return Policy(account_name(model), pods, (), (metadata_server(), dns(), to_the_internet(settings, 443)))


def job(model: Model, settings: Settings, *, bucket: Any, secret: Any) -> dict[str, Any]:
    """The spec of the Job, into the bucket of this name, with the token of this Secret if there is one."""
    key = hugging_face.VARIABLE
    token = {"name": key, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}
    part = f"part/{model.namespace}/{weights.claim_name(model)}"
    container = {
        "name": "main",
        "image": settings.image(pins.STORAGE_INITIALIZER_IMAGE),
        "command": ["sh", "-c", COPY, "copy", model.uri, f"{PATH}/{part}", f"{PATH}/{weights.place(model)}"],
        "env": [{"name": "HOME", "value": "/tmp"}, *([token] if secret is not None else [])],  # noqa: S108
        "resources": {"limits": {"cpu": "2", "memory": "8Gi"}, "requests": {"cpu": "1", "memory": "2Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "weights", "mountPath": PATH}],
    }
    pod = {
        "serviceAccountName": account_name(model),
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "securityContext": {**pod_security.SECCOMP, "runAsNonRoot": True, "runAsUser": USER},
        "containers": [container],
        "volumes": [fuse.volume("weights", bucket, f"uid={USER},gid={USER}")],
    }
    return {
        "backoffLimit": TRIES - 1,
        "activeDeadlineSeconds": PATIENCE,
        "podReplacementPolicy": "Failed",  # so that no two write at once
        "template": {"metadata": {"annotations": {**fuse.ANNOTATIONS, **STAYS}}, "spec": pod},
    }
