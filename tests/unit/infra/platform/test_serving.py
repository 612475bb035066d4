"""KServe and what it needs."""

from tests.support.dependencies import needs
from tests.support.program import Declared


def test_cert_manager_brings_its_crds(dev: Declared) -> None:
    assert dev.one(":Release", "cert-manager").inputs["values"]["crds"] == {"enabled": True}


def test_models_from_a_registry_run_as_root_like_the_image_that_reads_them(dev: Declared) -> None:
    """The chart's own value is 1010 (values.yaml of kserve-llmisvc-resources 0.20.0)."""
    values = dev.one(":Release", "kserve-llmisvc-resources").inputs["values"]
    assert values["kserve"]["storage"]["uidModelcar"] == 0


def test_kserve_lets_its_presets_go_at_teardown(dev: Declared) -> None:
    values = dev.one(":Release", "kserve-llmisvc-resources").inputs["values"]
    env = {e["name"]: e["value"] for e in values["kserve"]["llmisvc"]["controller"]["env"]}
    assert env["PREVENT_WELL_KNOWN_CONFIG_DELETION"] == "false"


def test_presets_come_without_serving_runtimes(dev: Declared) -> None:
    values = dev.one(":Release", "kserve-runtime-configs").inputs["values"]
    assert values == {"kserve": {"llmisvcConfigs": {"enabled": True}, "servingruntime": {"enabled": False}}}


def test_only_the_chart_with_gkes_crd_takes_ownership(dev: Declared) -> None:
    owners = {r.name for r in dev.all(":Release") if r.inputs.get("takeOwnership")}
    assert owners == {"kserve-llmisvc-resources"}


def test_mesh_and_serving_do_not_wait_for_tpus_or_for_each_other(dev: Declared) -> None:
    for name in ("istiod", "kserve-runtime-configs"):
        assert "NodePool tpu" not in needs(dev, dev.one(":Release", name))
    assert "Release istiod" not in needs(dev, dev.one(":Release", "kserve-runtime-configs"))
    assert "Release cert-manager" not in needs(dev, dev.one(":Release", "istiod"))
