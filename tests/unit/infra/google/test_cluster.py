"""What the program declares, on Pulumi's mocks: each test once as `up` and once as `preview`."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict

from infra.releases import pins
from tests.support.program import ADDRESS, SECRET_SIGNATURE, UNKNOWN, Declared, Resource, Run
from tests.support.project import ROOT, stack_file

MODEL: dict[str, Any] = stack_file("dev")["models"][0]
RELEASES = {
    "istio-base": "base",
    "istiod": "istiod",
    "inference-gateway": "gateway",
    "cert-manager": "cert-manager",
    "kserve-llmisvc-crd": "kserve-llmisvc-crd",
    "kserve-llmisvc-resources": "kserve-llmisvc-resources",
    "kserve-runtime-configs": "kserve-runtime-configs",
}
"""The chart of each release, by its name."""


def needs(declared: Declared, resource: Resource) -> set[str]:
    """Everything that must exist before a resource does, as `Type name`: what it depends on, its parent and its
    provider, and what those need."""
    by_urn: dict[str, Resource] = {}
    for r in declared:
        parent = r.request.parent.split("::")[2].split("$")[-1] + "$" if r.request.parent else ""
        by_urn[f"{parent}{r.type}::{r.name}"] = r

    def find(urn: str) -> Resource:
        return by_urn["::".join(urn.split("::")[2:4])]

    seen: list[Resource] = []
    todo = [resource]
    while todo:
        request = todo.pop().request
        urns = [*request.dependencies]
        urns += [request.parent] if not request.parent.split("::")[2].endswith("pulumi:Stack") else []
        urns += [request.provider.rsplit("::", 1)[0]] if request.provider else []
        new = [other for other in map(find, urns) if other not in seen]
        seen += new
        todo += new
    return {f"{r.type.split(':')[-1]} {r.name}" for r in seen}


def spec(declared: Declared) -> dict[str, Any]:
    return declared.one(":LLMInferenceService").inputs["spec"]


# Network


def test_subnet_has_ranges_for_pods_and_services_and_private_google_access(dev: Declared) -> None:
    subnet = dev.one(":Subnetwork").inputs
    assert subnet["ipCidrRange"] == "10.0.0.0/20"
    assert [r["ipCidrRange"] for r in subnet["secondaryIpRanges"]] == ["10.4.0.0/14", "10.8.0.0/20"]
    assert subnet["privateIpGoogleAccess"] is True
    assert subnet["region"] == "europe-west4"


def test_vpc_makes_no_subnets_of_its_own(dev: Declared) -> None:
    assert dev.one("compute/network:Network").inputs["autoCreateSubnetworks"] is False


def test_control_plane_reaches_the_webhooks_of_istio_and_kserve(run: Run) -> None:
    rule = run(controlPlaneCidr="172.20.0.16/28").one(":Firewall").inputs
    assert rule["sourceRanges"] == ["172.20.0.16/28"]
    assert {"9443", "15017"} <= set(rule["allows"][0]["ports"])


def test_nat_serves_the_whole_subnet(dev: Declared) -> None:
    assert dev.one(":RouterNat").inputs["sourceSubnetworkIpRangesToNat"] == "ALL_SUBNETWORKS_ALL_IP_RANGES"


def test_gateway_address_is_regional_and_external(dev: Declared) -> None:
    address = dev.one("compute/address:Address").inputs
    assert (address["region"], address["addressType"]) == ("europe-west4", "EXTERNAL")


# Cluster


def test_apis_are_enabled_before_anything_else_and_stay_enabled(dev: Declared) -> None:
    apis = dev.all("projects/service:Service")
    assert {a.inputs["service"] for a in apis} >= {"compute.googleapis.com", "container.googleapis.com"}
    assert all(a.inputs["disableOnDestroy"] is False for a in apis)
    google = [r for r in dev if r.type.startswith("gcp:") and r not in apis]
    assert len(google) >= 10
    for resource in google:
        assert {f"Service {a.name}" for a in apis} <= needs(dev, resource), resource.name


def test_network_policy_can_be_enforced_later_without_new_node_pools(dev: Declared) -> None:
    assert gke(dev)["datapathProvider"] == "ADVANCED_DATAPATH"


def test_gke_owns_the_standard_gateway_api_crds(dev: Declared) -> None:
    assert gke(dev)["gatewayApiConfig"] == {"channel": "CHANNEL_STANDARD"}


def gke(declared: Declared) -> dict[str, Any]:
    return declared.one("container/cluster:Cluster").inputs


def test_nodes_are_private_shielded_and_use_workload_identity(dev: Declared) -> None:
    assert gke(dev)["privateClusterConfig"]["enablePrivateNodes"] is True
    assert gke(dev)["workloadIdentityConfig"] == {"workloadPool": "my-project.svc.id.goog"}
    pools = dev.all(":NodePool")
    assert len(pools) == 2
    for pool in pools:
        assert pool.inputs["nodeConfig"]["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
        assert pool.inputs["nodeConfig"]["shieldedInstanceConfig"]["enableSecureBoot"] is True


def test_every_pool_runs_under_the_nodes_own_account_also_the_short_lived_one(dev: Declared, phase: str) -> None:
    email = UNKNOWN if phase == "preview" else "nodes@p.iam.gserviceaccount.com"
    assert gke(dev)["nodeConfig"]["serviceAccount"] == email
    for pool in dev.all(":NodePool"):
        assert pool.inputs["nodeConfig"]["serviceAccount"] == email


def test_node_account_has_the_least_role_and_has_it_before_any_node(dev: Declared) -> None:
    assert [m.inputs["role"] for m in dev.all(":IAMMember")] == ["roles/container.defaultNodeServiceAccount"]
    for resource in [dev.one("container/cluster:Cluster"), *dev.all(":NodePool")]:
        assert "IAMMember nodes" in needs(dev, resource)


def test_what_is_read_back_of_the_default_pool_replaces_no_cluster(dev: Declared) -> None:
    assert list(dev.one("container/cluster:Cluster").request.ignoreChanges) == ["nodeConfig"]


def test_version_is_the_channels_unless_set(run: Run) -> None:
    assert "minMasterVersion" not in gke(run())
    assert gke(run(gkeVersion="1.34.1-gke.1000"))["minMasterVersion"] == "1.34.1-gke.1000"
    assert gke(run(releaseChannel="STABLE"))["releaseChannel"] == {"channel": "STABLE"}


def test_control_plane_has_no_open_public_address(run: Run) -> None:
    closed = gke(run())["masterAuthorizedNetworksConfig"]
    assert (closed.get("cidrBlocks", []), closed["gcpPublicCidrsAccessEnabled"]) == ([], False)
    opened = gke(run(authorizedNetworks=["192.0.2.0/24"]))["masterAuthorizedNetworksConfig"]
    assert opened["cidrBlocks"] == [{"cidrBlock": "192.0.2.0/24"}]


def test_cluster_is_regional_when_location_is_a_region(run: Run) -> None:
    declared = run(location="us-east5", tpuZones=["us-east5-a", "us-east5-b"])
    assert gke(declared)["location"] == "us-east5"
    assert declared.one(":NodePool", "tpu").inputs["nodeLocations"] == ["us-east5-a", "us-east5-b"]
    assert declared.one(":Subnetwork").inputs["region"] == "us-east5"


def test_system_pool_is_autoscaled_and_its_size_now_replaces_nothing(run: Run) -> None:
    pool = run(systemMinNodes=2, systemMaxNodes=5, systemMachineType="n2-standard-8").one(":NodePool", "system")
    assert pool.inputs["autoscaling"] == {
        "totalMinNodeCount": 2,
        "totalMaxNodeCount": 5,
        "locationPolicy": "BALANCED",
    }
    assert pool.inputs["nodeConfig"]["machineType"] == "n2-standard-8"
    assert "initialNodeCount" in pool.request.ignoreChanges


def test_kubeconfig_uses_the_dns_endpoint_without_credentials_or_ca(dev: Declared, phase: str) -> None:
    provider = dev.one("pulumi:providers:kubernetes").inputs
    if phase == "preview":
        assert provider["kubeconfig"] == UNKNOWN
        return
    written = json.loads(provider["kubeconfig"])
    assert written["clusters"][0]["cluster"] == {"server": "https://gke-1.gke.goog"}
    assert written["users"][0]["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"
    assert written["current-context"] == "tpu-inference-1a2b3c4"


def test_a_replaced_cluster_takes_every_object_along_without_the_provider_asking_for_it(dev: Declared) -> None:
    provider = dev.one("pulumi:providers:kubernetes")
    assert list(provider.request.replaceOnChanges) == ["kubeconfig"]
    assert provider.inputs["clusterIdentifier"] == "tpu-inference"


def test_every_object_notices_that_its_cluster_was_lost(dev: Declared, phase: str) -> None:
    objects = [r for r in dev if r.type.startswith("kubernetes:")]
    assert len(objects) >= 13
    for resource in objects:
        trigger = MessageToDict(resource.request.replacement_trigger)
        assert trigger == (UNKNOWN if phase == "preview" else "tpu-inference-id"), resource.name


def test_a_new_cluster_or_subnet_comes_after_the_old_one(dev: Declared) -> None:
    for kind in ("container/cluster:Cluster", ":Subnetwork"):
        assert dev.one(kind).request.deleteBeforeReplace is True
    assert list(dev.one(":Subnetwork").request.replaceOnChanges) == ["secondaryIpRanges"]


def test_every_kubernetes_object_waits_for_system_pool_nat_and_firewall(dev: Declared) -> None:
    objects = [r for r in dev if r.type.startswith("kubernetes:")]
    assert len(objects) >= 13
    for resource in objects:
        missing = {
            "NodePool system",
            "RouterNat tpu-inference",
            "Firewall tpu-inference-webhooks",
        } - needs(dev, resource)
        assert not missing, (resource.name, missing)


@pytest.mark.parametrize("protect", [True, False])
def test_protection_is_googles_and_pulumis_together(run: Run, protect: bool) -> None:
    declared = run(protect=protect)
    cluster = declared.one("container/cluster:Cluster")
    assert (cluster.inputs["deletionProtection"], cluster.request.protect) == (protect, protect)
    assert declared.one("compute/address:Address").request.protect is protect


def test_labels_are_the_providers_defaults(run: Run) -> None:
    provider = run(labels={"team": "ml"}).one("pulumi:providers:gcp").inputs
    assert json.loads(provider["defaultLabels"]) == {"team": "ml"}
    assert provider["project"] == "my-project"


# TPU pool


def tpu_pool(declared: Declared) -> Resource:
    return next(p for p in declared.all(":NodePool") if p.name != "system")


def test_pool_starts_empty_and_asks_any_zone(run: Run) -> None:
    pool = tpu_pool(run(tpuMaxNodes=3, tpuMinNodes=1))
    assert pool.inputs["initialNodeCount"] == 0
    assert "initialNodeCount" in pool.request.ignoreChanges
    assert pool.inputs["autoscaling"] == {"totalMinNodeCount": 1, "totalMaxNodeCount": 3, "locationPolicy": "ANY"}


def test_pool_never_needs_a_second_slice(dev: Declared) -> None:
    pool = tpu_pool(dev)
    assert pool.request.deleteBeforeReplace is True
    assert pool.inputs["upgradeSettings"] == {"strategy": "SURGE", "maxSurge": 0, "maxUnavailable": 1}


def test_pool_leaves_placement_labels_and_taint_to_gke(dev: Declared) -> None:
    pool = tpu_pool(dev).inputs
    assert "placementPolicy" not in pool
    assert not {"labels", "taints"} & pool["nodeConfig"].keys()


def test_pool_repairs_itself(dev: Declared) -> None:
    assert tpu_pool(dev).inputs["management"]["autoRepair"] is True


@pytest.mark.parametrize(
    ("name", "machine", "chips", "topology"),
    [
        ("v6e-1", "ct6e-standard-1t", "1", "1x1"),
        ("v6e-4", "ct6e-standard-4t", "4", "2x2"),
        ("v6e-8", "ct6e-standard-8t", "8", "2x4"),
    ],
)
def test_slice_decides_machine_chips_and_topology(run: Run, name: str, machine: str, chips: str, topology: str) -> None:
    declared = run(tpuSlice=name)
    assert tpu_pool(declared).inputs["nodeConfig"]["machineType"] == machine
    template = spec(declared)["template"]
    assert template["nodeSelector"]["cloud.google.com/gke-tpu-topology"] == topology
    assert template["containers"][0]["resources"]["limits"] == {"google.com/tpu": chips}
    assert f"--tensor-parallel-size={chips}" in template["containers"][0]["args"]


def test_capacity_is_on_demand_spot_or_a_named_reservation(run: Run) -> None:
    def config(**changes: Any) -> dict[str, Any]:
        return tpu_pool(run(**changes)).inputs["nodeConfig"]

    assert (config()["spot"], "reservationAffinity" in config()) == (False, False)
    assert config(tpuCapacity="spot")["spot"] is True
    reserved = config(tpuCapacity="reservation", tpuReservation="tpus")
    assert reserved["spot"] is False
    assert reserved["reservationAffinity"]["consumeReservationType"] == "SPECIFIC_RESERVATION"
    assert reserved["reservationAffinity"]["values"] == ["tpus"]


def test_boot_disk_is_sized_by_setting(run: Run) -> None:
    assert tpu_pool(run(tpuBootDiskGb=500)).inputs["nodeConfig"]["diskSizeGb"] == 500


# Mesh and serving


def test_exactly_these_releases_each_of_its_own_chart(dev: Declared) -> None:
    assert {r.inputs["name"]: r.inputs["chart"].split("/")[-1] for r in dev.all(":Release")} == RELEASES


def test_a_release_makes_no_namespace(dev: Declared) -> None:
    assert not [r.name for r in dev.all(":Release") if "createNamespace" in r.inputs]


def test_a_release_has_ten_minutes_to_pull_its_images_and_start(dev: Declared) -> None:
    """The provider's own five are short for a first node that pulls from three registries."""
    assert {r.inputs["timeout"] for r in dev.all(":Release")} == {10 * 60}


