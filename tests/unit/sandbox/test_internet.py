"""Which names lead where in the sandbox, by what there is in Google Cloud."""

from pathlib import Path

import pytest

from sandbox.clouds.google_kinds import ADDRESS, CLUSTER, RECORD
from sandbox.clouds.inventory import Item
from sandbox.cluster import internet

HOST, AT = "llm.example.com", "34.7.208.8"


def item(kind: str, **inputs: object) -> Item:
    return Item("gcp", kind, "projects/p", "one", "one", inputs, {"address": AT})


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(internet, "publish", lambda *names: found.append(names))
    return found


def stack_file(folder: Path, **settings: str) -> Path:
    file = folder / "Pulumi.dev.yaml"
    file.write_text("config:\n" + "".join(f"  any-project:{name}: {value}\n" for name, value in settings.items()))
    return file


def test_hostname_without_a_zone_leads_to_the_address_as_its_user_sees_to(
    published: list[tuple[str, str]], tmp_path: Path
) -> None:
    file = stack_file(tmp_path, hostname=HOST)
    internet.follow_names("create", item(CLUSTER), file)
    internet.follow_names("delete", item(ADDRESS), file)
    assert published == []
    internet.follow_names("create", item(ADDRESS), file)
    assert published == [(HOST, AT)]


def test_hostname_with_a_zone_leads_where_its_record_says_and_nowhere_before(
    published: list[tuple[str, str]], tmp_path: Path
) -> None:
    file = stack_file(tmp_path, hostname=HOST, dnsZone="example-com")
    internet.follow_names("create", item(ADDRESS), file)
    assert published == []
    internet.follow_names("update", item(RECORD, name=f"{HOST}.", type="A", rrdatas=["192.0.2.7"]), file)
    assert published == [(HOST, "192.0.2.7")]


def test_stack_without_a_hostname_publishes_nothing(published: list[tuple[str, str]], tmp_path: Path) -> None:
    internet.follow_names("create", item(ADDRESS), stack_file(tmp_path, tls="none"))
    empty = tmp_path / "empty.yaml"
    empty.touch()
    internet.follow_names("create", item(ADDRESS), empty)
    assert published == []


def test_hosts_are_none_of_those_that_the_sandbox_uses_otherwise() -> None:
    assert internet.SOMEWHERE not in internet._HOSTS
    assert internet.LETS_ENCRYPT == "acme-v02.api.letsencrypt.org"
