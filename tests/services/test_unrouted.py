"""A job whose model this worker does not know is left to others, for a while (N20)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from app.services.background.active_jobs import ActiveJobs
from app.services.background.unrouted import WAIT_S
from tests.services.jobs_bench import Bench


@pytest.fixture
def bench(redis_url: str) -> Iterator[Bench]:
    with redis.Redis.from_url(redis_url) as client:
        yield Bench(client)


@pytest.fixture
def left(bench: Bench) -> str:
    """A job that a worker whose gateway.toml is old has left."""
    response_id = bench.queued()
    bench.box.sent.clear()
    bench.models = ()
    bench.worker.work()
    return response_id


def age(bench: Bench, by_s: float) -> None:
    """Have what was left have been so for longer."""
    key = f"{bench.prefix}{{jobs}}:unrouted"
    for response_id, score in bench.client.zrange(key, 0, -1, withscores=True):
        bench.client.zadd(key, {response_id: score - by_s * 1000})


def test_it_waits_on(bench: Bench, left: str) -> None:
    assert bench.store.status("acme", left) == "in_progress"
    assert [each for each, _ in bench.unrouted_jobs.waiting()] == [left]


def test_nobody_takes_it_who_does_not_know_it(bench: Bench, left: str) -> None:
    assert (bench.store.take(), bench.box.sent) == (None, [])
    bench.unrouted.look()
    assert [each for each, _ in bench.unrouted_jobs.waiting()] == [left]


def test_a_worker_that_knows_it_runs_it(bench: Bench, left: str) -> None:
    bench.models = ("m",)
    bench.unrouted.look()
    assert bench.kept(left).status == "completed"
    assert bench.unrouted_jobs.waiting() == []


def test_what_nobody_knows_in_time_fails_for_that_reason(bench: Bench, left: str) -> None:
    age(bench, WAIT_S - 5)
    bench.unrouted.look()
    assert bench.store.status("acme", left) == "in_progress"
    age(bench, 10)
    bench.unrouted.look()
    response = bench.kept(left)
    assert (response.status, response.error and response.error.code) == (
        "failed",
        "model_not_found",
    )
    (used,) = bench.usage.read("acme", [bench.meter.book.today()])
    assert (used.errors, used.unpriced_requests) == (1, 0)  # no upstream was called


def test_one_that_was_erased_holds_up_no_others(bench: Bench, left: str) -> None:
    for key in bench.client.scan_iter(f"{bench.prefix}*:job:{left}"):
        bench.client.delete(key)
    bench.models = ("m",)
    bench.unrouted.look()
    assert (bench.unrouted_jobs.waiting(), bench.provider.requests) == ([], [])


def test_it_can_be_cancelled(bench: Bench, left: str) -> None:
    claim = bench.store.take_over("acme", left, "cancelled")
    assert claim is not None
    bench.finisher.end(claim)
    assert (bench.kept(left).status, bench.unrouted_jobs.waiting()) == ("cancelled", [])


def test_one_that_was_taken_over_meanwhile_is_left_to_who_did(bench: Bench) -> None:
    response_id = bench.queued()
    bench.models = ()
    assert bench.store.take() == response_id
    claim = bench.store.claim(response_id, "a worker")
    assert claim is not None
    bench.store.take_over("acme", response_id, "cancelled")
    bench.unrouted.leave(claim, "m")
    assert bench.unrouted_jobs.waiting() == []


def test_one_that_ends_has_others_look(bench: Bench, left: str) -> None:
    bench.models = ("m",)
    bench.active_jobs.close()
    bench.unrouted.look()
    assert [each for each, _ in bench.unrouted_jobs.waiting()] == [left]


def test_one_that_ends_just_then_gives_it_back_at_once(bench: Bench, left: str) -> None:
    bench.models = ("m",)
    assert bench.unrouted_jobs.take(left)
    bench.active_jobs.close()
    bench.worker.work_on(left)
    assert (bench.provider.requests, bench.box.sent) == ([], [1])
    assert bench.store.take() == left


def test_what_was_given_back_so_costs_nothing_where_it_fails_then(bench: Bench, left: str) -> None:
    bench.models = ("m",)
    assert bench.unrouted_jobs.take(left)
    bench.active_jobs.close()
    bench.worker.work_on(left)
    bench.active_jobs, bench.models = ActiveJobs(bench.jobs, bench.clock, 800), ()  # another
    bench.worker.work()
    age(bench, WAIT_S + 1)
    bench.unrouted.look()
    (used,) = bench.usage.read("acme", [bench.meter.book.today()])
    assert (used.errors, used.unpriced_requests) == (1, 0)  # no upstream was called


def test_a_worker_that_is_busy_has_others_look(
    bench: Bench, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.models = ("m",)
    monkeypatch.setattr(ActiveJobs, "__len__", lambda _: 2)
    bench.unrouted.look()
    assert [each for each, _ in bench.unrouted_jobs.waiting()] == [left]


def test_only_one_of_several_takes_it(bench: Bench, left: str) -> None:
    assert [bench.unrouted_jobs.take(left), bench.unrouted_jobs.take(left)] == [True, False]


def test_where_nobody_looks_it_is_found_as_lost(bench: Bench, left: str) -> None:
    bench.lapse()
    bench.supervisor.beat()
    assert bench.store.take() == left