def test_a_release_goes_before_its_replacement_comes(dev: Declared) -> None:
    """Both have the same name, so Helm would refuse the new one beside the old one."""
    assert {r.name: r.request.deleteBeforeReplace for r in dev.all(":Release")} == dict.fromkeys(RELEASES, True)


def test_models_from_a_registry_run_as_root_like_the_image_that_reads_them(dev: Declared) -> None:
    """The chart's own value is 1010 (values.yaml of kserve-llmisvc-resources 0.20.0)."""
    values = dev.one(":Release", "kserve-llmisvc-resources").inputs["values"]
    assert values["kserve"]["storage"] == {"uidModelcar": 0}


def test_a_pinned_version_reaches_every_release(dev: Declared) -> None:
    pinned = {c.name: c.version for c in pins.CHARTS}
    for r in dev.all(":Release"):
        assert r.inputs["version"] == pinned[r.inputs["chart"].split("/")[-1]]


def test_chart_mirror_replaces_every_source(run: Run) -> None:
    for r in run(chartMirror="oci://registry.example/charts").all(":Release"):
        assert r.inputs["chart"].startswith("oci://registry.example/charts/")
        assert "repositoryOpts" not in r.inputs


def test_only_the_chart_with_gkes_crd_takes_ownership(dev: Declared) -> None:
    owners = {r.name for r in dev.all(":Release") if r.inputs.get("takeOwnership")}
    assert owners == {"kserve-llmisvc-resources"}


