"""From an empty Google Cloud project to an OpenAI-compatible endpoint on TPU: composition only."""

import pulumi
import pulumi_gcp as gcp
import pulumi_kubernetes as k8s

from infra.google.apis import Apis
from infra.google.cluster import Cluster
from infra.google.network import Network
from infra.google.pools import TpuPool
from infra.models import outputs
from infra.models.predictor import Predictor
from infra.platform.gateway import Gateway
from infra.platform.mesh import Mesh
from infra.platform.serving import Serving
from infra.settings.load import load

NAME = "tpu-inference"

s = load()

google = gcp.Provider("google", project=s.project, default_labels=s.labels)
apis = Apis("apis", opts=pulumi.ResourceOptions(providers=[google]))
on_google = pulumi.ResourceOptions(providers=[google], depends_on=[apis])

network = Network(
    NAME,
    region=s.region,
    subnet_cidr=s.subnet_cidr,
    pod_cidr=s.pod_cidr,
    service_cidr=s.service_cidr,
    control_plane_cidr=s.control_plane_cidr,
    protect=s.protect,
    opts=on_google,
)
cluster = Cluster(
    NAME,
    network=network,
    project=s.project,
    location=s.location,
    release_channel=s.release_channel,
    gke_version=s.gke_version,
    maintenance_window=s.maintenance_window,
    control_plane_cidr=s.control_plane_cidr,
    authorized_networks=s.authorized_networks,
    system_machine_type=s.system_machine_type,
    system_min_nodes=s.system_min_nodes,
    system_max_nodes=s.system_max_nodes,
    protect=s.protect,
    opts=on_google,
)
tpu_pool = TpuPool(
    "tpu",
    cluster=cluster.id,
    location=s.location,
    service_account=cluster.node_service_account,
    tpu_slice=s.slice,
    zones=s.tpu_zones,
    capacity=s.tpu_capacity,
    reservation=s.tpu_reservation,
    min_nodes=s.tpu_min_nodes,
    max_nodes=s.tpu_max_nodes,
    boot_disk_gb=s.tpu_boot_disk_gb,
    opts=on_google,
)

in_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
mesh = Mesh("mesh", cluster=cluster.id, replicas=s.router_replicas, chart_mirror=s.chart_mirror, opts=in_cluster)
serving = Serving("serving", cluster=cluster.id, chart_mirror=s.chart_mirror, opts=in_cluster)
gateway = Gateway(
    "gateway",
    cluster=cluster.id,
    address=network.gateway_address,
    replicas=s.router_replicas,
    chart_mirror=s.chart_mirror,
    opts=pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[mesh]),
)
namespaces = {
    name: k8s.core.v1.Namespace(
        name,
        metadata={"name": name},
        opts=pulumi.ResourceOptions(provider=cluster.provider, replacement_trigger=cluster.id),
    )
    for name in dict.fromkeys(model.namespace for model in s.models)
}
for model in s.models:
    Predictor(
        f"{model.namespace}.{model.name}",
        cluster=cluster.id,
        model=model,
        tpu_slice=s.slice,
        namespace=namespaces[model.namespace].metadata.name,
        gateway_name=gateway.name,
        gateway_namespace=gateway.namespace,
        router_replicas=s.router_replicas,
        token=s.hugging_face_token.get_secret_value(),
        opts=pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[tpu_pool, mesh, serving, gateway]),
    )

for key, value in outputs.of_models(network.gateway_address, s.models).items():
    pulumi.export(key, value)
pulumi.export("gatewayAddress", network.gateway_address)
pulumi.export("clusterName", cluster.name)
pulumi.export(
    "kubeconfigCommand",
    cluster.name.apply(lambda name: outputs.kubeconfig_command(name, s.location, s.project)),
)
