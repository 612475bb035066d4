"""The ids that objects get, by the SDK's documentation and of their inputs; and the names of their types."""

import importlib
import inspect
import re
from typing import Any

import pytest

from ops import tokens
from ops.object_ids import IDS, UnknownIdError, import_id

ALIASES = {"project_id": "project", "cluster_id": "name", "zone": "managed_zone"}
"""Words of the SDK's documentation for inputs that have another name."""


def sdk(kind: str) -> Any:
    """The SDK's class of a type."""
    package, module, name = kind.split(":")
    return getattr(importlib.import_module(f"pulumi_{package}.{module.split('/')[0]}"), name)


def resource(kind: str, inputs: dict[str, Any]) -> dict[str, Any]:
    return {"urn": f"urn:pulumi:dev::p::{kind}::main", "type": kind, "inputs": inputs}


def documented(kind: str) -> list[str]:
    """The formats that the SDK's documentation of a type lists under Import."""
    pages = inspect.getsource(sdk(kind))
    return re.findall(r"^ *\* `(.*{{.*)`$", pages.partition("## Import")[2].partition('"""')[0], re.MULTILINE)


@pytest.mark.parametrize("kind", IDS)
def test_type_has_the_sdks_name(kind: str) -> None:
    assert sdk(kind).pulumi_type == kind


@pytest.mark.parametrize("kind", [kind for kind in IDS if documented(kind) and kind != tokens.POOL])
def test_id_is_a_format_that_the_sdk_documents(kind: str) -> None:
    names = [re.sub(r"(?=[A-Z])", "_", name).lower() for name in re.findall(r"{(\w+)}", IDS[kind])]
    fixed = re.sub(r"{\w+}", "{}", IDS[kind])
    theirs = [
        (re.sub(r"{{[\w-]+}}", "{}", form), [ALIASES.get(name, name) for name in re.findall(r"{{([\w-]+)}}", form)])
        for form in documented(kind)
    ]
    assert (fixed, names) in theirs


def test_most_types_are_documented() -> None:
    assert len([kind for kind in IDS if documented(kind)]) >= 12


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        (tokens.NETWORK, {"name": "n"}, "projects/prj/global/networks/n"),
        (tokens.NETWORK, {"name": "n", "project": "other"}, "projects/other/global/networks/n"),
        (
            tokens.NAT,
            {"name": "n", "router": "https://www.googleapis.com/compute/v1/projects/prj/regions/r/routers/ro"},
            "prj/europe-west4/ro/n",
        ),
        (
            tokens.POOL,
            {"name": "n", "cluster": "projects/prj/locations/l/clusters/c", "location": "l"},
            "projects/prj/locations/l/clusters/c/nodePools/n",
        ),
        (
            tokens.ACCOUNT,
            {"accountId": "a"},
            "projects/prj/serviceAccounts/a@prj.iam.gserviceaccount.com",
        ),
        (
            tokens.PROJECT_MEMBER,
            {"role": "roles/r", "member": "user:a@b.c", "condition": {"title": "t", "expression": "e"}},
            "prj/roles/r/user:a@b.c/t//e",
        ),
        (
            tokens.SERVICE_IDENTITY,
            {"service": "container.googleapis.com", "project": "other"},
            "projects/other/services/container.googleapis.com",
        ),
        (tokens.RELEASE, {"namespace": "ns", "name": "n"}, "ns/n"),
        (tokens.LOAD_BALANCER, {"metadata": {"namespace": "ns", "name": "n"}}, "ns/n"),
        (tokens.NAMESPACE, {"metadata": {"name": "n"}}, "n"),
    ],
)
def test_id_is_computed_from_inputs_and_provider(kind: str, inputs: dict[str, Any], expected: str) -> None:
    assert import_id(resource(kind, inputs), {"project": "prj", "region": "europe-west4"}) == expected


@pytest.mark.parametrize(
    ("kind", "inputs", "reason"),
    [
        ("gcp:redis/instance:Instance", {"name": "n"}, "of a gcp:redis/instance:Instance: there is no rule for it"),
        (tokens.NETWORK, {}, "without name in its inputs"),
        (tokens.NETWORK, {"name": {"4dabf18193072939515e22adb298388d": "secret"}}, "without name in its inputs"),
        ("kubernetes:core/v1:Secret", {}, "without name in its inputs"),
    ],
)
def test_id_that_cannot_be_computed_is_asked_for(kind: str, inputs: dict[str, Any], reason: str) -> None:
    of = resource(kind, inputs)
    with pytest.raises(UnknownIdError) as failed:
        import_id(of, {"project": "prj"})
    assert str(failed.value).startswith(f"main: cannot compute the id {reason}. ")
    assert f"--id '{of['urn']}=ID'" in str(failed.value)
