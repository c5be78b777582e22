"""Background responses in a real Redis, Cluster or not: queued, leased, told, ended, and found when
lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any
from unittest.mock import Mock

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import TimeoutError as TimedOut
from redis.retry import Retry

from app.domain.items import Message, OutputText
from app.domain.prices import Cost
from app.domain.request import CreateRequest
from app.domain.response import Response, Usage
from app.domain.turns.turn import Turn
from app.errors import NotFound, StorageUnavailable
from app.schemas.wire.echo import echo
from app.settings import RedisSettings
from app.store.connection import script
from app.store.connection.client import Client, connect
from app.store.connection.replication import ONE_SERVER
from app.store.connection.round_trip import round_trip
from app.store.jobs.base import Claim, Flush, RetryState
from app.store.jobs.records import MAX_LOST_LEASES
from app.store.jobs.redis import RedisJobStore
from app.store.jobs.streams import PAGE
from app.store.responses.archive_redis import RedisArchive
from app.store.responses.redis import RedisStore
from tests.ids import new_id, new_tag
from tests.processes import until
from tests.store.turns import WRAPPING, payload_of, purged

BEGUN = Flush(0, (b'{"a":1}', b'{"b":2}'))
SPOKEN = replace(BEGUN, has_output=True, usage=Usage(7, 1))
ENDING = Flush(2, (b'{"c":3}',))

_prefixes = (f"jobs{number}:" for number in count())


class Bench:
    """A client and the stores on it, under a prefix of their own."""

    def __init__(self, client: Client) -> None:
        self.client: Any = client
        self.prefix = next(_prefixes)
        self.responses = RedisStore(client, self.prefix)
        self.jobs = self.leasing(30)
        #: A store whose leases are over as soon as they begin.
        self.lapsing = self.leasing(-1)

    def leasing(self, lease_s: float) -> RedisJobStore:
        return RedisJobStore(self.client, self.prefix, self.responses, lease_s, WRAPPING)

    def keys(self, part: str) -> list[bytes]:
        options: dict[str, Any] = {"match": f"{self.prefix}{part}*"}
        return list(self.client.scan_iter(**options))


@pytest.fixture(params=["redis", "cluster"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    with connect(RedisSettings(url=url)) as client:
        yield Bench(client)


@pytest.fixture
def jobs(bench: Bench) -> RedisJobStore:
    return bench.jobs


def turn(account: str = "acme", response_id: str | None = None) -> Turn:
    shown = echo(CreateRequest(model="m", input=(), background=True))
    response_id = response_id or new_id("resp", new_tag())
    return Turn(account, Response(response_id, "m", 1, shown, "queued"), (), frozenset())


def ended(waiting: Turn) -> Turn:
    said = (Message("msg_1", "assistant", (OutputText("hi"),)),)
    response = replace(
        waiting.response, status="completed", output=said, usage=Usage(), completed_at=2
    )
    return replace(waiting, response=response)


def queued(jobs: RedisJobStore, account: str = "acme") -> Turn:
    waiting = turn(account)
    assert jobs.enqueue(payload_of(waiting), max_queued=10)
    return waiting


def claimed(jobs: RedisJobStore, owner: str = "me") -> Claim:
    taken = jobs.take()
    assert taken is not None
    claim = jobs.claim(taken, owner)
    assert claim is not None
    return claim


def taken_over(jobs: RedisJobStore, waiting: Turn) -> Claim:
    claim = jobs.take_over("acme", waiting.response.id, "cancelled")
    assert claim is not None
    return claim


def finished(jobs: RedisJobStore) -> Turn:
    waiting = queued(jobs)
    claim = claimed(jobs)
    assert jobs.append([(claim, BEGUN)]) == [True]
    assert jobs.finish(claim, ended(waiting), ENDING)
    return waiting


# Waiting


def test_what_is_queued_is_taken_once(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    assert jobs.take() == waiting.response.id
    assert jobs.take() is None


def test_what_has_a_worker_take_it_is_written_with_a_job(bench: Bench) -> None:
    for text in ("first", "second"):
        wake_up = ("RPUSH", f"{bench.prefix}wake-ups", text)
        assert bench.jobs.enqueue(payload_of(turn()), 10, [wake_up])
    assert bench.client.lrange(f"{bench.prefix}wake-ups", 0, -1) == [b"first", b"second"]


def test_a_job_is_queued_where_the_server_of_wake_ups_is_away(
    cluster_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = Mock(attempt=Mock(side_effect=redis.ConnectionError("refused")))
    monkeypatch.setattr("app.store.jobs.redis.ONE_SERVER", lost)
    with connect(RedisSettings(url=cluster_url)) as client:
        jobs = Bench(client).jobs
        assert jobs.enqueue(payload_of(turn()), 10, [jobs.announcement])
        assert (jobs.queues().queued, lost.attempt.called) == (1, True)


def test_accounts_take_turns(jobs: RedisJobStore) -> None:
    many = [queued(jobs, "busy") for _ in range(3)]
    one = queued(jobs, "calm")
    order = [jobs.take() for _ in range(4)]
    assert order.index(one.response.id) == 1
    assert [each for each in order if each != one.response.id] == [t.response.id for t in many]


def test_an_account_may_have_only_so_many_waiting(jobs: RedisJobStore) -> None:
    assert jobs.enqueue(payload_of(turn()), max_queued=1)
    assert not jobs.enqueue(payload_of(turn()), max_queued=1)
    assert jobs.enqueue(payload_of(turn("other")), max_queued=1)


def test_another_accounts_conversation_cannot_be_continued(jobs: RedisJobStore) -> None:
    theirs = queued(jobs, "other").response.id
    with pytest.raises(NotFound):
        jobs.enqueue(payload_of(turn("acme", theirs)), max_queued=1)


def test_a_job_shows_whether_it_waits_or_runs(jobs: RedisJobStore) -> None:
    response_id = queued(jobs).response.id
    before = jobs.status("acme", response_id)
    claimed(jobs)
    assert [before, jobs.status("acme", response_id)] == ["queued", "in_progress"]


def test_the_payload_is_there_while_the_job_is(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    before = jobs.payload(waiting.response.id)
    jobs.finish(claimed(jobs), ended(waiting), BEGUN)
    assert [before, jobs.payload(waiting.response.id)] == [payload_of(waiting), None]


def test_another_accounts_job_is_unknown(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    assert jobs.status("other", waiting.response.id) is None
    assert jobs.take_over("other", waiting.response.id, "cancelled") is None
    with pytest.raises(NotFound):
        jobs.stream_kind("other", waiting.response.id)


def test_an_id_that_is_not_ours_is_unknown(jobs: RedisJobStore) -> None:
    assert jobs.status("acme", "resp_elsewhere") is None
    with pytest.raises(NotFound):
        jobs.stream_kind("acme", "resp_elsewhere")


def test_an_account_whose_queue_was_emptied_is_out_of_the_round(bench: Bench) -> None:
    cancelled = queued(bench.jobs)
    bench.jobs.finish(taken_over(bench.jobs, cancelled), ended(cancelled), BEGUN)
    other = queued(bench.jobs, "other")
    assert [bench.jobs.take(), bench.jobs.take()] == [other.response.id, None]


# Running


def test_a_job_is_claimed_by_one_worker(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    assert (claim.account, claim.payload, claim.event_count) == ("acme", payload_of(waiting), 0)
    assert jobs.claim(waiting.response.id, "other") is None


def test_a_claim_whose_answer_was_lost_can_be_repeated(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    assert jobs.claim(waiting.response.id, claim.lease_token) == claim


def test_a_job_is_its_workers_until_it_is_taken_over(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    before = jobs.owns(claim)
    taken_over(jobs, waiting)
    assert [before, jobs.owns(claim)] == [True, False]


def test_a_worker_that_lost_its_job_can_write_no_more(bench: Bench) -> None:
    waiting = queued(bench.jobs)
    late = claimed(bench.jobs)
    canceller = taken_over(bench.jobs, waiting)
    assert bench.jobs.append([(late, SPOKEN)]) == [False]
    assert not bench.jobs.finish(late, ended(waiting), ENDING)
    assert bench.jobs.finish(canceller, ended(waiting), BEGUN)
    assert bench.responses.get("acme", waiting.response.id) == ended(waiting)


def test_a_late_worker_does_not_take_the_lease_of_the_next(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    late = claimed(bench.lapsing, "late")
    bench.lapsing.settle_lost(waiting.response.id)
    claimed(bench.lapsing, "next")
    bench.lapsing.finish(late, ended(waiting), BEGUN)
    assert bench.lapsing.lost() == [waiting.response.id]


def test_the_streams_of_many_jobs_grow_at_once(jobs: RedisJobStore) -> None:
    queued(jobs), queued(jobs)
    mine, taken = claimed(jobs), claimed(jobs, "other")
    taken_over(jobs, turn(response_id=taken.response_id))
    assert jobs.append([(mine, BEGUN), (taken, BEGUN)]) == [True, False]


def test_what_was_told_is_told_once_though_it_was_sent_twice(jobs: RedisJobStore) -> None:
    queued(jobs)
    claim = claimed(jobs)
    assert jobs.append([(claim, BEGUN)]) == jobs.append([(claim, BEGUN)]) == [True]
    assert jobs.read_events(claim.response_id, 0).lines == list(BEGUN.lines)


def test_what_the_upstream_counted_so_far_is_kept(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    jobs.append([(claim, SPOKEN)])
    jobs.append([(claim, Flush(2, (), usage=Usage(7, 5)))])
    assert taken_over(jobs, waiting).usage == Usage(7, 5)


def test_what_that_costs_is_kept_beside_it(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim, cost = claimed(jobs), Cost(41, "openai", "gpt-5")
    jobs.append([(claim, Flush(0, (), usage=Usage(7, 5, 0, 2, 0, 2), cost=cost))])
    found = taken_over(jobs, waiting)
    assert (found.usage, found.cost) == (Usage(7, 5, 0, 2), cost)


@pytest.mark.parametrize(("is_counted", "found"), [(True, Cost(None, "p", "m")), (False, None)])
def test_what_is_counted_in_part_has_no_cost(
    jobs: RedisJobStore, is_counted: bool, found: Cost | None
) -> None:
    waiting = queued(jobs)
    cost = Cost(None, "p", "m", is_counted=is_counted)
    jobs.append([(claimed(jobs), Flush(0, (), usage=Usage(7, 5), cost=cost))])
    taken = taken_over(jobs, waiting)
    assert (taken.usage, taken.cost) == (Usage(7, 5), found)


def test_the_cost_of_what_an_earlier_release_counted_is_not_known(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    jobs.append([(claimed(jobs), SPOKEN)])
    assert taken_over(jobs, waiting).cost is None


# Ending


def forgotten(bench: Bench, response_id: str, number: int) -> None:
    """Have the server be one that knows of a job's events only those before `number`."""
    (job,) = [key for key in bench.keys("") if key.endswith(f":job:{response_id}".encode())]
    bench.client.hset(job, "next", number)
    stream = job.replace(b":job:", b":events:")
    for entry_id, _ in bench.client.xrange(stream, min=f"{number + 1}-0"):
        bench.client.xdel(stream, entry_id)
    bench.client.execute_command("XSETID", stream, f"{number}-0")


