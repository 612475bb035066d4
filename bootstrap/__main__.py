"""What the environments need before CI can deploy them: where their state is kept, and who may do what.

Identities, state and keys are made in one project; what an environment's own identities need in its project is made
there, nodes' account and cluster's key included, so that no deployment makes accounts or grants roles on a
project. There are no keys of service accounts: GitHub Actions trades its token for theirs.
"""

import sys
from functools import partial
from pathlib import Path

import pulumi
import pulumi_gcp as gcp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the engine starts the program in its own folder

from bootstrap import environment, github, projects, state, trust, watch
from bootstrap.identities import DRIFT, Identity
from bootstrap.settings import OWN_FOLDER, load

s = load()
here = projects.enable("ci", project=s.project, apis=projects.APIS)

pool = gcp.iam.WorkloadIdentityPool(
    "github",
    workload_identity_pool_id=s.workload_identity_pool,
    display_name="GitHub Actions",
    description=f"Workflows of {s.repository}",
    opts=pulumi.ResourceOptions.merge(here, pulumi.ResourceOptions(protect=s.protect)),
)
projects.guard("ci", project=s.project, number=pool.name.apply(lambda name: name.split("/")[1]), opts=here)
provider = gcp.iam.WorkloadIdentityPoolProvider(
    "github",
    workload_identity_pool_id=pool.workload_identity_pool_id,
    workload_identity_pool_provider_id="github",
    oidc={"issuer_uri": trust.ISSUER},
    attribute_mapping=trust.mapping(s.main_branch),
    attribute_condition=trust.condition(s.repository_id),
)


def principal(of: str, identity: Identity) -> pulumi.Output[str]:
    """Who may act as the identity of an environment."""
    return pool.name.apply(
        lambda name: identity.principal(name, environment=of, repository_id=s.repository_id),
    )


environments: dict[str, environment.Environment] = {}
for name, project in s.environments.items():
    region = s.cluster_keys.get(name, "")
    apis = projects.ENVIRONMENT_APIS + projects.CLUSTER_KEY_APIS * bool(region)
    environments[name] = environment.make(
        name,
        project=project,
        is_open=name in s.open_environments,
        key_region=region,
        protect=s.protect,
        principal=partial(principal, name),
        here=here,
        there=projects.prepare(name, project=project, apis=apis),
    )

watch.watch({name: e.accounts[DRIFT].email for name, e in environments.items()}, emails=s.alert_emails, opts=here)

kept = None if s.pulumi_cloud else state.keep(environments, location=s.location, protect=s.protect, opts=here)
backend = pulumi.Output.format("gs://{0}", kept.bucket.name) if kept else "https://api.pulumi.com"

pulumi.export(
    "cloud",
    pulumi.Output.all(
        backend_url=backend,
        provider=provider.name,
        emails={n: {which.name: a.email for which, a in e.accounts.items()} for n, e in environments.items()},
    ).apply(
        lambda known: github.cloud(**known, organization=s.pulumi_organization, open_environments=s.open_environments),
    ),
)
reviewers = {name: s.reviewers.get(name, []) for name in s.environments}
pulumi.export("githubCommands", github.commands(s.repository, s.main_branch, reviewers))
pulumi.export(
    "backendUrls",
    {name: pulumi.Output.format("{0}/{1}", backend, name) for name in (*s.environments, OWN_FOLDER)} if kept else {},
)
pulumi.export(
    "secretsProviders",
    {name: pulumi.Output.format("gcpkms://{0}", key.id) for name, key in kept.keys.items()} if kept else {},
)
pulumi.export("nodeServiceAccounts", {name: e.node_service_account for name, e in environments.items()})
pulumi.export("kmsKeys", {name: e.kms_key for name, e in environments.items() if e.kms_key is not None})
