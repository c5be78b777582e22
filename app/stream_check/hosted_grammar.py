"""The grammar of hosted tools' items, whose events come from the provider (P2)."""

from __future__ import annotations

from app.schemas.wire.built_in.hosted_events import HOSTED_EVENTS
from app.stream_check.item_grammar import ItemGrammar, Json, require

#: The item type of each known event.
_KIND_OF = {event: kind for kind, events in HOSTED_EVENTS.items() for event in events}
#: Suffixes of an item's last event, which occurs once.
_LAST = (".completed", ".failed")
#: Texts that come in deltas: by event, the key that holds them in the event and in the item.
_TEXTS = {"code_interpreter_call_code": "code", "mcp_call_arguments": "arguments"}


class HostedGrammar(ItemGrammar):
    """Known events must match the item's type, deltas must add up, and the last event must be last.

    For unknown types and events only their position is checked.
    """

    def __init__(self, item: Json) -> None:
        super().__init__(item)
        self._texts: dict[str, str] = {}
        self._done: set[str] = set()
        self._last = ""

    def take(self, kind: str, event: Json, /) -> None:
        owner = _KIND_OF.get(kind)
        if owner not in (None, self.item["type"]):
            super().take(kind, event)
        require(not self._last, f"{kind} behind {self._last}")
        if owner is not None and kind.endswith(_LAST):
            self._last = kind
        stem, _, step = kind.removeprefix("response.").rpartition(".")
        if stem in _TEXTS:
            self._take_text(_TEXTS[stem], step, event)

    def _take_text(self, key: str, step: str, event: Json) -> None:
        require(key not in self._done, f"a piece of the {key} after it was done")
        if step == "delta":
            self._texts[key] = self._texts.get(key, "") + event["delta"]
            return
        spelled = self._texts.setdefault(key, event[key])
        require(event[key] == spelled, f"the deltas do not spell the {key}")
        self._done.add(key)

    def finish(self, item: Json) -> None:
        for name in ("id", "type"):
            require(
                item.get(name) == self.item.get(name),
                f"the item's {name} differs between added and done",
            )
        for key in self._done:
            require(item.get(key) == self._texts[key], f"the item's {key} differs from its events")
