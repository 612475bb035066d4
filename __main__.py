"""From an empty Google Cloud project to an OpenAI-compatible endpoint on TPU: composition only."""

import pulumi
import pulumi_gcp as gcp

from infra.google.apis import Apis
from infra.google.cluster import Cluster
from infra.google.network import Network
from infra.google.pools import TpuPool
from infra.models import outputs
from infra.models.namespaces import namespaces
from infra.models.predictor import Predictor
from infra.platform.access import Access
from infra.platform.admission import Admission
from infra.platform.gateway import Gateway
from infra.platform.mesh import Mesh
from infra.platform.serving import Serving
from infra.settings.load import load

NAME = "tpu-inference"

s = load()

google = gcp.Provider("google", project=s.project, default_labels=s.labels)
apis = Apis("apis", settings=s, opts=pulumi.ResourceOptions(providers=[google]))
on_google = pulumi.ResourceOptions(providers=[google], depends_on=[apis])
network = Network(NAME, settings=s, opts=on_google)
cluster = Cluster(NAME, settings=s, network=network, opts=on_google)
tpu_pool = TpuPool("tpu", settings=s, cluster=cluster.id, service_account=cluster.node_service_account, opts=on_google)

on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
rules = [Admission("admission", settings=s, cluster=cluster.id, opts=on_cluster)] if s.isolation else []
in_cluster = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=rules)
mesh = Mesh("mesh", settings=s, cluster=cluster.id, opts=in_cluster)
serving = Serving("serving", settings=s, cluster=cluster.id, opts=in_cluster)
after_mesh = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[mesh])
gateway = Gateway("gateway", settings=s, cluster=cluster.id, network=network, serving=serving, opts=after_mesh)
keys = [Access("access", settings=s, cluster=cluster.id, gateway=gateway, opts=after_mesh)] if s.auth != "none" else []

of_models = namespaces(s, opts=pulumi.ResourceOptions(provider=cluster.provider, replacement_trigger=cluster.id))
for model in s.models:
    Predictor(
        f"{model.namespace}.{model.name}",
        model=model,
        settings=s,
        cluster=cluster.id,
        namespace=of_models[model.namespace],
        gateway=gateway,
        opts=pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[tpu_pool, mesh, serving, gateway, *keys]),
    )

for key, value in outputs.of_stack(s, network.gateway_address, gateway.authority, cluster.name).items():
    pulumi.export(key, value)
