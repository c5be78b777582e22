"""What waits in the spool comes to the store that it is for, and to no other."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from time import time as wall_clock
from types import SimpleNamespace

import pytest
from prometheus_client import Counter

from app.api import context
from app.domain.turns.turn import Position, Turn
from app.errors import GatewayError, NotFound, StorageUnavailable
from app.factory import create_app, deliver_spooled
from app.settings import RedisSettings, Settings
from app.store.connection.client import connect
from app.store.responses.redis import RedisStore
from app.store.spool.attempts import (
    CONFIRMED_AGAIN_S,
    LEFT_ALONE_S,
    MAX_FAILURES,
    ORPHANED_S,
    Orphaned,
)
from app.store.spool.delivery import SpoolDelivery
from app.store.spool.files import Spool
from app.store.spool.folders import SpoolFolders
from app.store.spool.store import SpoolingStore
from app.store.spool.store_identity import StoreIdentity
from app.telemetry import SPOOL_DELIVERED, SPOOL_LOST
from tests.processes import PATIENCE_S, until
from tests.store.spools import FlakyStore, Time, delivery
from tests.store.turns import ACCOUNT, STRANGER, next_id, saved, turn

#: What commit 0357209 has spooled.
FIXTURES = Path(__file__).parent.parent / "fixtures" / "spool"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store() -> FlakyStore:
    return FlakyStore()


@pytest.fixture
def delivers(store: FlakyStore, tmp_path: Path, time: Time) -> SpoolDelivery:
    return delivery(store, tmp_path, time)


def test_a_folder_of_the_store_that_takes_nothing_is_found_out(delivers: SpoolDelivery) -> None:
    own = delivers.folders.own().directory
    own.rmdir()
    own.write_text("a file")
    assert delivers.folders.fault() == "Not a directory"


@pytest.mark.parametrize(
    ("flags", "why"), [(os.ST_RDONLY, "Read-only file system"), (0, "Permission denied")]
)
def test_why_a_spool_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: int, why: str
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # nothing keeps root out
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=flags))
    assert SpoolFolders(tmp_path / "spool").fault() == why


@pytest.fixture
def spool(delivers: SpoolDelivery) -> Spool:
    return delivers.folders.own()


def spooled(spool: Spool, count: int = 1) -> list[str]:
    """Return the ids of as many answers that wait, oldest first."""
    turns = [turn(str(number)) for number in range(count)]
    for number, each in enumerate(turns):
        spool.put(each)
        file = spool.directory / f"{each.response.id}.turn"
        os.utime(file, (number, number))
    return [each.response.id for each in turns]


def stored(store: FlakyStore, response_id: str) -> bool:
    return response_id in store._kept


def test_a_turn_of_the_timer_delivers(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool
) -> None:
    waiting = spooled(spool, 3)
    delivers.tick()
    assert (spool.waiting(), [stored(store, each) for each in waiting]) == ([], [True] * 3)


def test_while_nothing_waits_nothing_is_written(delivers: SpoolDelivery, store: FlakyStore) -> None:
    delivers.tick()
    assert store.writes == 0


def test_while_writes_are_refused_one_is_tried_a_turn(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool
) -> None:
    spooled(spool, 5)
    store.full = True
    delivers.tick()
    assert (store.writes, len(spool.waiting())) == (1, 5)


def test_what_the_store_does_not_take_keeps_nothing_else_waiting(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    *troubled, well = spooled(spool, MAX_FAILURES + 1)
    keep = store.keep

    def picky(kept: object) -> bool:
        if kept.response.id in troubled:  # type: ignore[attr-defined]  # a turn
            raise StorageUnavailable("one node of a Cluster is full")
        return keep(kept)  # type: ignore[arg-type]  # a turn

    monkeypatch.setattr(store, "keep", picky)
    delivers.tick()
    delivers.tick()
    assert stored(store, well)


def test_another_process_that_delivers_is_left_to_it(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool, tmp_path: Path
) -> None:
    (waiting,) = spooled(spool)
    with locked(tmp_path):
        delivers.tick()
        assert not stored(store, waiting)
    delivers.tick()
    assert stored(store, waiting)


@contextmanager
def counted(counter: Counter) -> Iterator[Callable[[], float]]:
    """Yield what tells by how much a counter has grown since."""
    before = total(counter)
    yield lambda: total(counter) - before


def total(counter: Counter) -> float:
    (metric,) = counter.collect()
    return next(sample.value for sample in metric.samples if sample.name.endswith("_total"))


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    handle = os.open(directory, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(handle)


def test_a_process_that_delivers_nothing_itself_learns_that_writes_are_taken(
    delivers: SpoolDelivery, tmp_path: Path
) -> None:
    delivers.breaker.open(StorageUnavailable("away"))
    with locked(tmp_path):
        delivers.tick()
    assert not delivers.breaker.is_open


def test_an_operator_does_not_wait_for_ever_for_one_that_delivers(
    delivers: SpoolDelivery, spool: Spool, tmp_path: Path
) -> None:
    spooled(spool)
    with locked(tmp_path), pytest.raises(StorageUnavailable, match="delivered"):
        delivers.deliver_all()


def test_an_operator_hears_that_the_store_takes_nothing(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool
) -> None:
    spooled(spool)
    store.full = True
    with pytest.raises(StorageUnavailable):
        delivers.deliver_all()


def test_a_damaged_file_stops_nobody(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool
) -> None:
    (spool.directory / "resp_damaged.turn").write_bytes(b"{}")
    (waiting,) = spooled(spool)
    delivers.tick()
    assert (stored(store, waiting), spool.waiting()) == (True, ["resp_damaged"])


def test_what_the_store_will_never_take_stops_nobody(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, well = spooled(spool, 2)
    keep = store.keep

    def picky(kept: object) -> bool:
        if kept.response.id == poison:  # type: ignore[attr-defined]  # a turn
            raise GatewayError("refused")
        return keep(kept)  # type: ignore[arg-type]  # a turn

    monkeypatch.setattr(store, "keep", picky)
    delivers.tick()
    assert (stored(store, well), spool.waiting()) == (True, [poison])


def test_what_another_process_has_just_delivered_stops_nobody(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool
) -> None:
    waiting = spooled(spool, 2)
    store.meanwhile = lambda: [spool.drop(each) for each in waiting]
    delivers.tick()
    assert spool.waiting() == []


def test_what_was_delivered_is_counted_once(delivers: SpoolDelivery, spool: Spool) -> None:
    spooled(spool, 2)
    with counted(SPOOL_DELIVERED) as count:
        delivers.tick()
        delivers.tick()
    assert count() == 2


def test_an_answer_whose_conversation_is_gone_is_given_up_and_counted(
    delivers: SpoolDelivery, spool: Spool
) -> None:
    orphan = turn(parent=Position("gone", 3))
    spool.put(orphan)
    with counted(SPOOL_LOST) as count:
        delivers.tick()
        assert (spool.waiting(), count()) == ([orphan.response.id], 0)
        with pytest.raises(Orphaned):
            delivers.deliver_all()
        began = wall_clock() - ORPHANED_S
        os.utime(spool.directory / f"{orphan.response.id}.turn", (began, began))
        delivers.deliver_all()
    assert (spool.waiting(), count()) == ([], 1)


@pytest.fixture
def kept(redis_url: str) -> Iterator[RedisStore]:
    """A store in a real Redis."""
    with connect(RedisSettings(url=redis_url)) as client:
        yield RedisStore(client, f"orphans-{token_hex(4)}:")


@pytest.fixture
def late(kept: RedisStore, tmp_path: Path) -> SpoolDelivery:
    """A delivery into it, of a spool that is empty."""
    identity, folders = FlakyStore(), SpoolFolders(tmp_path)
    made = SpoolDelivery(kept, identity, folders, lambda _account: True)
    made.identify()
    return made


def in_turn(kept: RedisStore) -> list[Turn]:
    """Return two turns that continue one which is stored, and one another."""
    first = saved(kept)
    return [
        turn(text, response_id=next_id(first.response.id), parent=Position("0", depth))
        for depth, text in enumerate(("second", "third"))
    ]


# So it is where a master is lost that had both turns, and no replica has them.


def test_an_answer_waits_for_the_one_before_it_that_was_spooled_too(
    kept: RedisStore, late: SpoolDelivery
) -> None:
    second, third = in_turn(kept)
    spool, spooling = late.folders.own(), SpoolingStore(kept, late)
    with counted(SPOOL_LOST) as lost:
        spool.put(third)
        late.tick()
        with pytest.raises(StorageUnavailable):
            spooling.context(ACCOUNT, third.response.id)
        assert spooling.get(ACCOUNT, third.response.id) == third
        spool.put(second)
        os.utime(spool.directory / f"{second.response.id}.turn", (1, 1))
        late.deliver_all()
    assert lost() == 0
    assert kept.get(ACCOUNT, third.response.id) == third
    assert len(kept.context(ACCOUNT, third.response.id).items) == 6


def test_an_answer_is_saved_after_the_one_before_it_that_was_spooled(
    kept: RedisStore, late: SpoolDelivery
) -> None:
    second, third = in_turn(kept)
    late.folders.own().put(second, is_kept=True)
    assert SpoolingStore(kept, late).save(third)
    assert len(kept.context(ACCOUNT, third.response.id).items) == 6


def test_an_answer_whose_conversation_was_erased_meanwhile_is_not_found(
    kept: RedisStore, late: SpoolDelivery
) -> None:
    with pytest.raises(NotFound):
        SpoolingStore(kept, late).save(turn(parent=Position("0", 3)))
    assert late.waiting() == []


def test_an_answer_that_waits_for_another_holds_up_no_others(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool
) -> None:
    for _ in range(MAX_FAILURES):
        spool.put(turn(parent=Position("gone", 3)))
    well = turn()
    spool.put(well)
    delivers.tick()
    assert stored(store, well.response.id)


def test_an_answer_that_fits_nowhere_is_counted(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool, time: Time
) -> None:
    spool.directory.rmdir()
    spool.directory.write_text("a file where the directory would be")
    store.full = True
    spooling = SpoolingStore(store, delivers, sleep=time.sleep, now=time.now)
    with counted(SPOOL_LOST) as count, pytest.raises(StorageUnavailable):
        spooling.save(turn())
    assert count() == 1


def test_how_many_wait_is_a_figure(delivers: SpoolDelivery, spool: Spool) -> None:
    spooled(spool, 2)
    assert delivers.figures() == {"gateway_spooled": 2}


@pytest.fixture
def forbidden(delivers: SpoolDelivery, monkeypatch: pytest.MonkeyPatch) -> SpoolDelivery:
    """The delivery of a process that may not read the spool."""

    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "iterdir", refused)
    monkeypatch.setattr(Path, "read_bytes", refused)
    return delivers


def test_a_spool_that_may_not_be_read_costs_a_request_nothing(forbidden: SpoolDelivery) -> None:
    forbidden.tick()
    forbidden.drop(turn().response.id)
    assert (forbidden.find(ACCOUNT, turn().response.id), forbidden.figures()) == (None, {})


def test_an_operator_who_may_not_read_it_is_told(forbidden: SpoolDelivery) -> None:
    for act in (forbidden.deliver_all, lambda: forbidden.erase(ACCOUNT)):
        with pytest.raises(StorageUnavailable, match="Permission denied"):
            act()


def test_a_process_that_serves_delivers_what_an_earlier_one_has_left(
    redis_url: str, tmp_path: Path
) -> None:
    left = turn()
    redis = RedisSettings(url=redis_url, prefix="left:")
    with connect(redis) as client:
        Spool(tmp_path / StoreIdentity(client, "left:").read()).put(left)
        app = create_app(Settings(redis=redis, spool_dir=tmp_path, log_level="CRITICAL"))
        deliver_spooled(app)
        with app.app_context():
            delivers = context.services().spool
        until(lambda: not delivers.waiting(), "the answer to be delivered")
        delivers.stop()
        assert RedisStore(client, "left:").get(ACCOUNT, left.response.id) == left


# one store each


@pytest.fixture
def other(tmp_path: Path, time: Time) -> FlakyStore:
    """Another store, whose gateway has the same directory."""
    other = FlakyStore("store_2")
    delivery(other, tmp_path, time)
    return other


def test_an_answer_is_delivered_to_no_other_store(
    delivers: SpoolDelivery, other: FlakyStore, spool: Spool, tmp_path: Path, time: Time
) -> None:
    (waiting,) = spooled(spool)
    delivery(other, tmp_path, time).tick()
    assert (other._kept, spool.waiting()) == ({}, [waiting])


def test_an_answer_is_not_shown_by_another_stores_gateway(
    other: FlakyStore, spool: Spool, tmp_path: Path, time: Time
) -> None:
    (waiting,) = spooled(spool)
    assert delivery(other, tmp_path, time).find(ACCOUNT, waiting) is None


def test_another_store_erases_nothing_here(
    other: FlakyStore, spool: Spool, tmp_path: Path, time: Time
) -> None:
    (waiting,) = spooled(spool)
    assert delivery(other, tmp_path, time).erase(ACCOUNT) == []
    assert spool.waiting() == [waiting]


def test_a_redis_that_was_emptied_meanwhile_is_given_nothing_of_before(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool
) -> None:
    (waiting,) = spooled(spool)
    store.store_id = "store_emptied"
    delivers.tick()
    assert (store._kept, spool.waiting()) == ({}, [waiting])
    assert delivers.folders.foreign() == {"store_1": 1}


def test_one_who_asks_for_an_answer_gives_it_to_no_other_store_either(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool
) -> None:
    (waiting,) = spooled(spool)
    store.store_id = "store_emptied"
    delivers.deliver(waiting)
    assert store._kept == {}


# of an earlier release, without a store's name


def test_an_answer_of_an_earlier_release_is_delivered(
    delivers: SpoolDelivery, store: FlakyStore, tmp_path: Path
) -> None:
    (waiting,) = spooled(Spool(tmp_path))
    delivers.tick()
    assert (stored(store, waiting), Spool(tmp_path).waiting()) == (True, [])


def test_what_the_first_release_wrote_is_read(
    delivers: SpoolDelivery, store: FlakyStore, tmp_path: Path
) -> None:
    (written,) = FIXTURES.glob("*.turn")
    shutil.copy(written, tmp_path)
    delivers.tick()
    kept = store.get(ACCOUNT, written.stem)
    assert (kept.response.status, kept.response.service_tier) == ("incomplete", "flex")
    assert (len(kept.input), len(kept.response.output)) == (4, 3)


def test_it_is_left_alone_while_another_store_may_have_been_meant(
    delivers: SpoolDelivery, other: FlakyStore, store: FlakyStore, tmp_path: Path
) -> None:
    (waiting,) = spooled(Spool(tmp_path))
    delivers.tick()
    assert other.store_id in delivers.folders.foreign()
    assert (store._kept, Spool(tmp_path).waiting()) == ({}, [waiting])


def test_it_is_left_alone_where_its_account_is_unknown(
    store: FlakyStore, tmp_path: Path, time: Time
) -> None:
    (waiting,) = spooled(Spool(tmp_path))
    delivers = delivery(store, tmp_path, time, STRANGER)
    assert (store._kept, Spool(tmp_path).waiting()) == ({}, [waiting])
    assert delivers.folders.unnamed() == 1


def test_it_is_left_alone_where_its_conversation_is_not(
    delivers: SpoolDelivery, tmp_path: Path, time: Time
) -> None:
    Spool(tmp_path).put(turn(parent=Position("elsewhere", 3)))
    delivers.tick()
    time.at += LEFT_ALONE_S
    delivers.tick()
    assert len(Spool(tmp_path).waiting()) == 1


def test_a_store_that_could_be_given_no_id_spools_like_an_earlier_release(
    store: FlakyStore, tmp_path: Path, time: Time
) -> None:
    store.away = True
    delivers = delivery(store, tmp_path, time)
    kept = turn()
    delivers.put(kept, StorageUnavailable("away"), is_kept=False)
    store.away = False
    delivers.tick()
    assert stored(store, kept.response.id)


# replicas that lag


def test_an_answer_leaves_once_the_replicas_have_it(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool, time: Time
) -> None:
    (waiting,) = spooled(spool)
    store.lagging = True
    delivers.tick()
    assert (stored(store, waiting), spool.is_kept(waiting)) == (True, True)
    store.lagging = False
    time.at += CONFIRMED_AGAIN_S
    delivers.tick()
    assert spool.waiting() == []


def test_replicas_that_lag_are_asked_once_in_a_while(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool
) -> None:
    waiting = spooled(spool, 3)
    store.lagging = True
    for _ in range(3):
        delivers.tick()
    assert store.confirms == 1
    assert all(stored(store, each) for each in waiting)


def test_what_a_fail_over_lost_is_kept_again(
    delivers: SpoolDelivery, store: FlakyStore, spool: Spool, time: Time
) -> None:
    spooling = SpoolingStore(store, delivers, sleep=time.sleep, now=time.now)
    store.lagging = True
    kept = saved(spooling)
    del store._kept[kept.response.id]
    assert spooling.get(ACCOUNT, kept.response.id) == kept


# the id of a store


@pytest.mark.parametrize("kind", ["redis_url", "cluster_url"])
def test_a_stores_id_is_made_once(request: pytest.FixtureRequest, kind: str) -> None:
    with connect(RedisSettings(url=request.getfixturevalue(kind))) as client:
        ids = {StoreIdentity(client, "identity:").read() for _ in range(3)}
    assert len(ids) == 1


def test_each_prefix_of_a_redis_is_a_store(redis_url: str) -> None:
    with connect(RedisSettings(url=redis_url)) as client:
        ids = {StoreIdentity(client, prefix).read() for prefix in ("one:", "two:")}
    assert len(ids) == 2


def test_an_answer_that_waits_has_a_time(delivers: SpoolDelivery, store: FlakyStore) -> None:
    kept, delivered = turn(), turn()
    for each in (kept, delivered):
        delivers.put(each, StorageUnavailable("away"), is_kept=False)
    delivers.deliver(delivered.response.id)
    assert abs(delivers.put_at(kept.response.id) - wall_clock()) < PATIENCE_S
    assert delivers.put_at(delivered.response.id) == delivers.put_at("resp_else") == 0
