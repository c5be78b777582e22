"""Items that the gateway does not create itself: of tools that another server runs (R24)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.ids import upstream_item_id

#: The known kinds, and the prefix of each one's ids.
HOSTED_KINDS: Mapping[str, str] = {
    "web_search_call": "ws",
    "file_search_call": "fs",
    "code_interpreter_call": "ci",
    "image_generation_call": "ig",
    "mcp_list_tools": "mcpl",
    "mcp_call": "mcp",
    "mcp_approval_request": "mcpr",
    "mcp_approval_response": "mcpa",
    "computer_call": "cu",
    "computer_call_output": "cuo",
    "program": "prog",
    "program_output": "po",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
}
_UNKNOWN_PREFIX = "hi"
#: Kinds that are a call and its output, and meaningless without each other.
PAIRED_KINDS = ("computer_call", "computer_call_output")
#: The kind that asks the caller for permission to call a tool.
REQUEST_KIND = "mcp_approval_request"
#: The key for the id of the request for approval that an item answers, or was allowed by.
_REQUEST = "approval_request_id"
#: Kinds that the caller adds to a conversation; the others come from the model.
_BY_CALLER = frozenset({"mcp_approval_response", "computer_call_output"})


@dataclass(frozen=True, slots=True)
class HostedItem:
    """`json` is the whole item as it came, including `id` and `type`; it is never changed.

    `id` is "" until one is minted. `path` is the item's place in a request, "" for a stored one.
    """

    id: str
    json: dict[str, Any]
    path: str = field(default="", compare=False)

    @property
    def type(self) -> str:
        """The item's kind."""
        kind: str = self.json["type"]
        return kind

    @property
    def prefix(self) -> str:
        """The prefix of ids of its kind."""
        return HOSTED_KINDS.get(self.type, _UNKNOWN_PREFIX)

    @property
    def call_id(self) -> str | None:
        """The id that a call and its output share; None for kinds without one."""
        call_id = self.json.get("call_id")
        return call_id if isinstance(call_id, str) else None

    @property
    def is_by_caller(self) -> bool:
        """Whether the caller made it, not the model or one of its tools."""
        return self.type in _BY_CALLER

    def renamed(self, new_ids: Mapping[str, str]) -> HostedItem:
        """Return the item, with the new id of the request for approval that it names."""
        named = self.json.get(_REQUEST)
        if not isinstance(named, str) or named not in new_ids:
            return self
        return HostedItem(self.id, self.json | {_REQUEST: new_ids[named]}, self.path)

    @property
    def for_server(self) -> dict[str, Any]:
        """The item as it is sent back to a server that knows its kind: without an id of ours (P2).

        An item that the caller made without an id has none there.
        """
        sent = dict(self.json)
        own_id = upstream_item_id(self.id)
        if own_id != self.id and self.is_by_caller and not self.id.endswith(own_id):
            del sent["id"]
        else:
            sent["id"] = own_id
        if isinstance(named := sent.get(_REQUEST), str):
            sent[_REQUEST] = upstream_item_id(named)
        return sent

    def under(self, item_id: str) -> HostedItem:
        """Return the item with this id, at the id's old place or first."""
        return HostedItem(item_id, {"id": item_id} | self.json | {"id": item_id}, self.path)


def request_ids(items: Collection[object]) -> dict[str, str]:
    """Return our ids of the requests for approval among items, by their servers' ids."""
    if HostedItem not in map(type, items):  # MEASURED: a fifth of the time of looking at each
        return {}
    return {
        upstream_item_id(item.id): item.id
        for item in items
        if type(item) is HostedItem and item.type == REQUEST_KIND
    }


def hosted_item(json: dict[str, Any]) -> HostedItem:
    """Return the item for an object that was stored or sent."""
    return HostedItem(json["id"], json)


def is_search_elsewhere(json: Mapping[str, Any]) -> bool:
    """Tell whether a search among tools was run by another server, not by the caller (G3)."""
    execution = json.get("execution")
    return execution == "server" or (execution is None and json.get("call_id") is None)
