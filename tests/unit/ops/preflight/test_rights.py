"""What is said of APIs and permissions."""

import re

import pytest

from infra.settings.load import parse
from ops.preflight import permissions
from tests.support.preflight import FAIL, HARDENED, LEFT_OUT, OK, WARN, ask, disabled, forbidden, lines, without
from tests.support.project import ROOT
from tests.support.stack_settings import Values, stack

test_line = lines(
    {
        "APIs that are not enabled": (
            disabled("container", "iam"),
            {},
            WARN,
            "APIs",
            "2 of 6 are not enabled, and cannot be asked now: container.googleapis.com, iam.googleapis.com",
            "gcloud services enable container.googleapis.com iam.googleapis.com --project=my-project",
        ),
        "APIs of a hardened cluster": (None, HARDENED, OK, "APIs", "all 9 that the stack calls are enabled", ""),
        "API that is asked and not enabled": (
            disabled("cloudquotas"),
            {},
            LEFT_OUT,
            "TPU quota",
            "cloudquotas.googleapis.com is not enabled",
            "gcloud services enable cloudquotas.googleapis.com --project=my-project",
        ),
        "API that may not be asked": (
            forbidden("orgpolicy"),
            {},
            LEFT_OUT,
            "organisation policy",
            "these credentials may not ask orgpolicy.googleapis.com",
            "Let somebody grant roles/orgpolicy.policyViewer on my-project",
        ),
        "permissions, all": (None, {}, OK, "permissions", "all 19 that were asked for, of 11 roles", ""),
        "permission that is missing": (
            without("compute.firewalls.create"),
            {},
            FAIL,
            "permissions",
            "compute.firewalls.create is missing, which roles/compute.securityAdmin has",
            "--member=user:YOU --role=roles/compute.securityAdmin",
        ),
        "permissions that are missing": (
            without("container.clusters.create", "container.clusters.connect"),
            {},
            FAIL,
            "permissions",
            "container.clusters.create, container.clusters.connect are missing, which roles/container.admin has",
            "gcloud projects add-iam-policy-binding my-project",
        ),
        "nodes' account of one's own": (
            without("iam.serviceAccounts.create", "iam.serviceAccounts.actAs", "resourcemanager.projects.setIamPolicy"),
            {"nodeServiceAccount": "gke-nodes@my-project.iam.gserviceaccount.com"},
            LEFT_OUT,
            "permissions",
            "whether you may let nodes run as gke-nodes@my-project.iam.gserviceaccount.com is said by that",
            "gcloud iam service-accounts get-iam-policy gke-nodes@my-project.iam.gserviceaccount.com shows who may",
        ),
        "budget": (
            None,
            {"budget": {"billingAccount": "012345-6789AB-CDEF01", "usd": 4000}},
            LEFT_OUT,
            "permissions",
            "whether you may make a budget is said by billing account 012345-6789AB-CDEF01 alone",
            "gcloud billing accounts get-iam-policy 012345-6789AB-CDEF01 shows who may: roles/billing.costsManager",
        ),
        "project that is not there": (
            None,
            {"gcp:project": "other-project"},
            FAIL,
            "permissions",
            "there is no project other-project, or these credentials see nothing of it",
            "`gcloud projects list` shows the IDs",
        ),
    }
)


def test_project_in_which_the_stack_comes_up_has_nothing_but_good_lines() -> None:
    assert {finding.status for finding in ask()} == {OK}


@pytest.mark.parametrize("name", ["compute", "container", "cloudquotas", "serviceusage", "orgpolicy"])
def test_api_that_cannot_be_asked_leaves_the_others_alone(name: str) -> None:
    left = [finding for finding in ask(forbidden(name)) if finding.status is not OK]
    assert left
    assert {finding.status for finding in left} == {LEFT_OUT}
    assert all(f"{name}.googleapis.com" in finding.found for finding in left)


MAIL, UPTIME = "roles/monitoring.notificationChannelEditor", "roles/monitoring.uptimeCheckConfigEditor"
WATCHED = {MAIL, UPTIME, "roles/monitoring.alertPolicyEditor", "roles/monitoring.dashboardEditor"}


def roles_of_the_page() -> set[str]:
    page = (ROOT / "docs/deploy.md").read_text().split("## 4. Credentials")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `(roles/[\w.]+)` \|", page, re.MULTILINE))


def test_roles_are_those_of_the_page() -> None:
    assert {*permissions.ROLES, *permissions.ELSEWHERE} == roles_of_the_page()


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, set()),
        (HARDENED, {"roles/cloudkms.admin"}),
        ({"dnsZone": "zone", "hostname": "a.example.com", "tls": "self-signed"}, {"roles/dns.admin"}),
        ({"monitoring": True}, WATCHED - {MAIL}),
        ({"monitoring": True, "alertEmails": ["a@example.com"]}, WATCHED),
        ({"monitoring": True, "allowedClients": ["198.51.100.0/24"]}, WATCHED - {MAIL, UPTIME}),
        ({"compileCache": "own"}, {"roles/storage.admin"}),
        ({"compileCache": "gs://my-programs"}, set()),
        ({"weightsCache": True, "models[0].uri": f"hf://a/b:{'0' * 40}"}, {"roles/storage.admin"}),
    ],
)
def test_only_roles_that_the_settings_take_are_asked_for(changes: Values, more: set[str]) -> None:
    sometimes = {"roles/cloudkms.admin", "roles/dns.admin", "roles/storage.admin", *WATCHED, *permissions.ELSEWHERE}
    assert set(permissions.roles(parse(stack(changes)))) == (roles_of_the_page() - sometimes) | more