def letters(jobs: RedisJobStore, response_id: str) -> bytes:
    """Return the letters of what was told."""
    return b"".join(bytes([line[2]]) for line in jobs.read_events(response_id, 0).lines)


@pytest.mark.parametrize("left", [0, 2])
def test_events_that_a_lost_server_had_are_told_again(bench: Bench, left: int) -> None:
    waiting = queued(bench.jobs)
    claim = claimed(bench.jobs)
    assert bench.jobs.append([(claim, BEGUN)]) == [True]
    assert bench.jobs.append([(claim, ENDING)]) == [True]
    forgotten(bench, waiting.response.id, left)
    assert bench.jobs.append([(claim, Flush(3, (b'{"d":4}',)))]) == [True]
    forgotten(bench, waiting.response.id, left)
    assert bench.jobs.finish(claim, ended(waiting), Flush(4, (b'{"e":5}',)))
    assert letters(bench.jobs, waiting.response.id) == b"abcde"


def test_events_that_nobody_knows_any_more_end_the_run(bench: Bench) -> None:
    waiting = queued(bench.jobs)
    claim = claimed(bench.jobs)
    assert bench.jobs.append([(claim, BEGUN)]) == [True]
    forgotten(bench, waiting.response.id, 0)
    other = bench.leasing(30)
    assert other.append([(claim, ENDING)]) == [False]
    assert not other.finish(claim, ended(waiting), ENDING)


