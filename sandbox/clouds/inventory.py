"""The inventory: everything that exists in the simulated clouds, kept in one JSON file.

Both clouds share it, because a Kubernetes Service of type LoadBalancer leaves a forwarding rule in the VPC.
"""

import hashlib
import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .capacity import Capacity


class CloudError(Exception):
    """The simulated cloud refuses; the message is what the engine shows."""


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`, nested objects merged, everything else replaced."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


@dataclass
class Item:
    """One object. `inputs` is what was asked for (tests edit it to make drift), `computed` what the cloud added."""

    cloud: str
    kind: str
    scope: str
    name: str
    id: str
    inputs: dict[str, Any]
    computed: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What no other object has."""
        return (self.cloud, self.kind, self.scope, self.name)

    @property
    def props(self) -> dict[str, Any]:
        """The outputs of the resource."""
        return merge(self.computed, {k: v for k, v in self.inputs.items() if not k.startswith("__")})


class Inventory:
    """The objects, the enabled APIs, `capacity`, and `log`, the (operation, kind, name) of every change in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.capacity = Capacity()
        saved = json.loads(path.read_text()) if path.exists() else {}
        self.items = {item.key: item for item in (Item(**i) for i in saved.get("items", []))}
        # `project/api`. An API stays enabled after its Service resource is gone, so it is not something left.
        self.enabled_apis: set[str] = set(saved.get("enabledApis", []))
        # Service agents: Google makes one for a project and a service, and never takes it away.
        self.agents: set[str] = set(saved.get("agents", []))
        # What others have made and let us use, by its id or email. It is no part of what a stack leaves.
        self.outside: set[str] = set()
        # Ids that no new object may have, as one that was deleted had it.
        self.taken: set[str] = set(saved.get("taken", []))
        self.listeners: list[Callable[[str, Item], None]] = []  # called with every change, after it
        self.log: list[tuple[str, str, str]] = [(op, kind, name) for op, kind, name in saved.get("log", [])]

    def save(self) -> None:
        """Write it all, to a temporary file that is renamed: an interruption leaves the old file or the new one."""
        items = [asdict(item) for item in self.items.values()]
        temporary = self.path.with_suffix(".tmp")
        sets = {"enabledApis": sorted(self.enabled_apis), "taken": sorted(self.taken)}
        sets |= {"agents": sorted(self.agents)}
        temporary.write_text(json.dumps({"items": items, **sets, "log": self.log}))
        os.replace(temporary, self.path)

    def record(self, operation: str, item: Item) -> None:
        """Apply and persist one change: `create`, `update` or `delete`."""
        if operation == "delete":
            self.items.pop(item.key, None)
        else:
            self.items[item.key] = item
        self.log.append((operation, item.kind, item.name))
        self.save()
        for listener in self.listeners:
            listener(operation, item)

    def find(self, kind: str | None = None, scope: str | None = None, name: str | None = None) -> list[Item]:
        """Objects by any of kind (the type token), scope and name, oldest first."""
        return [
            item
            for item in self.items.values()
            if kind in (None, item.kind) and scope in (None, item.scope) and name in (None, item.name)
        ]

    def unique(self, what: str) -> str:
        """64 hex digits that no other object has, the same ones in every inventory of the same history."""
        return hashlib.sha256(f"{len(self.log)} {what}".encode()).hexdigest()
