"""What a Pod in a namespace of models may have beyond Kubernetes' `restricted` standard: nothing but one capability.

Rules of CEL, as those of `infra/platform/admission_policies.py` are. They stand in for the label that `pod_security`
cannot set there. Root is allowed, as the vLLM image runs as it; of the capabilities, SYS_RESOURCE alone.
Left to the standard's other levels: AppArmor, SELinux, sysctls, the kinds of volumes other than the host's.
"""

from collections.abc import Sequence

from infra.platform.admission_policies import EVERY, HOST_RULES, SUFFIX, Policy, containers, named, of_pods

NAME = f"model-pods{SUFFIX}"
_SECCOMP = "securityContext.?seccompProfile.?type"
RULES = {
    **HOST_RULES,
    "no container adds a capability but SYS_RESOURCE": EVERY.format(
        "c.?securityContext.?capabilities.?add.orValue([]).all(added, added == 'SYS_RESOURCE')"
    ),
    "every container has a seccomp profile": EVERY.format(
        f"c.?{_SECCOMP}.orValue(object.spec.?{_SECCOMP}.orValue('Unconfined')) in ['RuntimeDefault', 'Localhost']"
    ),
}
"""What is told who breaks one, and the rule."""


def policy(namespaces: Sequence[str]) -> Policy:
    """What holds in these namespaces."""
    validations = [{"expression": rule, "message": f"here, {what}"} for what, rule in RULES.items()]
    variables = [{"name": "containers", "expression": containers()}]
    return Policy(NAME, of_pods(variables=variables, validations=validations), named("In", namespaces))