def test_what_a_job_told_counts_as_stored(bench: Bench) -> None:
    finished(bench.jobs)
    (stream,) = bench.keys("{*}:events:")
    result = sum(len(fields[b"d"]) for _, fields in bench.client.xrange(stream))
    (log,) = bench.keys("{*}:0")
    entry = sum(map(len, bench.client.lrange(log, 0, -1)))
    assert bench.responses.stored_bytes("acme") == result + entry


@pytest.mark.parametrize("how", ["purge", "erase"])
def test_what_a_job_told_is_given_back(bench: Bench, how: str) -> None:
    done = finished(bench.jobs)
    archive = RedisArchive(bench.client, bench.prefix)
    if how == "purge":
        bench.responses.delete("acme", done.response.id)
        assert purged(archive, 2**40) == [done.response.id]
    else:
        assert len(list(archive.erase("acme", lambda _: None))) == 1
    assert bench.responses.stored_bytes("acme") == 0
    assert bench.keys("{*}:events:") == []


def test_a_finished_job_is_a_stored_response(bench: Bench) -> None:
    waiting = finished(bench.jobs)
    assert bench.responses.get("acme", waiting.response.id) == ended(waiting)
    assert bench.jobs.status("acme", waiting.response.id) is None
    assert bench.jobs.stream_kind("acme", waiting.response.id) == "job"


