"""What keeps jobs going: leases are renewed, lost ones noticed, wake-ups never missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
import redis

from app.errors import StorageUnavailable
from app.services.background.event_writer import FLUSH_S, PAUSE_S
from app.services.background.supervisor import OVERDUE_S, Supervisor
from app.store.jobs.base import Flush, QueueFigures, RetryState
from tests.services.jobs_bench import CALLER, Bench
from tests.services.scripted import HELLO, THE_END, ScriptedProvider


@pytest.fixture
def bench(redis_url: str) -> Iterator[Bench]:
    with redis.Redis.from_url(redis_url) as client:
        yield Bench(client)


def during(bench: Bench, *steps: Any) -> str:
    """Run a job, and do something in the middle of it; return its id."""
    bench.provider = ScriptedProvider("p", (HELLO, *steps, THE_END))
    response_id = bench.queued()
    bench.worker.work()
    return response_id


# Leases


def test_what_runs_keeps_its_lease(bench: Bench) -> None:
    supervisor = bench.supervisor

    def beat() -> None:
        bench.lapse()
        supervisor.beat()
        assert bench.store.lost() == []

    assert bench.kept(during(bench, beat)).status == "completed"


def test_a_heartbeat_is_heard(bench: Bench) -> None:
    bench.supervisor.beat()
    assert bench.store.queues().silence_s < 5


def test_a_heart_beside_threads_that_take_no_job_is_no_sign_of_life(bench: Bench) -> None:
    bench.supervisor.beat()
    bench.box.idle_for_s = 20
    bench.supervisor.beat()
    lately = bench.store.queues().silence_s
    bench.box.idle_for_s = float("inf")
    bench.supervisor.beat()
    assert [lately < 5, bench.store.queues().silence_s < 5] == [True, True]


def test_a_worker_that_could_never_take_a_job_is_not_heard(bench: Bench) -> None:
    bench.box.idle_for_s = float("inf")
    bench.supervisor.beat()
    assert bench.store.queues().silence_s == float("inf")


def test_one_that_cannot_be_ended_holds_up_no_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor, settle = bench.supervisor, bench.store.settle_lost
    ids = [bench.queued(), bench.queued()]
    for response_id in ids:
        bench.begun(response_id)

    def stumble(response_id: str) -> object:
        if response_id == ids[0]:
            raise ZeroDivisionError
        return settle(response_id)

    monkeypatch.setattr(bench.store, "settle_lost", stumble)
    bench.lapse()
    supervisor.beat()
    assert bench.store.take() == ids[1]


def test_what_was_lost_before_it_spoke_is_queued_again(bench: Bench) -> None:
    response_id = bench.queued()
    bench.begun(response_id)
    bench.lapse()
    bench.box.sent.clear()
    bench.supervisor.beat()
    assert (bench.box.sent, bench.store.take()) == ([1], response_id)


def test_what_was_lost_after_it_spoke_ends_failed(bench: Bench) -> None:
    def vanish() -> None:
        (run,) = bench.active_jobs.ids
        bench.clock.now += 1
        bench.active_jobs.flush()
        claim = bench.store.take_over("acme", run, "lost")
        assert claim is not None
        bench.store.settle_lost(run)

    response_id = during(bench, vanish)
    bench.lapse()
    bench.supervisor.beat()
    response = bench.kept(response_id)
    assert response.error is not None
    assert (response.status, "lost" in response.error.message) == ("failed", True)


def test_what_was_lost_three_times_ends_failed(bench: Bench) -> None:
    response_id, supervisor = bench.queued(), bench.supervisor
    for _ in range(3):
        bench.begun(response_id)
        bench.lapse()
        supervisor.beat()
    assert bench.kept(response_id).status == "failed"


def test_what_was_never_accepted_is_not_run_and_counted_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off = Mock(**{"run.side_effect": StorageUnavailable("away")})
    with monkeypatch.context() as patched:
        patched.setattr(bench.store, "safety", cut_off)  # what accepts the job
        patched.setattr(bench.store, "take_back", lambda *_: None)  # nor can that be told it
        with pytest.raises(StorageUnavailable):
            bench.queued()
    bench.lapse()
    bench.supervisor.beat()
    assert bench.store.take() is None
    (line,) = bench.usage.read("acme", [bench.meter.book.today()])
    assert (line.requests, line.errors, bench.provider.requests) == (1, 1, [])


def test_what_nobody_ended_is_ended_as_it_was_meant(bench: Bench) -> None:
    response_id = bench.queued()
    bench.begun(response_id)
    bench.away.at = {"finish"}
    with pytest.raises(StorageUnavailable):
        bench.background.cancel(CALLER, response_id)
    bench.away.at = set()
    bench.lapse()
    bench.supervisor.beat()
    assert bench.kept(response_id).status == "cancelled"


def test_after_an_outage_everybody_may_renew_first(bench: Bench) -> None:
    response_id, supervisor = bench.queued(), bench.supervisor
    bench.begun(response_id)
    bench.away.is_away = True
    with pytest.raises(StorageUnavailable):
        supervisor.beat()
    bench.away.is_away = False
    bench.lapse()
    supervisor.beat()
    before = bench.away.calls.count("settle_lost")
    bench.clock.now += bench.settings.lease_s
    supervisor.beat()
    assert [before, bench.away.calls.count("settle_lost")] == [0, 1]


# Tickets


def waiting(bench: Bench, monkeypatch: pytest.MonkeyPatch, queues: QueueFigures) -> Supervisor:
    """Return a supervisor that finds so much waiting."""
    monkeypatch.setattr(bench.store, "queues", lambda: queues)
    return bench.supervisor


@pytest.mark.parametrize(("queued", "sent"), [(1, [1]), (2, [2]), (9, [2])])
def test_what_waits_beside_a_free_worker_gets_a_ticket(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, queued: int, sent: list[int]
) -> None:
    waiting(bench, monkeypatch, QueueFigures(queued, 0, OVERDUE_S + 1)).beat()
    assert bench.box.sent == sent


def test_what_has_only_just_come_has_a_ticket(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(bench, monkeypatch, QueueFigures(1, 0, OVERDUE_S)).beat()
    assert bench.box.sent == []


def test_what_waits_for_busy_workers_has_a_ticket(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = waiting(bench, monkeypatch, QueueFigures(9, 2, OVERDUE_S + 1))
    monkeypatch.setattr(type(bench.active_jobs), "__len__", lambda _: bench.settings.concurrency)
    supervisor.beat()
    assert bench.box.sent == []


def test_what_was_parked_for_long_enough_gets_a_ticket(bench: Bench) -> None:
    response_id = bench.queued()
    bench.box.sent.clear()
    assert bench.store.take() == response_id
    claim = bench.store.claim(response_id, "a worker")
    assert claim is not None
    bench.store.park(claim, RetryState(1.0, 2.0), 0.0)
    bench.supervisor.beat()
    assert bench.box.sent == [1]


def test_tickets_are_forgotten_once_nothing_waits_or_runs(bench: Bench) -> None:
    supervisor = bench.supervisor
    supervisor.beat()
    supervisor.beat()
    first = bench.box.cleared
    bench.queued()
    supervisor.beat()
    bench.worker.work()
    supervisor.beat()
    assert [first, bench.box.cleared] == [1, 2]


def test_what_came_while_tickets_were_forgotten_gets_another(bench: Bench) -> None:
    def enqueue() -> None:
        bench.queued()
        bench.box.sent.clear()

    bench.box.at_clear = enqueue
    bench.supervisor.beat()
    assert bench.box.sent == [1]


@pytest.mark.parametrize("at", ["renew", "queues"])
def test_after_an_outage_all_that_waits_gets_a_wake_up_once(bench: Bench, at: str) -> None:
    supervisor = bench.supervisor
    bench.queued()
    bench.box.sent.clear()
    bench.away.at = {at}
    with pytest.raises(StorageUnavailable):
        supervisor.beat()
    bench.away.at = set()
    supervisor.beat()
    supervisor.beat()
    assert bench.box.sent == [1]


@pytest.mark.parametrize(("queued", "sent"), [(0, []), (1, [1]), (9, [2])])
def test_all_that_waits_can_be_woken_for_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, queued: int, sent: list[int]
) -> None:
    waiting(bench, monkeypatch, QueueFigures(queued, 0, 0)).resend_wake_ups()
    assert bench.box.sent == sent


# News


@pytest.mark.parametrize(("what", "woken"), [("waiting", 1), ("", 1), ("events", 0), ("ended", 0)])
def test_a_worker_wakes_when_something_may_wait(bench: Bench, what: Any, woken: int) -> None:
    bench.supervisor.handle_news(what, "")
    assert bench.box.woken == woken


@pytest.mark.parametrize(("what", "looked"), [("webhook", 1), ("", 1), ("events", 0)])
def test_a_worker_looks_for_webhook_events_when_one_may_be_due(
    bench: Bench, what: Any, looked: int
) -> None:
    looks: list[None] = []
    supervisor = bench.supervisor
    supervisor.on_webhook = lambda: looks.append(None)
    supervisor.handle_news(what, "")
    assert len(looks) == looked


@pytest.mark.parametrize("news", ["taken_over", ""])
def test_what_was_taken_over_is_stopped(bench: Bench, news: Any) -> None:
    supervisor = bench.supervisor
    is_stopped: list[bool] = []

    def take_over() -> None:
        (response_id,) = bench.active_jobs.ids
        bench.background.cancel(CALLER, response_id)
        supervisor.handle_news(news, response_id if news else "")
        is_stopped.append(bench.provider.calls[0].cancelled)

    assert bench.kept(during(bench, take_over)).status == "cancelled"
    assert is_stopped == [True]


def test_what_is_still_ones_own_is_not_stopped(bench: Bench) -> None:
    supervisor = bench.supervisor
    response_id = during(bench, lambda: supervisor.handle_news("", ""))
    assert bench.kept(response_id).status == "completed"


def test_what_another_lost_is_none_of_ones_own(bench: Bench) -> None:
    supervisor = bench.supervisor
    response_id = during(bench, lambda: supervisor.handle_news("taken_over", "resp_other"))
    assert bench.kept(response_id).status == "completed"
    assert "owns" not in bench.away.calls


# Flushing


def test_the_streams_of_all_runs_are_flushed_at_once(bench: Bench) -> None:
    seen: list[bool] = []

    def flush() -> None:
        bench.clock.now += FLUSH_S
        seen.append(bench.active_jobs.flush())
        seen.append(bench.active_jobs.flush())

    during(bench, flush)
    assert (seen, bench.away.calls.count("append")) == ([True, True], 1)


def test_a_flush_waits_for_a_store_that_is_away(bench: Bench) -> None:
    seen: list[bool] = []

    def flush() -> None:
        bench.clock.now += FLUSH_S
        bench.away.at = {"append"}
        seen.append(bench.active_jobs.flush())
        bench.away.at = set()
        seen.append(bench.active_jobs.flush())

    response_id = during(bench, flush)
    assert seen == [False, True]
    assert bench.kept(response_id).status == "completed"


# For ever


class Enough(BaseException):
    """Ends what else would go on for ever."""


def ending_after(bench: Bench, pauses: int) -> None:
    """Have the bench's time end with this pause."""

    def pause() -> None:
        if len(bench.pauses) == pauses:
            raise Enough

    bench.at_pause = pause


