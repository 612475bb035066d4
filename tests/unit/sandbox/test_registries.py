"""What the sandbox takes for published: what the program pins is there, everything else is refused in known words."""

import json
import re

import pytest

from infra.releases import images, pins
from sandbox.clouds import registries
from sandbox.clouds.registries import Remote, UnpublishedError
from tests.support.project import ROOT, STACKS, stack_file

PUBLISHED = json.loads((ROOT / "sandbox/clouds/data/published.json").read_text())
MODELS = json.loads((ROOT / "infra/settings/known_models.json").read_text())
TOKEN = "hf_of_a_test"  # noqa: S105 - of nobody
FACTS = {
    *("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim"),
    *("vocab_size", "intermediate_size", "max_position_embeddings"),
}


# Images


@pytest.mark.parametrize(
    ("text", "name", "tag"),
    [
        ("vllm/vllm-tpu:v1", "docker.io/vllm/vllm-tpu", "v1"),
        ("docker.io/vllm/vllm-tpu:v1", "docker.io/vllm/vllm-tpu", "v1"),
        ("busybox", "docker.io/library/busybox", "latest"),
        ("docker.io/busybox:1", "docker.io/library/busybox", "1"),
        ("localhost:5000/a/b", "localhost:5000/a/b", "latest"),
        ("quay.io/jetstack/cert-manager-webhook:v1", "quay.io/jetstack/cert-manager-webhook", "v1"),
    ],
)
def test_reference_is_completed_as_container_runtimes_do(text: str, name: str, tag: str) -> None:
    assert registries.reference(text) == (name, tag, "")


def test_digest_takes_the_place_of_the_tag() -> None:
    found = registries.reference("vllm/vllm-tpu:v1@sha256:00")
    assert str(found) == "docker.io/vllm/vllm-tpu@sha256:00"


# Charts


@pytest.mark.parametrize("chart", pins.CHARTS, ids=lambda chart: chart.name)
def test_pinned_chart_is_published(chart: pins.Chart) -> None:
    registries.chart(chart.source, chart.name, chart.version)


@pytest.mark.parametrize("version", ["1.31.99", "v1.31.4"])
def test_chart_version_that_nobody_published_is_not_found_in_helms_words(version: str) -> None:
    with pytest.raises(UnpublishedError) as refused:
        registries.chart(pins.ISTIOD.source, "istiod", version)
    assert str(refused.value).startswith(
        f'failed to perform "FetchReference" on source: ghcr.io/istio/release/charts/istiod:{version}: not found (known'
    )


def test_everything_in_the_catalogue_has_a_source() -> None:
    entries = [*PUBLISHED["images"].values(), *PUBLISHED["charts"].values()]
    assert all(entry["source"].startswith("https://") for entry in entries)
    assert all(model["sources"] for model in MODELS.values())


@pytest.mark.parametrize("image", pins.IMAGES)
def test_pinned_image_is_published_and_its_digest_is_of_that_tag(image: str) -> None:
    name, _, tag = image.partition(":")
    assert registries.image(image) == (name, tag, "")
    assert registries.image(images.pulled(image, places={}, by_digest=True)) == (name, tag, "")


# Remote repositories

HUB, QUAY = "europe-west4-docker.pkg.dev/p/hub", "europe-west4-docker.pkg.dev/p/quay"
REMOTES = {HUB: Remote("docker.io"), QUAY: Remote("quay.io"), f"{HUB}-closed": Remote("docker.io", readable=False)}


@pytest.mark.parametrize("image", pins.IMAGES)
def test_image_by_a_remote_repository_is_the_publishers(image: str) -> None:
    name, _, tag = image.partition(":")
    places = {host: f"europe-docker.pkg.dev/p/{host.replace('.', '-')}" for host in images.HOSTS}
    remotes = {place: Remote(host) for host, place in places.items()}
    for by_digest in (False, True):
        here = images.pulled(image, places=places, by_digest=by_digest)
        assert registries.image(here, remotes) == (name, tag, "")


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (f"{HUB}/vllm/vllm-tpu:v0.99.0", "known tags are v0.27.0, v0.29.0"),
        (f"{HUB}/vllm-tpu:v0.27.0", "no image of this name is known"),
        (f"{HUB}/docker.io/vllm/vllm-tpu:v0.27.0", "no image of this name is known"),
        (f"{HUB}/jetstack/cert-manager-webhook:v1.21.2", "no image of this name is known"),  # of another publisher
        (f"{QUAY}/vllm/vllm-tpu:v0.27.0", "no image of this name is known"),
        ("europe-west4-docker.pkg.dev/p/other/vllm/vllm-tpu:v0.27.0", "no image of this name is known"),
        (f"{HUB}x/vllm/vllm-tpu:v0.27.0", "no image of this name is known"),
    ],
)
def test_image_that_a_remote_repository_does_not_fetch_is_not_found(image: str, why: str) -> None:
    with pytest.raises(UnpublishedError, match=rf"failed to resolve reference .*: not found \({why}"):
        registries.image(image, REMOTES)


