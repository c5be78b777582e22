"""Builds items of hosted tools: in the server's words, with ids and indexes of ours (P2)."""

from __future__ import annotations

from typing import Any

from app.domain.hosted.growth import HostedGrowth
from app.domain.hosted.item import HostedItem
from app.domain.items import ItemStatus, OutputItem
from app.domain.stream.call_events import HostedEvent
from app.domain.stream.deltas import HostedEnded, HostedNoted
from app.domain.stream.event_log import EventLog
from app.domain.stream.events import ItemAdded, ItemDone


class HostedBuilder:
    """Builds such an item. `key` distinguishes it in its answer, `json` is the item as it began."""

    def __init__(self, log: EventLog, item_id: str, key: str, json: dict[str, Any]) -> None:
        self.key = key
        self._log = log
        self._id = item_id
        self._index = 0
        self._begun = json
        self._whole: dict[str, Any] | None = None
        self._growth = HostedGrowth(json)

    @property
    def is_whole(self) -> bool:
        """Whether the server has sent the complete item."""
        return self._whole is not None

    def begin(self, output_index: int) -> None:
        """Write that the item has begun."""
        self._index = output_index
        self._log.write(ItemAdded, output_index, self._item(self._begun))

    def note(self, event_type: str, fields: dict[str, Any]) -> None:
        """Write an event of the item."""
        self._log.write(HostedEvent, event_type, self._id, self._index, fields)
        self._growth.add(event_type, fields)

    def complete(self, json: dict[str, Any]) -> None:
        """Set the complete item."""
        self._whole = json

    def end_part(self) -> None:
        """Do nothing: hosted items have no parts of ours."""

    def end(self, _status: ItemStatus) -> OutputItem:
        """Close the item and return it as its server sent it, whatever status other items get.

        An item that the server did not complete is marked as cut off.
        """
        item = self._item(self._growth.cut() if self._whole is None else self._whole)
        self._log.write(ItemDone, self._index, item)
        return item

    def _item(self, json: dict[str, Any]) -> HostedItem:
        return HostedItem("", json).under(self._id)


def hear_hosted(log: EventLog, call: object, delta: HostedNoted | HostedEnded) -> bool:
    """Write a delta of a hosted item; return whether that completes the open item, `call`.

    Deltas of another item, or of one that has ended, come too late and are ignored.
    """
    if isinstance(delta, HostedNoted) and delta.key is None:
        log.write(HostedEvent, delta.type, None, None, delta.fields)
        return False
    if not isinstance(call, HostedBuilder) or call.key != delta.key:
        return False
    if isinstance(delta, HostedEnded):
        call.complete(delta.json)
        return True
    call.note(delta.type, delta.fields)
    return False
