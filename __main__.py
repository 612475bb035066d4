"""From an empty Google Cloud project to an OpenAI-compatible endpoint on TPU: composition only."""

import pulumi
import pulumi_gcp as gcp

from infra.google.apis import Apis
from infra.google.cluster import Cluster
from infra.google.network import Network
from infra.google.pools import tpu_pools
from infra.google.storage import storage
from infra.models import copying, namespaces, outputs
from infra.models.predictor import Predictor
from infra.models.warm_up import WarmUp
from infra.monitoring.watch import watch
from infra.platform.access import Access
from infra.platform.admission import Admission
from infra.platform.compute_classes import compute_classes
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
pools = tpu_pools(s, cluster=cluster.id, service_account=cluster.node_service_account, opts=on_google)
buckets = storage(s, opts=pulumi.ResourceOptions(providers=[google], depends_on=[cluster]))
on_cluster = pulumi.ResourceOptions(providers=[cluster.provider])
nodes = [*pools, *compute_classes(s, cluster=cluster.id, pools=pools, opts=on_cluster)]
rules = [Admission("admission", settings=s, cluster=cluster.id, opts=on_cluster)] if s.isolation else []
in_cluster = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=rules)
of_models = namespaces.made(s, opts=pulumi.ResourceOptions(provider=cluster.provider, replacement_trigger=cluster.id))
buckets = copying.copied(s, buckets, cluster=cluster.id, namespaces=of_models, opts=in_cluster)
after_pool = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[*nodes, *rules, *buckets.of_all()])
warm_up = [WarmUp("warm-up", settings=s, cluster=cluster.id, opts=after_pool)] if s.warm_up else []
mesh = Mesh("mesh", settings=s, cluster=cluster.id, opts=in_cluster)
serving = Serving("serving", settings=s, cluster=cluster.id, opts=in_cluster)
after_mesh = pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[mesh])
gateway = Gateway("gateway", settings=s, cluster=cluster.id, network=network, serving=serving, opts=after_mesh)
keys = [Access("access", settings=s, cluster=cluster.id, gateway=gateway, opts=after_mesh)] if s.auth != "none" else []
models = dict[tuple[str, str], pulumi.Resource]()
for model in s.models:
    ready = [*nodes, *buckets.of(model), *(of.arrived[s.slice_of(model).name] for of in warm_up if not model.paused)]
    models[model.namespace, model.name] = Predictor(
        f"{model.namespace}.{model.name}",
        model=model,
        settings=s,
        cluster=cluster.id,
        namespace=of_models[model.namespace],
        gateway=gateway,
        serving=serving,
        in_buckets=buckets,
        opts=pulumi.ResourceOptions(providers=[cluster.provider], depends_on=[*ready, mesh, serving, gateway, *keys]),
    )
watch(NAME, settings=s, cluster=cluster.name, address=network.gateway_address, models=models, opts=on_google)
outputs.export(s, network.gateway_address, gateway.authority, cluster.name)
