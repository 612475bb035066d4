"""The kubeconfig as kubectl reads it."""

import json

from tests.support.program import UNKNOWN, Declared


def test_kubeconfig_uses_the_dns_endpoint_without_credentials_or_ca(dev: Declared, phase: str) -> None:
    kubeconfig = dev.one("pulumi:providers:kubernetes").inputs["kubeconfig"]
    if phase == "preview":
        assert kubeconfig == UNKNOWN
        return
    name = "tpu-inference-1a2b3c4"
    [user] = (written := json.loads(kubeconfig)).pop("users")
    assert written == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": "https://gke-1.gke.goog"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    assert user == {
        "name": name,
        "user": {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1beta1",
                "command": "gke-gcloud-auth-plugin",
                "installHint": "Install it with `gcloud components install gke-gcloud-auth-plugin`.",
                "interactiveMode": "IfAvailable",
                "provideClusterInfo": True,
            }
        },
    }
