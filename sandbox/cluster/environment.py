"""The environment of a container, as a kubelet resolves it."""

import math
import re

from kubernetes.utils import parse_quantity

from sandbox.api_client import Json
from sandbox.engine.stack import REPO

from .addresses import API_SERVER
from .isolation import AUTHORITY
from .pod import MissingError, Pod
from .probes import SPEED


def environment(pod: Pod, spec: Json) -> dict[str, str]:
    """A container's environment: its own, and the little that stands in for its file system."""
    env: dict[str, str] = {}
    for source in spec.get("envFrom", []):
        [(kind, ref)] = [(k.removesuffix("Ref"), v) for k, v in source.items() if k != "prefix"]
        for key, value in pod.data(kind, ref["name"], ref.get("optional", False)).items():
            env[source.get("prefix", "") + key] = value.decode()
    for entry in spec.get("env", []):
        if "valueFrom" not in entry:
            env[entry["name"]] = expand(entry.get("value", ""), env)
        elif (value := _value(pod, spec, entry["valueFrom"])) is not None:
            env[entry["name"]] = value
    server = {"KUBERNETES_SERVICE_HOST": API_SERVER, "KUBERNETES_SERVICE_PORT": "443"}
    tools = {"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(REPO), "SANDBOX_SPEED": str(SPEED)}
    trusted = {"SSL_CERT_FILE": str(AUTHORITY)}
    place = {"HOSTNAME": pod.name, "HOME": str(pod.folder), "TMPDIR": str(pod.folder / "tmp")}
    return {**server, **tools, **trusted, **place, **env}


def _value(pod: Pod, spec: Json, source: Json) -> str | None:
    [(kind, ref)] = source.items()
    if kind == "fieldRef":
        return pod.field(ref["fieldPath"])
    if kind == "resourceFieldRef":
        which, resource = ref["resource"].split(".")
        most = pod.node["status"]["allocatable"][resource]
        amount = parse_quantity(spec.get("resources", {}).get(which, {}).get(resource, most))
        return str(math.ceil(amount / (parse_quantity(ref.get("divisor", "1")) or 1)))
    title = {"secretKeyRef": "Secret", "configMapKeyRef": "ConfigMap"}[kind]
    found = pod.data(kind.removesuffix("KeyRef"), ref["name"], ref.get("optional", False)).get(ref["key"])
    if found is None and not ref.get("optional"):
        raise MissingError(f"couldn't find key {ref['key']} in {title} {pod.namespace}/{ref['name']}")
    return None if found is None else found.decode()


def expand(text: str, env: dict[str, str]) -> str:
    """`$(NAME)` replaced by a variable that is known, `$$` by a dollar."""
    return re.sub(r"\$(?:\$|\(([^)]+)\))", lambda m: "$" if m[0] == "$$" else env.get(m[1], m[0]), text)
