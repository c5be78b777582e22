"""Items that were read before are those that would be read, and are forgotten in time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.domain.accounts.content_key import ContentKey
from app.domain.slices import MOMENT_S
from app.domain.turns.turn import Turn
from app.schemas.wire.items import ITEM
from app.store.responses.entries import Entries
from app.store.responses.packed.entry_parts import MARK, PURGED
from app.store.responses.packed.known_items import SPAN_S, EntryItems, KnownItems, built
from tests.store.turns import first_id, rich, turn

PLAIN = [turn("one"), turn("two " * 200), rich(), turn("", made=())]
GONE = frozenset(item.id for each in PLAIN[:2] for item in each.input)
STORED = [*map(Entries().alone, PLAIN), PURGED, MARK]


@given(
    st.lists(st.lists(st.sampled_from(STORED), max_size=6), max_size=6),
    st.sampled_from([frozenset[str](), GONE]),
)
def test_what_was_read_before_is_read_again(reads: list[list[bytes]], gone: frozenset[str]) -> None:
    experienced = Entries()
    for entries in reads:
        assert experienced.all_items(entries, gone) == Entries().all_items(entries, gone)


def test_items_that_are_known_are_not_made_again() -> None:
    entries = Entries()
    first, second = (entries.all_items(STORED[:1])[0] for _ in range(2))
    assert all(one is other for one, other in zip(first, second, strict=True))


def test_sealed_entries_are_opened_each_time() -> None:
    key = ContentKey("acme", bytes(32))
    sealed = _sealed(turn("secret", response_id=first_id()), key)
    entries = Entries()
    first, second = (entries.all_items([sealed], key=key)[0] for _ in range(2))
    assert first == second
    assert not any(one is other for one, other in zip(first, second, strict=True))


def _sealed(plain: Turn, key: ContentKey) -> bytes:
    return Entries().alone(Turn(plain.account, plain.response, plain.input, plain.include, key=key))


def test_many_items_are_built_in_slices_between_which_others_run() -> None:
    items = turn("one").input * 2001
    pauses: list[float] = []
    assert built(ITEM.dump_all(items), pauses.append) == items
    assert pauses == [MOMENT_S] * 2


ITEMS = EntryItems((), (), True, 1000)


def test_what_nobody_asks_for_is_forgotten() -> None:
    now = 0.0
    known = KnownItems(clock=lambda: now)
    known.keep(b"asked for", ITEMS)
    known.keep(b"left", ITEMS)
    for number in range(3):
        now += SPAN_S + 1
        assert known.find_all([b"asked for"]) == [ITEMS]
        known.keep(b"another %d" % number, ITEMS)
    assert known.find_all([b"left"]) == [None]


def test_it_takes_no_more_than_it_may() -> None:
    known = KnownItems(most_bytes=100_000)
    keys = [b"%d" % number for number in range(1000)]
    for number, key in enumerate(keys):
        known.keep(key, ITEMS)
        last = keys[max(0, number - 5) : number]
        assert known.find_all(last) == [ITEMS] * len(last)
    found = [key for key, items in zip(keys, known.find_all(keys), strict=True) if items]
    assert 10 < len(found) < 26
    assert found[-1] == keys[-1]


def test_what_is_too_large_alone_puts_nothing_else_out() -> None:
    known = KnownItems(most_bytes=100_000)
    known.keep(b"small", ITEMS)
    known.keep(b"large", EntryItems((), (), True, 100_000))
    assert known.find_all([b"small", b"large"]) == [ITEMS, None]
