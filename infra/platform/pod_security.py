"""What a namespace lets its Pods do: Kubernetes' Pod Security Standards.

The labels are Kubernetes' own (https://kubernetes.io/docs/concepts/security/pod-security-admission/): with them the API
server refuses a Pod that asks for more. All of the platform gets by with `restricted`.

A model does not. A TPU Pod of v6e that is not privileged has to raise its limit of locked memory, with the capability
SYS_RESOURCE (https://cloud.google.com/kubernetes-engine/docs/how-to/tpus), and of the three standards only `privileged`
allows that. So the namespace of a model has that label, what is beyond `restricted` is told as a warning, and rules of
our own refuse what a model does not need (`infra/models/admission.py`).
"""

from typing import Literal

Level = Literal["restricted", "privileged"]
SECCOMP = {"seccompProfile": {"type": "RuntimeDefault"}}
"""What Istio's charts leave to their users, and `restricted` asks for."""


def labels(level: Level) -> dict[str, str]:
    """Those of a namespace of this level."""
    prefix = "pod-security.kubernetes.io"
    return {f"{prefix}/enforce": level, f"{prefix}/warn": "restricted", f"{prefix}/audit": "restricted"}
