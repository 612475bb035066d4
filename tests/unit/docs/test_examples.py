"""Each example is a whole stack file: it says what it is for, is valid, and the program takes it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.settings.load import parse
from tests.support.program import Run
from tests.support.project import PREFIX, ROOT, defaults, settings_of

EXAMPLES = sorted((ROOT / "examples").iterdir())


def test_there_is_an_example_of_each() -> None:
    assert {path.name for path in EXAMPLES} == {
        *("another-slice.yaml", "gated-model.yaml", "regional.yaml", "reservation.yaml", "several-models.yaml"),
        *("autoscaled.yaml", "several-classes.yaml", "spot.yaml", "two-of-everything.yaml", "weights-in-a-bucket.yaml"),
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_says_first_what_it_is_for_and_then_only_what_is_not_the_default(path: Path) -> None:
    text = path.read_text()
    assert re.match(r"# [A-Z].{20,}", text)
    assert yaml.safe_load(text).keys() == {"config"}
    assert all(key.startswith(PREFIX) for key in yaml.safe_load(text)["config"])
    assert [key for key, value in settings_of(path).items() if value == defaults()[key]] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_valid_and_warns_of_nothing(path: Path) -> None:
    assert parse({**defaults(), **settings_of(path), "gcp:project": "my-project"}, stack=path.stem).warnings == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_has_no_secret(path: Path) -> None:
    assert not re.search(r"secure:|hf_\w|encryptionsalt|huggingFaceToken:", path.read_text())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_program_makes_of_an_example_its_models_with_the_label_of_its_own(run: Run, path: Path) -> None:
    config: dict[str, Any] = settings_of(path)
    made = run(**config)
    services = {service.name for service in made.all(":LLMInferenceService")}
    assert services == {f"{model['namespace']}.{model['name']}" for model in config["models"]}
    labels = json.loads(made.one(":gcp", "google").inputs["defaultLabels"])
    assert labels["environment"] == path.stem  # what policy/ asks for
