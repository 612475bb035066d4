"""The names, types and defaults of settings stand in Pulumi.yaml alone, and the dev stack is the API guide."""

import pytest

from infra.settings.load import STRUCTURED, parse
from infra.settings.schema import Settings
from tests.support.project import schema, stack_file
from tests.support.stack_settings import stack

SCHEMA = schema()


def test_scalars_are_accepted_as_text_as_the_engine_passes_them() -> None:
    typed = parse(stack())
    as_text = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in stack().items() if not _structured(v)}

    assert parse(stack(as_text)) == typed


def _structured(value: object) -> bool:
    return isinstance(value, list | dict)


def test_dev_stack_serves_one_model() -> None:
    assert len(parse(stack()).models) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "qwen2-3b-pattern1"),
        ("namespace", "llm-d-inference-scheduling"),
        ("uri", "hf://Qwen/Qwen2.5-3B-Instruct"),
        ("names", ("/mnt/models", "Qwen/Qwen2.5-3B-Instruct")),
        ("tpu_dtype", "bfloat16"),  # which the guide calls half: test_api_guide.py
        ("max_model_len", 2048),
        ("replicas", 1),
        ("extra_args", ()),
    ],
)
def test_dev_stacks_model_is_the_api_guides(field: str, value: object) -> None:
    assert getattr(parse(stack()).models[0], field) == value


@pytest.mark.parametrize(("field", "value"), [("tpu_slice", "v6e-4"), ("location", "europe-west4-a")])
def test_dev_stack_runs_where_the_api_guide_does(field: str, value: str) -> None:
    assert getattr(parse(stack()), field) == value


def test_dev_stack_has_no_token_and_no_warning() -> None:
    dev = parse(stack())

    assert (dev.hugging_face_token.get_secret_value(), dev.warnings) == ("", [])


def test_dev_stack_holds_only_what_differs_from_the_defaults() -> None:
    assert [key for key, value in stack_file("dev").items() if value == SCHEMA[key]["default"]] == []


def test_pulumi_yaml_and_settings_know_the_same_keys() -> None:
    assert {field.alias for field in Settings.model_fields.values()} == {*SCHEMA, "gcp:project", "pulumi:stack"}


def test_settings_have_no_default_of_their_own() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.is_required()] == []


def test_what_pulumi_yaml_declares_structured_is_read_as_json() -> None:
    structured = {key for key, field in SCHEMA.items() if field.get("type") in ("array", "object")}

    assert structured == STRUCTURED


def test_token_is_declared_a_secret() -> None:
    assert [key for key, field in SCHEMA.items() if field.get("secret")] == ["huggingFaceToken"]


@pytest.mark.parametrize("key", SCHEMA)
def test_every_setting_is_described(key: str) -> None:
    assert SCHEMA[key]["description"].endswith((".", ")."))
