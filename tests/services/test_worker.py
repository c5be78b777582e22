"""A worker runs jobs to their end, whatever becomes of them meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, NoReturn

import pytest
import redis

from app.domain.accounts.accounts import Caller
from app.domain.accounts.usage import UsageLine
from app.domain.prices import Cost
from app.domain.response import Usage
from app.domain.stream.deltas import Used
from app.domain.stream.narrate import Narrator
from app.errors import (
    CallerGone,
    ContextLengthExceeded,
    NotFound,
    StorageUnavailable,
    UpstreamRefused,
    UpstreamUnavailable,
)
from app.services.answering.preparation import Preparation
from app.services.background.active_jobs import JobMemory
from app.settings import BackgroundSettings
from app.telemetry import JOB_WAIT_SECONDS
from tests.services.jobs_bench import CALLER, Bench
from tests.services.scripted import HELLO, THE_END, ScriptedProvider, Step

DOWN = UpstreamUnavailable("down")
COUNTED = (Used(Usage(7, 3)),)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def bench(client: redis.Redis) -> Bench:
    return Bench(client)


def scripted(bench: Bench, *script: Step) -> ScriptedProvider:
    """Have the model play this script for every job."""
    bench.provider = ScriptedProvider("p", script)
    return bench.provider


def used(bench: Bench) -> UsageLine:
    """Return what is in the book of use."""
    (line,) = bench.usage.read("acme", [bench.meter.book.today()])
    return line


def test_a_job_is_run_to_its_end(bench: Bench) -> None:
    scripted(bench, HELLO, COUNTED, THE_END)
    response_id = bench.queued()
    bench.worker.work()
    response = bench.kept(response_id)
    assert (response.status, response.usage) == ("completed", Usage(7, 3))


def test_it_is_logged_in_the_round_trip_of_what_it_used(bench: Bench) -> None:
    def think() -> None:
        bench.now.now += 1.5

    scripted(bench, think, HELLO, COUNTED, THE_END)
    response_id = bench.queued()
    bench.worker.work()
    (entry,) = bench.usage.logged
    assert entry.duration_ms == 1500
    assert (entry.event, entry.response_id, entry.outcome) == ("job", response_id, "completed")
    assert (entry.account, entry.model, entry.provider, entry.attempts) == ("acme", "m", "p", 1)
    assert (entry.input_tokens, entry.output_tokens, entry.waited_ms) == (7, 3, 0.0)


def test_it_is_put_on_its_account_once(bench: Bench) -> None:
    scripted(bench, HELLO, COUNTED, THE_END)
    bench.queued()
    bench.worker.work()
    line = used(bench)
    assert (line.requests, line.input_tokens, line.output_tokens, line.errors) == (1, 7, 3, 0)


def test_jobs_are_flushed_until_the_last_one_has_ended(bench: Bench) -> None:
    present: list[bool] = []

    def run_another() -> None:
        bench.worker.work()
        present.append(bench.active_jobs.present.is_set())

    scripted(bench, HELLO, run_another, THE_END)
    bench.queued(), bench.queued()
    bench.worker.work()
    assert (present, bench.active_jobs.present.is_set()) == ([True, True], False)


def test_what_the_model_may_call_is_looked_for_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Narrator] = []
    make = Preparation.narrator

    def noted(*args: Any) -> Narrator:
        made.append(make(*args))
        return made[-1]

    monkeypatch.setattr(Preparation, "narrator", noted)
    scripted(bench, HELLO, THE_END)
    response_id = bench.queued()
    bench.worker.work()
    numbers = [event.sequence_number for event in bench.events(response_id)]
    assert (len(made), numbers) == (1, list(range(len(numbers))))


def test_its_model_hears_what_was_asked(bench: Bench) -> None:
    bench.queued("what is new?", temperature=0.5)
    bench.worker.work()
    (sent,) = bench.provider.requests
    assert (sent.stream, sent.parameters.temperature) == (True, 0.5)
    assert "what is new?" in str(sent.items)


def test_where_nothing_waits_nothing_is_done(bench: Bench) -> None:
    bench.worker.work()
    assert (bench.provider.requests, bench.box.sent) == ([], [])


def test_a_worker_that_ends_takes_nothing_more(bench: Bench) -> None:
    bench.queued()
    bench.active_jobs.closed = True
    bench.worker.work()
    assert bench.away.calls.count("take") == 0


def test_what_was_erased_while_it_waited_is_not_run(bench: Bench) -> None:
    response_id = bench.queued()
    for key in bench.client.scan_iter(f"{bench.prefix}*{response_id}"):
        bench.client.delete(key)
    bench.worker.work()
    assert bench.provider.requests == []


@pytest.mark.parametrize("at", ["take", "claim"])
def test_a_worker_that_ends_leaves_a_job_as_it_is_while_the_store_is_away(
    bench: Bench, at: str
) -> None:
    response_id, worker = bench.queued(), bench.worker
    bench.away.at = {at}
    bench.at_pause = lambda: setattr(bench.active_jobs, "closed", True)
    worker.work()
    bench.away.at = set()
    assert bench.jobs.status("acme", response_id) == "queued"
    assert not list(bench.usage.read("acme", [bench.meter.book.today()]))


@pytest.mark.parametrize("at", ["take", "claim", "finish", "caller"])
def test_a_job_waits_for_a_store_that_is_away_however_long(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    response_id, sent = bench.queued(), list[str]()
    bench.away.at = {at}

    def come_back() -> None:
        if len(bench.pauses) == 1000:
            bench.away.at = set()

    def caller_of(key_id: str) -> Caller | None:
        sent.append(key_id)
        if "caller" in bench.away.at:
            raise StorageUnavailable("away")
        return CALLER

    worker = bench.worker
    monkeypatch.setattr(worker, "_caller_of", caller_of)
    bench.at_pause = come_back
    worker.work()
    assert (bench.kept(response_id).status, len(bench.provider.requests)) == ("completed", 1)


def test_what_stops_a_job_stops_its_waiting_for_the_store(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    response_id, worker = bench.queued(), bench.worker

    def away(_key_id: str) -> Caller | None:
        raise StorageUnavailable("away")

    monkeypatch.setattr(worker, "_caller_of", away)
    bench.at_pause = bench.active_jobs.give_back
    worker.work()
    assert (bench.store.take(), bench.provider.requests) == (response_id, [])


# Before the upstream has spoken


def test_who_may_no_longer_use_a_key_gets_nothing_more(bench: Bench) -> None:
    response_id = bench.queued()
    bench.caller = None
    bench.worker.work()
    assert bench.kept(response_id).status == "cancelled"
    assert (bench.provider.requests, used(bench).input_tokens) == ([], 0)


def test_a_model_that_is_not_allowed_any_more_is_not_asked(bench: Bench) -> None:
    response_id = bench.queued()
    bench.caller = type(CALLER)(account="acme", key_id="key_1", models=("other",))
    bench.worker.work()
    response = bench.kept(response_id)
    assert (response.status, bench.provider.requests) == ("failed", [])
    assert used(bench).errors == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamRefused("no luck"), "server_error"),
        (ContextLengthExceeded("too long"), "context_length_exceeded"),
    ],
)
def test_an_upstream_that_refuses_makes_it_fail(bench: Bench, error: Exception, code: str) -> None:
    scripted(bench, error)
    response_id = bench.queued()
    bench.worker.work()
    response = bench.kept(response_id)
    assert response.error is not None
    assert (response.status, response.error.code) == ("failed", code)


def test_its_beginning_is_told_before_the_upstream_speaks(bench: Bench) -> None:
    seen: list[int] = []

    def look() -> None:
        bench.clock.now += 1
        bench.active_jobs.flush()
        seen.append(len(bench.store.read_events(response_id, 0).lines))

    scripted(bench, look, HELLO, THE_END)
    response_id = bench.queued()
    bench.worker.work()
    assert seen == [3]
    assert bench.kept(response_id).status == "completed"


def worked(bench: Bench) -> int:
    """Have workers work until nothing is parked any more; return how often one took the job."""
    for takes in count(1):
        bench.worker.work()
        parked = f"{bench.prefix}{{jobs}}:parked"
        if not bench.client.exists(parked):
            return takes
        bench.now.now += 30
        bench.clock.now += 30
        bench.lapse()
        bench.supervisor.beat()
    raise AssertionError


def test_an_upstream_that_is_down_is_tried_again_in_the_jobs_time(bench: Bench) -> None:
    bench.provider = ScriptedProvider("p", *[[DOWN]] * 9, (HELLO, THE_END))
    response_id = bench.queued()
    worked(bench)
    assert (bench.kept(response_id).status, len(bench.provider.requests)) == ("completed", 10)


def test_an_upstream_that_stays_down_makes_it_fail_in_the_jobs_time(bench: Bench) -> None:
    scripted(bench, DOWN)
    response_id, began_at = bench.queued(), bench.clock.now
    worked(bench)
    response = bench.kept(response_id)
    assert response.error is not None
    assert (response.status, response.error.message) == ("failed", "down")
    assert (used(bench).errors, used(bench).unpriced_requests) == (1, 0)
    assert 700 < bench.clock.now - began_at <= bench.settings.time_limit_s


def test_a_job_that_waits_long_for_its_upstream_leaves_its_thread_to_others(bench: Bench) -> None:
    scripted(bench, DOWN)
    response_id = bench.queued()
    bench.worker.work()
    assert (len(bench.active_jobs), bench.store.take(), bench.pauses) == (0, None, [0.5, 1, 2, 4])
    assert bench.store.status("acme", response_id) == "in_progress"


def test_a_job_that_waited_goes_on_where_it_was(bench: Bench) -> None:
    scripted(bench, DOWN)
    bench.queued()
    bench.worker.work()
    sent = len(bench.provider.requests)
    bench.lapse()
    bench.supervisor.beat()
    bench.worker.work()
    assert (sent, len(bench.provider.requests), bench.pauses) == (5, 6, [0.5, 1, 2, 4])


def test_a_job_that_waits_is_cancelled_at_once(bench: Bench) -> None:
    scripted(bench, DOWN)
    response_id = bench.queued()
    bench.worker.work()
    bench.background.cancel(CALLER, response_id)
    bench.lapse()
    bench.supervisor.beat()
    bench.worker.work()
    assert (bench.kept(response_id).status, len(bench.provider.requests)) == ("cancelled", 5)


def test_an_earlier_release_queues_a_job_that_waits_again(bench: Bench) -> None:
    scripted(bench, DOWN)
    response_id = bench.queued()
    bench.worker.work()
    bench.lapse()
    # It has it among what is lost.
    assert bench.store.settle_lost(response_id) is True
    assert bench.store.take() == response_id


def test_a_job_that_waits_for_its_upstream_goes_back_when_its_worker_ends(bench: Bench) -> None:
    scripted(bench, DOWN)
    response_id = bench.queued()
    bench.at_pause = bench.active_jobs.give_back_silent
    bench.worker.work()
    assert (bench.store.take(), len(bench.provider.requests)) == (response_id, 1)


def test_a_job_that_is_cancelled_while_it_waits_for_its_upstream_is_over(bench: Bench) -> None:
    scripted(bench, DOWN)
    response_id = bench.queued()

    def cancel() -> None:
        bench.background.cancel(CALLER, response_id)
        bench.active_jobs.stop_lost()

    bench.at_pause = cancel
    bench.worker.work()
    assert (bench.kept(response_id).status, len(bench.provider.requests)) == ("cancelled", 1)


# Bugs


def test_a_bug_makes_it_fail(bench: Bench) -> None:
    scripted(bench, HELLO, ValueError("a prompt"))
    response_id = bench.queued()
    bench.worker.work()
    response = bench.kept(response_id)
    assert response.error is not None
    assert (response.status, response.error.message) == ("failed", "The gateway failed.")
    (entry,) = bench.usage.logged
    assert (entry.outcome, entry.error_code) == ("failed", "api_error")


def test_a_bug_while_the_store_is_away_makes_it_fail_once_it_is_back(bench: Bench) -> None:
    response_id = bench.queued()

    def both() -> None:
        bench.away.is_away = True
        raise ValueError

    scripted(bench, both)
    bench.at_pause = lambda: setattr(bench.away, "is_away", len(bench.pauses) < 9)
    bench.worker.work()
    assert (bench.kept(response_id).status, len(bench.provider.requests)) == ("failed", 1)


def test_a_bug_before_there_is_a_job_is_only_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ValueError

    monkeypatch.setattr(bench.store, "take", broken)
    bench.worker.work()


# Stopped


def flushed(bench: Bench) -> Callable[[], None]:
    """Return a step at which everything that was said before is told."""

    def flush() -> None:
        bench.clock.now += 1
        bench.active_jobs.flush()

    return flush


def stopped(bench: Bench, stop: Callable[[], Any], *before: Step) -> str:
    """Run a job that is stopped by somebody after what comes before; return its id."""
    scripted(bench, *before, flushed(bench), stop, HELLO, THE_END)
    response_id = bench.queued()
    bench.worker.work()
    return response_id


def cancel(bench: Bench) -> None:
    (response_id,) = bench.active_jobs.ids
    assert bench.background.cancel(CALLER, response_id)
    bench.supervisor.handle_news("taken_over", response_id)


@pytest.mark.parametrize("before", [(), (HELLO,), (COUNTED, HELLO)])
def test_what_is_cancelled_meanwhile_is_given_up(bench: Bench, before: tuple[Step, ...]) -> None:
    response_id = stopped(bench, lambda: cancel(bench), *before)
    assert bench.kept(response_id).status == "cancelled"
    line = used(bench)
    assert (bench.provider.left, line.requests, line.errors) == (1, 1, 0)
    assert line.unpriced_requests == 1  # its upstream may have to be paid


@pytest.mark.parametrize("before", [(), (HELLO,), (COUNTED, HELLO)])
def test_what_was_refused_meanwhile_is_given_up_and_costs_nothing(
    bench: Bench, before: tuple[Step, ...]
) -> None:
    def take_back() -> None:
        (response_id,) = bench.active_jobs.ids
        bench.store.withdraw("acme", response_id)
        bench.supervisor.handle_news("taken_over", response_id)

    response_id = stopped(bench, take_back, *before)
    with pytest.raises(NotFound):
        bench.kept(response_id)
    assert bench.provider.left == 1
    assert not list(bench.usage.read("acme", [bench.meter.book.today()]))


def test_what_was_counted_before_it_was_cancelled_is_paid(bench: Bench) -> None:
    stopped(bench, lambda: cancel(bench), COUNTED, HELLO)
    assert used(bench).input_tokens == 7


def test_what_was_counted_before_it_was_cancelled_costs_what_it_cost_then(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench.finisher, "cost", lambda _, usage, __: Cost(usage.input_tokens))
    stopped(bench, lambda: cancel(bench), COUNTED, HELLO)
    assert (used(bench).cost_microusd, used(bench).unpriced_requests) == (7, 0)


def test_what_is_cancelled_unheard_stops_at_its_next_word(bench: Bench) -> None:
    def silently() -> None:
        (response_id,) = bench.active_jobs.ids
        bench.background.cancel(CALLER, response_id)

    beyond: list[str] = []
    scripted(
        bench,
        HELLO,
        flushed(bench),
        silently,
        HELLO,
        flushed(bench),
        lambda: beyond.append("it went on"),
    )
    response_id = bench.queued()
    bench.worker.work()
    assert (bench.kept(response_id).status, beyond) == ("cancelled", [])
    assert used(bench).requests == 1


@pytest.mark.parametrize("before", [(), (HELLO,)])
def test_what_takes_too_long_fails(bench: Bench, before: tuple[Step, ...]) -> None:
    def wait() -> None:
        bench.clock.now += bench.settings.time_limit_s
        bench.active_jobs.stop_overdue()

    response_id = stopped(bench, wait, *before)
    response = bench.kept(response_id)
    assert response.error is not None
    assert (response.status, response.error.code) == ("failed", "server_error")
    assert "limit of 800 s" in response.error.message
    assert used(bench).unpriced_requests == 1  # its upstream may have to be paid


def test_what_has_time_left_goes_on(bench: Bench) -> None:
    response_id = stopped(bench, bench.active_jobs.stop_overdue)
    assert bench.kept(response_id).status == "completed"


def test_what_had_not_spoken_is_given_back(bench: Bench) -> None:
    response_id = stopped(bench, bench.active_jobs.give_back)
    assert bench.jobs.queues().queued == 1
    assert not list(bench.usage.read("acme", [bench.meter.book.today()]))
    scripted(bench, HELLO, THE_END)
    bench.worker.work()
    assert bench.kept(response_id).status == "completed"


def test_what_is_given_back_keeps_the_rest_of_its_time(bench: Bench) -> None:
    limits: list[float] = []

    def wait() -> None:
        limits.extend(job.until - bench.clock.now for job in bench.active_jobs._all())
        bench.clock.now += 300
        bench.active_jobs.give_back()

    stopped(bench, wait)
    bench.clock.now += 10_000  # until somebody takes it again
    for _ in range(3):
        scripted(bench, wait, HELLO, THE_END)
        bench.worker.work()
    assert [round(each) for each in limits] == [799, 499, 199, -101]


def waits_counted() -> float:
    """Return how many jobs' waits the metric has counted."""
    (family,) = JOB_WAIT_SECONDS.collect()
    return next(each.value for each in family.samples if each.name.endswith("_count"))


