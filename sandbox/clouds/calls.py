"""What a cloud is asked, what it is asked with, and how it says that something is not ready."""
# A cloud's methods are described by `Cloud`.
# ruff: noqa: D102

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from pulumi.runtime.rpc import UNKNOWN

from .inventory import CloudError, Inventory

Props = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """What every operation knows: type token, URN, logical name, and the configuration of the resource's provider.

    `state` is what the engine has of the resource, in `drift`, `read` and `delete`.
    """

    kind: str
    urn: str
    name: str
    config: Props
    state: Props = field(default_factory=dict)


class NotReadyError(CloudError):
    """The object exists but is not what was asked for: the engine keeps it in its state, to update it next time."""

    def __init__(self, object_id: str, props: Props, message: str) -> None:
        super().__init__(message)
        self.object_id, self.props = object_id, props


class Cloud(Protocol):
    """What a cloud decides; a refusal is a `CloudError`.

    Operations run one at a time, as each holds the lock of `inventory`. A cloud in which other inputs may mean the same
    brings `unchanged`, which returns the new ones with the old value wherever that is so.

    `check` returns the inputs with defaults and auto-names (`suffix` is random, and fixed for a resource in one run);
    `config_replaces` the key whose change replaces the provider itself; `config_target` the keys that name what it
    talks to, of which it tells the first unknown one alone; `replaces` whether a change of an input replaces the
    resource; `drift` the outputs that an update would change although no input does, and the provider's own keys;
    `preview` the outputs that are known before the operation.
    """

    inventory: Inventory
    config_replaces: str
    config_target: tuple[str, ...]

    def check(self, call: Call, old: Props, new: Props, suffix: str) -> Props: ...
    def replaces(self, call: Call, path: str) -> bool: ...
    def delete_before_replace(self, call: Call, old: Props, new: Props) -> bool: ...
    def drift(self, call: Call, object_id: str, new: Props) -> list[str]: ...
    def preview(self, call: Call, object_id: str | None, inputs: Props) -> Props: ...
    def create(self, call: Call, inputs: Props) -> tuple[str, Props]: ...
    def read(self, call: Call, object_id: str) -> Props | None: ...
    def update(self, call: Call, object_id: str, inputs: Props) -> Props: ...
    def delete(self, call: Call, object_id: str) -> None: ...


Clouds = Callable[[Inventory], AbstractContextManager[Mapping[str, Cloud]]]
"""Opens what stands in for the clouds of a stack, by the name of the provider, for as long as the stack is entered."""


def unknown(value: Any) -> Any:
    """The same shape with every leaf unknown: what a preview says of a computed output."""
    return {k: unknown(v) for k, v in value.items()} if isinstance(value, dict) and value else UNKNOWN
