"""A store whose Redis comes and goes, as its callers see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.turns.page import PageQuery
from app.domain.turns.turn import Turn
from app.errors import NotFound, StorageUnavailable
from app.store.connection.reasons import reason
from app.store.responses.base import ResponseStore
from app.store.spool.delivery import SpoolDelivery
from app.store.spool.files import Spool
from app.store.spool.store import HURRIED_S, RETRIED_S, SpoolingStore, Undelivered
from tests.store.spools import FlakyStore, Time, delivery
from tests.store.turns import ACCOUNT, STRANGER, continued, saved, turn


@pytest.fixture
def beneath() -> FlakyStore:
    return FlakyStore()


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def delivers(beneath: FlakyStore, tmp_path: Path, time: Time) -> SpoolDelivery:
    return delivery(beneath, tmp_path, time)


@pytest.fixture
def spool(delivers: SpoolDelivery) -> Spool:
    return delivers.folders.own()


@pytest.fixture
def store(beneath: FlakyStore, delivers: SpoolDelivery, time: Time) -> SpoolingStore:
    return SpoolingStore(beneath, delivers, sleep=time.sleep, now=time.now)


@pytest.fixture
def waiting(store: SpoolingStore, beneath: FlakyStore) -> Turn:
    """A turn that waits in the spool, of a store that is full."""
    beneath.full = True
    return saved(store)


def test_an_answer_is_saved_at_once_while_redis_is_there(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool
) -> None:
    kept = saved(store)
    assert (beneath.get(ACCOUNT, kept.response.id), spool.waiting()) == (kept, [])


def test_an_answer_is_tried_again_for_five_seconds(
    store: SpoolingStore, beneath: FlakyStore, time: Time
) -> None:
    beneath.away = True
    saved(store)
    assert time.at == pytest.approx(RETRIED_S, abs=0.3)


def test_a_process_that_ends_does_not_try_for_long(
    beneath: FlakyStore, delivers: SpoolDelivery, spool: Spool, time: Time
) -> None:
    store = SpoolingStore(beneath, delivers, is_ending=lambda: True, sleep=time.sleep, now=time.now)
    beneath.full = True
    saved(store)
    assert (len(spool.waiting()), time.at) == (1, HURRIED_S)


@pytest.mark.parametrize("fault", ["away", "full"])
def test_the_next_answers_do_not_wait_for_what_the_first_waited_for(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool, time: Time, fault: str
) -> None:
    setattr(beneath, fault, True)
    saved(store)
    waited, writes = time.at, beneath.writes
    saved(store)
    assert (time.at, beneath.writes, len(spool.waiting())) == (waited, writes, 2)


def test_an_answer_that_waits_while_another_is_spooled_waits_no_longer(
    store: SpoolingStore, beneath: FlakyStore, time: Time
) -> None:
    beneath.away = True
    time.meanwhile = lambda: store._breaker.open(StorageUnavailable("away"))
    saved(store)
    assert len(time.slept) == 1


def test_answers_are_saved_at_once_when_a_write_was_taken(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool, delivers: SpoolDelivery
) -> None:
    beneath.full = True
    saved(store)
    beneath.full = False
    delivers.tick()
    kept = saved(store)
    assert (beneath.get(ACCOUNT, kept.response.id), spool.waiting()) == (kept, [])


def test_an_answer_is_not_spooled_when_redis_comes_back_in_time(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool, time: Time
) -> None:
    beneath.away = True
    time.meanwhile = lambda: setattr(beneath, "away", len(time.slept) < 3)
    kept = saved(store)
    assert (beneath.get(ACCOUNT, kept.response.id), spool.waiting()) == (kept, [])


def test_an_answer_that_could_not_be_saved_counts_as_saved(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool
) -> None:
    beneath.away = True
    kept = turn()
    assert store.save(kept)
    assert spool.take(kept.response.id) == kept


def test_whether_an_ending_stands_is_told_on(store: SpoolingStore) -> None:
    kept = saved(store, status="cancelled")
    assert store.save(replace(kept, response=replace(kept.response, status="failed"))) is False


@pytest.fixture
def broken(store: SpoolingStore, delivers: SpoolDelivery) -> SpoolingStore:
    """A store whose spool takes nothing."""
    delivers.folders.own().directory.rmdir()
    delivers.folders.own().directory.write_text("a file where the directory would be")
    return store


def test_no_answer_is_bought_that_fits_nowhere(
    broken: SpoolingStore, beneath: FlakyStore, delivers: SpoolDelivery
) -> None:
    broken.require_room()
    beneath.full = True
    with pytest.raises(StorageUnavailable):
        broken.save(turn())
    with pytest.raises(StorageUnavailable) as refused:
        broken.require_room()
    assert reason(refused.value).startswith("OOM")
    beneath.full = False
    delivers.tick()
    broken.require_room()


def test_answers_are_bought_while_the_spool_takes_them(store: SpoolingStore, waiting: Turn) -> None:
    store.require_room()


@pytest.mark.parametrize("times", [1, 2])
def test_an_answer_that_fits_nowhere_is_refused(
    broken: SpoolingStore, beneath: FlakyStore, times: int
) -> None:
    beneath.full = True
    for _ in range(times):
        with pytest.raises(StorageUnavailable):
            broken.save(turn())


def test_without_a_spool_an_answer_is_still_saved_where_redis_takes_it_again(
    broken: SpoolingStore, beneath: FlakyStore
) -> None:
    beneath.full = True
    with pytest.raises(StorageUnavailable):
        broken.save(turn())
    beneath.full = False
    assert broken.save(turn())


# what waits, asked for on its own machine

READERS: dict[str, Callable[[ResponseStore, Turn], object]] = {
    "get": lambda store, kept: store.get(ACCOUNT, kept.response.id),
    "context": lambda store, kept: store.context(ACCOUNT, kept.response.id),
    "input_items": lambda store, kept: store.input_items(
        ACCOUNT, kept.response.id, PageQuery(order="asc", limit=1)
    ),
    "items": lambda store, kept: store.items(ACCOUNT, [kept.response.output[0].id])[
        kept.response.output[0].id
    ],
    "delete": lambda store, kept: store.delete(ACCOUNT, kept.response.id),
}


@pytest.mark.parametrize("reader", READERS)
def test_it_is_found_by_whoever_asks_once_writes_are_taken(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool, waiting: Turn, reader: str
) -> None:
    beneath.full = False
    READERS[reader](store, waiting)
    assert spool.waiting() == []


def test_it_can_be_fetched_meanwhile(store: SpoolingStore, waiting: Turn) -> None:
    assert store.get(ACCOUNT, waiting.response.id) == waiting


def test_its_input_can_be_listed_meanwhile(store: SpoolingStore, waiting: Turn) -> None:
    page = store.input_items(ACCOUNT, waiting.response.id, PageQuery(order="asc", limit=9))
    assert page.items == waiting.input


def test_a_page_that_needs_earlier_turns_is_to_be_asked_for_again(
    store: SpoolingStore, beneath: FlakyStore
) -> None:
    parent = saved(store)
    beneath.full = True
    child = continued(store, parent)
    with pytest.raises(Undelivered):
        READERS["input_items"](store, child)


@pytest.mark.parametrize("reader", ["context", "items", "delete"])
def test_what_else_is_asked_of_it_is_to_be_asked_again(
    store: SpoolingStore, waiting: Turn, reader: str
) -> None:
    with pytest.raises(StorageUnavailable) as result:
        READERS[reader](store, waiting)
    assert result.value.retry_after_s


@pytest.mark.parametrize("full", [True, False])
def test_another_account_never_finds_it(
    store: SpoolingStore, beneath: FlakyStore, waiting: Turn, full: bool
) -> None:
    beneath.full = full
    with pytest.raises(NotFound):
        store.get(STRANGER, waiting.response.id)


@pytest.mark.parametrize("reader", READERS)
def test_what_is_in_redis_is_read_as_ever_beside_it(
    store: SpoolingStore, beneath: FlakyStore, reader: str
) -> None:
    kept = saved(store)
    beneath.full = True
    saved(store)
    if reader != "delete":
        READERS[reader](store, kept)
    assert store.get(ACCOUNT, kept.response.id) == kept


def test_nothing_is_served_while_redis_is_away(
    store: SpoolingStore, beneath: FlakyStore, waiting: Turn
) -> None:
    beneath.away = True
    with pytest.raises(StorageUnavailable):
        store.get(ACCOUNT, waiting.response.id)


def test_it_can_be_continued_once_it_is_delivered(
    store: SpoolingStore, beneath: FlakyStore, waiting: Turn
) -> None:
    beneath.full = False
    child = continued(store, waiting)
    assert store.context(ACCOUNT, child.response.id).items[-1] == child.response.output[-1]


def test_what_was_deleted_leaves_the_spool(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool
) -> None:
    beneath.lagging = True
    kept = saved(store)
    store.delete(ACCOUNT, kept.response.id)
    assert spool.waiting() == []


# replicas that lag


def test_an_answer_that_replicas_do_not_have_yet_is_spooled_without_a_wait(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool, time: Time
) -> None:
    beneath.lagging = True
    kept = saved(store)
    assert (spool.waiting(), time.slept) == ([kept.response.id], [])


def test_replicas_that_lag_send_no_other_answer_to_the_spool_alone(
    store: SpoolingStore, beneath: FlakyStore
) -> None:
    beneath.lagging = True
    saved(store)
    kept = saved(store)
    assert beneath.get(ACCOUNT, kept.response.id) == kept


def test_it_can_be_read_while_they_lag(store: SpoolingStore, beneath: FlakyStore) -> None:
    beneath.lagging = True
    kept = saved(store)
    assert store.get(ACCOUNT, kept.response.id) == kept


def test_what_another_machine_deleted_while_they_lag_is_not_found_here(
    store: SpoolingStore, beneath: FlakyStore, waiting: Turn
) -> None:
    beneath.full, beneath.lagging = False, True
    store.get(ACCOUNT, waiting.response.id)
    beneath.delete(ACCOUNT, waiting.response.id)
    with pytest.raises(NotFound):
        store.get(ACCOUNT, waiting.response.id)
