"""The kinds of output items that are read, by the items' types or else by their fields. Pure."""

from __future__ import annotations

from app.domain.built_in.tool_search import ToolSearchCall
from app.domain.hosted.item import is_search_elsewhere
from app.providers.openai_responses.output.calls import (
    BUILT_IN_CALLS,
    BuiltInCallItem,
    CallItem,
    CustomCallItem,
)
from app.providers.openai_responses.output.items import (
    MessageItem,
    OutputItem,
    ReasoningItem,
)
from app.providers.reading.events import Json

_KINDS: dict[str, type[OutputItem]] = {
    **{kind.kind: kind for kind in (MessageItem, ReasoningItem, CallItem, CustomCallItem)},
    **dict.fromkeys(BUILT_IN_CALLS, BuiltInCallItem),
}
#: The field by which an item without a type is recognised.
_OF_A_KIND = {
    "call_id": "function_call",
    "arguments": "function_call",
    "summary": "reasoning",
    "content": "message",
    "text": "message",
}


def kind_of(item_json: Json) -> type[OutputItem] | None:
    """Return the kind of an item, by its type or its fields; None for one that is not read."""
    kind = item_json.get("type")
    if kind == "text":
        kind = "message"  # a text part in place of an item
    if not isinstance(kind, str) or not kind:
        kind = next((kind for name, kind in _OF_A_KIND.items() if name in item_json), "")
    is_search = kind == ToolSearchCall.type
    if is_search_elsewhere(item_json) if is_search else item_json.get("execution") == "server":
        return None  # the server runs the call itself: the caller has nothing to do
    return _KINDS.get(kind)
