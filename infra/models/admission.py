"""What a Pod in a namespace of models may have beyond Kubernetes' `restricted` standard: nothing but one capability.

The API server refuses what these rules of CEL do not hold for, in its own process and with no webhook
(https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/). They stand in for the label that
`pod_security` cannot set there. Root is allowed, as the vLLM image runs as it; of the capabilities, SYS_RESOURCE alone.
Left to the standard's other levels: AppArmor, SELinux, sysctls, the kinds of volumes other than the host's.
"""

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

NAME = "model-pods.gke-tpu-inference"
_EVERY = "variables.containers.all(c, {})"
_SECCOMP = "securityContext.?seccompProfile.?type"
RULES = {
    "no container is privileged": _EVERY.format("!c.?securityContext.?privileged.orValue(false)"),
    "no container adds a capability but SYS_RESOURCE": _EVERY.format(
        "c.?securityContext.?capabilities.?add.orValue([]).all(added, added == 'SYS_RESOURCE')"
    ),
    "the host's network, processes and IPC stay its own": " && ".join(
        f"!object.spec.?{what}.orValue(false)" for what in ("hostNetwork", "hostPID", "hostIPC")
    ),
    "no port of the host is taken": _EVERY.format("c.?ports.orValue([]).all(port, port.?hostPort.orValue(0) == 0)"),
    "no folder of the host is mounted": "object.spec.?volumes.orValue([]).all(volume, !has(volume.hostPath))",
    "every container has a seccomp profile": _EVERY.format(
        f"c.?{_SECCOMP}.orValue(object.spec.?{_SECCOMP}.orValue('Unconfined')) in ['RuntimeDefault', 'Localhost']"
    ),
}
"""What is told who breaks one, and the rule."""


def policy() -> Json:
    """The spec of the ValidatingAdmissionPolicy."""
    kinds = ("containers", "initContainers", "ephemeralContainers")
    containers = " + ".join(f"dyn(object.spec.?{kind}.orValue([]))" for kind in kinds)
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [{**pods, "resources": ["pods", "pods/ephemeralcontainers"]}]},
        "variables": [{"name": "containers", "expression": containers}],
        "validations": [{"expression": rule, "message": f"here, {what}"} for what, rule in RULES.items()],
    }


def binding(namespaces: Sequence[str]) -> Json:
    """The spec of what puts it in force, in these namespaces."""
    names = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": list(namespaces)}
    return {
        "policyName": NAME,
        "validationActions": ["Deny"],
        "matchResources": {"namespaceSelector": {"matchExpressions": [names]}},
    }
