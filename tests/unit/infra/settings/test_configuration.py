"""One message for all that is wrong with a stack file, and keys of other namespaces."""

import pulumi
import pytest

from infra.settings.configuration import SettingsError
from infra.settings.load import parse
from tests.support.stack_settings import REMOVED, Values, model, problems, refused, stack

BAD: dict[str, tuple[Values, str]] = {
    "setting of a provider": (
        {"gcp:region": "europe-west4"},
        "gcp:region: has no effect, as the program configures its providers itself. Remove it, and use an environment "
        "variable of the provider if you need it, like GOOGLE_IMPERSONATE_SERVICE_ACCOUNT.",
    ),
}
WRONG: Values = {
    "gcp:project": REMOVED,
    "tpuSlize": "v6e-4",
    "tpuZones": ["us-east5-a"],
    "tpuMinNodes": 5,
    "controlPlaneCidr": "172.16.0.0/27",
    "gkeVersion": "1.30.1-gke.1",
    "models": [
        model(name="qwen", dtype="int4", extraArgs=["-tp=2"]),
        model(name="qwen", uri="s3://bucket/qwen", maxModelLen="1"),
    ],
    "huggingFaceToken": "hf_of_a_test",
}
OF_ALL_THAT_IS_WRONG = [
    '  controlPlaneCidr: "172.16.0.0/27" is not a /28, and GKE takes no other size for the control plane. Use a /28.',
    "  gcp:project: is not set. Run `pulumi config set gcp:project PROJECT_ID` with the project to deploy to.",
    '  gkeVersion: "1.30.1-gke.1" is older than cert-manager 1.21 is supported on, which is 1.33 to 1.36 '
    "(https://cert-manager.io/docs/releases/). Use 1.33 to 1.36, or remove it to use the channel's.",
    "  huggingFaceToken: is stored in plain text. Run `pulumi config set --secret huggingFaceToken`, and revoke "
    "the token if the file was shared.",
    "  models: 2 replicas in all, each taking one TPU node, but `tpuMaxNodes` is 1. Run `pulumi config set "
    "tpuMaxNodes 2`, or lower `replicas`.",
    "  models[0].dtype: \"int4\" is not allowed. Use one of 'auto', 'half', 'float16', 'bfloat16', 'float' or "
    "'float32'.",
    '  models[0].extraArgs: ["-tp=2"] contains -tp. Remove it: the field `tensorParallelSize` sets it.',
    '  models[1].maxModelLen: "1" is not a whole number. Use one, without quotes.',
    '  models[1].uri: "s3://bucket/qwen" cannot be read: there is no setting for its credentials yet. Use hf://..., or '
    "pack the weights into an image and use oci://...",
    "  models[1]: apps/qwen is the name of models[0] as well. Two models need different names or namespaces.",
    "  tpuMaxNodes: 1 is below `tpuMinNodes`, which is 5. Raise it to 5, or lower that one.",
    "  tpuSlize: there is no such setting. Did you mean tpuSlice? Change its name, or remove it.",
    "  tpuZones: [\"us-east5-a\"] contains 'us-east5-a', which is not a zone of europe-west4, the region of "
    "`location`. Use zones of that region, like europe-west4-a, or change `location`.",
]


test_bad_input_is_refused_with_this_line_and_no_other = refused(BAD)


def test_all_problems_come_in_one_message() -> None:
    with pytest.raises(SettingsError) as error:
        parse(stack(WRONG))

    header, *lines = str(error.value).splitlines()
    assert header == "Pulumi.dev.yaml has 13 problems; nothing was changed."
    assert sorted(lines) == OF_ALL_THAT_IS_WRONG


def test_header_names_the_stack_file_and_counts_one_problem() -> None:
    with pytest.raises(SettingsError) as error:
        parse(stack({"tpuSlice": "v5e"}), stack="prod")

    assert str(error.value).startswith("Pulumi.prod.yaml has 1 problem; nothing was changed.\n  tpuSlice: ")


def test_error_is_one_that_the_engine_shows_without_a_traceback() -> None:
    assert issubclass(SettingsError, pulumi.RunError)


def test_dependent_problem_is_not_told_twice() -> None:
    """What cannot be judged until another problem is solved is left out."""
    values = stack({"location": "Europe", "tpuSlice": "v5e", "models[0].tensorParallelSize": 3})

    assert [line.split(":")[0] for line in problems(values)] == ["location", "tpuSlice"]


# Namespaces of settings


@pytest.mark.parametrize("key", ["aws:region", "pulumi:tags", "gke:protect", "acme-inference:x"])
def test_key_of_another_namespace_is_left_alone(key: str) -> None:
    parse(stack(), others=[key])


def test_key_of_a_misspelt_namespace_is_refused() -> None:
    with pytest.raises(SettingsError, match="gke-tpu-inferense:protect: is no setting of this project"):
        parse(stack(), others=["gke-tpu-inferense:protect"])
