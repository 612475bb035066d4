"""What a model takes of a chip: as others have logged or published it, and as tpu-inference's own classes have it."""

import re

import pytest

from infra.settings import fit, parameters
from infra.settings.fit import Ask
from infra.settings.model_config import known, shape
from tests.support.project import ROOT

PUBLISHED: dict[tuple[str, str], tuple[str, str]] = {
    ("deepseek-ai/DeepSeek-V3", "parameters"): ("671 billion", "671 billion"),
    ("google/gemma-4-26B-A4B-it", "weights in all"): ("48.07 GiB", "48.07 GiB"),
    ("google/gemma-4-31B-it", "weights a chip, v6e-4"): ("14.6 GiB", "14.6 GiB"),
    ("google/gemma-4-31B-it", "cache, v6e-4, 32,768 tokens"): ("67,392 tokens", "67,392 tokens"),
    ("google/gemma-4-31B-it", "pages, v6e-4, 32,768 tokens"): ("1,053 of 64", "1,053 of 64"),
    ("openai/gpt-oss-120b", "parameters"): ("116.83 billion", "116.83 billion"),
    ("openai/gpt-oss-20b", "parameters"): ("20.91 billion", "20.91 billion"),
}


def figure(repository: str, what: str) -> str:
    """What is computed, as it is published."""
    of = shape(known()[repository])
    if what == "parameters":
        digits = 0 if repository.startswith("deepseek") else 2
        return f"{parameters.parameters(of) / 1e9:.{digits}f} billion"
    if what == "weights in all":
        return f"{fit.weights(of, Ask(1)) / 2**30:.2f} GiB"
    found = fit.fit(of, Ask(4, length=32_768))
    if what.startswith("weights"):
        return f"{found.weights / 2**30:.1f} GiB"
    tokens = f"{found.cache_tokens:,} tokens"
    return tokens if what.startswith("cache") else f"{found.cache_tokens // found.page:,} of {found.page}"


@pytest.mark.parametrize(("repository", "what"), PUBLISHED)
def test_figure_is_the_one_that_was_published(repository: str, what: str) -> None:
    published, computed = PUBLISHED[repository, what]

    assert figure(repository, what) == computed == published


def test_page_has_these_figures_each_with_its_source() -> None:
    page = (ROOT / "docs/fit.md").read_text()
    rows = re.findall(r"^\| (\S+/\S+) \| (.+?) \| (.+?) \| (.+?) \| \[.+?\]\(https://.+\) \|$", page, re.MULTILINE)

    assert {(repository, what): (published, computed) for repository, what, published, computed in rows} == PUBLISHED


# Arrays of tpu-inference's own classes, in bytes, without those of a random key; made for few layers, which are alike


def test_gemma_4_has_the_arrays_of_its_class() -> None:
    """`Gemma4ForConditionalGeneration` with six layers, one of which looks at everything, and two that see, over four
    chips: 2,240,186,956 bytes."""
    six = shape(known()["google/gemma-4-31B-it"])
    facts = known()["google/gemma-4-31B-it"]
    seeing = shape({**facts, "vision_config": {**facts["vision_config"], "num_hidden_layers": 2}}).tower
    assert six.whole is not None
    found = six._replace(layers=6, whole=six.whole._replace(layers=1), tower=seeing)

    assert fit.weights(found, Ask(4)) == 2_240_186_956


def test_qwen_that_sees_has_the_arrays_of_its_class() -> None:
    """`Qwen2_5_VLForConditionalGeneration` of the 3B model, over four chips: 1,896,670,084 bytes, of which 4 are no
    weights."""
    seeing = known()["Qwen/Qwen2.5-VL-7B-Instruct"]["vision_config"]
    architecture = {"architectures": ["Qwen2_5_VLForConditionalGeneration"], "vision_config": seeing}
    found = shape({**known()["Qwen/Qwen2.5-3B-Instruct"], **architecture})

    assert fit.weights(found, Ask(4)) == 1_896_670_080
    assert fit.fit(found, Ask(8)).problem == ("the MLP of 3420 of what sees images cannot be divided over 8 chips")
