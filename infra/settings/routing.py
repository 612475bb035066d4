"""How the endpoint picker of a model chooses a Pod: a strategy by name, or a configuration of the user's own.

A configuration of one's own is checked as the picker does it when it starts, as a picker that does not start is seen
in its log alone (`pkg/epp/config/loader` in https://github.com/llm-d/llm-d-router/tree/v0.9.0).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic.alias_generators import to_camel

from infra.releases import picker_plugins

from .explain import listed, place, refuse
from .extra_args import template_problem

Strategy = Literal["prefix-cache", "load", "random"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class _Plugin(_Part):
    type: str
    name: str = ""
    parameters: dict[str, Any] = {}

    @property
    def called(self) -> str:
        """What others refer to it by."""
        return self.name or self.type


class _Use(_Part):
    plugin_ref: str
    weight: Annotated[float, Field(ge=0, strict=True)] | None = None


class _Profile(_Part):
    name: str
    plugins: list[_Use]


class _Configuration(_Part):
    """An EndpointPickerConfig (apix/config/v1alpha1 of the picker). The second `api_version` is the former one, which
    the picker takes too, and which KServe's own configuration has."""

    api_version: Literal["llm-d.ai/v1alpha1", "inference.networking.x-k8s.io/v1alpha1"]
    kind: Literal["EndpointPickerConfig"]
    feature_gates: list[Literal["dataLayer", "flowControl"]] = []
    plugins: list[_Plugin]
    scheduling_profiles: list[_Profile]
    data_layer: dict[str, Any] = {}
    flow_control: dict[str, Any] = {}
    request_handler: dict[str, Any] = {}
    saturation_detector: dict[str, Any] = {}
    parser: dict[str, Any] = {}


def _shape_problems(error: ValidationError) -> Iterator[str]:
    """What keeps the picker from reading a configuration."""
    for found in error.errors():
        where = place(found["loc"])
        match found["type"]:
            case "missing":
                yield f"lacks {where}. Add it."
            case "extra_forbidden":
                yield f"has {where}, which the picker does not know. Remove it."
            case "literal_error":
                yield f"has another {where} than {found.get('ctx', {})['expected']}. Use that."
            case _:
                yield f"has a wrong {where}: {found['msg']}. Change it."


def _plugin_problems(plugin: _Plugin) -> Iterator[str]:
    if reason := picker_plugins.UNUSABLE.get(plugin.type):
        yield f"has the plugin {plugin.type}, which is of no use here, as {reason}. Remove it."
    elif plugin.type not in picker_plugins.USABLE:
        near = get_close_matches(plugin.type, picker_plugins.USABLE)
        hint = f"Did you mean {near[0]}? " if near else ""
        yield (
            f"has the plugin {plugin.type!r}, which the picker {picker_plugins.RELEASE} does not know. {hint}"
            "docs/routing.md has where its plugins are listed."
        )
    known = picker_plugins.PARAMETERS.get(plugin.type)
    for parameter in sorted(plugin.parameters.keys() - known) if known is not None else ():
        elsewhere = plugin.type == picker_plugins.SCORER_OF_PREFIXES and (
            parameter in picker_plugins.PARAMETERS[picker_plugins.INDEX]
        )
        if elsewhere:
            yield f"gives {plugin.type} the parameter {parameter}. Give it to {picker_plugins.INDEX} instead."
        else:
            yield f"gives {plugin.type} the parameter {parameter!r}. It takes {listed(sorted(known or ()))}."


def _leaves(value: object, key: str | None = None) -> Iterator[tuple[str | None, object]]:
    """Every value in a configuration that holds no others, with the key that it stands under."""
    if isinstance(value, Mapping):
        for name, inner in cast(Mapping[str, object], value).items():
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in cast(list[object], value):
            yield from _leaves(inner, key)
    else:
        yield key, value


def _twice(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _profile_problems(profiles: list[_Profile], plugins: Mapping[str, _Plugin]) -> Iterator[str]:
    """The only handler that is of use here knows one profile, and of two pickers in it none could choose."""
    if len(profiles) != 1:
        yield f"has {len(profiles)} schedulingProfiles. Use one, as its Pods are all of one kind."
    for profile in profiles:
        used = [plugins[use.plugin_ref] for use in profile.plugins if use.plugin_ref in plugins]
        choosing = [plugin.called for plugin in used if plugin.type in picker_plugins.PICKERS]
        if len(choosing) > 1:
            yield f"has {len(choosing)} pickers in one profile: {listed(choosing)}. Use one."


def _problems(value: dict[str, Any]) -> Iterator[str]:
    """Why the picker, or KServe before it, would not take a configuration as it is meant."""
    yield from (template_problem(leaf) or "" for _, leaf in _leaves(value) if isinstance(leaf, str))
    try:
        configuration = _Configuration.model_validate(value)
    except ValidationError as error:
        yield from _shape_problems(error)
        return
    plugins = {plugin.called: plugin for plugin in configuration.plugins}
    for plugin in configuration.plugins:
        yield from _plugin_problems(plugin)
    for name in _twice(plugin.called for plugin in configuration.plugins):
        yield f"has two plugins of the name {name}. Give one another `name`."
    for name in dict.fromkeys(str(leaf) for key, leaf in _leaves(value) if key == "pluginRef"):
        if name not in plugins:
            yield f"refers to the plugin {name!r}, which is not in its list of plugins. Add it there."
    yield from _profile_problems(configuration.scheduling_profiles, plugins)
    used = {use.plugin_ref for profile in configuration.scheduling_profiles for use in profile.plugins}
    scheduling = picker_plugins.PICKERS | picker_plugins.SCORERS | picker_plugins.FILTERS
    for name, plugin in plugins.items():
        if plugin.type in scheduling and name not in used:
            yield f"has the plugin {name}, which no profile uses. Add it to one, or remove it."


_TURNS = "The picker has no plugin that takes turns; random spreads as evenly in the long run. "


def _checked(value: object) -> object:
    if isinstance(value, dict):
        own = cast(dict[str, Any], value)
        refuse(_problems(own))
        return own
    if value not in STRATEGIES:
        raise ValueError(
            f"is not allowed. {_TURNS if value == 'round-robin' else ''}Use one of {listed(STRATEGIES)}, or a "
            "configuration of your own: docs/routing.md has one."
        )
    return value


Routing = Annotated[
    Strategy | dict[str, Any],
    BeforeValidator(_checked),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]}),
]
