"""What GKE's managed collection makes of PodMonitorings and ClusterPodMonitorings: Prometheus' scrape configurations.

Functions of the objects, as `pkg/operator/apis/monitoring/v1/pod_config.go` of
https://github.com/GoogleCloudPlatform/prometheus-engine has them. Each endpoint is a job of its own. A target has the
labels `project_id`, `location` and `cluster` of its cluster, `namespace`, `job` (the name of its object) and `instance`
(the Pod and the port), those that `targetLabels` asks for, and none of them can be overwritten by what is scraped.

A port by its name is one that a container declares; by its number it may be any, and then there is no label
`container`. A Pod that has ended is no target. `CollectionError` says what Google's operator finds wrong as well: no
metric label may be dropped that Google sets, no two endpoints of an object may have the same port, and what a regular
expression, a duration or a selector cannot be.

Other than there, a Secret's value stands in the configuration, and all Pods are found at once, not those of one node.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sandbox.api_client import Json
from sandbox.clouds.monitoring import Place

PROTECTED = ("__address__", "cluster", "instance", "job", "location", "namespace", "project_id")
"""Labels that Google sets, and no relabelling may take."""
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
POD = "__meta_kubernetes_pod_"
OF_DEPLOYMENT = "ReplicaSet;true;(.+)-[a-z0-9]+"
OF_CRON_JOB = r"Job;(.+)-\d{8}$"
ENDED = "(Failed|Succeeded)"
Secret = Callable[[str, str, str], str]
"""What stands in a Secret: its namespace, its name, the key."""


class CollectionError(Exception):
    """Google's operator makes no scrape configuration of an object; the message says why."""


def seconds(duration: str) -> float:
    """A duration of Prometheus, such as `1m30s`."""
    if not re.fullmatch(r"(\d+(ms|[smhdwy]))+", duration):
        raise CollectionError(f"not a valid duration string: {duration!r}")
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", duration))


def decoded(data: str) -> str:
    """What stands in a Secret."""
    return base64.b64decode(data).decode()


