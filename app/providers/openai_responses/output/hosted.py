"""Items of tools that the server runs, and of unknown kinds, passed on unchanged (P2).

    {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"}

is an event within the item at index 0.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import orjson

from app.domain.hosted.item import HOSTED_KINDS, is_search_elsewhere
from app.domain.response import PASSED_KEYS
from app.domain.stream.deltas import Delta, HostedEnded, HostedNoted, HostedOpened
from app.domain.tools.deferred import without_secrets
from app.providers.openai_responses.output.items import OutputItem
from app.providers.reading.events import Json
from app.providers.reading.understanding import ContentReader
from app.schemas.request.items.input import ITEMS
from app.schemas.wire.built_in.hosted_events import HOSTED_EVENTS
from app.schemas.wire.events import EVENT

#: The keys of an event that are not its content; `obfuscation` is padding.
_PLACE = frozenset({"type", "sequence_number", "item_id", "output_index", "obfuscation"})
#: Fields that an item has only at its end, and their values before.
_LATE: dict[str, Any] = {
    "code": "",
    "arguments": "",
    **dict.fromkeys(("result", "results", "output", "outputs", "error", "tools")),
}
#: The form of the names of events that are passed on.
_IS_NAME = re.compile(r"response\.[A-Za-z0-9_.]{1,100}").fullmatch
#: Known events of hosted items, and events that only the gateway itself sends.
_OF_ITEMS = frozenset(each for types in HOSTED_EVENTS.values() for each in types)
_OWN = frozenset(EVENT.documents) - _OF_ITEMS
#: Maximum size of each response field that is passed on (P1), in bytes of JSON.
_MOST_PASSED = 64 * 1024
_SEARCHES = ("tool_search_call", "tool_search_output")


class HostedOutputItem(OutputItem):
    """A hosted item; `key` identifies it in the deltas."""

    kind: ClassVar[str] = "hosted"

    def __init__(self, item_json: Json, reader: ContentReader, key: str) -> None:
        super().__init__(item_json, reader)
        self._key = key
        self._json = without_secrets(item_json)

    @property
    def type(self) -> str:
        """Its type, as the server sends it."""
        kind: str = self._json["type"]
        return kind

    def may_be(self, item_json: Json) -> bool:
        return bool(item_json.get("type") == self.type)

    def opened(self) -> list[Delta]:
        return [HostedOpened(self._key, self._json, self.item_id)]

    def opened_late(self) -> list[Delta]:
        """Return the deltas for the beginning of an item that came whole, without late fields."""
        begun = {name: _LATE.get(name, value) for name, value in self._json.items()}
        if "tools" in begun:
            begun["tools"] = []
        if "status" in begun:
            begun["status"] = "in_progress"
        return [HostedOpened(self._key, begun, self.item_id)]

    def noted(self, event: Json) -> list[Delta]:
        """Return the delta for an event within it, unless only the gateway may send that event."""
        if not _may_pass(event["type"]):
            return []
        return [HostedNoted(self._key, event["type"], _fields(event))]

    def rest(self, item_json: Json) -> list[Delta]:
        return [HostedEnded(self._key, without_secrets(item_json))]

    def ended(self) -> list[Delta]:
        return []


def is_hosted(item_json: Json) -> bool:
    """Tell whether an item is of a tool that the server runs, or of an unknown kind."""
    kind = item_json.get("type")
    if not isinstance(kind, str) or not kind:
        return False
    if kind in _SEARCHES:
        return is_search_elsewhere(item_json)  # any other search is the caller's
    return kind in HOSTED_KINDS or kind not in ITEMS


def of_answer(event: Json) -> list[Delta]:
    """Return the delta for an unknown event about the whole answer; none for any other event."""
    kind = event["type"]
    is_of_item = kind in _OF_ITEMS or not event.keys().isdisjoint(_OF_OTHERS)
    if is_of_item or not _may_pass(kind):
        return []
    return [HostedNoted(None, kind, _fields(event))]


def passed_of(response: Json) -> Json:
    """Return the server's fields about the whole answer that are passed on (P1)."""
    return {
        name: value
        for name in PASSED_KEYS
        if isinstance(value := response.get(name), dict)
        and value
        and len(orjson.dumps(value)) <= _MOST_PASSED
    }


#: Keys of events that are about an item, or contain the response itself.
_OF_OTHERS = frozenset({"item_id", "output_index", "item", "response", "error", "usage"})


def _may_pass(kind: str) -> bool:
    return kind not in _OWN and _IS_NAME(kind) is not None


def _fields(event: Json) -> Json:
    return {name: value for name, value in event.items() if name not in _PLACE}