def test_the_wait_of_a_job_that_is_given_back_before_its_model_was_called_counts_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait_for_a_slot(*_: object) -> NoReturn:
        bench.active_jobs.give_back()
        raise CallerGone("stopped")

    response_id, before = bench.queued(), waits_counted()
    with monkeypatch.context() as patch:
        patch.setattr(Preparation, "open", wait_for_a_slot)
        for _ in range(2):
            bench.worker.work()
    assert bench.jobs.queues().queued == 1
    bench.worker.work()
    assert bench.kept(response_id).status == "completed"
    assert waits_counted() == before + 1


def test_the_wait_of_a_job_that_was_begun_too_late_counts_with_its_next_run(bench: Bench) -> None:
    response_id, before = bench.queued(), waits_counted()
    bench.active_jobs.closed = True
    bench.worker.work_on(bench.store.take() or "")
    assert (bench.jobs.queues().queued, waits_counted()) == (1, before)
    bench.active_jobs.closed = False
    bench.worker.work()
    assert bench.kept(response_id).status == "completed"
    assert waits_counted() == before + 1


def test_what_had_spoken_ends_with_its_worker(bench: Bench) -> None:
    response_id = stopped(bench, bench.active_jobs.give_back, HELLO)
    response = bench.kept(response_id)
    assert response.error is not None
    assert (response.status, "stopped" in response.error.message) == ("failed", True)
    assert used(bench).errors == 1