def test_kserve_lets_its_presets_go_at_teardown(dev: Declared) -> None:
    values = dev.one(":Release", "kserve-llmisvc-resources").inputs["values"]
    env = {e["name"]: e["value"] for e in values["kserve"]["llmisvc"]["controller"]["env"]}
    assert env["PREVENT_WELL_KNOWN_CONFIG_DELETION"] == "false"


def test_istiod_understands_inference_pools(dev: Declared) -> None:
    env = dev.one(":Release", "istiod").inputs["values"]["pilot"]["env"]
    assert env["ENABLE_GATEWAY_API_INFERENCE_EXTENSION"] == "true"


def test_charts_come_in_order(dev: Declared) -> None:
    def waits(later: str, earlier: str) -> bool:
        return f"Release {earlier}" in needs(dev, dev.one(":Release", later))

    assert waits("istiod", "istio-base")
    assert waits("kserve-llmisvc-resources", "cert-manager")
    assert waits("kserve-llmisvc-resources", "kserve-llmisvc-crd")
    assert waits("kserve-runtime-configs", "kserve-llmisvc-resources")
    assert waits("inference-gateway", "istiod")


def test_mesh_and_serving_do_not_wait_for_tpus_or_for_each_other(dev: Declared) -> None:
    for name in ("istiod", "kserve-runtime-configs"):
        assert "NodePool tpu" not in needs(dev, dev.one(":Release", name))
    assert "Release istiod" not in needs(dev, dev.one(":Release", "kserve-runtime-configs"))
    assert "Release cert-manager" not in needs(dev, dev.one(":Release", "istiod"))


