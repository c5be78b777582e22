"""The ids and names under which an answer shows its calls. Pure."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import field

from app.domain.frozen import frozen_dataclass
from app.domain.hosted.item import request_ids
from app.domain.ids import call_id, distinct_call_id
from app.domain.items import Item
from app.domain.stream.deltas import CallOpened
from app.domain.tools import (
    FunctionTool,
    Tool,
    built_in_types,
    custom_names,
    own_names,
    qualified,
)


@frozen_dataclass(frozen=True, slots=True)
class CallNames:
    """What an answer has to know of the request to name its calls.

    `used_ids` are those of earlier calls, which no other may have. `namespaced` has the namespace
    and the own name of each tool that models know under a qualified one; `custom` are the names
    under which they know custom tools, `built_in` the types of built-in tools by such names.
    `hosted_ids` are the ids of earlier requests for approval, by what their server calls them.
    """

    used_ids: Container[str] = frozenset()
    namespaced: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    custom: Container[str] = frozenset()
    built_in: Mapping[str, str] = field(default_factory=dict)
    hosted_ids: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, used_ids: Container[str], tools: Sequence[Tool], items: Collection[Item] = ()
    ) -> CallNames:
        """Return how an answer names its calls, to a request with these tools and items before."""
        hosted_ids = request_ids(items)
        if all(type(tool) is FunctionTool for tool in tools):
            return cls(used_ids, hosted_ids=hosted_ids)
        return cls(
            used_ids, own_names(tools), custom_names(tools), built_in_types(tools), hosted_ids
        )

    def own_id(self, given: str, response_id: str) -> str:
        """Return the id of a call to which the upstream has given one."""
        own_id = call_id(given)
        return distinct_call_id(own_id, response_id) if own_id in self.used_ids else own_id

    def own_name(self, call: CallOpened) -> tuple[str | None, str]:
        """Return the namespace of the function, None where it is in none, and its name there."""
        if call.namespace is None and call.name in self.namespaced:
            return self.namespaced[call.name]
        return call.namespace, call.name

    def is_custom(self, call: CallOpened) -> bool:
        """Tell whether it is the call of a custom tool."""
        return call.is_plain_input or qualified(call.namespace, call.name) in self.custom

    def built_in_type(self, call: CallOpened) -> str:
        """Return the type of the built-in tool that is called, "" where none is."""
        return call.built_in or self.built_in.get(call.name, "")
