"""The gateway, its proxy, and its load balancer."""

from infra.models.timing import grace_period
from tests.support.dependencies import needs
from tests.support.program import ADDRESS, UNKNOWN, Declared, Resource


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


def test_drained_proxy_ends_when_its_answers_have_and_not_before(dev: Declared) -> None:
    values = dev.one(":Release", "inference-gateway").inputs["values"]
    assert values["env"] == {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true"}
    assert values["terminationGracePeriodSeconds"] == grace_period() == 75


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


def test_load_balancer_and_listener_are_port_80(dev: Declared) -> None:
    assert service(dev).inputs["spec"]["ports"] == [{"name": "http", "port": 80, "targetPort": 80}]
    assert service(dev).inputs["spec"]["selector"] == {"gateway.networking.k8s.io/gateway-name": "inference-gateway"}
    gateway = dev.one(":Gateway", "inference-gateway").inputs
    assert gateway["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert gateway["spec"]["listeners"] == [
        {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    ]


def test_gateway_is_waited_for(dev: Declared) -> None:
    annotations = dev.one(":Gateway", "inference-gateway").inputs["metadata"]["annotations"]
    assert annotations["pulumi.com/waitFor"] == "condition=Programmed"


def test_gateway_waits_for_mesh_alone(dev: Declared) -> None:
    needed = needs(dev, dev.one(":Gateway", "inference-gateway"))
    assert {"Release istiod", "Service inference-gateway"} <= needed
    assert not {"NodePool tpu", "Release cert-manager"} & needed
