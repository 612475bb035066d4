"""Where a Pod with chips may run."""

from infra.google import slices
from infra.models import pod
from infra.models.placement import placement
from tests.support.pods import model
from tests.support.program import Run, spec

SLICE = slices.SLICES["v6e-1"]
TOLERATION = {"key": "google.com/tpu", "operator": "Equal", "value": "present", "effect": "NoSchedule"}


def test_pod_without_a_class_selects_its_slice_alone() -> None:
    assert placement(SLICE) == {
        "nodeSelector": {
            "cloud.google.com/gke-tpu-accelerator": "tpu-v6e-slice",
            "cloud.google.com/gke-tpu-topology": "1x1",
        },
        "tolerations": [TOLERATION],
    }


def test_pod_with_a_class_selects_it_and_leaves_its_toleration_to_gke() -> None:
    template = pod.pod_template(model(), SLICE, compute_class="tpu-v6e-1")
    assert template["nodeSelector"]["cloud.google.com/compute-class"] == "tpu-v6e-1"
    assert template["tolerations"] == [TOLERATION]


def test_model_runs_on_its_own_slice_with_all_of_its_chips(run: Run) -> None:
    models = [{"name": "m", "namespace": "n", "uri": "hf://Qwen/Qwen2.5-0.5B-Instruct", "slice": "v6e-1"}]
    template = spec(run(models=models))["template"]
    (container,) = [c for c in template["containers"] if c["name"] == "main"]
    assert template["nodeSelector"] == placement(SLICE)["nodeSelector"]
    assert container["resources"]["limits"] == {"google.com/tpu": "1"}
    assert "--tensor-parallel-size=1" in container["args"]
