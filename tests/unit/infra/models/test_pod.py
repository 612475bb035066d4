"""The Pod that serves a model: what vLLM is told, and what keeps the Pod alive on a TPU node.

KServe merges the template over a preset made for GPUs, so what the template leaves out is the preset's.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.google import slices
from infra.models import pod
from tests.support.pods import environment, flags, model
from tests.support.program import Declared, Run, spec


def flags_of(slice_name: str = "v6e-4", **fields: Any) -> dict[str, list[str]]:
    return flags(pod.args(model(**fields), slices.SLICES[slice_name]))


# Flags


@pytest.mark.parametrize(("slice_name", "size"), [("v6e-1", "1"), ("v6e-4", "4"), ("v6e-8", "8")])
def test_tensor_parallelism_follows_from_the_slice(slice_name: str, size: str) -> None:
    assert flags_of(slice_name)["--tensor-parallel-size"] == [size]


def test_tensor_parallelism_of_ones_own() -> None:
    assert flags_of(tensorParallelSize=2)["--tensor-parallel-size"] == ["2"]


def test_served_names_begin_with_the_one_that_the_api_guide_uses() -> None:
    assert flags_of()["--served-model-name"] == ["/mnt/models", "Qwen/Qwen2.5-3B-Instruct"]


def test_served_names_of_ones_own() -> None:
    assert flags_of(servedNames=["a", "b"])["--served-model-name"] == ["a", "b"]


@pytest.mark.parametrize("dtype", ["half", "float16", "bfloat16"])
def test_sixteen_bits_are_bfloat16(dtype: str) -> None:
    """float16 compiles for no TPU."""
    assert flags_of(dtype=dtype)["--dtype"] == ["bfloat16"]


def test_checkpoint_in_float16_does_not_stay_so_when_nothing_is_set() -> None:
    """vLLM's own `auto` is the checkpoint's."""
    assert flags_of()["--dtype"] == ["bfloat16"]


@pytest.mark.parametrize("dtype", ["float", "float32"])
def test_float32_stays(dtype: str) -> None:
    """It compiles, and the backend does not cast."""
    assert flags_of(dtype=dtype)["--dtype"] == [dtype]


def test_longest_context() -> None:
    assert flags_of(maxModelLen=2048)["--max-model-len"] == ["2048"]


def test_longest_context_is_the_models_own_unless_set() -> None:
    assert "--max-model-len" not in flags_of()


def test_port_is_the_one_that_the_service_of_kserve_points_at() -> None:
    assert flags_of()["--port"] == ["8000"]


@pytest.mark.parametrize(("fields", "trusts"), [({}, False), ({"trustRemoteCode": True}, True)])
def test_code_beside_the_weights_runs_only_if_it_is_trusted(fields: dict[str, Any], trusts: bool) -> None:
    assert ("--trust-remote-code" in flags_of(**fields)) is trusts


def test_extra_flags_come_last_and_in_order() -> None:
    args = pod.args(model(extraArgs=["--seed", "1", "--max-num-seqs=64"]), slices.SLICES["v6e-4"])

    assert args[-3:] == ["--seed", "1", "--max-num-seqs=64"]


def test_extra_flags_take_nothing_from_the_others() -> None:
    without = flags_of(dtype="bfloat16", maxModelLen=2048)

    assert flags_of(dtype="bfloat16", maxModelLen=2048, extraArgs=["--seed=1"]) == {**without, "--seed": ["1"]}


def test_flags_reach_the_container(container: dict[str, Any], slice_: slices.Slice) -> None:
    assert container["args"] == pod.args(model(), slice_)


# The command


def test_command_is_vllm_and_no_shell_that_parses_the_flags_again(container: dict[str, Any]) -> None:
    assert container["command"] == ["vllm", "serve", "/mnt/models"]


def test_image_is_the_one_for_tpus(container: dict[str, Any]) -> None:
    assert container["image"].startswith("docker.io/vllm/vllm-tpu:")


# The slice


def test_pod_takes_every_chip_of_its_host(container: dict[str, Any], slice_: slices.Slice) -> None:
    resources = container["resources"]
    chips = {"google.com/tpu": str(slice_.chips)}

    assert (resources["limits"], resources["requests"]) == (chips, chips)


def test_pod_runs_on_nodes_with_its_slice_alone(template: dict[str, Any], slice_: slices.Slice) -> None:
    assert template["nodeSelector"] == {
        "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
        "cloud.google.com/gke-tpu-topology": slice_.topology,
    }


def test_pod_tolerates_the_taint_that_gke_puts_on_tpu_nodes(template: dict[str, Any]) -> None:
    assert template["tolerations"] == [
        {"key": "google.com/tpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}
    ]


def test_libtpu_knows_the_slice(container: dict[str, Any], slice_: slices.Slice) -> None:
    assert environment(container, "TPU_") == {
        "TPU_CHIPS_PER_HOST_BOUNDS": slice_.chips_per_host_bounds,
        "TPU_HOST_BOUNDS": "1,1,1",
    }


# Probes and hook

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@pytest.mark.parametrize("probe", PROBES)
def test_probe_speaks_http_as_the_server_does(container: dict[str, Any], probe: str) -> None:
    """Probes over HTTPS against a server that speaks HTTP never pass."""
    assert container[probe]["httpGet"] == {"path": "/health", "port": 8000, "scheme": "HTTP"}


@pytest.mark.parametrize("probe", PROBES)
def test_probe_waits_longer_for_an_answer_than_the_default_second(container: dict[str, Any], probe: str) -> None:
    """A server that compiles or runs a full batch is slow, not dead."""
    assert container[probe]["timeoutSeconds"] == 5


def test_hook_has_one_action_after_kserve_has_merged_its_presets_exec_into_it(template: dict[str, Any]) -> None:
    """A `sleep` beside it would be two, and the API server refuses the Pod."""
    assert template["containers"][0]["lifecycle"]["preStop"] == {"exec": {"command": ["/bin/sleep", "15"]}}


# Rights


def test_container_runs_as_the_root_that_its_image_wants(container: dict[str, Any]) -> None:
    """The preset's `runAsNonRoot` holds unless it is denied."""
    context = container["securityContext"]

    assert (context["runAsNonRoot"], context["runAsUser"]) == (False, 0)


