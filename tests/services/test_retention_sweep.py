"""The sweep purges what is due, a bounded number at once, whatever holds it up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pytest

from app.errors import StorageUnavailable
from app.services.retention import sweep
from app.services.retention.copies import Copies
from app.services.retention.sweep import (
    AT_ONCE,
    BUSY_S,
    IDLE_S,
    MOST_BATCHES,
    UNLOGGING_S,
    RetentionSweep,
)
from app.store.responses.archive_base import Purged
from app.store.retention.base import Due
from app.telemetry import RETENTION_OVERDUE, RETENTION_PURGED, STORE_FAILURES


class FakeRetention:
    """What is due, in a list; `faults` are raised for ids when these are to be purged."""

    def __init__(self, *ids: str) -> None:
        self.ids = list(ids)
        self.steps: list[object] = []
        self.faults: dict[str, Exception] = {}
        self.holder = "me"
        self.logged: set[str] = set()
        self.is_away = False

    def due(self, token: str, most: int) -> Due | None:
        if self.is_away:
            raise StorageUnavailable("away")
        if token != self.holder:
            return None
        return Due(tuple(self.ids[:most]), len(self.ids), 5.0 if self.ids else 0.0)

    def purge(self, any_id: str, *, only_due: bool) -> Purged | None:
        assert only_due
        if any_id in self.faults:
            raise self.faults[any_id]
        self.steps.append(("purge", any_id))
        return None if "runs" in any_id else Purged(any_id, "acme", is_news=True)

    def settle(self, purged: Sequence[Purged]) -> None:
        for each in purged:
            self.ids.remove(each.any_id)
            self.logged.add(each.any_id)
        self.steps.append(("settle", len(purged)))

    def postpone(self, any_id: str) -> None:
        self.ids.remove(any_id)
        self.steps.append(("postpone", any_id))

    def unlogged(self, most: int) -> set[str]:
        return set(sorted(self.logged)[:most])

    def log_erased(self, response_ids: set[str]) -> None:
        self.logged -= response_ids


class FakeLog:
    """A request log, and deliveries of webhooks, that note what is taken out of them."""

    def __init__(self) -> None:
        self.erased: list[set[str]] = []
        self.deliveries: list[set[str]] = []

    def purge(self, response_ids: Collection[str]) -> None:
        self.deliveries.append(set(response_ids))

    def erase_responses(self, response_ids: set[str]) -> int:
        self.erased.append(set(response_ids))
        return len(response_ids)


class FakeCopies:
    """A store of copies, which may be away."""

    def __init__(self, steps: list[object]) -> None:
        self.steps = steps
        self.is_away = False

    def forget(self, account: str, response_ids: Sequence[str]) -> None:
        if self.is_away:
            raise StorageUnavailable("away")
        self.steps.append(("forget", account, list(response_ids)))


class Bench:
    def __init__(self, *ids: str, worker: str = "me") -> None:
        self.store, self.log, self.at = FakeRetention(*ids), FakeLog(), 0.0
        self.copies = FakeCopies(self.store.steps)
        log: Any = self.log
        copies = Copies(log, self.log, self.store, self.copies)
        self.sweep = RetentionSweep(self.store, copies, worker, lambda: self.at)


def ids(count: int) -> list[str]:
    return [f"resp_{number:04}" for number in range(count)]


def value(metric: Any, **labels: str) -> Any:
    (family,) = metric.collect()
    return sum(
        each.value
        for each in family.samples
        if each.labels == labels and not each.name.endswith("_created")
    )


def test_copies_go_before_what_is_purged_is_forgotten() -> None:
    bench = Bench("resp_1", "items_2", "conv_3")
    before = value(RETENTION_PURGED, kind="response")
    assert bench.sweep.tick() is False
    assert bench.store.steps == [
        *(("purge", each) for each in ("resp_1", "items_2", "conv_3")),
        ("forget", "acme", ["resp_1"]),
        ("settle", 3),
    ]
    assert value(RETENTION_PURGED, kind="response") == before + 1


def test_a_tick_purges_a_bounded_number_and_says_that_more_is_due() -> None:
    bench = Bench(*ids(AT_ONCE * MOST_BATCHES + 1))
    assert bench.sweep.tick() is True
    assert len(bench.store.ids) == 1
    assert value(RETENTION_OVERDUE) > 0
    assert bench.sweep.tick() is False
    assert bench.store.ids == []
    assert value(RETENTION_OVERDUE) == 0


def test_who_has_no_lease_purges_nothing() -> None:
    bench = Bench("resp_1", worker="another")
    assert bench.sweep.tick() is False
    assert bench.store.steps == []


def test_what_cannot_be_purged_holds_up_nothing_else() -> None:
    bench = Bench("resp_broken", "resp_runs", "resp_3")
    bench.store.faults["resp_broken"] = ValueError("an entry that nobody can read")
    bench.sweep.tick()
    assert ("postpone", "resp_broken") in bench.store.steps
    assert ("postpone", "resp_runs") in bench.store.steps
    assert bench.log.erased == [{"resp_3"}]


def test_redis_going_away_in_the_middle_leaves_the_rest_for_another_time() -> None:
    bench = Bench(*ids(3))
    bench.store.faults["resp_0001"] = StorageUnavailable("away")
    with pytest.raises(StorageUnavailable):
        bench.sweep.tick()
    assert bench.store.ids == ids(3)  # nothing was forgotten whose copies were not seen to
    bench.store.faults.clear()
    bench.copies.is_away = True
    with pytest.raises(StorageUnavailable):
        bench.sweep.tick()
    assert bench.store.ids == ids(3)
    bench.copies.is_away = False
    bench.sweep.tick()
    assert bench.store.ids == []


def test_the_request_log_is_read_now_and_then() -> None:
    bench = Bench("resp_1")
    bench.sweep.tick()
    bench.store.ids.append("resp_2")
    bench.sweep.tick()
    assert bench.log.erased == [{"resp_1"}]
    bench.at = UNLOGGING_S
    bench.sweep.tick()
    assert bench.log.erased == [{"resp_1"}, {"resp_2"}]
    bench.at = 2 * UNLOGGING_S
    bench.sweep.tick()
    assert len(bench.log.erased) == 2
    assert bench.log.deliveries == bench.log.erased


def test_where_more_was_purged_than_is_taken_out_at_once_it_does_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep, "UNLOGGED_AT_ONCE", 2)
    bench = Bench()
    bench.store.logged = {"resp_1", "resp_2", "resp_3"}
    for _ in range(3):
        bench.sweep.tick()
    assert bench.log.erased == [{"resp_1", "resp_2"}, {"resp_3"}]


class Enough(BaseException):
    """A test has seen enough of what goes on for ever."""


def test_it_goes_on_whatever_happens() -> None:
    bench = Bench(*ids(AT_ONCE * MOST_BATCHES + 1))
    bench.store.is_away = True
    before, pauses = value(STORE_FAILURES, operation="retention"), list[float]()

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        bench.store.is_away = False
        if len(pauses) == 4:
            raise Enough
        if len(pauses) == 3:
            bench.store.due = None  # type: ignore[method-assign,assignment] # a bug

    with pytest.raises(Enough):
        bench.sweep.keep_sweeping(pause)
    assert pauses == [IDLE_S, BUSY_S, IDLE_S, IDLE_S]
    assert value(STORE_FAILURES, operation="retention") == before + 1
