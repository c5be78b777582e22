"""Least-recently-used caches of what has a size."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from app.sized_cache import Expectation, SizedCache
from tests.threads import at_once


@dataclass(eq=False, slots=True)
class Entry:
    key: str
    size: int = 10
    owner: str = "acme"
    used_at: float = 0.0


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> SizedCache[Entry]:
    return SizedCache(100, 60, 3, 30.0, clock)


def filled(cache: SizedCache[Entry], *entries: Entry) -> str:
    """Add entries; return the keys of all that are there, the latest last."""
    for entry in entries:
        cache.add(entry)
    assert cache.size == sum(entry.size for entry in cache.entries)
    return "".join(entry.key for entry in cache.entries)


def test_what_was_used_longest_ago_makes_room(cache: SizedCache[Entry]) -> None:
    first = Entry("a")
    filled(cache, first, *(Entry(key, owner=key) for key in "bcdefghij"))
    cache.touch(first)
    assert filled(cache, Entry("k", owner="k")) == "cdefghijak"
    assert cache.alike("b") == ()
    assert cache.alike("a") == (first,)


def test_one_owner_has_no_more_than_its_share(cache: SizedCache[Entry]) -> None:
    assert filled(cache, Entry("x", owner="other"), *map(Entry, "abcdefgh")) == "xcdefgh"


def test_of_one_key_there_are_the_latest(cache: SizedCache[Entry]) -> None:
    alike = [Entry("a") for _ in range(5)]
    filled(cache, *alike)
    assert cache.alike("a") == (alike[4], alike[3], alike[2])


def test_what_nobody_uses_is_forgotten_with_the_next(
    cache: SizedCache[Entry], clock: Clock
) -> None:
    used = Entry("b")
    filled(cache, Entry("a"), used, Entry("c"))
    clock.now = 20.0
    cache.touch(used)
    clock.now = 31.0
    assert filled(cache, Entry("d")) == "bd"


def test_an_entry_takes_the_place_of_another(cache: SizedCache[Entry]) -> None:
    shorter = Entry("a", 50)
    filled(cache, shorter)
    cache.add(Entry("a", 60), in_place_of=shorter)
    assert [entry.size for entry in cache.entries] == [60]
    cache.touch(shorter)  # what is gone stays gone
    cache.add(Entry("b"), in_place_of=shorter)
    assert filled(cache) == "b"


def test_there_are_only_so_many(clock: Clock) -> None:
    cache = SizedCache[Entry](100, 100, 3, 30.0, clock, most_entries=2)
    assert filled(cache, *map(Entry, "abca")) == "ca"


def test_what_has_no_room_leaves_nothing_behind(cache: SizedCache[Entry]) -> None:
    assert filled(cache, Entry("a", 61), Entry("b", 101, "other")) == ""
    assert cache.size == 0


def test_threads_that_add_at_once_lose_no_room(cache: SizedCache[Entry]) -> None:
    def add(first: int) -> None:
        for number in range(first, first + 300):
            entry = Entry("abcdefg"[number % 7], number % 9, "xyz"[number % 3])
            cache.add(entry)
            cache.touch(entry)

    at_once(8, add)
    filled(cache)
    sizes = Counter[str]()
    for entry in cache.entries:
        sizes[entry.owner] += entry.size
    assert cache._sizes == sizes
    assert {each for alike in cache._alike.values() for each in alike} == set(cache.entries)


def test_a_key_is_expected_that_came_before_and_ever_less_where_it_brings_nothing() -> None:
    expected = Expectation()
    worth = [number for number in range(1, 101) if expected.count("a")]
    assert worth == [2, 3, 4, 5, 6, 7, 8, 16, 32, 64]
    expected.confirm("a")
    assert expected.count("a")


def test_only_so_many_keys_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.sized_cache._MOST_COUNTED", 2)
    expected = Expectation()
    assert [expected.count(key) for key in "abcab"] == [False] * 5
    assert expected.count("b")
    assert len(expected.counts) == 2
