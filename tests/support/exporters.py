"""What can be asked: the metrics and labels of every exporter, and those that a query names."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.platform.metrics import histogram
from sandbox.programs.vllm_metrics import FACTS

FILE = Path(__file__).with_name("exporters.yaml")
COLLECTED = {"project_id", "location", "cluster", "namespace", "job", "instance"}
"""Labels that Managed Service for Prometheus gives to every series, and `pod` and `node` if a PodMonitoring says so."""
OURS = {
    **{name: {"pod", "node", "model"} for name in ("vllm", "picker")},
    **{name: {"pod", "node"} for name in ("proxy", "istiod", "cert-manager")},
}
_STRING = r'"(?:[^"\\]|\\.)*"'


def _vllm() -> dict[str, Any]:
    """What vLLM shows, as the sandbox's stand-in has it from its source."""
    counters, histograms = FACTS["counters"], FACTS["histograms"]
    return {
        "release": FACTS["release"],
        "source": FACTS["source"],
        "labels": ["engine", "model_name"],
        "gauges": [f"vllm:{name}" for name in FACTS["gauges"]],
        "counters": [f"vllm:{name}" for name in counters],
        "histograms": [f"vllm:{name}" for name in histograms],
        "more": {f"vllm:{name}": labels for name, labels in counters.items()},
    }


@cache
def exporters() -> dict[str, dict[str, Any]]:
    """By name, vLLM's and those of the file."""
    return {"vllm": _vllm(), **yaml.safe_load(FILE.read_text())}


@cache
def series() -> dict[str, set[str]]:
    """Every series that there is by its name on the wire, and its labels."""
    found: dict[str, set[str]] = {}
    for name, exporter in exporters().items():
        around = {"project_id", "location", "monitored_resource"} if name == "system" else COLLECTED
        around = around | OURS.get(name, {"pod"} if name == "state" else set())

        def labels(metric: str, exporter: dict[str, Any] = exporter, around: set[str] = around) -> set[str]:
            return {*exporter["labels"], *exporter.get("more", {}).get(metric, ()), *around}

        found |= {metric: labels(metric) for metric in (*exporter["gauges"], *exporter.get("written", ()))}
        found |= {f"{metric}_total": labels(metric) for metric in exporter["counters"]}
        for metric in exporter["histograms"]:
            found |= {
                part: labels(metric) | ({"le"} if part.endswith("_bucket") else set()) for part in histogram(metric)
            }
    return found


def asked(promql: str) -> dict[str, set[str]]:
    """The series that a query names, and the labels that it selects each by."""
    found: dict[str, set[str]] = {}
    for name, selector in re.findall(r"([a-zA-Z_:][\w:]*)\s*{((?:[^}\"]|" + _STRING + r")*)}", promql):
        labels = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(_STRING, "", selector))
        found.setdefault(name, set()).update(labels)
    return found


def made(promql: str) -> set[str]:
    """Labels that a query makes."""
    return set(re.findall(r', "(\w+)", "\$1", "', promql))


def grouped(promql: str) -> set[str]:
    """Labels that a query groups by."""
    bare = re.sub(_STRING, "", promql)
    return {label.strip() for group in re.findall(r"\bby \(([^)]*)\)", bare) for label in group.split(",")}
