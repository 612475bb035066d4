"""What the simulated Google Cloud refuses: roles, locations, labels."""

from pathlib import Path
from typing import Any

import pytest

from bootstrap import identities
from infra.google.node_account import NODE_ROLE, READER_ROLE, STREAMING_ROLE
from sandbox.clouds import google_rules
from sandbox.clouds.google_kinds import ACCOUNT, AUDIT, CLUSTER, FIREWALL, MEMBER, MEMBER_REMOVED, ROUTER, SERVICE
from sandbox.clouds.inventory import CloudError
from tests.support.google_project import Project


def test_unknown_role_is_refused_as_iam_refuses_it(project: Project) -> None:
    email = project.create(ACCOUNT, accountId="nodes")["email"]
    with pytest.raises(CloudError) as refusal:
        project.create(MEMBER, project="p", role="roles/no.suchRole", member=f"serviceAccount:{email}")
    assert str(refusal.value) == (
        f'Request `Create IAM Members roles/no.suchRole serviceAccount:{email} for project "p"` returned error: Error '
        'applying IAM policy for project "p": Error setting IAM policy for project "p": googleapi: Error 400: Role '
        "roles/no.suchRole is not supported for this resource., badRequest"
    )


def test_every_role_that_we_grant_or_ask_for_is_known() -> None:
    ours = {NODE_ROLE, READER_ROLE, STREAMING_ROLE, *identities.NODES_READ, identities.RUN_NODES_AS}
    ours |= {*identities.READ_ROLES, *identities.DEPLOY_ROLES}
    assert ours <= google_rules.roles()


def test_role_that_is_taken_away_is_gone_and_seen_when_it_is_there_again(project: Project) -> None:
    email = project.create(ACCOUNT, accountId="nodes")["email"]
    editor = {"project": "p", "role": "roles/editor", "member": f"serviceAccount:{email}"}
    project.create(MEMBER, **editor)
    project.create(MEMBER, **editor | {"role": "roles/viewer"})
    removed = {**editor}
    object_id, _ = project.google.create(project.call(MEMBER_REMOVED), removed)
    assert object_id == f"p/serviceAccount:{email}/roles/editor"
    assert [m.inputs["role"] for m in project.google.inventory.find(MEMBER)] == ["roles/viewer"]
    assert project.google.read(project.call(MEMBER_REMOVED), object_id) == removed
    project.create(MEMBER, **editor)
    assert project.google.read(project.call(MEMBER_REMOVED), object_id) is None
    project.create(MEMBER_REMOVED, **editor)
    assert project.google.read(project.call(MEMBER_REMOVED), object_id) == removed


def test_role_of_an_account_that_nobody_has_made_can_be_taken_away(project: Project) -> None:
    member = "serviceAccount:1-compute@developer.gserviceaccount.com"
    project.create(MEMBER_REMOVED, project="p", role="roles/editor", member=member)
    with pytest.raises(CloudError, match=r"Role roles/no\.suchRole is not supported"):
        project.create(MEMBER_REMOVED, project="p", role="roles/no.suchRole", member=member)


def test_audit_log_of_calls_that_there_are_not_is_refused(project: Project) -> None:
    project.create(AUDIT, project="p", service="sts.googleapis.com", auditLogConfigs=[{"logType": "ADMIN_READ"}])
    with pytest.raises(CloudError, match=r"Invalid value at .*ADMIN_WRITE"):
        project.create(AUDIT, project="p", service="iam.googleapis.com", auditLogConfigs=[{"logType": "ADMIN_WRITE"}])


@pytest.mark.parametrize("location", ["europe-west4-z", "europe-west99"])
def test_unknown_location_of_a_cluster_is_refused(project: Project, location: str) -> None:
    with pytest.raises(CloudError, match=f'Location "{location}" does not exist'):
        project.cluster(location=location)