def test_who_has_yet_to_look_for_a_job_beats_again_soon(bench: Bench) -> None:
    bench.box.idle_for_s = float("inf")
    ending_after(bench, 1)
    with pytest.raises(Enough):
        bench.supervisor.keep_beating(5.0)
    assert bench.pauses == [PAUSE_S]


def test_who_looked_for_a_job_during_a_beat_that_did_not_report_it_beats_again_soon(
    bench: Bench,
) -> None:
    def look() -> None:
        bench.box.idle_for_s = 0.0

    bench.box.idle_for_s, bench.box.at_clear = float("inf"), look
    ending_after(bench, 2)
    with pytest.raises(Enough):
        bench.supervisor.keep_beating(5.0)
    assert bench.pauses == [PAUSE_S, 5.0]


def test_a_worker_beats_for_ever(bench: Bench) -> None:
    ending_after(bench, 3)
    with pytest.raises(Enough):
        bench.supervisor.keep_beating(5.0)
    assert (bench.pauses, bench.away.calls.count("renew")) == ([5.0] * 3, 3)


def test_a_store_that_is_away_is_soon_asked_again(bench: Bench) -> None:
    ending_after(bench, 2)
    bench.away.is_away = True
    with pytest.raises(Enough):
        bench.supervisor.keep_beating(5.0)
    assert bench.pauses == [PAUSE_S] * 2