def test_nothing_but_its_stream_is_left_of_what_has_ended(bench: Bench) -> None:
    finished(bench.jobs)
    assert bench.keys("{jobs}") == []
    assert [key for key in bench.keys("{") if b":job:" in key] == []


def test_an_end_whose_answer_was_lost_can_be_repeated(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    assert jobs.finish(claim, ended(waiting), BEGUN)
    assert jobs.finish(claim, ended(waiting), BEGUN)
    assert jobs.read_events(claim.response_id, 0).lines == list(BEGUN.lines)


def test_an_end_that_leaves_a_gap_is_none(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    assert not jobs.finish(claimed(jobs), ended(waiting), ENDING)


def test_an_end_that_does_not_follow_the_last_event_is_none(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    jobs.append([(claim, BEGUN)])
    assert not jobs.finish(claim, ended(waiting), replace(ENDING, first=1))
    assert jobs.finish(claim, ended(waiting), ENDING)


def test_the_first_of_two_that_took_over_a_job_ends_it(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    first, second = taken_over(jobs, waiting), taken_over(jobs, waiting)
    assert jobs.finish(second, ended(waiting), BEGUN)
    assert not jobs.finish(first, ended(waiting), BEGUN)


def test_a_job_ends_for_the_first_reason_there_was(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    taken_over(jobs, waiting)
    later = jobs.take_over("acme", waiting.response.id, "stopped")
    assert later is not None
    assert later.why == "cancelled"


def test_a_job_that_was_taken_over_while_it_waited_is_never_run(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = taken_over(jobs, waiting)
    taken = jobs.take()
    assert taken == waiting.response.id
    assert jobs.claim(taken, "worker") is None
    assert not claim.begun


def test_a_job_that_was_cancelled_while_it_waited_is_never_taken(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    jobs.finish(taken_over(jobs, waiting), ended(waiting), BEGUN)
    assert jobs.take() is None


def test_what_has_ended_cannot_be_taken_over(jobs: RedisJobStore) -> None:
    waiting = finished(jobs)
    assert jobs.take_over("acme", waiting.response.id, "cancelled") is None


# Giving back, and being lost


def test_a_job_that_is_given_back_is_taken_again(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    assert jobs.give_back(claimed(jobs)) is None
    assert claimed(jobs, "next").response_id == waiting.response.id


@pytest.mark.parametrize("begun", [True, False])
def test_whether_a_job_that_is_given_back_may_cost_is_known(
    jobs: RedisJobStore, *, begun: bool
) -> None:
    queued(jobs)
    jobs.give_back(replace(claimed(jobs), begun=begun))
    assert claimed(jobs, "next").begun is begun


@pytest.mark.parametrize("called", [(), (False,), (False, True)])
def test_whether_a_job_may_cost_is_known_to_who_takes_it_over(
    jobs: RedisJobStore, called: tuple[bool, ...]
) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    assert all(jobs.note_called(claim, called=each) for each in called)
    may_cost = called != (False,)
    assert taken_over(jobs, waiting).begun is may_cost
    assert not jobs.note_called(claim, called=not may_cost)
    assert taken_over(jobs, waiting).begun is may_cost


def test_a_job_whose_model_has_spoken_is_ended_in_place_of_given_back(
    jobs: RedisJobStore,
) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    jobs.append([(claim, SPOKEN)])
    to_end = jobs.give_back(claim)
    assert to_end is not None
    assert (to_end.why, to_end.event_count) == ("stopped", 2)
    assert jobs.finish(to_end, ended(waiting), ENDING)


def test_what_is_somebody_elses_cannot_be_given_back(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    canceller = taken_over(jobs, waiting)
    assert jobs.give_back(claim) is None
    assert jobs.take() is None
    assert jobs.owns(canceller)


def test_a_lost_job_is_queued_again(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    claimed(bench.lapsing)
    assert bench.lapsing.lost() == [waiting.response.id]
    assert bench.lapsing.settle_lost(waiting.response.id) is True
    assert claimed(bench.lapsing, "next").response_id == waiting.response.id


def test_a_run_again_knows_what_was_told_before(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    bench.lapsing.append([(claimed(bench.lapsing), BEGUN)])
    bench.lapsing.settle_lost(waiting.response.id)
    assert claimed(bench.lapsing, "next").event_count == 2


def test_a_lost_job_whose_model_had_spoken_is_to_be_ended(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    bench.lapsing.append([(claimed(bench.lapsing), SPOKEN)])
    to_end = bench.lapsing.settle_lost(waiting.response.id)
    assert isinstance(to_end, Claim)
    assert (to_end.why, to_end.account, to_end.usage) == ("lost", "acme", Usage(7, 1))


def test_the_third_lost_lease_ends_a_job(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    outcomes = []
    for number in range(MAX_LOST_LEASES):
        claimed(bench.lapsing, str(number))
        outcomes.append(bench.lapsing.settle_lost(waiting.response.id))
    assert outcomes[:2] == [True, True]
    assert [outcome.why for outcome in outcomes if isinstance(outcome, Claim)] == ["lost"]


def test_what_a_canceller_left_half_done_is_done_by_the_sweep(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    taken_over(bench.lapsing, waiting)
    bench.lapsing.take()
    to_end = bench.lapsing.settle_lost(waiting.response.id)
    assert isinstance(to_end, Claim)
    assert to_end.why == "cancelled"


def test_a_job_that_was_taken_but_never_claimed_is_queued_again(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    bench.lapsing.take()
    assert bench.lapsing.lost() == [waiting.response.id]
    assert bench.lapsing.settle_lost(waiting.response.id) is True
    assert bench.lapsing.take() == waiting.response.id


def test_a_lost_job_waits_once_however_many_settle_it(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    bench.lapsing.take()
    for _ in range(MAX_LOST_LEASES + 1):
        assert bench.lapsing.settle_lost(waiting.response.id) is True
    assert [bench.lapsing.take(), bench.lapsing.take()] == [waiting.response.id, None]


def test_a_lease_without_a_job_is_forgotten(bench: Bench) -> None:
    waiting = finished(bench.lapsing)
    bench.client.zadd(f"{bench.prefix}{{jobs}}:leases", {waiting.response.id: 0})
    assert bench.lapsing.lost() == [waiting.response.id]
    assert bench.lapsing.settle_lost(waiting.response.id) is False
    assert bench.lapsing.lost() == []


RETRIES = RetryState(8.0, 1_900_000_000.0)


def test_a_job_that_is_parked_is_queued_again_in_time(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    assert jobs.park(claimed(jobs), RETRIES, 0)
    assert [jobs.take(), jobs.due(), jobs.due()] == [None, 1, 0]
    assert claimed(jobs, "next").response_id == waiting.response.id


def test_who_takes_a_parked_job_knows_how_far_attempts_have_come(jobs: RedisJobStore) -> None:
    queued(jobs)
    jobs.park(claimed(jobs), RETRIES, 0)
    jobs.due()
    claim = claimed(jobs, "next")
    assert (claim.retries, claim.begun) == (RETRIES, False)


def test_a_parked_job_is_not_queued_too_early(jobs: RedisJobStore) -> None:
    queued(jobs)
    jobs.park(claimed(jobs), RETRIES, 3600)
    assert [jobs.due(), jobs.lost(), jobs.take()] == [0, [], None]


def test_a_job_that_was_parked_long_enough_is_not_lost(jobs: RedisJobStore) -> None:
    queued(jobs)
    jobs.park(claimed(jobs), RETRIES, 0)
    assert [jobs.lost(), jobs.due()] == [[], 1]


def test_a_lease_that_is_renewed_too_late_delays_nothing(bench: Bench) -> None:
    waiting = queued(bench.jobs)
    assert bench.jobs.park(claimed(bench.jobs), RETRIES, 0)
    bench.jobs.renew([waiting.response.id])
    assert bench.jobs.due() == 1


def test_a_job_is_parked_also_where_the_first_reply_was_lost(
    jobs: RedisJobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued(jobs)
    claim, release = claimed(jobs), jobs._records.release
    monkeypatch.setattr(
        jobs._records, "release", lambda *given: release(*given) and release(*given)
    )
    assert jobs.park(claim, RETRIES, 0)
    assert jobs.due() == 1


def test_a_job_that_is_lost_after_it_was_parked_is_noticed(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    bench.lapsing.park(claimed(bench.lapsing), RETRIES, 0)
    bench.lapsing.due()
    claimed(bench.lapsing, "next")
    assert bench.lapsing.lost() == [waiting.response.id]


def test_what_is_somebody_elses_or_has_spoken_is_not_parked(jobs: RedisJobStore) -> None:
    first, second = queued(jobs), queued(jobs)
    ended_by_another, spoken = claimed(jobs), claimed(jobs, "next")
    taken_over(jobs, first)
    jobs.append([(spoken, SPOKEN)])
    assert [jobs.park(each, RETRIES, 0) for each in (ended_by_another, spoken)] == [False, False]
    assert jobs.status("acme", second.response.id) == "in_progress"


def test_a_renewed_lease_is_not_lost(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    claimed(bench.lapsing)
    bench.jobs.renew([waiting.response.id])
    assert bench.jobs.lost() == []


def test_a_lease_is_never_made_shorter(bench: Bench) -> None:
    waiting = queued(bench.jobs)
    claimed(bench.jobs)
    bench.lapsing.renew([waiting.response.id])
    assert bench.jobs.lost() == []


@pytest.mark.parametrize(
    ("is_written", "ends"), [(False, []), (True, ["refused"])], ids=["reserved", "written"]
)
def test_nothing_is_stuck_or_run_when_the_store_is_lost_between_two_steps(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_written: bool, ends: list[str]
) -> None:
    waiting = turn()
    finished(bench.jobs)  # so that every program is known already
    lists = len(bench.jobs._responses.marks(waiting)) if bench.jobs._is_cluster else 0
    left = iter(range(2 + lists if is_written else 1))

    def dying(client: Any, commands: Any) -> list[Any]:
        if next(left, None) is None:
            raise redis.ConnectionError("died")
        return round_trip(client, commands)

    with monkeypatch.context() as patched:
        patched.setattr(script, "round_trip", dying)
        with pytest.raises(StorageUnavailable):
            bench.lapsing.enqueue(payload_of(waiting), max_queued=10)
    to_end = [bench.lapsing.settle_lost(response_id) for response_id in bench.lapsing.lost()]
    assert [claim.why for claim in to_end if isinstance(claim, Claim)] == ends
    assert bench.jobs.take() is None
    assert bench.jobs.status("acme", waiting.response.id) == ("in_progress" if ends else None)


@pytest.mark.parametrize("runs", [False, True], ids=["waits", "runs"])
def test_what_was_not_promised_leaves_nothing_behind(bench: Bench, runs: bool) -> None:
    jobs = bench.jobs
    finished(jobs)
    before, listed = bench.keys(""), f"{bench.prefix}conversations:acme"
    conversations = bench.client.zrange(listed, 0, -1)
    waiting = queued(jobs)
    claim = claimed(jobs) if runs else None
    if claim is not None:
        assert jobs.append([(claim, BEGUN)]) == [True]
    jobs.withdraw("acme", waiting.response.id)
    jobs.withdraw("acme", waiting.response.id)
    assert jobs.take() is None
    assert jobs.lost() == []
    if claim is not None:
        assert not jobs.owns(claim)
        assert jobs.append([(claim, BEGUN)]) == [False]
        assert not jobs.finish(claim, ended(waiting), ENDING)
        assert jobs.give_back(claim) is None
    assert set(bench.keys("")) == set(before)
    assert bench.client.zrange(listed, 0, -1) == conversations


def test_what_was_taken_and_not_promised_is_not_begun(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    taken = jobs.take()
    jobs.withdraw("acme", waiting.response.id)
    assert jobs.claim(taken or "", "me") is None


def test_what_was_not_promised_and_has_ended_stays(bench: Bench) -> None:
    waiting = finished(bench.jobs)
    before = bench.keys("")
    bench.jobs.withdraw("acme", waiting.response.id)
    assert bench.responses.get("acme", waiting.response.id).response.status == "completed"
    assert set(bench.keys("")) == set(before)  # the account's list has it


def test_a_worker_is_told_that_what_it_runs_was_not_promised(bench: Bench) -> None:
    waiting = queued(bench.jobs)
    claimed(bench.jobs)
    news = bench.jobs.news()
    assert next(news) == ("", "")
    bench.jobs.withdraw("acme", waiting.response.id)
    assert next(news) == ("taken_over", waiting.response.id)


# Telling


def test_what_was_told_can_be_read_from_any_number_on(jobs: RedisJobStore) -> None:
    waiting = finished(jobs)
    lines = [*BEGUN.lines, *ENDING.lines]
    found = [jobs.read_events(waiting.response.id, number).lines for number in range(5)]
    assert found == [lines, lines[1:], lines[2:], [], []]


def test_a_stream_ends_with_its_job(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    jobs.append([(claim, BEGUN)])
    before = jobs.read_events(waiting.response.id, 0).ended
    jobs.finish(claim, ended(waiting), ENDING)
    assert [before, jobs.read_events(waiting.response.id, 0).ended] == [False, True]


def test_a_long_stream_is_read_in_parts(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    for number in range(PAGE + 1):
        jobs.append([(claim, Flush(number, (b"{}",)))])
    jobs.finish(claim, ended(waiting), Flush(PAGE + 1, (b"[]",)))
    first = jobs.read_events(claim.response_id, 0)
    second = jobs.read_events(claim.response_id, PAGE)
    assert (len(first.lines), first.more, first.ended) == (PAGE, True, False)
    assert (list(second.lines), second.more, second.ended) == ([b"{}", b"[]"], False, True)


def test_a_stream_that_is_gone_has_ended(jobs: RedisJobStore) -> None:
    assert jobs.read_events(new_id("resp", new_tag()), 0).ended


def test_a_deleted_job_cannot_be_seen(bench: Bench) -> None:
    waiting = finished(bench.jobs)
    bench.responses.delete("acme", waiting.response.id)
    with pytest.raises(NotFound):
        bench.jobs.stream_kind("acme", waiting.response.id)


def test_a_response_made_at_once_has_no_stream(bench: Bench) -> None:
    made = ended(turn())
    bench.responses.save(made)
    assert bench.jobs.stream_kind("acme", made.response.id) == "nothing"


# News


def test_news_of_a_job_reach_whoever_listens(bench: Bench) -> None:
    jobs = bench.jobs
    news = jobs.news()
    assert next(news) == ("", "")
    waiting = queued(jobs)
    ONE_SERVER.run(bench.client, jobs.announcement)
    claim = claimed(jobs)
    jobs.append([(claim, BEGUN)])
    jobs.finish(taken_over(jobs, waiting), ended(waiting), ENDING)
    response_id = waiting.response.id
    heard = [next(news) for _ in range(4)]
    assert heard == [
        ("waiting", ""),
        ("events", response_id),
        ("taken_over", response_id),
        ("ended", response_id),
    ]
    close(news)


def test_a_worker_whose_job_is_given_to_another_hears_of_it(bench: Bench) -> None:
    waiting = queued(bench.lapsing)
    claimed(bench.lapsing)
    news = bench.jobs.news()
    assert next(news) == ("", "")
    assert bench.lapsing.settle_lost(waiting.response.id) is True
    assert next(news) == ("taken_over", waiting.response.id)
    close(news)


def close(news: Any) -> None:
    """End a listener; it is a generator, and its connection goes with it."""
    news.close()


def test_a_listener_that_was_cut_off_says_that_it_may_have_missed_something(
    bench: Bench, redis_url: str
) -> None:
    with connect(RedisSettings(url=redis_url)) as client:
        jobs: RedisJobStore = Bench(client).jobs
        news = jobs.news()
        next(news)
        with redis.Redis.from_url(redis_url) as other:
            other.client_kill_filter(_type="pubsub")
        assert next(news) == ("", "")
        close(news)


class Deaf:
    """A listener's connection on which nothing ever comes."""

    retry = Retry(NoBackoff(), 0)

    def __init__(self) -> None:
        self.pinged = 0
        self.connection = self

    def pubsub(self) -> Deaf:
        return self

    def subscribe(self, _channel: str) -> None: ...

    def read_response(self, **_options: Any) -> None:
        raise TimedOut

    def ping(self) -> None:
        self.pinged += 1

    def close(self) -> None: ...


def test_a_listener_that_gets_no_answer_gives_its_connection_up() -> None:
    deaf: Any = Deaf()
    jobs = RedisJobStore(deaf, "", RedisStore(deaf, ""), 30, WRAPPING)
    with pytest.raises(StorageUnavailable):
        next(jobs.news())
    assert deaf.pinged == 1


def test_the_silence_that_a_listener_waits_in_keeps_nobody_from_redis(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.jobs.news.QUIET_S", 0.2)
    with connect(RedisSettings(url=redis_url)) as client, ThreadPoolExecutor(1) as listening:
        jobs = Bench(client).jobs
        news = jobs.news()
        next(news)
        message = listening.submit(next, news)
        pings = _pings(client)
        # It falls silent again and again, and asks for a sign of life.
        until(lambda: _pings(client) >= pings + 2, "the listener to ask")
        ONE_SERVER.run(client, jobs.announcement)
        assert message.result() == ("waiting", "")
        close(news)


def _pings(client: Any) -> int:
    """Return how often anybody has asked Redis for a sign of life."""
    stats = client.info("commandstats")
    return int(stats.get("cmdstat_ping", {"calls": 0})["calls"])


# Figures


def test_a_worker_that_lives_is_heard(jobs: RedisJobStore) -> None:
    assert jobs.queues().silence_s == float("inf")
    jobs.renew([])
    assert jobs.queues().silence_s < 5


def test_a_worker_is_heard_for_when_it_could_last_take_a_job(jobs: RedisJobStore) -> None:
    jobs.renew([], 100.0)
    before = jobs.queues().silence_s
    jobs.renew([], 20.0)
    jobs.renew([], 50.0)
    assert [100 <= before < 105, 20 <= jobs.queues().silence_s < 25] == [True, True]


def test_a_worker_that_could_never_take_a_job_is_not_heard(jobs: RedisJobStore) -> None:
    jobs.renew([], float("inf"))
    assert jobs.queues().silence_s == float("inf")


def test_a_sign_of_life_from_a_clock_that_was_put_back_is_none(bench: Bench) -> None:
    bench.client.set(f"{bench.prefix}{{jobs}}:alive", 9_999_999_999_999)
    bench.jobs.renew([], 20.0)
    assert 20 <= bench.jobs.queues().silence_s < 25


def test_the_queues_are_counted(jobs: RedisJobStore) -> None:
    queued(jobs)
    queued(jobs)
    claimed(jobs)
    queues = jobs.queues()
    assert (queues.queued, queues.running) == (1, 1)
    assert queues.oldest_s >= 0


def test_empty_queues_have_no_oldest(jobs: RedisJobStore) -> None:
    assert jobs.queues().oldest_s == 0