def test_libtpu_may_lock_memory(container: dict[str, Any]) -> None:
    assert "SYS_RESOURCE" in container["securityContext"]["capabilities"]["add"]


def test_dropped_capabilities_replace_the_presets_all(container: dict[str, Any]) -> None:
    """An empty list would leave the preset's `drop: [ALL]` standing."""
    assert container["securityContext"]["capabilities"]["drop"] == ["NET_RAW"]


# Memory and weights


def test_shared_memory_is_large_enough_for_the_processes_of_vllm(template: dict[str, Any]) -> None:
    """The preset's volume of this name has 1Gi."""
    assert template["volumes"] == [{"name": "dshm", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}}]


def test_storage_initializer_has_room_for_large_files(template: dict[str, Any]) -> None:
    """KServe's 1 CPU and 1Gi is slow and runs out of memory."""
    (initializer,) = template["initContainers"]

    assert initializer["name"] == "storage-initializer"
    assert initializer["resources"]["limits"] == {"cpu": "4", "memory": "8Gi"}


def test_storage_initializer_asks_for_less_than_the_smallest_tpu_node_has(template: dict[str, Any]) -> None:
    assert template["initContainers"][0]["resources"]["requests"] == {"cpu": "1", "memory": "2Gi"}


# What the API server and KServe do to it


def quantities(value: Any, *, inside: bool = False) -> Iterator[Any]:
    """Every quantity of a template: the leaves of `resources`, and `sizeLimit`."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from quantities(item, inside=inside or key in ("resources", "sizeLimit"))
    elif isinstance(value, list):
        for item in value:
            yield from quantities(item, inside=inside)
    elif inside:
        yield value


def test_every_quantity_is_a_string_as_the_api_server_returns_it(template: dict[str, Any]) -> None:
    """A number is a difference for ever, and a difference in the template replaces the service."""
    found = list(quantities(template))

    assert len(found) == 7
    assert {type(quantity) for quantity in found} == {str}


def test_every_environment_variable_is_a_string(container: dict[str, Any]) -> None:
    assert {type(variable["value"]) for variable in container["env"]} == {str}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="hf"),
        pytest.param({"uri": "oci://registry/image:tag", "servedNames": ["a", "b"]}, id="oci"),
        pytest.param({"extraArgs": ['--hf-overrides={"a":{"b":{"c":[{}]}}}']}, id="JSON in a flag"),
    ],
)
def test_nothing_in_the_template_is_a_template_to_kserve(slice_: slices.Slice, fields: dict[str, Any]) -> None:
    assert "{{" not in json.dumps(pod.pod_template(model(**fields), slice_), separators=(",", ":"))


def test_template_is_plain_json(template: dict[str, Any]) -> None:
    """A tuple or a set would come back as something else."""
    assert json.loads(json.dumps(template)) == template


def test_same_model_has_the_same_template(template: dict[str, Any], slice_: slices.Slice) -> None:
    """A list in another order would replace the service."""
    assert json.dumps(pod.pod_template(model(), slice_)) == json.dumps(template)


def test_port_of_libtpus_metrics_is_named_only_where_somebody_reads_it(slice_: slices.Slice) -> None:
    def ports(template: dict[str, Any]) -> Any:
        return template["containers"][0].get("ports")

    [port] = ports(pod.pod_template(model(), slice_, measured=True))
    assert port == {"name": "tpu-metrics", "containerPort": 8431, "protocol": "TCP"}
    assert ports(pod.pod_template(model(), slice_)) is None


def test_watched_stack_has_its_chips_measured(run: Run, dev: Declared) -> None:
    [measured], [not_measured] = (spec(stack)["template"]["containers"] for stack in (run(monitoring="true"), dev))
    assert [port["containerPort"] for port in measured["ports"]] == [8431]
    assert "ports" not in not_measured
