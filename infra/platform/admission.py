"""What the API server refuses, in force before anything of the platform runs."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.settings.schema import Settings

from .admission_policies import SUFFIX, Policy, policies


def in_force(policy: Policy, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Make a policy, and then the binding that puts it in force, which is returned."""
    short, metadata = policy.name.removesuffix(SUFFIX), k8s.meta.v1.ObjectMetaArgs(name=policy.name)
    rules: Any = policy.spec
    binding: Any = policy.binding()
    v1 = k8s.admissionregistration.v1
    made = v1.ValidatingAdmissionPolicy(short, metadata=metadata, spec=rules, opts=opts)
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[made]))
    return v1.ValidatingAdmissionPolicyBinding(short, metadata=metadata, spec=binding, opts=after)


class Admission(pulumi.ComponentResource):
    """The rules of `admission_policies`, as ValidatingAdmissionPolicies.

    Makes each policy and the binding that puts it in force; with `isolation` off, nothing. What a namespace of models
    is held to beyond them is made with it, by `infra/models/namespaces.py`. They go last, after the Pods that they
    judge.

    `cluster` is the cluster's id; another one replaces everything.
    """

    def __init__(
        self,
        name: str,
        *,
        settings: Settings,
        cluster: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("gke-tpu-inference:infra:Admission", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, replacement_trigger=cluster)
        for policy in policies(settings):
            in_force(policy, child)
        self.register_outputs({})