def jobs(monitoring: Json, place: Place, secret: Secret, *, speed: float = 1) -> list[Json]:
    """The scrape configurations of a PodMonitoring or a ClusterPodMonitoring, without where Pods are found.

    `speed` is by what intervals and timeouts are divided; none is below a second.
    """
    endpoints = monitoring["spec"]["endpoints"]
    found = [_job(monitoring, endpoint, place, secret, speed) for endpoint in endpoints]
    names = [job["job_name"] for job in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise CollectionError(f"duplicated job name {min(twice)}: an object has a port once")
    return found


def _job(monitoring: Json, endpoint: Json, place: Place, secret: Secret, speed: float) -> Json:
    interval = seconds(endpoint["interval"])
    timeout = seconds(endpoint.get("timeout", endpoint["interval"]))
    if timeout > interval:
        raise CollectionError(f"scrape timeout {timeout} must not be greater than scrape interval {interval}")
    limits = monitoring["spec"].get("limits", {})
    return {
        "job_name": f"{_key(monitoring)}/{endpoint['port']}",
        "scrape_interval": _milliseconds(interval / speed),
        "scrape_timeout": _milliseconds(timeout / speed),
        "metrics_path": endpoint.get("path", "/metrics"),
        "scheme": endpoint.get("scheme", "http"),
        "params": endpoint.get("params", {}),
        **_client(monitoring, endpoint, secret),
        "relabel_configs": [*_targets(monitoring, place), *_port(endpoint["port"]), *_from_pod(monitoring)],
        "metric_relabel_configs": [_checked(rule) for rule in endpoint.get("metricRelabeling", [])],
        "sample_limit": limits.get("samples", 0),
        "label_limit": limits.get("labels", 0),
        "label_name_length_limit": limits.get("labelNameLength", 0),
        "label_value_length_limit": limits.get("labelValueLength", 0),
    }


def _milliseconds(length: float) -> str:
    return f"{max(int(length * 1000), 1000)}ms"


def _key(monitoring: Json) -> str:
    meta = monitoring["metadata"]
    return "/".join(filter(None, (monitoring["kind"], meta.get("namespace"), meta["name"])))


def _client(monitoring: Json, endpoint: Json, secret: Secret) -> Json:
    """How a target is spoken to: its `authorization` and its `tls`."""

    def value(selector: Mapping[str, Any]) -> str:
        ref = selector["secret"]
        namespace = ref.get("namespace") or monitoring["metadata"].get("namespace", "default")
        return secret(namespace, ref["name"], ref["key"])

    said: Json = {}
    if authorization := endpoint.get("authorization"):
        said["authorization"] = {"type": authorization.get("type", "Bearer")}
        if "secret" in authorization.get("credentials", {}):
            said["authorization"]["credentials"] = value(authorization["credentials"])
    if tls := endpoint.get("tls"):
        said["tls_config"] = {
            "insecure_skip_verify": tls.get("insecureSkipVerify", False),
            **{new: tls[old] for old, new in _TLS.items() if old in tls},
            **{part: value(tls[part]) for part in ("ca", "cert", "key") if "secret" in tls.get(part, {})},
        }
    return said


_TLS = {"serverName": "server_name", "minVersion": "min_version", "maxVersion": "max_version"}


def _set(label: str, value: str) -> Json:
    return {"target_label": label, "replacement": value}


def _take(label: str, *sources: str, regex: str = "(.*)", value: str = "$1") -> Json:
    return {"target_label": label, "source_labels": list(sources), "regex": regex, "replacement": value}


def _only(action: str, source: str, regex: str) -> Json:
    return {"action": action, "source_labels": [source], "regex": regex}


def _targets(monitoring: Json, place: Place) -> Iterator[Json]:
    """Which Pods are targets, and the labels that all have."""
    spec, namespace = monitoring["spec"], monitoring["metadata"].get("namespace")
    yield from (_set(*pair) for pair in zip(("project_id", "location", "cluster"), place, strict=True))
    if namespace:
        yield _only("keep", "__meta_kubernetes_namespace", re.escape(namespace))
    yield from _selected(spec["selector"])
    asked = spec.get("targetLabels", {}).get("metadata")
    for label in ([] if namespace else ["namespace"]) if asked is None else asked:
        yield from METADATA[label]
    if namespace:
        yield from METADATA["namespace"]
    yield _set("job", monitoring["metadata"]["name"])
    if spec.get("filterRunning", True):
        yield _only("drop", f"{POD}phase", ENDED)
    yield _take("__tmp_instance", f"{POD}name")
    yield _take("__tmp_instance", f"{POD}controller_kind", f"{POD}node_name", regex="DaemonSet;(.*)")


def _selected(selector: Json) -> Iterator[Json]:
    for key, value in sorted(selector.get("matchLabels", {}).items()):
        yield _only("keep", f"{POD}label_{_name(key)}", re.escape(value))
    for part in selector.get("matchExpressions", []):
        name, values = _name(part["key"]), "|".join(map(re.escape, part.get("values", [])))
        match part["operator"]:
            case "In":
                yield _only("keep", f"{POD}label_{name}", values)
            case "NotIn":
                yield _only("drop", f"{POD}label_{name}", values)
            case "Exists":
                yield _only("keep", f"{POD}labelpresent_{name}", "true")
            case "DoesNotExist":
                yield _only("drop", f"{POD}labelpresent_{name}", "true")
            case other:
                raise CollectionError(f"unsupported operator: {other!r}")


def _name(label: str) -> str:
    """The label as Prometheus names it."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", label)


_CONTROLLER = (f"{POD}controller_kind", f"{POD}labelpresent_pod_template_hash", f"{POD}controller_name")
_NAME, _TYPE = "top_level_controller_name", "top_level_controller_type"
METADATA: dict[str, list[Json]] = {
    "namespace": [_take("namespace", "__meta_kubernetes_namespace")],
    "pod": [_take("pod", f"{POD}name")],
    "container": [_take("container", f"{POD}container_name")],
    "node": [_take("node", f"{POD}node_name")],
    _NAME: [
        _take(_NAME, f"{POD}controller_name"),
        _take(_NAME, *_CONTROLLER, regex=OF_DEPLOYMENT),
        _take(_NAME, _CONTROLLER[0], _CONTROLLER[2], regex=OF_CRON_JOB),
    ],
    _TYPE: [
        _take(_TYPE, f"{POD}controller_kind"),
        _take(_TYPE, *_CONTROLLER, regex=OF_DEPLOYMENT, value="Deployment"),
        _take(_TYPE, _CONTROLLER[0], _CONTROLLER[2], regex=OF_CRON_JOB, value="CronJob"),
    ],
}
"""The rules behind each label of `targetLabels.metadata`."""


def _port(port: int | str) -> list[Json]:
    """Where a target is spoken to. Prometheus finds one for each port that a Pod declares: a number makes them one."""
    if isinstance(port, str):
        name = f"{POD}container_port_name"
        return [_only("keep", name, port), _take("instance", "__tmp_instance", name, regex="(.+);(.+)", value="$1:$2")]
    return [
        {"action": "labeldrop", "regex": "container"},
        _take("instance", "__tmp_instance", value=f"$1:{port}"),
        _take("__address__", f"{POD}ip", value=f"$1:{port}"),
    ]


def _from_pod(monitoring: Json) -> list[Json]:
    mappings: Iterable[Json] = monitoring["spec"].get("targetLabels", {}).get("fromPod", [])
    return [_take(m.get("to") or m["from"], f"{POD}label_{_name(m['from'])}") for m in mappings]


def _checked(rule: Json) -> Json:
    """A rule for metrics, in Prometheus' words; one that would take what Google sets is refused."""
    action, regex = rule.get("action", "replace").lower(), rule.get("regex", "(.*)")
    try:
        matched = [label for label in PROTECTED if re.fullmatch(regex, label)]
    except re.error as error:
        raise CollectionError(f"invalid regex {regex!r}: {error}") from None
    if action in ("replace", "hashmod") and rule.get("targetLabel") in PROTECTED:
        raise CollectionError(f"cannot relabel with action {action!r} onto protected label {rule['targetLabel']!r}")
    if (action == "labeldrop" and matched) or (action == "labelkeep" and len(matched) < len(PROTECTED)):
        raise CollectionError(f"regex {regex} would drop at least one of the protected labels {', '.join(PROTECTED)}")
    if action not in ("replace", "hashmod", "labeldrop", "labelkeep", "keep", "drop"):
        raise CollectionError(f"unknown relabeling action {action!r}")
    return {"action": action, **{new: rule[old] for old, new in _RULE.items() if old in rule}}


_RULE = {
    "sourceLabels": "source_labels",
    "separator": "separator",
    "targetLabel": "target_label",
    "regex": "regex",
    "modulus": "modulus",
    "replacement": "replacement",
}
