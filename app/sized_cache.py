"""What was used lately, in at most so many bytes: least-recently-used caches of what has a size.

Beside what `functools.lru_cache` knows, an entry has a size and an owner, several may lie under one
key, and what nobody uses is forgotten after a while.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

#: How many keys are counted, and from how many times on a key that came is seldom expected again.
_MOST_COUNTED, _OFTEN = 1024, 8


class Entry(Protocol):
    """What is cached, by its identity: under a key, for an owner, in so many bytes of memory.

    `used_at` is the cache's, which sets it to the time of its clock.
    """

    used_at: float

    @property
    def size(self) -> int:
        """How many bytes of memory it takes, about; it stays what it is."""

    @property
    def key(self) -> Hashable:
        """Under what it is found."""

    @property
    def owner(self) -> Hashable:
        """Whose it is."""


EntryT = TypeVar("EntryT", bound=Entry)


class SizedCache(Generic[EntryT]):
    """Entries in at most `most_bytes`, of one owner in `most_of_owner`, of one key `most_alike`.

    All of them are `most_entries` at most. What nobody has used for `span_s` seconds is forgotten
    with the next that is added. Safe for threads. `clock` is like time.monotonic.
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
        """All entries, the one that was used last at the end."""
        return list(self._latest)

    def alike(self, key: Hashable) -> tuple[EntryT, ...]:
        """Return the entries under a key, the one that was added last first."""
        return self._alike.get(key, ())

    def add(self, entry: EntryT, in_place_of: EntryT | None = None) -> None:
        """Add an entry, in place of another if one is given, and forget what has no room."""
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
        """Note that an entry was used, unless another thread has forgotten it."""
        with self._changing:
            if entry in self._latest:
                entry.used_at = self._clock()
                self._latest.move_to_end(entry)

    def _forget(self, entry: EntryT) -> None:
        if entry not in self._latest:  # another thread has forgotten it
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
    """Which keys are worth caching something under: those that come again. Safe for threads.

    Once is no reason to expect a key again; and what differs each time is expected ever less.
    """

    def __init__(self) -> None:
        self.counts: OrderedDict[Hashable, int] = OrderedDict()  # the latest last
        self._counting = threading.Lock()

    def count(self, key: Hashable) -> bool:
        """Count that a key came, and nothing was cached for it; tell whether it is worth it."""
        with self._counting:
            times = self.counts[key] = self.counts.pop(key, 0) + 1
            while len(self.counts) > _MOST_COUNTED:
                self.counts.popitem(last=False)
        return times > 1 and (times <= _OFTEN or not times & (times - 1))

    def confirm(self, key: Hashable) -> None:
        """Count that what was cached under a key came again."""
        self.counts[key] = 1
