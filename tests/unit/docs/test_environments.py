"""The committed stacks: what each has that the others have not, and what is promised of each.

The tables stand in docs/environments.md. Where they are out of date, the failure shows the new ones.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from infra.google.apis import HARDENED
from infra.platform.names import base_path
from infra.settings.load import parse
from infra.settings.model import Model
from infra.settings.schema import Settings
from tests.support import project
from tests.support.program import UNKNOWN, Run
from tests.support.project import ROOT, defaults, schema, stack_file

STACKS = ("dev", "staging", "prod")
PAGE = ROOT / "docs/environments.md"

Rows = list[list[str]]


def settings(stack: str) -> Settings:
    return parse({**defaults(), **stack_file(stack), "gcp:project": "my-project"}, stack=stack)


def shown(value: Any) -> str:
    """A value as a cell of a table."""
    if value in (UNKNOWN, "tpu-inference-id"):
        return "an id"
    if isinstance(value, list):
        text = f"{len(value)} entries" if value and isinstance(value[0], dict) else ", ".join(map(str, value))
    else:
        whole = int(value) if isinstance(value, float) and value.is_integer() else value  # on the wire all are floats
        text = json.dumps(whole).strip('"').replace('\\"', "")
    return f"`{text}`" if text else "-"


def differences(values: Mapping[str, Any], path: str = "") -> Iterator[list[str]]:
    """A row for every path whose value is not the same in all stacks: the path, and what each stack has there.

    What no stack has is no difference.
    """
    first: Any = next(iter(values.values()), None)
    everywhere = len(values) == len(STACKS)
    if everywhere and all(value == first for value in values.values()):
        return
    if all(isinstance(value, dict) for value in values.values()):
        for key in sorted({key for value in values.values() for key in value}):
            inner = {stack: value[key] for stack, value in values.items() if key in value}
            yield from differences(inner, f"{path}.{key}" if path else key)
    elif everywhere and all(
        isinstance(v, list) and len(v) == len(first) and v and isinstance(v[0], dict) for v in values.values()
    ):
        for i in range(len(first)):
            yield from differences({stack: value[i] for stack, value in values.items()}, f"{path}[{i}]")
    else:
        yield [f"`{path}`", *(shown(values[stack]) if stack in values else "-" for stack in STACKS)]


def table(rows: Rows, *head: str) -> str:
    """The rows as Markdown."""
    lines = [[*head, *STACKS], ["---"] * (len(head) + len(STACKS)), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def settings_table() -> str:
    dumped = {s: settings(s).model_dump(mode="json", by_alias=True, exclude_none=True) for s in STACKS}
    rows = [row for key in schema() for row in differences({s: v[key] for s, v in dumped.items() if key in v}, key)]
    return table(rows, "setting")


def from_publishers(inputs: dict[str, Any], stack: str) -> dict[str, Any]:
    """Inputs with images named as their publishers do: by which repository a stack pulls them goes without saying."""
    text = json.dumps(inputs)
    for host, place in settings(stack).caches.items():
        text = text.replace(place.prefix, host)
    return json.loads(text)


def resources_table(run: Run) -> str:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for stack in STACKS:
        for resource in run(stack):
            if resource.type != "pulumi:pulumi:Stack":
                protected = {"protect": True} if resource.request.protect else {}
                name = f"{resource.type.split(':')[-1]} `{resource.name}`"
                found.setdefault(name, {})[stack] = from_publishers(resource.inputs, stack) | protected
    rows: Rows = []
    for name, of_stacks in sorted(found.items()):
        if len(of_stacks) < len(STACKS):
            rows.append([name, "", *("declared" if stack in of_stacks else "-" for stack in STACKS)])
        else:
            rows += [[name, *row] for row in differences(of_stacks)]
    return table(rows, "resource", "property")


@pytest.mark.parametrize("about", ["settings", "resources"])
def test_page_shows_how_the_stacks_differ(run: Run, about: str) -> None:
    new = settings_table() if about == "settings" else resources_table(run)
    print(new)
    assert new in PAGE.read_text(), f"in {PAGE.relative_to(ROOT)}, put this in place of the table of {about}:\n\n{new}"


def test_every_committed_stack_is_in_the_tables() -> None:
    assert set(project.STACKS) <= set(STACKS)


@pytest.mark.parametrize("stack", STACKS)
def test_stack_is_valid_and_warns_of_nothing_but_what_its_users_have_to_say(stack: str) -> None:
    warnings = settings(stack).warnings
    nobody_asks_or_is_told = ["auth: tokens, and no key counts yet", "alertEmails: is empty"]
    expected = [] if stack == "dev" else nobody_asks_or_is_told
    assert [line.startswith(start) for line, start in zip(warnings, expected, strict=True)] == [True] * len(expected)


@pytest.mark.parametrize("stack", STACKS)
def test_stack_file_has_only_what_is_not_the_default(stack: str) -> None:
    fields = {f.alias: f for f in Model.model_fields.values()}
    file = stack_file(stack)
    assert [key for key, value in file.items() if value == defaults()[key]] == []
    for model in file["models"]:
        assert [key for key, value in model.items() if value == fields[key].default] == []


@pytest.mark.parametrize("stack", STACKS)
def test_stack_serves_the_api_guides_model_under_the_guides_path(stack: str) -> None:
    paths = [base_path(model.namespace, model.name) for model in settings(stack).models]
    assert paths == ["/llm-d-inference-scheduling/qwen2-3b-pattern1"]


@pytest.mark.parametrize("stack", STACKS)
def test_costs_can_be_told_apart(run: Run, stack: str) -> None:
    labels = json.loads(run(stack).one(":gcp", "google").inputs["defaultLabels"])
    assert labels == {"app": "tpu-inference", "environment": stack}


# What prod promises


def test_prod_outlives_a_zone(run: Run) -> None:
    prod = run("prod")
    cluster, pool, system = (prod.one("cluster:Cluster"), prod.one(":NodePool", "tpu"), prod.one(":NodePool", "system"))
    assert cluster.inputs["location"].count("-") == 1
    assert len(pool.inputs["nodeLocations"]) >= 2
    assert system.inputs["autoscaling"]["totalMinNodeCount"] >= 3


def test_prod_has_two_of_all_that_a_request_passes_each_with_a_budget(run: Run) -> None:
    prod = run("prod")
    istiod = prod.one(":Release", "istiod").inputs["values"]["pilot"]
    proxy = prod.one(":Release", "inference-gateway").inputs["values"]
    for service in prod.all(":LLMInferenceService"):
        assert service.inputs["spec"]["replicas"] >= 2
        assert service.inputs["spec"]["router"]["scheduler"]["replicas"] >= 2
        budgets = {r.name for r in prod.all(":PodDisruptionBudget") if r.name.startswith(f"{service.name}.")}
        assert budgets == {f"{service.name}.vllm", f"{service.name}.picker"}
    assert istiod["autoscaleMin"] >= 2
    assert proxy["autoscaling"]["minReplicas"] >= 2
    assert proxy["podDisruptionBudget"]


def test_prod_has_a_spare_place_for_a_pod_that_lost_its_node() -> None:
    prod = settings("prod")
    assert prod.tpu_max_nodes > sum(model.most for model in prod.models)


def test_prod_is_neither_deleted_nor_upgraded_by_surprise(run: Run) -> None:
    prod = run("prod")
    cluster = prod.one("cluster:Cluster")
    assert cluster.inputs["deletionProtection"] is True
    assert cluster.request.protect
    assert prod.one("address:Address").request.protect
    assert cluster.inputs["maintenancePolicy"]["recurringWindow"]


def test_staging_goes_the_way_of_prod(run: Run) -> None:
    """The same resources, but for the budget of a second model Pod and what hardens a cluster."""
    kinds = {stack: {(r.type, r.name) for r in run(stack) if "Stack" not in r.type} for stack in STACKS}
    hardened = ("Egress", "SecretsKey", ":KeyRing", ":CryptoKey", ":CryptoKeyIAMMember", ":ServiceIdentity")
    more = {(type_, name) for type_, name in kinds["prod"] - kinds["staging"] if not type_.endswith(hardened)}
    assert {name for type_, name in more if type_.endswith(":Service")} <= {api.split(".")[0] for api in HARDENED}
    assert {type_ for type_, name in more if "-out-" in name} == {"gcp:compute/firewall:Firewall"}
    [only_in_prod] = [name for type_, name in more if not type_.endswith(":Service") and "-out-" not in name]
    assert only_in_prod.endswith(".vllm")
    assert kinds["staging"] <= kinds["prod"]
