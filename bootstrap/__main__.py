"""What the environments need before CI can deploy them: where their state is kept, and who may do what.

All of it is made in one project, but for what each identity may do in an environment's own project. There are no keys
of service accounts: GitHub Actions trades its token for theirs.
"""

import sys
from pathlib import Path

import pulumi
import pulumi_gcp as gcp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the engine starts the program in its own folder

from bootstrap import trust
from bootstrap.settings import OWN_FOLDER, load

DAY = 24 * 60 * 60

s = load()
protected = pulumi.ResourceOptions(protect=s.protect)


def apis(names: tuple[str, ...], *, name: str, project: str) -> pulumi.ResourceOptions:
    """Enable APIs, never to disable them; returns the options of what needs them."""
    services = [
        gcp.projects.Service(f"{name}-{api.split('.')[0]}", service=api, project=project, disable_on_destroy=False)
        for api in names
    ]
    return pulumi.ResourceOptions(depends_on=services)


here = apis(trust.APIS, name="ci", project=s.project)

# Who: GitHub's workflows, and the service accounts that they may act as.

pool = gcp.iam.WorkloadIdentityPool(
    "github",
    workload_identity_pool_id=s.workload_identity_pool,
    display_name="GitHub Actions",
    description=f"Workflows of {s.repository}",
    opts=pulumi.ResourceOptions.merge(here, protected),
)
provider = gcp.iam.WorkloadIdentityPoolProvider(
    "github",
    workload_identity_pool_id=pool.workload_identity_pool_id,
    workload_identity_pool_provider_id="github",
    oidc={"issuer_uri": trust.ISSUER},
    attribute_mapping=trust.mapping(s.main_branch),
    attribute_condition=trust.condition(s.repository_id),
)


def identity(name: str, *, description: str, principal: pulumi.Output[str]) -> gcp.serviceaccount.Account:
    """A service account that one set of workflows may act as."""
    account = gcp.serviceaccount.Account(name, account_id=name, description=description, opts=here)
    gcp.serviceaccount.IAMMember(
        name, service_account_id=account.name, role="roles/iam.workloadIdentityUser", member=principal
    )
    return account


preview = identity(
    "pulumi-preview",
    description="Previews in any workflow: reads everything but the Secrets in the clusters",
    principal=pool.name.apply(lambda name: trust.any_workflow(name, s.repository_id)),
)
drift = identity(
    "pulumi-drift",
    description="Looks for drift from the main branch: reads everything",
    principal=pool.name.apply(trust.on_main),
)
deploy = {
    environment: identity(
        f"deploy-{environment}",
        description=f"Deploys {environment} from the main branch: writes in its project alone",
        principal=pool.name.apply(lambda name, environment=environment: trust.deployment(name, environment)),
    )
    for environment in s.environments
}

# What: in the project of each environment.

for environment, project in s.environments.items():
    there = apis(trust.ENVIRONMENT_APIS, name=environment, project=project)
    secrets = gcp.projects.IAMCustomRole(
        f"{environment}-secrets",
        project=project,
        role_id="pulumiDriftSecrets",
        title="Pulumi drift: Secrets in the clusters",
        permissions=list(trust.SECRETS_PERMISSIONS),
        opts=there,
    )
    keys = gcp.projects.IAMCustomRole(
        f"{environment}-keys",
        project=project,
        role_id="pulumiReadKeys",
        title="Pulumi: keys, and who may use them",
        permissions=list(trust.KEY_PERMISSIONS),
        opts=there,
    )
    for reader, account in (("preview", preview), ("drift", drift)):
        gcp.projects.IAMMember(
            f"{environment}-{reader}-keys", project=project, role=keys.name, member=account.member, opts=there
        )
        for role in trust.READ_ROLES:
            gcp.projects.IAMMember(
                f"{environment}-{reader}-{role.split('/')[1]}",
                project=project,
                role=role,
                member=account.member,
                opts=there,
            )
    gcp.projects.IAMMember(
        f"{environment}-drift-secrets", project=project, role=secrets.name, member=drift.member, opts=there
    )
    for role in trust.DEPLOY_ROLES:
        gcp.projects.IAMMember(
            f"{environment}-deploy-{role.split('/')[1]}",
            project=project,
            role=role,
            member=deploy[environment].member,
            condition={"title": "only what its stack grants", "expression": trust.limit()}
            if role == trust.IAM_ADMIN
            else None,
            opts=there,
        )

# Where: the state and the keys of its secrets, unless Pulumi Cloud has both.

backend: pulumi.Input[str] = "https://api.pulumi.com"
secrets_providers: dict[str, pulumi.Output[str]] = {}
if not s.pulumi_cloud:
    bucket = gcp.storage.Bucket(
        "pulumi-state",
        location=s.location,
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        versioning={"enabled": True},
        # The engine writes the whole state after each step: a month of versions, and always the latest ten.
        lifecycle_rules=[
            {
                "action": {"type": "Delete"},
                "condition": {"days_since_noncurrent_time": 30, "num_newer_versions": 10, "with_state": "ARCHIVED"},
            }
        ],
        soft_delete_policy={"retention_duration_seconds": 7 * DAY},
        opts=pulumi.ResourceOptions.merge(here, protected),
    )
    ring = gcp.kms.KeyRing("pulumi", location=s.location, opts=pulumi.ResourceOptions.merge(here, protected))
    for environment, account in deploy.items():
        folder = gcp.storage.ManagedFolder(environment, bucket=bucket.name, name=f"{environment}/")
        key = gcp.kms.CryptoKey(environment, key_ring=ring.id, rotation_period=f"{90 * DAY}s", opts=protected)
        for who, member, of_state, of_key in (
            ("preview", preview.member, "roles/storage.objectViewer", "roles/cloudkms.cryptoKeyDecrypter"),
            ("drift", drift.member, "roles/storage.objectViewer", "roles/cloudkms.cryptoKeyDecrypter"),
            ("deploy", account.member, "roles/storage.objectUser", "roles/cloudkms.cryptoKeyEncrypterDecrypter"),
        ):
            gcp.storage.ManagedFolderIamMember(
                f"{environment}-{who}", bucket=bucket.name, managed_folder=folder.name, role=of_state, member=member
            )
            gcp.kms.CryptoKeyIAMMember(f"{environment}-{who}", crypto_key_id=key.id, role=of_key, member=member)
        secrets_providers[environment] = pulumi.Output.format("gcpkms://{0}", key.id)
    backend = pulumi.Output.format("gs://{0}", bucket.name)

variables = {
    "PULUMI_BACKEND_URL": backend,
    "WORKLOAD_IDENTITY_PROVIDER": provider.name,
    "PREVIEW_SERVICE_ACCOUNT": preview.email,
    "DRIFT_SERVICE_ACCOUNT": drift.email,
}
deploy_variables = {name: {"DEPLOY_SERVICE_ACCOUNT": account.email} for name, account in deploy.items()}
pulumi.export("variables", variables)
pulumi.export("environmentVariables", deploy_variables)
pulumi.export(
    "githubCommands",
    pulumi.Output.all(variables, deploy_variables).apply(lambda both: trust.commands(s.repository, *both)),
)
pulumi.export("secretsProviders", secrets_providers)
pulumi.export(
    "backendUrls",
    {name: pulumi.Output.format("{0}/{1}", backend, name) for name in (*s.environments, OWN_FOLDER)}
    if not s.pulumi_cloud
    else {},
)
