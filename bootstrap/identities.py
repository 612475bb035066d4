"""Who may do what: the identities of an environment, their roles, and the worst that each can do, as plain values.

The program grants what stands here, and `make docs` makes the table of docs/bootstrap.md of it.
"""

from typing import NamedTuple

from . import trust

CLUSTER_SECRETS = ("container.secrets.get", "container.secrets.list")
"""What a refresh reads beyond `READ_ROLES`: Helm keeps its releases in Secrets. No role of Google's has this alone."""

READ_ROLES = (
    "roles/artifactregistry.reader",
    "roles/compute.viewer",
    "roles/container.viewer",  # the clusters, the way into them, and what is in them but Secrets
    "roles/dns.reader",
    "roles/monitoring.alertPolicyViewer",
    "roles/monitoring.dashboardViewer",
    "roles/monitoring.notificationChannelViewer",
    "roles/monitoring.uptimeCheckConfigViewer",
    "roles/serviceusage.serviceUsageViewer",
)
"""What a preview and a refresh read in an environment's project. Kubernetes previews ask for a server-side dry run,
which takes the permission to write; pulumi-kubernetes goes on without it when it is refused. Neither the project's IAM
policy, its service accounts nor its keys are read: a stack here makes none."""

DEPLOY_ROLES = (
    "roles/artifactregistry.editor",  # makes repositories, and has no say in who reads them
    "roles/compute.loadBalancerAdmin",
    "roles/compute.networkAdmin",
    "roles/compute.securityAdmin",
    "roles/container.admin",
    "roles/dns.admin",
    # Four, as `monitoring.editor` could write false metrics, too.
    "roles/monitoring.alertPolicyEditor",
    "roles/monitoring.dashboardEditor",
    "roles/monitoring.notificationChannelEditor",
    "roles/monitoring.uptimeCheckConfigEditor",
    "roles/serviceusage.serviceUsageAdmin",
)
"""What a deployment changes in its environment's project; each has its reason in docs/deploy.md. Those that would make
service accounts, grant roles on the project or on keys, or act for any account are not here: what takes them is made in
bootstrap. The three of Compute may let others use subnets, backends and firewall policies, by `setIamPolicy` on each
(https://cloud.google.com/iam/docs/roles-permissions/compute)."""

NODE_ROLE = "roles/container.defaultNodeServiceAccount"
"""What nodes have in their project: to write logs, metrics and autoscaling data."""
NODES_READ = ("roles/artifactregistry.reader", "roles/serviceusage.serviceUsageConsumer")
"""What they have beside it to pull and stream the images of their project's repositories, which a stack makes later."""
RUN_NODES_AS = "roles/iam.serviceAccountUser"
"""What a deployment has on the nodes' account, and on no other."""

READ_STATE, WRITE_STATE = "roles/storage.objectViewer", "roles/storage.objectUser"
DECRYPT, ENCRYPT = "roles/cloudkms.cryptoKeyDecrypter", "roles/cloudkms.cryptoKeyEncrypterDecrypter"


class Identity(NamedTuple):
    """A service account that every environment has one of, NAME-ENVIRONMENT.

    `value` of `attribute` is what a job's token has to have; `{environment}` and `{repository_id}` stand for its own.
    `reads` and `changes` are roles in the environment's project, `permissions` one of our own there; `state` is the
    role on the environment's folder, `key` on the key of its secrets. The rest is for people.
    """

    name: str
    does: str
    attribute: str
    value: str
    jobs: str
    reads: tuple[str, ...]
    changes: tuple[str, ...]
    permissions: tuple[str, ...]
    state: str
    key: str
    worst: str

    def principal(self, pool: str, *, environment: str, repository_id: int) -> str:
        """Who may act as the one of this environment."""
        value = self.value.format(environment=environment, repository_id=repository_id)
        return trust.principal(pool, self.attribute, value)


def _files(names: tuple[str, ...]) -> str:
    return " or ".join(f"`{name}`" for name in names)


