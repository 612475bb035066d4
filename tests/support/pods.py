"""The guide's model, and what its Pod says."""

from typing import Any

from infra.settings.context import Context
from infra.settings.model import Model


def model(**fields: Any) -> Model:
    """The model of the API guide, with other fields."""
    guide = {"name": "qwen2-3b-pattern1", "namespace": "llm-d", "uri": "hf://Qwen/Qwen2.5-3B-Instruct"}
    return Model.model_validate({**guide, **fields}, context=Context("v6e-4", 1))


def flags(args: list[str]) -> dict[str, list[str]]:
    """Flags and their values, read as argparse reads them: `--x=1` and `--x 1 2`."""
    read: dict[str, list[str]] = {}
    flag = ""
    for arg in args:
        if arg.startswith("-"):
            flag, _, value = arg.partition("=")
            assert flag not in read, f"{flag} is given twice"
            read[flag] = [value] if value else []
        else:
            read[flag].append(arg)
    return read


def environment(container: dict[str, Any], prefix: str) -> dict[str, str]:
    """The variables whose names begin so."""
    return {v["name"]: v["value"] for v in container["env"] if v["name"].startswith(prefix)}
