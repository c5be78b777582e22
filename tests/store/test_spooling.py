"""A store whose Redis comes and goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread

import pytest

from app.errors import NotFound, StorageUnavailable
from app.store.base import Place, ResponseStore, Turn, Unconfirmed
from app.store.memory import MemoryStore
from app.store.spool import Spool
from app.store.spooling import ASKED_AGAIN_S, PATIENCE_S, RETRIED_S, SpoolingStore
from tests.store.turns import ACCOUNT, continued, saved, turn


class FlakyStore(MemoryStore):
    """A store that is away when told so, and whose replicas lag when told so."""

    def __init__(self) -> None:
        super().__init__()
        self.away = self.lagging = False
        self.asked = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def save(self, turn: Turn) -> bool:
        stands = self.keep(turn)
        self.confirm(turn.response.id, 0)
        return stands

    def keep(self, turn: Turn) -> bool:
        self.meanwhile()
        self.ping()
        return super().save(turn)

    def confirm(self, response_id: str, wait_s: float) -> None:
        self.asked += 1
        if self.lagging:
            raise Unconfirmed(response_id)

    def get(self, account: str, response_id: str) -> Turn:
        self.ping()
        return super().get(account, response_id)

    def ping(self) -> None:
        if self.away:
            raise StorageUnavailable("away")


@dataclass
class Time:
    """Time that passes only while somebody sleeps."""

    at: float = 0.0
    slept: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.slept.append(seconds)
        self.meanwhile()

    def now(self) -> float:
        return self.at


@pytest.fixture
def beneath() -> FlakyStore:
    return FlakyStore()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store(beneath: FlakyStore, spool: Spool, time: Time) -> SpoolingStore:
    return SpoolingStore(beneath, spool, sleep=time.sleep, now=time.now)


def spooled(store: SpoolingStore, beneath: FlakyStore, text: str = "hello") -> Turn:
    """Return a turn that could only be spooled, once Redis is back."""
    beneath.away = True
    kept = saved(store, text)
    beneath.away = False
    return kept


def test_an_answer_is_saved_at_once_while_redis_is_there(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool
) -> None:
    kept = saved(store)
    assert (beneath.get(ACCOUNT, kept.response.id), spool.waiting()) == (kept, [])


def test_an_answer_is_tried_again_for_five_seconds(
    store: SpoolingStore, beneath: FlakyStore, time: Time
) -> None:
    spooled(store, beneath)
    assert time.at == pytest.approx(RETRIED_S, abs=0.3)


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


def test_an_answer_that_fits_nowhere_is_refused(
    beneath: FlakyStore, tmp_path: Path, time: Time
) -> None:
    (tmp_path / "spool").write_text("a file where the directory would be")
    store = SpoolingStore(beneath, Spool(tmp_path / "spool"), sleep=time.sleep, now=time.now)
    beneath.away = True
    with pytest.raises(StorageUnavailable):
        store.save(turn())


READERS: dict[str, Callable[[ResponseStore, str], object]] = {
    "get": lambda store, response_id: store.get(ACCOUNT, response_id),
    "context": lambda store, response_id: store.context(ACCOUNT, response_id),
    "input_items": lambda store, response_id: store.input_items(
        ACCOUNT, response_id, order="asc", limit=1, after=None, before=None
    ),
    "items": lambda store, response_id: store.items(ACCOUNT, []),
    "delete": lambda store, response_id: store.delete(ACCOUNT, response_id),
    "ping": lambda store, response_id: store.ping(),
}


@pytest.mark.parametrize("reader", READERS)
def test_what_was_spooled_is_delivered_before_anything_else(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool, reader: str
) -> None:
    kept = spooled(store, beneath)
    READERS[reader](store, kept.response.id)
    assert spool.waiting() == []
    assert beneath.save(kept)


@pytest.mark.parametrize("reader", READERS)
def test_nothing_is_served_while_answers_wait_and_redis_is_away(
    store: SpoolingStore, beneath: FlakyStore, reader: str
) -> None:
    kept = spooled(store, beneath)
    beneath.away = True
    with pytest.raises(StorageUnavailable):
        READERS[reader](store, kept.response.id)


def test_another_process_delivers_as_well(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool
) -> None:
    kept = spooled(store, beneath)
    assert SpoolingStore(beneath, spool).get(ACCOUNT, kept.response.id) == kept


def test_a_spooled_answer_can_be_continued(store: SpoolingStore, beneath: FlakyStore) -> None:
    kept = spooled(store, beneath)
    child = continued(store, kept)
    assert store.context(ACCOUNT, child.response.id).last == child.response


def test_an_answer_whose_account_was_erased_is_forgotten(
    beneath: FlakyStore, spool: Spool, store: SpoolingStore
) -> None:
    spool.put(turn(parent=Place("0", 3)))

    def gone() -> None:
        raise NotFound("no such parent")

    beneath.meanwhile = gone
    store.ping()
    assert spool.waiting() == []


def test_a_damaged_file_stops_nobody(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool, tmp_path: Path
) -> None:
    (tmp_path / "resp_damaged.turn").write_bytes(b"{}")
    kept = spooled(store, beneath)
    assert store.get(ACCOUNT, kept.response.id) == kept
    assert spool.waiting() == ["resp_damaged"]


def test_what_another_process_has_just_delivered_stops_nobody(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool
) -> None:
    first, second = (spooled(store, beneath, text) for text in "ab")

    def other() -> None:
        for each in (first, second):
            spool.drop(each.response.id)

    beneath.meanwhile = other
    store.ping()
    assert spool.waiting() == []


def test_a_reader_does_not_wait_for_ever_for_one_that_delivers(
    store: SpoolingStore, beneath: FlakyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.spooling.PATIENCE_S", 0.01)
    kept = spooled(store, beneath)
    delivering, delivered = Event(), Event()

    def slow() -> None:
        delivering.set()
        delivered.wait(PATIENCE_S)

    beneath.meanwhile = slow
    other = Thread(target=store.ping)
    other.start()
    delivering.wait(PATIENCE_S)
    with pytest.raises(StorageUnavailable, match="delivered"):
        store.get(ACCOUNT, kept.response.id)
    delivered.set()
    other.join()


# replicas that lag


def test_an_answer_that_replicas_do_not_have_yet_is_spooled_without_a_wait(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool, time: Time
) -> None:
    beneath.lagging = True
    kept = saved(store)
    assert (spool.waiting(), time.slept) == ([kept.response.id], [])


def test_it_can_be_read_while_they_lag(store: SpoolingStore, beneath: FlakyStore) -> None:
    beneath.lagging = True
    kept = saved(store)
    assert store.get(ACCOUNT, kept.response.id) == kept


def test_it_leaves_the_spool_once_they_have_it(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool, time: Time
) -> None:
    beneath.lagging = True
    kept = saved(store)
    store.ping()
    beneath.lagging = False
    time.at += ASKED_AGAIN_S
    store.ping()
    assert (spool.waiting(), beneath.get(ACCOUNT, kept.response.id)) == ([], kept)


def test_they_are_not_asked_at_every_request(
    store: SpoolingStore, beneath: FlakyStore, time: Time
) -> None:
    beneath.lagging = True
    saved(store)
    before = beneath.asked
    for _ in range(5):
        store.ping()
    assert beneath.asked == before + 1


def test_they_are_not_asked_for_what_another_process_saw_confirmed(
    store: SpoolingStore, beneath: FlakyStore, spool: Spool, time: Time
) -> None:
    beneath.lagging = True
    first, _ = saved(store), saved(store)
    store.ping()
    spool.drop(first.response.id)
    beneath.lagging = False
    time.at += ASKED_AGAIN_S
    before = beneath.asked
    store.ping()
    assert beneath.asked == before + 1
