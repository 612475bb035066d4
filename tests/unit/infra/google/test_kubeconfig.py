"""The way into the cluster."""

import json

from tests.support.program import UNKNOWN, Declared


def test_kubeconfig_uses_the_dns_endpoint_without_credentials_or_ca(dev: Declared, phase: str) -> None:
    provider = dev.one("pulumi:providers:kubernetes").inputs
    if phase == "preview":
        assert provider["kubeconfig"] == UNKNOWN
        return
    written = json.loads(provider["kubeconfig"])
    assert written["clusters"][0]["cluster"] == {"server": "https://gke-1.gke.goog"}
    assert written["users"][0]["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"
    assert written["current-context"] == "tpu-inference-1a2b3c4"
