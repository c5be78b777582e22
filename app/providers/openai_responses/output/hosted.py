"""The items of tools that the server runs, and of kinds that are not known: as it shows them (P2).

    {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"}

is something that happens in the item at 0.
"""

from __future__ import annotations

from typing import Any, ClassVar

from app.domain.hosted.item import HOSTED_KINDS
from app.domain.stream.deltas import Delta, HostedEnded, HostedNoted, HostedOpened
from app.providers.openai_responses.output.items import OutputItem
from app.providers.reading.events import Json
from app.providers.reading.understanding import ContentReader
from app.schemas.request.items.input import ITEMS

#: The keys of an event that say which it is and where it belongs; `obfuscation` is padding.
_PLACE = frozenset({"type", "sequence_number", "item_id", "output_index", "obfuscation"})
#: What an item has only at its end, and what it has in that place before.
_LATE: dict[str, Any] = {
    "code": "",
    "arguments": "",
    **dict.fromkeys(("result", "results", "output", "outputs", "error", "tools")),
}
_EVENTS = "response."


class HostedOutputItem(OutputItem):
    """Such an item; `key` tells it from the others."""

    kind: ClassVar[str] = "hosted"

    def __init__(self, item_json: Json, reader: ContentReader, key: str) -> None:
        super().__init__(item_json, reader)
        self._key = key
        self._json = item_json

    def may_be(self, item_json: Json) -> bool:
        return bool(item_json.get("type") == self._json["type"])

    def opened(self) -> list[Delta]:
        return [HostedOpened(self._key, self._json, self.item_id)]

    def opened_late(self) -> list[Delta]:
        """Return what says that it begins where it is whole at once: what comes late is to come."""
        begun = {name: _LATE.get(name, value) for name, value in self._json.items()}
        if "tools" in begun:
            begun["tools"] = []
        if "status" in begun:
            begun["status"] = "in_progress"
        return [HostedOpened(self._key, begun, self.item_id)]

    def noted(self, event: Json) -> list[Delta]:
        """Return what happens in it."""
        return [HostedNoted(self._key, event["type"], _fields(event))]

    def rest(self, item_json: Json) -> list[Delta]:
        return [HostedEnded(self._key, item_json)]

    def ended(self) -> list[Delta]:
        return []


def is_hosted(item_json: Json) -> bool:
    """Tell whether an item is of a tool that the server runs, or of a kind that nobody knows."""
    kind = item_json.get("type")
    if not isinstance(kind, str) or not kind:
        return False
    return kind in HOSTED_KINDS or kind not in ITEMS


def of_answer(event: Json) -> list[Delta]:
    """Return what an event says of the answer as a whole that is not known, if it is such a one."""
    kind = event["type"]
    if not kind.startswith(_EVENTS) or not event.keys().isdisjoint(_OF_OTHERS):
        return []
    return [HostedNoted(None, kind, _fields(event))]


#: What is about an item, or tells the response itself.
_OF_OTHERS = frozenset({"item_id", "output_index", "item", "response", "error", "usage"})


def _fields(event: Json) -> Json:
    return {name: value for name, value in event.items() if name not in _PLACE}
