"""Events as the engine logs them, and the report on them."""

from typing import Any

from pulumi.automation.events import EngineEvent

from ops.report import comment

CLUSTER = "gke-tpu-inference:infra:Cluster$gcp:container/cluster:Cluster"
ADDRESS = "gke-tpu-inference:infra:Network$gcp:compute/address:Address"
TPU_POOL = "gke-tpu-inference:infra:TpuPool$gcp:container/nodePool:NodePool"
SYSTEM_POOL = "gke-tpu-inference:infra:Cluster$gcp:container/nodePool:NodePool"
SUBNET = "gke-tpu-inference:infra:Network$gcp:compute/subnetwork:Subnetwork"
MODEL = "gke-tpu-inference:infra:Predictor$kubernetes:serving.kserve.io/v1alpha2:LLMInferenceService"
NAMESPACE = "kubernetes:core/v1:Namespace"
KEY = "gke-tpu-inference:infra:SecretsKey$gcp:kms/cryptoKey:CryptoKey"
ROUTER = "gke-tpu-inference:infra:Network$gcp:compute/router:Router"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}
END: dict[str, Any] = {"summaryEvent": {"resourceChanges": {}}}


def step(op: str, kind: str, name: str, *, event: str = "resourcePreEvent", **metadata: Any) -> dict[str, Any]:
    """One step of the engine. `diff` are property paths and what happens to them; `old` and `new` are inputs."""
    urn = f"urn:pulumi:dev::gke-tpu-inference::{kind}::{name}"
    diff = {path: {"diffKind": what, "inputDiff": True} for path, what in metadata.pop("diff", {}).items()}
    sides = {side: {"inputs": metadata.pop(side)} for side in ("old", "new") if side in metadata}
    data = {"op": op, "urn": urn, "type": kind.rsplit("$", 1)[-1], "detailedDiff": diff, **sides, **metadata}
    return {event: {"metadata": data, "planning": True}}


def replaced(kind: str, name: str, **metadata: Any) -> list[dict[str, Any]]:
    """The steps of a replacement, the old one first, as the engine emits them."""
    return [
        step("delete-replaced", kind, name),
        step("replace", kind, name, **metadata),
        step("create-replacement", kind, name, **metadata),
    ]


def error(message: str, severity: str = "error") -> dict[str, Any]:
    return {"diagnosticEvent": {"message": message, "severity": severity, "color": "never"}}


def report(*events: dict[str, Any], ended: bool = True, **options: Any) -> str:
    parsed = [EngineEvent.from_json(event) for event in (*events, *([END] if ended else []))]
    return comment.report(parsed, stack="dev", **options)


def line(text: str, part: str) -> str:
    """The one line that has the part."""
    [found] = [line for line in text.splitlines() if part in line]
    return found
