"""The ids and names that an answer gives its calls. Pure."""

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
    """What an answer must know of its request to name its calls.

    `used_ids` are ids of earlier calls, which no other call may have. `namespaced` maps qualified
    tool names, as models know them, to namespace and own name; a deferred tool outside of any has
    its own name as its namespace (tools/deferred.py). `custom` are the names of custom
    tools as models know them, `built_in` maps such names to the types of built-in tools.
    `hosted_ids` maps ids that servers gave earlier requests for approval to ours.
    """

    used_ids: Container[str] = frozenset()
    namespaced: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    custom: Container[str] = frozenset()
    built_in: Mapping[str, str] = field(default_factory=dict)
    hosted_ids: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        used_ids: Container[str],
        tools: Sequence[Tool],
        items: Collection[Item] = (),
        deferred: Collection[str] = (),
    ) -> CallNames:
        """Return the names for an answer to a request with these tools and earlier items.

        `deferred` are the names of the tools that the server is to search for.
        """
        hosted_ids = request_ids(items)
        own = {name: (name, name) for name in deferred} if deferred else {}
        if all(type(tool) is FunctionTool for tool in tools):
            return cls(used_ids, own, hosted_ids=hosted_ids)
        return cls(
            used_ids, own_names(tools) | own, custom_names(tools), built_in_types(tools), hosted_ids
        )

    def own_id(self, given: str, response_id: str) -> str:
        """Return our id for a call that the upstream gave an id."""
        own_id = call_id(given)
        return distinct_call_id(own_id, response_id) if own_id in self.used_ids else own_id

    def own_name(self, call: CallOpened) -> tuple[str | None, str]:
        """Return the function's namespace, None without one, and its name in it."""
        if call.namespace is None and call.name in self.namespaced:
            return self.namespaced[call.name]
        return call.namespace, call.name

    def is_custom(self, call: CallOpened) -> bool:
        """Tell whether it is a call of a custom tool."""
        return call.is_plain_input or qualified(call.namespace, call.name) in self.custom

    def built_in_type(self, call: CallOpened) -> str:
        """Return the type of the built-in tool that is called, "" if it is none."""
        return call.built_in or self.built_in.get(call.name, "")