def test_every_namespace_in_use_is_a_resource(run: Run) -> None:
    declared = run(models=[MODEL, {**MODEL, "name": "b"}, {**MODEL, "namespace": "other"}], tpuMaxNodes=3)
    names = [n.inputs["metadata"]["name"] for n in declared.all(":Namespace")]
    assert sorted(names) == [
        "cert-manager",
        "istio-ingress",
        "istio-system",
        "kserve",
        "llm-d-inference-scheduling",
        "other",
    ]
    used = {r.inputs["namespace"] for r in declared.all(":Release")}
    used |= {r.inputs["metadata"]["namespace"] for r in declared if "namespace" in r.inputs.get("metadata", {})}
    assert used <= set(names)


# Gateway


def service(declared: Declared) -> Resource:
    return declared.one("core/v1:Service")


def test_load_balancer_is_a_resource_of_its_own_on_the_reserved_address(dev: Declared, phase: str) -> None:
    assert dev.one(":Release", "inference-gateway").inputs["values"]["service"] == {"type": "None"}
    assert service(dev).inputs["spec"]["type"] == "LoadBalancer"
    assert service(dev).inputs["spec"]["loadBalancerIP"] == (UNKNOWN if phase == "preview" else ADDRESS)
    assert service(dev).inputs["metadata"]["annotations"] == {"cloud.google.com/l4-rbs": "enabled"}


def test_load_balancer_comes_after_its_proxy_and_goes_before_the_address(dev: Declared) -> None:
    assert {"Release inference-gateway", "Address tpu-inference-gateway"} <= needs(dev, service(dev))


def test_proxy_pods_carry_the_label_that_istiod_looks_for(dev: Declared) -> None:
    labels = dev.one(":Release", "inference-gateway").inputs["values"]["labels"]
    gateway = dev.one(":Gateway", "inference-gateway").inputs
    assert labels["gateway.networking.k8s.io/gateway-name"] == gateway["metadata"]["name"]
    namespace = dev.one(":Release", "inference-gateway").inputs["namespace"]
    assert namespace == gateway["metadata"]["namespace"]
    assert service(dev).inputs["spec"]["selector"].items() <= labels.items()


