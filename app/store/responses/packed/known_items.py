"""The items of entries that were read before: a conversation's turns do not change.

MEASURED: to find the items of a hundred turns here takes a fifteenth of unpacking and making them,
which was a fifth of the request that continues them; each turn asks for those of all before it.

What is asked for is an entry's own bytes, which only who may read the conversation has got out of
Redis just now: nothing is found here that was not there. Entries that are sealed with their
caller's key are not kept. tests/store/test_known_items.py holds what is found to what is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson

from app.domain.items import Item
from app.schemas.wire.items import ITEM

#: What is kept takes at most so much, about; what nobody asks for is forgotten after one or two of
#: these spans, in seconds.
MOST_BYTES, SPAN_S = 32 * 1024 * 1024, 300.0
#: What items take for each byte of their JSON, and each entry beside that.
_GROWTH, _OWN_BYTES = 3, 1000


class EntryItems(NamedTuple):
    """The items of an entry: what was given, and what was made of it; `is_turn` is false of items
    that came by themselves. Their JSON has so many bytes.
    """

    given: tuple[Item, ...]
    made: tuple[Item, ...]
    is_turn: bool
    json_bytes: int


def entry_items(data: bytes, rest: bytes) -> EntryItems:
    """Return the items of an entry by their JSON; behind them stands the packed rest."""
    given, made = orjson.loads(data)
    items = tuple(ITEM.load_all(given)), tuple(ITEM.load_all(made))
    return EntryItems(*items, is_turn=bool(rest), json_bytes=len(data))


class KnownItems:
    """Two generations: what is asked for moves into the younger, the older one is dropped.

    Safe for threads: what is lost is read again. `clock` is like time.monotonic.
    """

    def __init__(
        self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._half_bytes = most_bytes // 2
        self._clock = clock
        self._young: dict[bytes, EntryItems] = {}
        self._old: dict[bytes, EntryItems] = {}
        self._size = 0  # of the younger
        self._since = clock()

    def find_all(self, entries: Sequence[bytes]) -> list[EntryItems | None]:
        """Return the items of each entry, None where they are not known."""
        young = self._young.get
        return [young(entry) or self._find_old(entry) for entry in entries]

    def _find_old(self, entry: bytes) -> EntryItems | None:
        found = self._old.get(entry)
        if found is not None:
            self._add(entry, found)
        return found

    def keep(self, entry: bytes, items: EntryItems) -> None:
        """Keep the items of an entry, unless they alone are too much."""
        if _size(entry, items) > self._half_bytes:
            return
        now = self._clock()
        if now - self._since > SPAN_S or not self._add(entry, items):
            self._old, self._young = self._young, {}
            self._size, self._since = 0, now
            self._add(entry, items)

    def _add(self, entry: bytes, items: EntryItems) -> bool:
        size = self._size + _size(entry, items)
        has_room = size <= self._half_bytes
        if has_room:
            self._young[entry], self._size = items, size
        return has_room


def _size(entry: bytes, items: EntryItems) -> int:
    return _GROWTH * items.json_bytes + len(entry) + _OWN_BYTES
