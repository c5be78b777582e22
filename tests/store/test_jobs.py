"""Background responses in a real Redis: queued, leased, told, ended, and found when lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import redis

from app.domain.ids import new_id, new_tag
from app.domain.items import Message, OutputText
from app.domain.request import CreateRequest
from app.domain.response import Response, Usage
from app.errors import NotFound
from app.schemas.responses import echo
from app.store.base import Turn
from app.store.jobs import MAX_LOST_LEASES, RedisJobStore
from app.store.jobs_base import Claim, Flush
from app.store.redis import RedisStore

SECOND = Flush(0, (b'{"a":1}', b'{"b":2}'))
ENDING = Flush(2, (b'{"c":3}',))


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter("t:*"):
            client.delete(key)
        yield client


@pytest.fixture
def responses(client: redis.Redis) -> RedisStore:
    return RedisStore(client, "t:")


@pytest.fixture
def jobs(client: redis.Redis, responses: RedisStore) -> RedisJobStore:
    return RedisJobStore(client, "t:", responses, lease_s=30)


@pytest.fixture
def lapsing(client: redis.Redis, responses: RedisStore) -> RedisJobStore:
    """A store whose leases are over as soon as they begin."""
    return RedisJobStore(client, "t:", responses, lease_s=-1)


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
    assert jobs.enqueue(waiting, b"ticket", max_queued=10)
    return waiting


def claimed(jobs: RedisJobStore, owner: str = "me") -> Claim:
    taken = jobs.take()
    assert taken is not None
    claim = jobs.claim(taken, owner)
    assert claim is not None
    return claim


def test_what_is_queued_is_taken_once(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    assert jobs.take() == waiting.response.id
    assert jobs.take() is None


def test_accounts_take_turns(jobs: RedisJobStore) -> None:
    many = [queued(jobs, "busy") for _ in range(3)]
    one = queued(jobs, "calm")
    order = [jobs.take() for _ in range(4)]
    assert order.index(one.response.id) == 1
    assert [each for each in order if each != one.response.id] == [t.response.id for t in many]


def test_an_account_may_have_only_so_many_waiting(jobs: RedisJobStore) -> None:
    assert jobs.enqueue(turn(), b"", max_queued=1)
    assert not jobs.enqueue(turn(), b"", max_queued=1)
    assert jobs.enqueue(turn("other"), b"", max_queued=1)


def test_a_job_is_claimed_by_one_worker(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    assert (claim.job.account, claim.job.ticket, claim.told) == ("acme", b"ticket", 0)
    assert jobs.claim(waiting.response.id, "other") is None


def test_a_job_shows_whether_it_waits_or_runs(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    before = jobs.pending("acme", waiting.response.id)
    claimed(jobs)
    after = jobs.pending("acme", waiting.response.id)
    assert [job and job.status for job in (before, after)] == ["queued", "in_progress"]


def test_another_accounts_job_is_unknown(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    assert jobs.pending("other", waiting.response.id) is None
    assert jobs.seize("other", waiting.response.id, "x") is None
    with pytest.raises(NotFound):
        jobs.has_stream("other", waiting.response.id)


def test_what_was_told_can_be_read_on(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    assert jobs.tell(claim, SECOND, spoke=False)
    first = jobs.told(waiting.response.id, "")
    assert jobs.finish(claim, ended(waiting), ENDING)
    assert first.flushes == (SECOND,)
    assert jobs.told(waiting.response.id, first.cursor).flushes == (ENDING,)


def test_a_finished_job_is_a_stored_response(jobs: RedisJobStore, responses: RedisStore) -> None:
    waiting = queued(jobs)
    jobs.finish(claimed(jobs), ended(waiting), ENDING)
    assert responses.get("acme", waiting.response.id) == ended(waiting)
    assert jobs.pending("acme", waiting.response.id) is None
    assert jobs.has_stream("acme", waiting.response.id)


def test_nothing_is_left_in_the_queues_of_what_has_ended(
    jobs: RedisJobStore, client: redis.Redis
) -> None:
    waiting = queued(jobs)
    jobs.finish(claimed(jobs), ended(waiting), ENDING)
    assert list(client.scan_iter("t:{jobs}*")) == []


def test_a_worker_that_lost_its_job_can_write_no_more(
    jobs: RedisJobStore, responses: RedisStore
) -> None:
    waiting = queued(jobs)
    late = claimed(jobs)
    canceller = jobs.seize("acme", waiting.response.id, "canceller")
    assert canceller is not None
    assert not jobs.tell(late, SECOND, spoke=True)
    assert not jobs.finish(late, ended(waiting), ENDING)
    assert jobs.finish(canceller, ended(waiting), SECOND)
    assert responses.get("acme", waiting.response.id) == ended(waiting)


def test_a_job_that_was_seized_while_it_waited_is_never_run(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    canceller = jobs.seize("acme", waiting.response.id, "canceller")
    assert canceller is not None
    jobs.finish(canceller, ended(waiting), SECOND)
    assert jobs.take() is None


def test_what_has_ended_cannot_be_seized(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    jobs.finish(claimed(jobs), ended(waiting), ENDING)
    assert jobs.seize("acme", waiting.response.id, "late") is None


def test_a_job_that_is_given_back_is_taken_again(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    assert jobs.give_back(claimed(jobs))
    assert claimed(jobs, "next").job.response_id == waiting.response.id


def test_a_job_whose_model_has_spoken_is_not_given_back(jobs: RedisJobStore) -> None:
    queued(jobs)
    claim = claimed(jobs)
    jobs.tell(claim, SECOND, spoke=True)
    assert not jobs.give_back(claim)


def test_a_lost_job_is_queued_again(lapsing: RedisJobStore) -> None:
    waiting = queued(lapsing)
    claimed(lapsing)
    assert lapsing.lost() == [waiting.response.id]
    assert lapsing.settle_lost(waiting.response.id) is None
    assert claimed(lapsing, "next").job.response_id == waiting.response.id


def test_a_run_again_knows_what_was_told_before(lapsing: RedisJobStore) -> None:
    waiting = queued(lapsing)
    lapsing.tell(claimed(lapsing), SECOND, spoke=False)
    lapsing.settle_lost(waiting.response.id)
    assert claimed(lapsing, "next").told == 2


def test_a_lost_job_whose_model_had_spoken_is_to_be_ended(lapsing: RedisJobStore) -> None:
    waiting = queued(lapsing)
    lapsing.tell(claimed(lapsing), SECOND, spoke=True)
    assert lapsing.settle_lost(waiting.response.id) == "acme"


def test_the_third_lost_lease_ends_a_job(lapsing: RedisJobStore) -> None:
    waiting = queued(lapsing)
    outcomes = []
    for number in range(MAX_LOST_LEASES):
        claimed(lapsing, str(number))
        outcomes.append(lapsing.settle_lost(waiting.response.id))
    assert outcomes == [None, None, "acme"]


def test_a_job_that_was_taken_but_never_claimed_is_queued_again(lapsing: RedisJobStore) -> None:
    waiting = queued(lapsing)
    lapsing.take()
    assert lapsing.lost() == [waiting.response.id]
    assert lapsing.settle_lost(waiting.response.id) is None
    assert lapsing.take() == waiting.response.id


def test_a_lease_without_a_job_is_forgotten(lapsing: RedisJobStore, client: redis.Redis) -> None:
    waiting = queued(lapsing)
    claim = claimed(lapsing)
    client.zadd("t:{jobs}:leases", {waiting.response.id: 0})
    lapsing.finish(claim, ended(waiting), ENDING)
    client.zadd("t:{jobs}:leases", {waiting.response.id: 0})
    assert lapsing.settle_lost(waiting.response.id) is None
    assert lapsing.lost() == []


def test_a_renewed_lease_is_not_lost(client: redis.Redis, responses: RedisStore) -> None:
    lapsing = RedisJobStore(client, "t:", responses, lease_s=-1)
    lasting = RedisJobStore(client, "t:", responses, lease_s=30)
    waiting = queued(lapsing)
    claimed(lapsing)
    lasting.renew([waiting.response.id])
    assert lasting.lost() == []


def test_a_worker_that_lives_is_heard(jobs: RedisJobStore) -> None:
    assert jobs.worker_silence_s() == float("inf")
    jobs.renew([])
    assert jobs.worker_silence_s() < 5


def test_the_queues_are_counted(jobs: RedisJobStore) -> None:
    queued(jobs)
    queued(jobs)
    claimed(jobs)
    queues = jobs.queues()
    assert (queues.queued, queues.running) == (1, 1)
    assert queues.oldest_s >= 0


def test_news_of_a_job_reach_whoever_listens(jobs: RedisJobStore) -> None:
    waiting = queued(jobs)
    claim = claimed(jobs)
    news = jobs.news()
    assert next(news) == ("", "")
    jobs.tell(claim, SECOND, spoke=True)
    assert next(news) == ("told", waiting.response.id)
    cancelled = replace(ended(waiting), response=replace(waiting.response, status="cancelled"))
    jobs.finish(claim, cancelled, ENDING)
    assert next(news) == ("cancelled", waiting.response.id)
    news.close()  # type: ignore[attr-defined]  # it is a generator: its connection goes with it


def test_a_deleted_job_cannot_be_seen(jobs: RedisJobStore, responses: RedisStore) -> None:
    waiting = queued(jobs)
    jobs.finish(claimed(jobs), ended(waiting), ENDING)
    responses.delete("acme", waiting.response.id)
    with pytest.raises(NotFound):
        jobs.has_stream("acme", waiting.response.id)


def test_an_id_that_is_not_ours_is_unknown(jobs: RedisJobStore) -> None:
    assert jobs.pending("acme", "resp_elsewhere") is None
    with pytest.raises(NotFound):
        jobs.has_stream("acme", "resp_elsewhere")