def test_gateway_points_at_the_service_and_listens_on_plain_http(dev: Declared) -> None:
    gateway = dev.one(":Gateway", "inference-gateway")
    assert gateway.inputs["spec"]["gatewayClassName"] == "istio"
    assert gateway.inputs["spec"]["addresses"] == [
        {"type": "Hostname", "value": "inference-gateway.istio-ingress.svc.cluster.local"}
    ]
    [listener] = gateway.inputs["spec"]["listeners"]
    assert (listener["protocol"], listener["port"]) == ("HTTP", 80)
    assert listener["allowedRoutes"] == {"namespaces": {"from": "All"}}
    assert [p["port"] for p in service(dev).inputs["spec"]["ports"]] == [listener["port"]]


def test_gateway_is_waited_for(dev: Declared) -> None:
    annotations = dev.one(":Gateway", "inference-gateway").inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/waitFor"] == "condition=Programmed"


# Predictor


def llm(declared: Declared) -> Resource:
    return declared.one(":LLMInferenceService")


def test_predictor_is_the_api_guides(dev: Declared) -> None:
    assert llm(dev).type == "kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"
    assert llm(dev).inputs["metadata"]["name"] == "qwen2-3b-pattern1"
    assert llm(dev).inputs["metadata"]["namespace"] == "llm-d-inference-scheduling"
    assert spec(dev)["model"] == {"uri": "hf://Qwen/Qwen2.5-3B-Instruct", "name": "Qwen/Qwen2.5-3B-Instruct"}
    assert spec(dev)["replicas"] == 1