def test_unknown_region_is_refused(project: Project) -> None:
    with pytest.raises(CloudError, match=r"'region': 'europe-west99'\. Unknown region"):
        project.create(ROUTER, name="r", network="net", region="europe-west99")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"App": "x"}, "Label key 'App' violates format constraints."),
        ({"1st": "x"}, "Label key '1st' violates"),
        ({"": "x"}, "Label key '' violates"),
        ({"k" * 64: "x"}, "violates format constraints. The key must start with a lowercase character"),
        ({"é" * 63 + "": "ü" * 65}, "Label value"),
        ({"app": "head.default"}, "Label value 'head.default' violates format constraints."),
        ({"app": "V"}, "Label value 'V' violates"),
        ({"goog-gke-node": ""}, "Label key 'goog-gke-node' is reserved."),
        ({f"k{i}": "" for i in range(65)}, "There are 65 labels, the limit is 64."),
    ],
)
def test_labels_against_the_rules_are_refused(labels: dict[str, str], message: str) -> None:
    with pytest.raises(CloudError) as refusal:
        google_rules.refuse_labels(CLUSTER, labels)
    assert message in str(refusal.value)
    assert str(refusal.value).startswith("googleapi: Error 400: Invalid value for field 'resource.labels'")


def test_labels_within_the_rules_are_taken() -> None:
    google_rules.refuse_labels(
        CLUSTER, {"app": "", "größe_1": "9-a", "k" * 63: "v" * 63, "goog-pulumi-provisioned": "true"}
    )


def test_the_providers_own_label_counts(tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="There are 65 labels"):
        Project(tmp_path, defaultLabels={f"k{i}": "" for i in range(64)}).cluster()


def test_firewall_without_a_source_is_refused(project: Project) -> None:
    with pytest.raises(CloudError, match="one of source_tags, source_ranges, or source_service_accounts"):
        project.create(FIREWALL, name="f", network="net", direction="INGRESS")


ALLOWS, RANGES = [{"protocol": "tcp", "ports": ["443"]}], ["10.0.0.0/8"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"sourceRanges": RANGES}, "exactly one of `allow,deny` must be specified"),
        ({"sourceRanges": RANGES, "allows": ALLOWS, "denies": ALLOWS}, "exactly one of `allow,deny` must be specified"),
        (
            {"sourceRanges": RANGES, "allows": ALLOWS, "targetServiceAccounts": ["a@p"], "targetTags": ["t"]},
            "conflicts with source_tags, target_tags",
        ),
        ({"sourceServiceAccounts": ["a@p"], "sourceTags": ["t"], "allows": ALLOWS}, "conflicts with source_tags"),
        ({"direction": "EGRESS", "sourceTags": ["t"], "allows": ALLOWS}, "cannot be specified for a rule of direction"),
        ({"direction": "EGRESS", "sourceServiceAccounts": ["a@p"], "allows": ALLOWS}, "of direction EGRESS"),
    ],
)
def test_rule_that_says_two_things_at_once_is_refused(project: Project, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(CloudError, match=message):
        project.create(FIREWALL, name="f", network="net", **inputs)


@pytest.mark.parametrize(
    "inputs",
    [
        {"sourceRanges": RANGES, "allows": ALLOWS, "targetServiceAccounts": ["a@p"]},
        {"direction": "EGRESS", "destinationRanges": RANGES, "denies": [{"protocol": "all"}]},
    ],
)
def test_rule_by_ranges_and_account_is_taken(project: Project, inputs: dict[str, Any]) -> None:
    project.create(FIREWALL, name="f", network="net", **inputs)


# Image streaming


def test_streaming_takes_its_api_and_the_default_image(project: Project) -> None:
    project.cluster()
    streams = {"gcfsConfig": {"enabled": True}}
    project.pool(nodeConfig={"gcfsConfig": {"enabled": False}})
    with pytest.raises(CloudError, match="Container File System API is not enabled in the project"):
        project.pool(name="other", nodeConfig=streams)
    project.create(SERVICE, service="containerfilesystem.googleapis.com")
    project.pool(name="other", nodeConfig=streams)
    with pytest.raises(CloudError, match="image streaming is not supported on the image type UBUNTU_CONTAINERD"):
        project.pool(name="third", nodeConfig=streams | {"imageType": "UBUNTU_CONTAINERD"})
