"""A cache of input items by their bytes: at each step an agent sends everything once more.

    {"model": "m", "input": [{"role": "user", …}, {"type": "function_call", …}, …, NEW, NEW]}
                             `------------ sent before, byte for byte ---------'

MEASURED: a request of 300 items and 40 tools takes three tenths less CPU if all but its last
items are known, one of 900 items two fifths less. Learning takes 7 µs an item, once.

Entries are separate for each account, and contain only items that `plain_item` reads: its result
depends on nothing but their bytes. The first item of another kind, and all after it, are read each
time. tests/fuzz/test_known_items.py checks that requests with known items give the same result as
without the cache.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.domain.items import InputItem
from app.schemas.request.bounds import MOST_ITEMS
from app.schemas.request.items.raw_items import behind_comma, first_item, plain_items
from app.schemas.request.json_body.memory import memory_of
from app.sized_cache import Expectation, SizedCache

#: Minimum size of a run of items in the cache, in bytes.
SHORTEST = 8 * 1024
#: Approximate maximum size of the cache in bytes; one account may use half of it. Parsed items take
#: a multiple of their bytes, more if a character may need four, and each item some bytes itself.
MOST_BYTES = 32 * 1024 * 1024
_GROWTH, _GROWTH_WIDE, _OF_ITEM = 4, 5, 150
#: Seconds after which an unused entry is dropped.
SPAN_S = 300.0
#: Number of leading bytes by which an input is looked up; whole items are compared.
_BEGINNING = 256
#: An account, and the hash of those leading bytes.
_Beginning = tuple[str, int]
#: Maximum number of entries with one beginning that are searched for common items, and maximum
#: number that are kept.
_MOST_COMPARED, _MOST_ALIKE = 4, 64


class FoundItems(NamedTuple):
    """The known items of a body, their position in it, and their memory in bytes."""

    start: int
    end: int
    items: tuple[InputItem, ...]
    memory: int


class KnownItemsJson:
    """The `input` of a body: known items, already read, and the JSON after them.

    It is not a list, so that no code mistakes it for the whole input.
    """

    __slots__ = ("behind", "items")

    def __init__(self, items: tuple[InputItem, ...], behind: list[Any]) -> None:
        self.items = items
        self.behind = behind


@dataclass(eq=False, slots=True)
class _History:
    """A run of items: their bytes, where each ends in them, and the items themselves.

    `is_ended` means that nothing more is learned after them: the next item was not plain, or
    there is no room for more.
    """

    key: _Beginning
    text: bytes
    ends: array[int]
    items: tuple[InputItem, ...]
    memory: int
    is_ended: bool = False
    used_at: float = 0.0
    size: int = field(init=False)

    def __post_init__(self) -> None:
        is_wide = not self.text.isascii() or b"\\u" in self.text
        growth = _GROWTH_WIDE if is_wide else _GROWTH
        self.size = growth * len(self.text) + _OF_ITEM * len(self.ends) + _BEGINNING

    @property
    def owner(self) -> str:
        """The account that sent them."""
        return self.key[0]

    def end_of(self, count: int) -> int:
        """Return where the first `count` items end."""
        return self.ends[count - 1] if count else 0

    def memory_of(self, count: int) -> int:
        """Return the approximate memory of the first `count` items, in bytes."""
        return self.memory * self.end_of(count) // max(1, len(self.text))

    def count_in(self, raw: bytes, start: int) -> int:
        """Return how many of its items, from the first on, `raw` contains at `start`."""
        low, high, done = 0, len(self.ends), 0
        while low < high:
            middle = (low + high + 1) // 2
            end = self.ends[middle - 1]
            if raw.startswith(self.text[done:end], start + done):
                low, done = middle, end
            else:
                high = middle - 1
        return low


_NOTHING = _History(("", 0), b"", array("I"), (), 0)


class ItemMemory:
    """A cache of recently sent items, of at most `most_bytes`. Thread-safe.

    Runs of fewer bytes than `shortest` are not kept. `clock` is like time.monotonic.
    """

    def __init__(
        self,
        most_bytes: int = MOST_BYTES,
        shortest: int = SHORTEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_bytes = most_bytes
        self._shortest = shortest
        self.cache = SizedCache[_History](most_bytes, most_bytes // 2, _MOST_ALIKE, SPAN_S, clock)
        self.expected = Expectation()

    def find(self, account: str, raw: bytes) -> FoundItems | None:
        """Return the known items of a body's `input`, if any, and learn those that follow.

        The match is by bytes: the caller must check that this place is the body's own `input`.
        """
        start = first_item(raw) if len(raw) > self._shortest and self._most_bytes else -1
        if start < 0:
            return None
        key = account, hash(raw[start : start + _BEGINNING])
        known, count = self._longest(key, raw, start)
        is_whole = known is not _NOTHING and count == len(known.ends)
        # Inputs that only begin alike do not count as repetitions.
        is_again = is_whole or 2 * known.end_of(count) > len(raw) - start
        if not known.is_ended if is_whole else self.expected.count(key):
            known, count = self._learned(key, raw, start, known, count)
        end = known.end_of(count)
        if end < max(1, self._shortest):
            return None
        self.cache.touch(known)
        if is_again:
            self.expected.confirm(key)
        return FoundItems(start, start + end, known.items[:count], known.memory_of(count))

    def _longest(self, key: _Beginning, raw: bytes, start: int) -> tuple[_History, int]:
        """Return the entry with the most items in common with `raw`, and their number."""
        alike = self.cache.alike(key)
        whole = [each for each in alike if raw.startswith(each.text, start)]
        if whole:
            longest = max(whole, key=_length)
            return longest, len(longest.ends)
        best, most = _NOTHING, 0
        for each in alike[:_MOST_COMPARED]:
            count = each.count_in(raw, start)
            if count > most:
                best, most = each, count
        return best, most

    def _learned(
        self, key: _Beginning, raw: bytes, start: int, known: _History, count: int
    ) -> tuple[_History, int]:
        """Store the plain items after the first `count` known ones; return all known items."""
        place = start + known.end_of(count)
        if count:
            place = behind_comma(raw, place)
            if place < 0:
                return known, count
        is_whole = count == len(known.ends)
        ends, items = plain_items(raw, place)
        if not items or len(items) + count > MOST_ITEMS:
            known.is_ended = is_whole and known is not _NOTHING
            return known, count
        learned = _History(
            key,
            raw[start : ends[-1]],
            known.ends[:count] + array("I", [end - start for end in ends]),
            known.items[:count] + items,
            known.memory_of(count) + memory_of(raw[place : ends[-1]]),
        )
        if learned.size > self._most_bytes // 4:
            known.is_ended = is_whole and known is not _NOTHING
            return learned, len(learned.ends)
        if len(learned.text) >= self._shortest:
            self.cache.add(learned, known if is_whole else None)  # the longer entry contains it
        return learned, len(learned.ends)


def _length(history: _History) -> int:
    return len(history.text)