def test_official_image_of_docker_hub_is_asked_for_with_its_whole_path(monkeypatch: pytest.MonkeyPatch) -> None:
    busybox = {"images": {"docker.io/library/busybox": {"tags": ["1"]}}, "mirrors": {}, "upstreams": {}}
    monkeypatch.setattr(registries, "_read", lambda _: busybox)
    assert registries.image(f"{HUB}/library/busybox:1", REMOTES).name == "docker.io/library/busybox"
    with pytest.raises(UnpublishedError, match="not found"):
        registries.image(f"{HUB}/busybox:1", REMOTES)


def test_repository_that_may_not_be_read_answers_403() -> None:
    image = f"{HUB}-closed/vllm/vllm-tpu:v0.27.0"
    with pytest.raises(UnpublishedError) as refused:
        registries.image(image, REMOTES)
    assert str(refused.value) == (
        f'failed to pull and unpack image "{image}": failed to resolve reference "{image}": unexpected status from '
        "HEAD request to https://europe-west4-docker.pkg.dev/v2/p/hub-closed/vllm/vllm-tpu/manifests/v0.27.0: "
        "403 Forbidden"
    )


def test_publishers_answer_where_their_images_are_named_but_docker_hub() -> None:
    assert registries.upstreams() == {
        "https://registry-1.docker.io": "docker.io",
        "https://ghcr.io": "ghcr.io",
        "https://quay.io": "quay.io",
    }


# Models


@pytest.mark.parametrize("stack", STACKS)
def test_models_of_a_stack_exist(stack: str) -> None:
    for model in stack_file(stack)["models"]:
        registries.model(*model["uri"].removeprefix("hf://").split(":"), token=TOKEN)


def test_models_of_the_documents_exist() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.yaml")]
    uris = re.findall(r"uri: hf://([\w.-]+/[\w.-]+)", "".join(page.read_text() for page in pages))
    assert uris
    for repository in uris:
        registries.model(repository, token=TOKEN)


@pytest.mark.parametrize(("token", "status"), [("", 401), (TOKEN, 404)])
def test_repository_that_does_not_exist_is_refused_in_hugging_faces_words(token: str, status: int) -> None:
    with pytest.raises(UnpublishedError) as refused:
        registries.model("Qwen/Qwen9-3B", token=token)
    said = str(refused.value)
    assert said.startswith(
        f"{status} Client Error.\n\nRepository Not Found for url: "
        "https://huggingface.co/api/models/Qwen/Qwen9-3B/revision/main.\n"
    )
    assert "add it to infra/settings/known_models.json" in said


def test_gated_repository_without_a_token_is_refused_in_hugging_faces_words() -> None:
    with pytest.raises(UnpublishedError, match=r"Cannot access gated repo for url .*Llama-3\.1-8B-Instruct"):
        registries.model("meta-llama/Llama-3.1-8B-Instruct")


def test_gated_repository_opens_with_a_token() -> None:
    assert registries.model("meta-llama/Llama-3.1-8B-Instruct", token=TOKEN)["gated"]


@pytest.mark.parametrize("revision", ["v9", "0123456789abcdef0123456789abcdef01234567"])
def test_revision_that_does_not_exist_is_refused(revision: str) -> None:
    with pytest.raises(UnpublishedError, match=rf"Revision Not Found for url: .*/revision/{revision}\."):
        registries.model("Qwen/Qwen3-8B", revision)


@pytest.mark.parametrize("revision", ["", "main", "aa8e72537993ba99e69dfaafa59ed015b17504d1"])
def test_branch_and_the_known_commits_are_revisions(revision: str) -> None:
    assert registries.model("Qwen/Qwen2.5-3B-Instruct", revision)


@pytest.mark.parametrize("repository", MODELS)
def test_facts_of_a_model_are_whole_and_agree(repository: str) -> None:
    facts = {**MODELS[repository], **MODELS[repository].get("text_config", {})}
    assert facts.keys() >= (FACTS - {"head_dim"} if "kv_lora_rank" in facts else FACTS)  # latent attention has four
    assert facts["num_attention_heads"] % facts["num_key_value_heads"] == 0


def test_catalogue_has_the_dev_stacks_model_as_the_compiler_was_given_it() -> None:
    facts = MODELS["Qwen/Qwen2.5-3B-Instruct"]
    assert (facts["num_hidden_layers"], facts["num_key_value_heads"], facts["head_dim"]) == (36, 2, 128)
    assert facts["tie_word_embeddings"] is True
