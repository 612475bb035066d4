"""Where the state is, and its keys."""

import pytest

from tests.support.bootstrap import accounts, job, program
from tests.support.program import Declared


def test_bucket_is_private_and_keeps_old_versions(shared: Declared) -> None:
    bucket = shared.one("storage/bucket:Bucket").inputs
    assert bucket["publicAccessPrevention"] == "enforced"
    assert bucket["uniformBucketLevelAccess"]
    assert bucket["versioning"] == {"enabled": True}
    assert bucket["softDeletePolicy"]["retentionDurationSeconds"] == 7 * 24 * 3600
    [rule] = bucket["lifecycleRules"]
    assert rule["condition"] == {"withState": "ARCHIVED", "daysSinceNoncurrentTime": 30, "numNewerVersions": 10}
    assert "forceDestroy" not in bucket


def test_each_environment_has_a_key_of_its_own_that_rotates(shared: Declared) -> None:
    keys = shared.all("kms/cryptoKey:CryptoKey")
    assert sorted(key.name for key in keys) == ["dev", "prod"]
    assert {key.inputs["rotationPeriod"] for key in keys} == {f"{90 * 24 * 3600}s"}


@pytest.mark.parametrize("protect", [True, False])
def test_what_cannot_be_made_again_is_protected_as_set(protect: bool) -> None:
    protected = {r.type.split(":")[-1] for r in program(protect=protect) if r.request.protect}
    assert protected == ({"Bucket", "KeyRing", "CryptoKey", "WorkloadIdentityPool"} if protect else set())


def test_with_pulumi_cloud_there_is_no_bucket_and_no_key() -> None:
    cloud = program(pulumiCloud=True, pulumiOrganization="acme")
    assert not [r.type for r in cloud if r.type.startswith(("gcp:storage", "gcp:kms"))]
    assert cloud.outputs["cloud"]["backendUrl"] == "https://api.pulumi.com"
    assert cloud.outputs["cloud"]["organization"] == "acme"
    assert cloud.outputs["backendUrls"] == cloud.outputs["secretsProviders"] == {}
    assert accounts(cloud, job("deploy-stack.yml", environment="prod")) == {"preview-dev", "deploy-prod"}


def test_outputs_name_a_folder_and_a_key_for_each_environment(shared: Declared) -> None:
    folders = {env: f"gs://pulumi-state-1a2b3c4/{env}" for env in ("dev", "prod", "bootstrap")}
    assert shared.outputs["backendUrls"] == folders
    assert shared.outputs["secretsProviders"] == {"dev": "gcpkms://dev-id", "prod": "gcpkms://prod-id"}
