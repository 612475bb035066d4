"""The kubeconfig as kubectl reads it."""

import json

from tests.support.program import Declared


def test_kubeconfig_has_one_cluster_one_user_and_the_context_of_both(dev: Declared, phase: str) -> None:
    if phase == "preview":
        return  # it is unknown then
    name = "tpu-inference-1a2b3c4"
    [user] = (written := json.loads(dev.one("pulumi:providers:kubernetes").inputs["kubeconfig"])).pop("users")
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
