"""How a worker's jobs end with it: the unspoken go back at once, the spoken have their time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from app.services.background.draining import Drain
from tests.services.jobs_bench import Bench
from tests.services.scripted import HELLO, THE_END, ScriptedProvider


@pytest.fixture
def bench(redis_url: str) -> Iterator[Bench]:
    with redis.Redis.from_url(redis_url) as client:
        yield Bench(client)


@pytest.fixture
def drain(bench: Bench) -> Drain:
    return Drain(bench.active_jobs, bench.clock, bench.pause)


def run(bench: Bench, *steps: Any) -> str:
    """Run a job whose upstream takes these steps; return its id."""
    bench.provider = ScriptedProvider("p", (*steps, THE_END))
    response_id = bench.queued()
    bench.box.sent.clear()
    bench.worker.work()
    return response_id


def flush(bench: Bench) -> None:
    bench.clock.now += 1
    bench.active_jobs.flush()


def test_a_job_that_has_not_spoken_goes_back_at_once(bench: Bench, drain: Drain) -> None:
    began = bench.clock.now
    ended: list[float] = []

    def stop() -> None:
        drain.begin(1000)
        bench.active_jobs.give_back_silent()
        ended.append(bench.clock.now)

    response_id = run(bench, stop, HELLO)
    assert (ended, bench.box.sent) == ([began], [1])
    assert bench.store.take() == response_id


def test_a_job_that_has_not_spoken_does_not_wait_for_those_that_have(
    bench: Bench, drain: Drain
) -> None:
    is_stopped: list[bool] = []
    bench.at_pause = lambda: is_stopped.append(bench.provider.calls[0].cancelled)

    def stop() -> None:
        drain.begin(10)
        drain.run(giving_back_s=0)

    run(bench, stop, HELLO)
    assert is_stopped[0]


def test_a_job_that_has_spoken_ends_as_if_nothing_were(bench: Bench, drain: Drain) -> None:
    def stop() -> None:
        drain.begin(1000)
        bench.active_jobs.give_back_silent()

    assert bench.kept(run(bench, HELLO, stop)).status == "completed"


def test_a_job_that_has_spoken_fails_once_its_time_is_over(bench: Bench, drain: Drain) -> None:
    def stop() -> None:
        flush(bench)
        began = bench.clock.now
        drain.begin(10)
        drain.run()
        assert bench.clock.now >= began + 10

    response = bench.kept(run(bench, HELLO, stop))
    assert (response.status, response.error and response.error.code) == ("failed", "server_error")


@pytest.mark.parametrize(("then_s", "left_s"), [(10, 10), (2000, 1000)])
def test_the_time_that_is_left_may_be_shortened_only(
    bench: Bench, drain: Drain, then_s: float, left_s: float
) -> None:
    waited: list[float] = []

    def stop() -> None:
        began = bench.clock.now
        drain.begin(1000)
        drain.begin(then_s)
        drain.run(giving_back_s=0)
        waited.append(bench.clock.now - began)

    run(bench, HELLO, stop)
    assert waited == [pytest.approx(left_s, abs=0.1)]


def test_a_job_that_is_just_being_taken_is_waited_for(bench: Bench, drain: Drain) -> None:
    with bench.active_jobs.claiming() as may_begin:
        assert may_begin
        drain.begin(5)
        drain.run(giving_back_s=1)
    assert sum(bench.pauses) == pytest.approx(6, abs=0.2)


def test_a_wake_up_that_comes_too_late_is_handed_on(bench: Bench, drain: Drain) -> None:
    response_id = bench.queued()
    bench.box.sent.clear()
    drain.begin(10)
    bench.worker.work()
    assert (bench.box.sent, bench.store.take()) == ([1], response_id)


def test_where_nothing_runs_no_time_is_needed(bench: Bench, drain: Drain) -> None:
    drain.begin(10)
    assert drain.begun.is_set()
    drain.run()
    assert bench.pauses == []
