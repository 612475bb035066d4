"""What the gateway writes of each request, and what it must not."""

import json
import re

import pytest
import yaml

from infra.platform.access_log import FORMAT
from tests.support.pods import model
from tests.support.program import Declared
from tests.support.project import ROOT

PAGE = (ROOT / "docs/access-log.md").read_text()

OF_ENVOY = {
    *("ROUTE_NAME", "START_TIME", "RESPONSE_CODE", "RESPONSE_CODE_DETAILS", "RESPONSE_FLAGS", "BYTES_RECEIVED"),
    *("BYTES_SENT", "REQUEST_DURATION", "COMMON_DURATION", "DURATION", "UPSTREAM_HOST"),
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT",
}
"""Commands of Envoy that tell nothing that a client has written."""
COMMAND = re.compile(r"%(?P<name>\w+)(?:\((?P<asks>.*)\))?(?::(?P<most>\d+))?%")


def test_gateway_prints_a_line_of_json_for_each_request(dev: Declared) -> None:
    mesh = dev.one(":Release", "istiod").inputs["values"]["meshConfig"]
    assert mesh["accessLogFile"] == "/dev/stdout"
    assert mesh["accessLogEncoding"] == "JSON"
    assert json.loads(mesh["accessLogFormat"]) == FORMAT
    assert set(mesh) == {"accessLogFile", "accessLogEncoding", "accessLogFormat"}


COMMANDS = {name: COMMAND.fullmatch(value) for name, value in FORMAT.items()}
"""Each field's only command."""


def of(command: str) -> dict[str, str]:
    """What the fields that are filled in by a command ask it for."""
    return {name: found["asks"] for name, found in COMMANDS.items() if found and found["name"] == command}


def test_each_field_is_one_command_and_so_numbers_stay_numbers() -> None:
    """Envoy writes a number as one only where nothing stands around its command."""
    assert all(COMMANDS.values())


def test_no_field_holds_a_body_a_key_or_a_query() -> None:
    """A key stands in `Authorization`, or by mistake in the query or another header."""
    assert {found["name"] for found in COMMANDS.values() if found} == {"REQ", "PATH", "DYNAMIC_METADATA", *OF_ENVOY}
    assert of("REQ") == {"method": ":METHOD", "request_id": "X-REQUEST-ID"}
    assert of("PATH") == {"path": "NQ:ORIG_OR_PATH"}


def test_who_asked_is_what_a_good_token_claims() -> None:
    """Istio keeps its claims under that name, and a picker's words under `envoy.lb`."""
    claims = "envoy.filters.http.jwt_authn:payload:"
    assert of("DYNAMIC_METADATA") == {
        "issuer": f"{claims}iss",
        "client": f"{claims}sub",
        "token": f"{claims}jti",
        "tokens": "envoy.lb:tokens",
    }


def test_what_a_client_chooses_is_cut_and_nothing_else_is() -> None:
    cut = {name: found["most"] for name, found in COMMANDS.items() if found and found["most"]}
    assert cut == dict.fromkeys(("path", "request_id", "issuer", "client", "token"), "200")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("START_TIME", "time"),
        ("ROUTE_NAME", "route"),
        ("RESPONSE_CODE", "status"),
        ("RESPONSE_CODE_DETAILS", "reason"),
        ("RESPONSE_FLAGS", "flags"),
        ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", "address"),
        ("UPSTREAM_HOST", "pod"),
        ("BYTES_RECEIVED", "bytes_in"),
        ("BYTES_SENT", "bytes_out"),
        ("REQUEST_DURATION", "ms_request"),
        ("DURATION", "ms"),
    ],
)
def test_what_envoy_knows_by_itself_has_its_field(command: str, name: str) -> None:
    assert list(of(command)) == [name]


def test_first_byte_is_of_the_body_as_headers_of_a_stream_come_before_a_token() -> None:
    assert of("COMMON_DURATION") == {"ms_first_byte": "DS_RX_BEG:US_RX_BODY_BEG:ms"}


def test_page_has_every_field() -> None:
    """But the time, which becomes the entry's own."""
    [rows] = re.findall(r"^\| field \| is \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    named = [name for row in rows.splitlines() for name in re.findall(r"`(\w+)`", row.split(" | ")[0])]
    assert sorted(named) == sorted(FORMAT.keys() - {"time"})


def test_plugin_of_the_page_is_taken_and_reports_where_the_log_reads() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    [plugin] = yaml.safe_load(text)
    own = {
        "apiVersion": "llm-d.ai/v1alpha1",
        "kind": "EndpointPickerConfig",
        "plugins": [{"type": "random-picker"}, plugin],
        "schedulingProfiles": [{"name": "default", "plugins": [{"pluginRef": "random-picker"}]}],
    }
    assert model(routing=own).routing == own
    [attribute] = plugin["parameters"]["attributes"]
    key = attribute["key"]
    assert f"%DYNAMIC_METADATA({key['namespace']}:{key['name']})%" == FORMAT["tokens"]
