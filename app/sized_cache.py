"""Least-recently-used caches that are bounded by the bytes of their entries.

Unlike in `functools.lru_cache`, an entry has a size and an owner, several may share a key, and
entries that nobody uses are dropped after a while.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

#: Maximum number of keys that are counted; and how often a key may miss before another try is rare.
_MOST_COUNTED, _OFTEN = 1024, 8


class Entry(Protocol):
    """A cache entry, compared by identity: it has a key, an owner and a size in memory.

    `used_at` belongs to the cache, which sets it to its clock's time.
    """

    used_at: float

    @property
    def size(self) -> int:
        """Approximate number of bytes of memory it takes; must not change."""

    @property
    def key(self) -> Hashable:
        """The key under which it is found."""

    @property
    def owner(self) -> Hashable:
        """The account, or other owner, whose quota it counts against."""


EntryT = TypeVar("EntryT", bound=Entry)


class SizedCache(Generic[EntryT]):
    """A cache of `most_bytes` in all, `most_of_owner` bytes an owner, `most_alike` entries a key.

    It has at most `most_entries` entries. Those unused for `span_s` seconds are dropped when the
    next one is added. Safe for threads. `clock` is like time.monotonic.
    """

    def __init__(
        self,
        most_bytes: int,
        most_of_owner: int,
        most_alike: int,
        span_s: float,
        clock: Callable[[], float] = time.monotonic,
        most_entries: int = sys.maxsize,
    ) -> None:
        self._most_bytes, self._most_of_owner = most_bytes, most_of_owner
        self._most_alike, self._most_entries = most_alike, most_entries
        self._span_s = span_s
        self._clock = clock
        self.size = 0
        self._sizes: Counter[Hashable] = Counter()  # by owner
        self._latest: OrderedDict[EntryT, None] = OrderedDict()  # the latest last
        self._alike: dict[Hashable, tuple[EntryT, ...]] = {}  # by key, the latest first
        self._changing = threading.Lock()

    @property
    def entries(self) -> list[EntryT]:
        """All entries, the most recently used last."""
        return list(self._latest)

    def alike(self, key: Hashable) -> tuple[EntryT, ...]:
        """Return the entries under a key, the most recently added first."""
        return self._alike.get(key, ())

    def add(self, entry: EntryT, in_place_of: EntryT | None = None) -> None:
        """Add an entry, in place of `in_place_of` if given, and drop what exceeds the limits."""
        key, owner, now = entry.key, entry.owner, self._clock()
        entry.used_at = now
        with self._changing:
            if in_place_of is not None:
                self._forget(in_place_of)
            for each in self._alike.get(key, ())[self._most_alike - 1 :]:
                self._forget(each)
            self._alike[key] = (entry, *self._alike.get(key, ()))
            self._latest[entry] = None
            self.size += entry.size
            self._sizes[owner] += entry.size
            while self._sizes[owner] > self._most_of_owner:
                self._forget(next(each for each in self._latest if each.owner == owner))
            while self._latest:
                oldest = next(iter(self._latest))
                has_room = self.size <= self._most_bytes and len(self._latest) <= self._most_entries
                if has_room and now - oldest.used_at <= self._span_s:
                    return
                self._forget(oldest)

    def touch(self, entry: EntryT) -> None:
        """Mark an entry as used, unless another thread has dropped it."""
        with self._changing:
            if entry in self._latest:
                entry.used_at = self._clock()
                self._latest.move_to_end(entry)

    def _forget(self, entry: EntryT) -> None:
        if entry not in self._latest:  # another thread has dropped it
            return
        del self._latest[entry]
        key, owner = entry.key, entry.owner
        self._alike[key] = tuple(each for each in self._alike[key] if each is not entry)
        if not self._alike[key]:
            del self._alike[key]
        self.size -= entry.size
        self._sizes[owner] -= entry.size
        if not self._sizes[owner]:
            del self._sizes[owner]


class Expectation:
    """Decides which keys are worth caching: those that come again. Safe for threads.

    One use is no reason to expect another. A key that keeps missing is tried ever less often.
    """

    def __init__(self) -> None:
        self.counts: OrderedDict[Hashable, int] = OrderedDict()  # the latest last
        self._counting = threading.Lock()

    def count(self, key: Hashable) -> bool:
        """Count a cache miss of a key; tell whether caching an entry for it is worthwhile."""
        with self._counting:
            times = self.counts[key] = self.counts.pop(key, 0) + 1
            while len(self.counts) > _MOST_COUNTED:
                self.counts.popitem(last=False)
        return times > 1 and (times <= _OFTEN or not times & (times - 1))

    def confirm(self, key: Hashable) -> None:
        """Record a cache hit of a key: its count starts anew."""
        self.counts[key] = 1
