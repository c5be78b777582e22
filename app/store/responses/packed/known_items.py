"""Caches the items of entries that were read before: a conversation's turns do not change.

MEASURED: finding the items of a hundred turns here takes a fifteenth of unpacking and building
them, which was a fifth of the request that continues them: each turn needs those of all before it.

The cache key is the entry's own bytes, which only a reader allowed to see the conversation has just
got from Redis: the cache reveals nothing else. Entries sealed with their caller's key are not
cached. tests/store/test_known_items.py compares cached items with those that are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from app.domain.items import Item
from app.domain.slices import MOMENT_S
from app.schemas.wire.items import ITEM

#: Approximate maximum size of the cache in bytes; and its span in seconds: unused entries are
#: dropped after one or two of these.
MOST_BYTES, SPAN_S = 32 * 1024 * 1024, 300.0
#: Memory of items for each byte of their JSON, and of each entry in addition.
_GROWTH, _OWN_BYTES = 3, 1000
#: Items that are built at once, in about 2 ms; then others run. MEASURED: 19,000 take 43 ms.
_SLICE = 1000


class EntryItems(NamedTuple):
    """The items of an entry: `given` is the input, `made` the output.

    `is_turn` is false for items without a response. `json_bytes` is the size of their JSON.
    """

    given: tuple[Item, ...]
    made: tuple[Item, ...]
    is_turn: bool
    json_bytes: int


def entry_items(data: bytes, rest: bytes) -> EntryItems:
    """Parse the items of an entry from their JSON; `rest` is the entry's packed rest."""
    given, made = orjson.loads(data)
    items = built(given), built(made)
    return EntryItems(*items, is_turn=bool(rest), json_bytes=len(data))


def built(stored: Sequence[Any], pause: Callable[[float], object] = time.sleep) -> tuple[Item, ...]:
    """Return items from their parsed JSON; after each full slice, `pause` lets others run."""
    items = list[Item]()
    for start in range(0, len(stored), _SLICE):
        if start:
            pause(MOMENT_S)
        items += ITEM.load_all(stored[start : start + _SLICE])
    return tuple(items)


class KnownItems:
    """A cache of two generations: hits move entries into the younger one; the older one is dropped.

    Safe for threads: an entry lost to a race is read again. `clock` is like time.monotonic.
    """

    def __init__(
        self, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._half_bytes = most_bytes // 2
        self._clock = clock
        self._young: dict[bytes, EntryItems] = {}
        self._old: dict[bytes, EntryItems] = {}
        self._size = 0  # of the younger generation
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
        """Cache the items of an entry, unless they alone are too large."""
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
