"""What the API server refuses, in force before anything of the platform runs."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from infra.settings.schema import Settings

from .admission_policies import SUFFIX, policies


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
        v1 = k8s.admissionregistration.v1
        for policy in policies(settings):
            short, metadata = policy.name.removesuffix(SUFFIX), k8s.meta.v1.ObjectMetaArgs(name=policy.name)
            rules: Any = policy.spec
            binding: Any = policy.binding()
            made = v1.ValidatingAdmissionPolicy(short, metadata=metadata, spec=rules, opts=child)
            after = pulumi.ResourceOptions(parent=self, depends_on=[made], replacement_trigger=cluster)
            v1.ValidatingAdmissionPolicyBinding(short, metadata=metadata, spec=binding, opts=after)
        self.register_outputs({})