def test_no_bug_ends_the_heartbeat(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    ending_after(bench, 2)

    def broken() -> QueueFigures:
        raise ValueError

    monkeypatch.setattr(bench.store, "queues", broken)
    with pytest.raises(Enough):
        bench.supervisor.keep_beating(5.0)
    assert bench.away.calls.count("renew") == 2


def test_what_runs_is_flushed_for_ever(bench: Bench) -> None:
    supervisor = bench.supervisor
    ending_after(bench, 10)

    def flush() -> None:
        with pytest.raises(Enough):
            supervisor.keep_flushing()
        bench.at_pause = lambda: None

    during(bench, flush)
    assert bench.pauses[:10] == [FLUSH_S / 5] * 10


def test_what_takes_too_long_is_stopped_between_two_flushes(bench: Bench) -> None:
    supervisor = bench.supervisor
    ending_after(bench, 1)

    def wait() -> None:
        bench.clock.now += bench.settings.time_limit_s + 1
        with pytest.raises(Enough):
            supervisor.keep_flushing()
        bench.at_pause = lambda: None

    assert bench.kept(during(bench, wait)).status == "failed"


def test_flushing_pauses_while_the_store_is_away(bench: Bench) -> None:
    supervisor = bench.supervisor
    ending_after(bench, 7)

    def flush() -> None:
        bench.away.at = {"append"}
        with pytest.raises(Enough):
            supervisor.keep_flushing()
        bench.away.at = set()
        bench.at_pause = lambda: None

    during(bench, flush)
    assert bench.pauses[-1] == PAUSE_S


def test_a_bug_does_not_stop_the_flushing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor = bench.supervisor
    ending_after(bench, 7)

    def fail() -> bool:
        raise ZeroDivisionError

    def flush() -> None:
        monkeypatch.setattr(bench.active_jobs, "flush", fail)
        with pytest.raises(Enough):
            supervisor.keep_flushing()
        monkeypatch.undo()
        bench.at_pause = lambda: None

    during(bench, flush)
    assert bench.pauses[:7] == [PAUSE_S] * 7


# The end


def test_what_runs_has_its_grace(bench: Bench) -> None:
    supervisor = bench.supervisor
    gave_back: list[bool] = []

    def drain() -> None:
        supervisor.drain()
        gave_back.append(bench.clock.now >= start + bench.settings.grace_s)

    start = bench.clock.now
    response_id = during(bench, drain)
    assert (gave_back, bench.active_jobs.closed) == ([True], True)
    assert bench.store.status("acme", response_id) == "in_progress"
    assert bench.store.queues().queued == 1


def test_where_nothing_runs_no_grace_is_needed(bench: Bench) -> None:
    bench.supervisor.drain()
    assert (bench.pauses, bench.active_jobs.closed) == ([], True)


def test_a_stream_takes_no_flush_that_was_none(bench: Bench) -> None:
    response_id = bench.queued()
    bench.begun(response_id)
    claim = bench.store.take_over("acme", response_id, "cancelled")
    assert claim is not None
    assert bench.store.append([(claim, Flush(0, ()))]) == [True]
    assert bench.store.read_events(response_id, 0).lines == []
