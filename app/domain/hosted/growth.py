"""An incomplete item of a hosted tool: as its server sent it, plus what events have added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Events that add a piece to an item, and the key that it belongs to.
_PIECES = {
    "response.code_interpreter_call_code.delta": "code",
    "response.mcp_call_arguments.delta": "arguments",
}
#: Types whose status is "failed" if the server did not complete the item; others are "incomplete".
_FAILED = ("web_search_call", "image_generation_call")


class HostedGrowth:
    """Collects what events add to an item."""

    __slots__ = ("_json", "_pieces")

    def __init__(self, json: Mapping[str, Any]) -> None:
        self._json = json
        self._pieces: dict[str, list[str]] = {}

    def add(self, event_type: str, fields: Mapping[str, Any]) -> None:
        """Apply an event."""
        key, piece = _PIECES.get(event_type), fields.get("delta")
        if key is not None and isinstance(piece, str):
            self._pieces.setdefault(key, []).append(piece)

    def current(self) -> dict[str, Any]:
        """Return the item so far."""
        grown = {}
        for key, pieces in self._pieces.items():
            begun = self._json.get(key)
            grown[key] = (begun if isinstance(begun, str) else "") + "".join(pieces)
        return {**self._json, **grown}

    def cut(self) -> dict[str, Any]:
        """Return the item as it ends if nothing more arrives."""
        item = self.current()
        if "status" in item:
            item["status"] = "failed" if item.get("type") in _FAILED else "incomplete"
        return item