_FROM_MAIN = "jobs of {files} as it is on the main branch, in a run of that branch"
_PREVIEWS = (
    "publish what ENV's state and stack file hold: the Hugging Face token, and the key that signs tokens, with which "
    "it asks the models. It changes nothing"
)

OPEN_PREVIEW = Identity(
    name="preview",
    does="Previews {environment} in any workflow: reads, and no Secrets in clusters",
    attribute=trust.REPOSITORY,
    value="{repository_id}",
    jobs="any job of the repository, on any branch, so whoever may push one",
    reads=READ_ROLES,
    changes=(),
    permissions=(),
    state=READ_STATE,
    key=DECRYPT,
    worst=_PREVIEWS,
)
PREVIEW = OPEN_PREVIEW._replace(
    does="Plans {environment} from the main branch: reads, and no Secrets in clusters",
    attribute=trust.PLAN,
    value="true",
    jobs=f"{_FROM_MAIN.format(files=_files(trust.PLANNING))}, in no GitHub environment",
)
DRIFT = PREVIEW._replace(
    name="drift",
    does="Looks for drift of {environment} from the main branch: reads everything",
    attribute=trust.DRIFT,
    jobs=f"{_FROM_MAIN.format(files=_files(trust.DRIFTING))}, in no GitHub environment",
    permissions=CLUSTER_SECRETS,
    worst=f"{_PREVIEWS}, but reads the private key of the gateway's certificate, too, and can pose as the gateway",
)
DEPLOY = Identity(
    name="deploy",
    does="Deploys {environment} from the main branch: writes in its project alone",
    attribute=trust.DEPLOY,
    value="{environment}",
    jobs=f"{_FROM_MAIN.format(files=_files(trust.DEPLOYING))}, in the GitHub environment ENV, after its reviewers",
    reads=("roles/compute.viewer",),
    changes=DEPLOY_ROLES,
    permissions=(),
    state=WRITE_STATE,
    key=ENCRYPT,
    worst=(
        "put another model or proxy in place of ENV's, see every request and key that passes, lose the state, open "
        "network and cluster to others for as long as nobody looks, run up a bill. It grants nobody a role on the "
        "project, an account or a key, acts for no account but the nodes', destroys no key, and reaches no other "
        "environment"
    ),
)


def of(*, is_open: bool) -> tuple[Identity, ...]:
    """The identities of an environment: pull requests preview an open one alone."""
    return (OPEN_PREVIEW if is_open else PREVIEW, DRIFT, DEPLOY)


def _roles(roles: tuple[str, ...], empty: str) -> str:
    return ", ".join(f"`{role.removeprefix('roles/')}`" for role in roles) or empty


def table() -> list[list[str]]:
    """A row for each identity: who may be it, what it reads, changes and decrypts, and the worst that it can do."""
    rows: list[list[str]] = []
    for identity in (OPEN_PREVIEW, PREVIEW, DRIFT, DEPLOY):
        of_which = {OPEN_PREVIEW: ", ENV open", PREVIEW: ", ENV not open"}.get(identity, "")
        writes = identity.state == WRITE_STATE
        secrets = "; Secrets in clusters" if identity.permissions else ""
        rows.append(
            [
                f"`{identity.name}-ENV`{of_which}",
                identity.jobs,
                f"{_roles(identity.reads, 'nothing')}{secrets}; the state of ENV",
                f"{_roles(identity.changes, 'nothing')}"
                + (f", `{RUN_NODES_AS.removeprefix('roles/')}` on the nodes' account; the state of ENV" * writes),
                "what ENV's key encrypted",
                identity.worst,
            ]
        )
    nodes = [
        f"`{NODES}` in ENV's project",
        "the nodes of ENV's cluster; of Pods only such as have the host's network, or are root on a node",
        f"{_roles(NODES_READ, '')}; what else `imageRegistry` lets it pull",
        _roles((NODE_ROLE,), ""),
        "nothing",
        "write false logs and metrics",
    ]
    return [*rows, nodes]


NODES = "gke-nodes"
"""The ID of the nodes' account in each environment's project."""