def test_what_is_begun_too_late_is_given_back_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    response_id = bench.queued()
    worker, take = bench.worker, bench.store.take

    def late(token: str) -> str | None:
        bench.active_jobs.closed = True
        return take(token)

    monkeypatch.setattr(bench.store, "take", late)
    worker.work()
    assert (bench.provider.requests, bench.jobs.status("acme", response_id)) == ([], "in_progress")
    assert bench.jobs.queues().queued == 1


def test_what_ends_just_before_it_is_given_back_has_ended(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = bench.store.finish

    def finish_and_stop(*changes: Any) -> bool:
        ended = finish(*changes)
        bench.active_jobs.give_back()
        return ended

    monkeypatch.setattr(bench.store, "finish", finish_and_stop)
    response_id = bench.queued()
    bench.worker.work()
    assert bench.kept(response_id).status == "completed"
    assert bench.jobs.queues().queued == 0


def test_a_worker_that_lost_its_job_leaves_it_to_the_next(bench: Bench) -> None:
    def lose() -> None:
        (response_id,) = bench.active_jobs.ids
        assert bench.store.settle_lost(response_id) is True

    response_id = stopped(bench, lose)
    assert bench.jobs.queues().queued == 1
    assert not list(bench.usage.read("acme", [bench.meter.book.today()]))
    assert bench.store.status("acme", response_id) == "in_progress"


def test_a_run_again_tells_each_event_once(bench: Bench) -> None:
    response_id = stopped(bench, bench.active_jobs.give_back)
    assert bench.store.read_events(response_id, 0).lines != []
    scripted(bench, HELLO, THE_END)
    bench.worker.work()
    numbers = [event.sequence_number for event in bench.events(response_id)]
    assert numbers == list(range(len(numbers)))


def test_the_limit_is_the_settings(client: redis.Redis) -> None:
    bench = Bench(client, BackgroundSettings(time_limit_s=5, grace_s=1))
    bench.queued()
    bench.worker.work()
    assert bench.provider.deadlines == [bench.clock.now + 6]


def test_a_long_job_waits_while_another_takes_the_memory(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.jobs.redis.CROWDED_S", 0.0)
    provider = scripted(bench, HELLO, THE_END)
    bench.active_jobs.memory = JobMemory(300_000)
    long, short = bench.queued("x" * 100_000), bench.queued("y")
    assert bench.active_jobs.memory.take("token", "another job", 1)
    bench.worker.work()
    bench.worker.work()
    assert (bench.kept(short).status, bench.store.status("acme", long)) == (
        "completed",
        "queued",
    )
    assert len(provider.requests) == 1
    bench.active_jobs.memory.give_back("token")
    assert bench.store.due() == 1
    bench.worker.work()
    assert bench.kept(long).status == "completed"
    assert bench.active_jobs.memory.take("token", "the next", 300_000)
