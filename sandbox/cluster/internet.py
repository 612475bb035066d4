"""The internet as far as it is here: hosts outside of the VPC that answer by HTTPS, and the names that lead anywhere.

Every host has an address of its own, one for documentation, on the machine's loopback; the machines' authority, which
every program in here trusts, signs its certificate. Let's Encrypt is one of them: `pebble`, whose own main.go says what
it is and is not. Names stand in /etc/hosts, so that the programs need not know where they run.

NetworkPolicies take effect on what Pods open to these hosts (`policy_filter`). Left out: the VPC's NAT and firewall are
not asked on that way; what leads to a host but HTTPS. Who may ask for names is judged when a program starts: one that
may from a later `up` on, as cert-manager with another `tls`, knows none until it starts again.
"""

import ipaddress
import itertools
import os
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import trustme
import yaml

from infra.platform.tls import ACME_DIRECTORY
from sandbox.build import places
from sandbox.clouds.google_kinds import ADDRESS, RECORD
from sandbox.clouds.inventory import Item

from .addresses import INTERNET
from .isolation import AUTHORITY, publish

SOMEWHERE, *_HOSTS = [str(address) for address in itertools.islice(ipaddress.ip_network(INTERNET).hosts(), 20)]
"""An address of the internet at which nobody is."""
LETS_ENCRYPT = str(urlsplit(ACME_DIRECTORY).hostname)
MANAGEMENT_PORT = 15000
"""Where pebble gives out the certificates of its authorities."""


class Host(NamedTuple):
    """A host: its address, and the files of its certificate and key."""

    address: str
    certificate: Path
    key: Path


class Internet:
    """The hosts, by name. `folder` is for their keys."""

    def __init__(self, authority: trustme.CA, folder: Path) -> None:
        self.hosts: dict[str, Host] = {}
        self._authority, self._folder = authority, folder
        self._free: Iterator[str] = iter(_HOSTS)

    @property
    def addresses(self) -> list[str]:
        """Those of all hosts."""
        return [host.address for host in self.hosts.values()]

    def host(self, name: str) -> Host:
        """A host of this name, new if there was none. It answers once somebody listens at its address."""
        if name not in self.hosts:
            address = next(self._free)
            subprocess.run(["ip", "address", "replace", f"{address}/32", "dev", "lo"], check=True)  # noqa: S603, S607
            certificate, key = (self._folder / f"{name}.{kind}" for kind in ("pem", "key"))
            leaf = self._authority.issue_cert(name)
            leaf.private_key_pem.write_to_path(str(key))
            certificate.write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
            self.hosts[name] = Host(address, certificate, key)
            publish(name, address)
        return self.hosts[name]

    def lets_encrypt(self) -> tuple[list[str], dict[str, str]]:
        """The program that answers as Let's Encrypt, a command line, and its environment."""
        host = self.host(LETS_ENCRYPT)
        at = (f"--address={host.address}:443", f"--management={host.address}:{MANAGEMENT_PORT}")
        keys = (f"--certificate={host.certificate}", f"--key={host.key}")
        env = {**os.environ, "PEBBLE_AUTHZREUSE": "0"}  # each order has a challenge
        return [str(places.BIN / "pebble"), *at, *keys], env


def lets_encrypts_root() -> str:
    """The certificate of the authority that every client in the sandbox would trust, in PEM."""
    url = f"https://{LETS_ENCRYPT}:{MANAGEMENT_PORT}/roots/0"
    with urllib.request.urlopen(url, context=ssl.create_default_context(cafile=AUTHORITY)) as answer:
        return answer.read().decode()


def follow_names(operation: str, item: Item, stack_file: Path) -> None:
    """Publish the names that a change in Google Cloud makes lead somewhere.

    Those are the records of Cloud DNS. Where the stack has a `hostname` and no zone for it, its user makes the record,
    as soon as there is an address: so it is done here. A record that goes stays known.
    """
    if operation == "delete":
        return
    if item.kind == RECORD and item.inputs["type"] == "A":
        publish(str(item.inputs["name"]).removesuffix("."), str(item.inputs["rrdatas"][0]))
    if item.kind == ADDRESS:
        config = (yaml.safe_load(stack_file.read_text()) or {}).get("config") or {}
        settings = {key.rpartition(":")[2]: value for key, value in config.items()}
        if settings.get("hostname") and not settings.get("dnsZone"):
            publish(str(settings["hostname"]), str(item.props["address"]))