def test_predictor_is_waited_for_as_long_as_a_first_start_may_take(dev: Declared) -> None:
    assert llm(dev).inputs["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Ready"
    """The start-up probe's time, and half an hour for node, image and weights before it."""
    probe = spec(dev)["template"]["containers"][0]["startupProbe"]
    minutes = int(probe["periodSeconds"] * probe["failureThreshold"]) // 60
    assert llm(dev).request.customTimeouts.create == f"{minutes + 30}m"


def test_change_of_pods_model_or_route_replaces_the_service_old_one_first(dev: Declared) -> None:
    assert sorted(llm(dev).request.replaceOnChanges) == [
        "spec.model",
        "spec.router.gateway",
        "spec.router.route",
        "spec.router.scheduler.template.containers",
        "spec.template",
    ]
    assert llm(dev).request.deleteBeforeReplace is True


def test_no_preset_of_ours_and_nothing_deleted_with_something_else(dev: Declared) -> None:
    assert dev.all(":LLMInferenceServiceConfig") == []
    assert [r.name for r in dev if r.request.deletedWith] == []


def test_endpoint_picker_serves_plain_http_and_keeps_kserves_command(dev: Declared) -> None:
    [container] = spec(dev)["router"]["scheduler"]["template"]["containers"]
    assert container == {"name": "main", "args": ["--secure-serving=false"]}


def test_route_hangs_on_the_gateway(dev: Declared) -> None:
    gateway = dev.one(":Gateway", "inference-gateway").inputs["metadata"]
    reference = {"name": gateway["name"], "namespace": gateway["namespace"]}
    assert spec(dev)["router"]["gateway"]["refs"] == [reference]
    assert spec(dev)["router"]["route"]["http"]["spec"]["parentRefs"] == [reference]


def test_predictor_comes_last(dev: Declared) -> None:
    wanted = {"NodePool tpu", "Release kserve-runtime-configs", "Release istiod", "Gateway inference-gateway"}
    assert wanted <= needs(dev, llm(dev))


def test_without_a_token_there_is_no_secret(dev: Declared) -> None:
    assert dev.all(":Secret") == []
    assert "secrets" not in dev.one(":ServiceAccount").inputs


def test_token_reaches_the_secret_that_the_pods_account_names_and_nothing_else(run: Run) -> None:
    declared = run(huggingFaceToken="hf_test", secrets=("huggingFaceToken",))
    secret = declared.one(":Secret")
    data = secret.inputs["stringData"]
    assert data[SECRET_SIGNATURE]  # all of it is marked, so the state holds it encrypted
    assert data["value"] == {"HF_TOKEN": "hf_test"}
    account = declared.one(":ServiceAccount").inputs
    assert account["secrets"] == [{"name": secret.inputs["metadata"]["name"]}]
    assert spec(declared)["template"]["serviceAccountName"] == account["metadata"]["name"]
    elsewhere = [r for r in declared if r is not secret and "hf_test" in json.dumps(r.inputs)]
    assert elsewhere == []


def test_each_model_has_its_own_predictor(run: Run) -> None:
    other = {
        "name": "small",
        "namespace": "team",
        "uri": "pvc://weights/small",
        "dtype": "bfloat16",
        "maxModelLen": 512,
        "tensorParallelSize": 2,
        "replicas": 2,
        "extraArgs": ["--enable-prefix-caching"],
    }
    declared = run(models=[MODEL, other], tpuMaxNodes=3)
    one, two = (declared.one(":LLMInferenceService", f"{m['namespace']}.{m['name']}") for m in (MODEL, other))
    assert one.inputs["spec"] == spec(run())
    assert two.inputs["spec"]["replicas"] == 2
    assert two.inputs["spec"]["template"]["containers"][0]["args"] == [
        "--port=8000",
        "--served-model-name",
        "/mnt/models",
        "small",
        "--tensor-parallel-size=2",
        "--dtype=bfloat16",
        "--max-model-len=512",
        "--shutdown-timeout=45",
        "--enable-prefix-caching",
    ]


# The stack


def test_outputs_are_the_api_guides(dev: Declared, phase: str) -> None:
    if phase == "preview":
        known = {key for key, value in dev.outputs.items() if value != UNKNOWN}
        assert known == {"clusterName", "kubeconfigCommand"}  # the engine makes the cluster's name
        return
    base = f"http://{ADDRESS}/llm-d-inference-scheduling/qwen2-3b-pattern1"
    model = {
        "baseUrl": base,
        "endpoints": {
            "models": f"{base}/v1/models",
            "completions": f"{base}/v1/completions",
            "chatCompletions": f"{base}/v1/chat/completions",
            "health": f"{base}/health",
        },
        "model": "/mnt/models",
    }
    assert dev.outputs == {
        **model,
        "models": {"llm-d-inference-scheduling/qwen2-3b-pattern1": model},
        "gatewayAddress": ADDRESS,
        "clusterName": "tpu-inference-1a2b3c4",
        "kubeconfigCommand": "gcloud container clusters get-credentials tpu-inference-1a2b3c4 "
        "--location europe-west4-a --project my-project --dns-endpoint",
    }


def test_outputs_of_several_models_are_told_by_their_names_alone(run: Run, phase: str) -> None:
    outputs = run(models=[MODEL, {**MODEL, "name": "b"}], tpuMaxNodes=2).outputs
    assert not {"baseUrl", "endpoints", "model"} & outputs.keys()
    if phase == "up":
        assert set(outputs["models"]) == {
            "llm-d-inference-scheduling/qwen2-3b-pattern1",
            "llm-d-inference-scheduling/b",
        }
        assert outputs["models"]["llm-d-inference-scheduling/b"]["baseUrl"].endswith("/llm-d-inference-scheduling/b")


def test_program_knows_nothing_of_how_it_is_run() -> None:
    sources = [ROOT / "__main__.py", *(ROOT / "infra").rglob("*.py")]
    assert len(sources) > 10
    for source in sources:
        assert "sandbox" not in source.read_text().lower(), source.name
        assert "simulat" not in source.read_text().lower(), source.name


# Wiring: what a resource is made of, where it is, and what is left to others


def made_of(resource: Resource, key: str) -> set[str]:
    """The resources whose outputs an input is made of, as `Type name`; known in a preview as well."""
    urns = resource.request.propertyDependencies[key].urns
    return {" ".join((urn.split("::")[2].split(":")[-1], urn.split("::")[3])) for urn in urns}


@pytest.mark.parametrize(
    ("kind", "name", "key", "source"),
    [
        (":Subnetwork", "tpu-inference", "network", "Network tpu-inference"),
        (":Router", "tpu-inference", "network", "Network tpu-inference"),
        (":RouterNat", "tpu-inference", "router", "Router tpu-inference"),
        (":Firewall", "tpu-inference-webhooks", "network", "Network tpu-inference"),
        ("container/cluster:Cluster", "tpu-inference", "network", "Network tpu-inference"),
        ("container/cluster:Cluster", "tpu-inference", "subnetwork", "Subnetwork tpu-inference"),
        ("container/cluster:Cluster", "tpu-inference", "nodeConfig", "Account nodes"),
        (":NodePool", "system", "cluster", "Cluster tpu-inference"),
        (":NodePool", "system", "nodeConfig", "Account nodes"),
        (":NodePool", "tpu", "cluster", "Cluster tpu-inference"),
        (":NodePool", "tpu", "nodeConfig", "Account nodes"),
        (":IAMMember", "nodes", "member", "Account nodes"),
        ("core/v1:Service", "inference-gateway", "spec", "Address tpu-inference-gateway"),
        (":Gateway", "inference-gateway", "spec", "Service inference-gateway"),
    ],
)
def test_what_refers_to_another_resource_takes_its_output(
    dev: Declared, kind: str, name: str, key: str, source: str
) -> None:
    [resource] = [r for r in dev.all(kind) if r.name == name and ":infra:" not in r.type]
    assert source in made_of(resource, key)


def test_every_namespaced_object_is_made_in_a_namespace_that_is_a_resource(run: Run) -> None:
    """The order comes with the value: a namespace named in plain text might not be there yet."""
    declared = run(huggingFaceToken="hf_test", secrets=("huggingFaceToken",))
    in_cluster = [r for r in declared if r.type.startswith("kubernetes:") and not r.type.endswith(":Namespace")]
    assert len(in_cluster) == 12
    for resource in in_cluster:
        key = "namespace" if resource.type.endswith(":Release") else "metadata"
        [namespace] = made_of(resource, key)
        place = resource.inputs if key == "namespace" else resource.inputs["metadata"]
        assert namespace == f"Namespace {place['namespace']}", resource.name


@pytest.mark.parametrize(
    ("release", "namespace"),
    [
        ("istio-base", "istio-system"),
        ("istiod", "istio-system"),
        ("inference-gateway", "istio-ingress"),
        ("cert-manager", "cert-manager"),
        ("kserve-llmisvc-crd", "kserve"),
        ("kserve-llmisvc-resources", "kserve"),
        ("kserve-runtime-configs", "kserve"),
    ],
)
def test_each_release_has_the_namespace_that_others_expect(dev: Declared, release: str, namespace: str) -> None:
    assert dev.one(":Release", release).inputs["namespace"] == namespace


def test_every_resource_has_the_stacks_own_provider_and_a_component(run: Run) -> None:
    """A child without its parent falls back to a default provider: it loses the labels and the order."""
    dev = run(huggingFaceToken="hf_test", secrets=("huggingFaceToken",))
    own = {"gcp": "pulumi:providers:gcp::google", "kubernetes": "pulumi:providers:kubernetes::tpu-inference"}
    for r in dev:
        cloud = r.type.split(":")[0]
        if cloud in own:
            assert r.request.provider.rsplit("::", 1)[0].endswith(own[cloud]), r.name
    at_the_top = {r.name for r in dev if r.request.parent.split("::")[2:3] == ["pulumi:pulumi:Stack"]}
    at_the_top -= {r.name for r in dev if ":infra:" in r.type and r.name != "tpu-inference"}
    assert at_the_top == {"google", "llm-d-inference-scheduling", "tpu-inference"}
    assert "infra:Cluster" in dev.one("pulumi:providers:kubernetes").request.parent


def test_everything_is_where_the_location_says(run: Run) -> None:
    declared = run(location="us-east5", tpuZones=["us-east5-a"])
    for kind in (":Subnetwork", ":Router", ":RouterNat", ":Address"):
        assert declared.one(kind).inputs["region"] == "us-east5", kind
    for pool in declared.all(":NodePool"):
        assert pool.inputs["location"] == "us-east5", pool.name


def test_nat_takes_addresses_by_itself(dev: Declared) -> None:
    assert dev.one(":RouterNat").inputs["natIpAllocateOption"] == "AUTO_ONLY"


def test_firewall_opens_the_webhooks_ports_and_nothing_else(dev: Declared) -> None:
    rule = dev.one(":Firewall").inputs
    assert rule["allows"] == [{"protocol": "tcp", "ports": ["9443", "15017"]}]
    assert (rule["sourceRanges"], rule["direction"]) == (["172.16.0.0/28"], "INGRESS")


def test_cluster_takes_pods_and_services_from_the_subnets_own_ranges(dev: Declared) -> None:
    pods, services = [r["rangeName"] for r in dev.one(":Subnetwork").inputs["secondaryIpRanges"]]
    assert gke(dev)["networkingMode"] == "VPC_NATIVE"
    assert gke(dev)["ipAllocationPolicy"] == {"clusterSecondaryRangeName": pods, "servicesSecondaryRangeName": services}


def test_control_plane_has_its_own_range_and_is_reached_by_the_dns_endpoint(run: Run) -> None:
    cluster = gke(run(controlPlaneCidr="172.20.0.16/28"))
    assert cluster["privateClusterConfig"] == {
        "enablePrivateNodes": True,
        "enablePrivateEndpoint": False,
        "masterIpv4CidrBlock": "172.20.0.16/28",
    }
    assert cluster["controlPlaneEndpointsConfig"] == {"dnsEndpointConfig": {"allowExternalTraffic": True}}


def test_default_pool_lives_for_a_moment_only(dev: Declared) -> None:
    assert (gke(dev)["initialNodeCount"], gke(dev)["removeDefaultNodePool"]) == (1, True)


def test_all_nodes_are_shielded_and_leave_access_to_the_accounts_roles(dev: Declared) -> None:
    assert gke(dev)["enableShieldedNodes"] is True
    configs = [gke(dev)["nodeConfig"], *(pool.inputs["nodeConfig"] for pool in dev.all(":NodePool"))]
    for config in configs:
        assert config["oauthScopes"] == ["https://www.googleapis.com/auth/cloud-platform"]
    for config in configs[1:]:
        assert config["shieldedInstanceConfig"] == {"enableSecureBoot": True, "enableIntegrityMonitoring": True}


def test_system_pool_starts_with_a_node_and_every_pool_repairs_and_upgrades_itself(dev: Declared) -> None:
    assert dev.one(":NodePool", "system").inputs["initialNodeCount"] == 1
    for pool in dev.all(":NodePool"):
        assert pool.inputs["management"] == {"autoRepair": True, "autoUpgrade": True}


def test_google_apis_are_the_ones_that_an_empty_project_lacks(dev: Declared) -> None:
    assert {a.inputs["service"].removesuffix(".googleapis.com") for a in dev.all("projects/service:Service")} == {
        "cloudresourcemanager",
        "compute",
        "container",
        "iam",
    }


def test_pulumi_names_what_nothing_else_refers_to(dev: Declared) -> None:
    """A second stack in the same project must not collide, and a replacement must find its name free."""
    named = [r.name for r in dev if r.type.startswith("gcp:") and {"name", "accountId"} & r.inputs.keys()]
    assert named == []


def test_reservation_is_named_by_googles_key(run: Run) -> None:
    pool = tpu_pool(run(tpuCapacity="reservation", tpuReservation="tpus")).inputs
    assert pool["nodeConfig"]["reservationAffinity"]["key"] == "compute.googleapis.com/reservation-name"


def test_kernels_of_tpu_nodes_map_what_a_server_maps_while_it_loads(dev: Declared) -> None:
    assert tpu_pool(dev).inputs["nodeConfig"]["linuxNodeConfig"] == {"sysctls": {"vm.max_map_count": "8388608"}}
    assert "linuxNodeConfig" not in dev.one(":NodePool", "system").inputs["nodeConfig"]


def test_another_machine_replaces_the_tpu_pool_and_nothing_else_is_ignored(dev: Declared) -> None:
    pool = tpu_pool(dev).request
    assert list(pool.replaceOnChanges) == ["nodeConfig.machineType"]
    assert list(pool.ignoreChanges) == ["initialNodeCount", "nodeConfig.advancedMachineFeatures"]
    assert list(dev.one(":NodePool", "system").request.ignoreChanges) == ["initialNodeCount"]


def test_cert_manager_brings_its_crds(dev: Declared) -> None:
    assert dev.one(":Release", "cert-manager").inputs["values"] == {"crds": {"enabled": True}}


def test_presets_come_without_serving_runtimes(dev: Declared) -> None:
    values = dev.one(":Release", "kserve-runtime-configs").inputs["values"]
    assert values == {"kserve": {"llmisvcConfigs": {"enabled": True}, "servingruntime": {"enabled": False}}}


def test_gateway_waits_for_mesh_alone(dev: Declared) -> None:
    needed = needs(dev, dev.one(":Gateway", "inference-gateway"))
    assert {"Release istiod", "Service inference-gateway"} <= needed
    assert not {"NodePool tpu", "Release cert-manager"} & needed


def test_load_balancer_and_listener_are_port_80(dev: Declared) -> None:
    assert service(dev).inputs["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": 80}]
    assert service(dev).inputs["spec"]["selector"] == {"gateway.networking.k8s.io/gateway-name": "inference-gateway"}
    gateway = dev.one(":Gateway", "inference-gateway").inputs
    assert gateway["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert gateway["spec"]["listeners"] == [
        {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    ]


def test_predictor_has_as_long_for_an_update_as_for_a_creation(dev: Declared) -> None:
    timeouts = llm(dev).request.customTimeouts
    assert timeouts.update == timeouts.create


def test_account_of_the_pods_and_secret_are_named_after_the_model_in_its_namespace(run: Run) -> None:
    declared = run(huggingFaceToken="hf_test", secrets=("huggingFaceToken",))
    account, secret = declared.one(":ServiceAccount").inputs["metadata"], declared.one(":Secret").inputs["metadata"]
    assert account == {"name": MODEL["name"], "namespace": MODEL["namespace"]}
    assert secret == {"name": f"{MODEL['name']}-hugging-face", "namespace": MODEL["namespace"]}


def test_pods_wait_for_their_account_and_it_for_the_secret(run: Run) -> None:
    declared = run(huggingFaceToken="hf_test", secrets=("huggingFaceToken",))
    assert any(s.startswith("Secret ") for s in made_of(declared.one(":ServiceAccount"), "secrets"))
    assert any(s.startswith("ServiceAccount ") for s in made_of(llm(declared), "spec"))


def test_role_is_given_to_the_account_as_a_member_of_this_project(dev: Declared, phase: str) -> None:
    member = dev.one(":IAMMember").inputs
    assert member["project"] == "my-project"
    assert member["member"] == (UNKNOWN if phase == "preview" else "serviceAccount:nodes@p")


def test_a_zone_makes_a_zonal_cluster_with_its_pools_there(dev: Declared) -> None:
    assert gke(dev)["location"] == "europe-west4-a"
    assert {pool.inputs["location"] for pool in dev.all(":NodePool")} == {"europe-west4-a"}
