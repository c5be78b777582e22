"""How much an account has stored, as every store tells it."""

from __future__ import annotations

from app.store.responses.base import ResponseStore
from tests.store.turns import ACCOUNT, STRANGER, continued, saved


def test_nothing_is_no_bytes(store: ResponseStore) -> None:
    assert store.stored_bytes(ACCOUNT) == 0


def test_every_turn_adds_bytes(store: ResponseStore) -> None:
    first = saved(store)
    one = store.stored_bytes(ACCOUNT)
    continued(store, first)
    assert 0 < one < store.stored_bytes(ACCOUNT)


def test_more_text_is_more_bytes(store: ResponseStore) -> None:
    saved(store, "".join(map(chr, range(0x4E00, 0x4E00 + 1000))))
    saved(store, "hello", account=STRANGER)
    assert store.stored_bytes(ACCOUNT) > store.stored_bytes(STRANGER) + 1000


def test_saving_again_adds_nothing(store: ResponseStore) -> None:
    kept = saved(store)
    before = store.stored_bytes(ACCOUNT)
    store.save(kept)
    assert store.stored_bytes(ACCOUNT) == before


def test_each_account_has_its_own_number(store: ResponseStore) -> None:
    saved(store, account=STRANGER)
    assert store.stored_bytes(ACCOUNT) == 0


def test_deleting_frees_nothing(store: ResponseStore) -> None:
    kept = saved(store)
    before = store.stored_bytes(ACCOUNT)
    store.delete(ACCOUNT, kept.response.id)
    assert store.stored_bytes(ACCOUNT) == before
