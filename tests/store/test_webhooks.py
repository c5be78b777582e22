"""Webhooks in a real Redis, Cluster or not: events come with the end of a job, and go with the last
attempt, whoever dies in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import orjson
import pytest

from app.domain.webhooks.deliveries import TRIED_S, AttemptEntry, Delivery, Outcome
from app.domain.webhooks.endpoints import WebhookEndpoint, event_id
from app.settings import RedisSettings
from app.store.connection.client import connect
from app.store.jobs.base import Claim, Flush
from app.store.webhooks.base import MOST_ENTRIES
from app.store.webhooks.redis import (
    AT_ONCE,
    MOST_OF_ACCOUNT,
    MOST_TO_ENDPOINT,
    RedisWebhookStore,
)
from app.store.webhooks.scripts import MOST_WAITING
from tests.counting import counted
from tests.store.kills import kills
from tests.store.test_jobs import BEGUN, ENDING, Bench, claimed, ended, finished, queued, taken_over

TYPES = ("response.completed", "response.cancelled")


class HookBench(Bench):
    """The stores of jobs and of webhooks on one client."""

    def __init__(self, client: Any) -> None:
        super().__init__(client)
        self.hooks = self.hooks_leasing(30)
        #: A store whose deliveries are due again at once.
        self.lapsing_hooks = self.hooks_leasing(-1)
        self._number = 0

    def hooks_leasing(self, lease_s: float) -> RedisWebhookStore:
        return RedisWebhookStore(self.client, self.prefix, lease_s)

    def add(self, account: str = "acme", types: tuple[str, ...] = TYPES) -> WebhookEndpoint:
        self._number += 1
        endpoint = WebhookEndpoint(
            id=f"whe_{self._number:03}",
            account=account,
            name="mine",
            url="https://receiver.example/",
            event_types=types,
            created_at=1,
            updated_at=1,
            signing_secret_hint="",
            sealed_secret="",
        )
        assert self.hooks.add(endpoint, 100)
        return endpoint


@pytest.fixture(params=["redis", "cluster"])
def bench(request: pytest.FixtureRequest) -> Iterator[HookBench]:
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    with connect(RedisSettings(url=url)) as client:
        yield HookBench(client)


def entry(
    delivery: Delivery, outcome: Outcome = "delivered", next_at: float | None = None
) -> AttemptEntry:
    event = delivery.event
    return AttemptEntry(
        1.5,
        event.id,
        event.type,
        event.response_id,
        delivery.attempt,
        outcome,
        200,
        None,
        7,
        next_at,
    )


def taken(hooks: RedisWebhookStore, most: int = 10) -> list[Delivery]:
    return list(hooks.take(most).deliveries)


def only(deliveries: list[Delivery]) -> Delivery:
    (delivery,) = deliveries
    return delivery


# Coming


def test_the_end_of_a_job_is_an_event_for_who_wants_it(bench: HookBench) -> None:
    wants, other = bench.add(), bench.add(types=("response.failed",))
    foreign = bench.add("rival")
    response_id = finished(bench.jobs).response.id
    delivery = only(taken(bench.hooks))
    assert delivery.endpoint == wants
    assert delivery.attempt == 1
    event = delivery.event
    assert (event.type, event.response_id) == ("response.completed", response_id)
    assert event.id == event_id(response_id, "response.completed")
    assert event.created_at > 1_700_000_000
    assert [bench.hooks.waiting(each.id) for each in (wants, other, foreign)] == [1, 0, 0]
    assert bench.hooks.waiting_in_all() == 1


def test_each_of_an_accounts_endpoints_gets_the_event(bench: HookBench) -> None:
    ids = {bench.add().id for _ in range(3)}
    finished(bench.jobs)
    deliveries = taken(bench.hooks)
    assert {each.endpoint.id for each in deliveries} == ids
    assert len({each.event.id for each in deliveries}) == 1


def test_a_job_that_was_cancelled_is_an_event_once(bench: HookBench) -> None:
    bench.add()
    waiting = queued(bench.jobs)
    claims = [taken_over(bench.jobs, waiting) for _ in range(2)]
    response = replace(ended(waiting).response, status="cancelled")
    ends = [
        bench.jobs.finish(each, replace(waiting, response=response), Flush(0, (b"{}",)))
        for each in claims
    ]
    assert ends == [True, False]
    assert only(taken(bench.hooks)).event.type == "response.cancelled"


def test_an_end_that_is_written_again_is_no_second_event(bench: HookBench) -> None:
    bench.add()
    waiting = queued(bench.jobs)
    claim = claimed(bench.jobs)
    for _ in range(2):  # as where the first reply was lost
        assert bench.jobs.finish(claim, ended(waiting), Flush(0, (b"{}",)))
    only(taken(bench.hooks))
    assert taken(bench.hooks) == []


def test_an_end_that_was_cut_off_before_the_event_is_made_up_for(bench: HookBench) -> None:
    """The process dies between the end of the answer and the step after it."""
    bench.add()
    waiting = queued(bench.jobs)
    claim = claimed(bench.lapsing)
    end = bench.jobs._finishing(claim, ended(waiting), Flush(0, (b"{}",)))
    end.run(bench.client)
    assert taken(bench.hooks) == []
    assert list(bench.jobs.lost()) == [waiting.response.id]
    assert bench.jobs.settle_lost(waiting.response.id) is False
    event = only(taken(bench.hooks)).event
    assert (event.type, event.response_id) == ("response.completed", waiting.response.id)
    bench.jobs.settle_lost(waiting.response.id)
    assert taken(bench.hooks) == []


def test_a_job_that_was_never_accepted_is_no_event(bench: HookBench) -> None:
    bench.add(types=("response.failed", *TYPES))
    waiting = ended(queued(bench.jobs))
    bench.client.hdel(f"{bench.prefix}{{jobs}}:accounts", waiting.response.id)
    claim = bench.lapsing.settle_lost(waiting.response.id)
    assert isinstance(claim, Claim)
    assert claim.why == "refused"
    response = replace(waiting.response, status="failed")
    assert bench.jobs.finish(claim, replace(waiting, response=response), Flush(0, (b"{}",)))
    assert taken(bench.hooks) == []


def test_an_end_makes_the_same_round_trips_whether_anybody_wants_to_know_or_not(
    bench: HookBench,
) -> None:
    def trips() -> int:
        waiting = queued(bench.jobs)
        claim = claimed(bench.jobs)
        bench.jobs.append([(claim, BEGUN)])
        with counted() as traffic:
            bench.jobs.finish(claim, ended(waiting), ENDING)
        return traffic.round_trips

    # Each server of a Cluster learns the programs once.
    without = min(trips() for _ in range(8))
    bench.add()
    assert min(trips() for _ in range(8)) == without


# Going


def test_a_delivery_is_taken_by_one_worker(bench: HookBench) -> None:
    bench.add()
    finished(bench.jobs)
    other = RedisWebhookStore(bench.client, bench.prefix, 30)
    assert [len(taken(each)) for each in (bench.hooks, other)] == [1, 0]


def test_what_is_delivered_is_gone_and_in_the_log(bench: HookBench) -> None:
    endpoint = bench.add()
    finished(bench.jobs)
    delivery = only(taken(bench.hooks))
    assert bench.hooks.settle(delivery, entry(delivery), failed=False)
    assert bench.hooks.entries(endpoint.id) == [entry(delivery)]
    assert bench.hooks.waiting(endpoint.id) == 0
    assert taken(bench.lapsing_hooks) == []
    assert bench.hooks.take(10).pause_s == float("inf")
    assert bench.keys("{jobs}:webhooks:events") == bench.keys("{jobs}:webhooks:due") == []


def test_what_a_lost_worker_was_sending_is_due_again(bench: HookBench) -> None:
    bench.add()
    finished(bench.jobs)
    lost = only(taken(bench.lapsing_hooks))
    again = only(taken(bench.hooks))
    assert (again.event, again.attempt) == (lost.event, lost.attempt + 1)
    assert not bench.hooks.settle(lost, entry(lost), failed=False)  # it was thought dead
    assert bench.hooks.settle(again, entry(again), failed=False)


def test_a_lost_worker_is_looked_for_once_its_lease_is_over(bench: HookBench) -> None:
    bench.add()
    finished(bench.jobs)
    only(taken(bench.hooks))
    assert 0 < bench.hooks.take(10).pause_s <= 30


def test_one_that_was_thought_lost_may_still_settle_what_nobody_has_taken(bench: HookBench) -> None:
    bench.add()
    finished(bench.jobs)
    delivery = only(taken(bench.lapsing_hooks))
    assert taken(bench.hooks, most=0) == []  # its lease is over, and it is due again
    assert bench.hooks.settle(delivery, entry(delivery), failed=False)
    assert taken(bench.hooks) == []


def test_what_failed_is_due_when_it_says(bench: HookBench) -> None:
    endpoint = bench.add()
    finished(bench.jobs)
    first = only(taken(bench.hooks))
    later = float(first.event.created_at + 3600)
    bench.hooks.settle(first, entry(first, "retried", later), failed=True)
    found = bench.hooks.take(10)
    assert found.deliveries == []
    assert 3500 < found.pause_s <= 3600
    # Its time comes.
    bench.client.zadd(f"{bench.prefix}{{jobs}}:webhooks:due:{endpoint.id}", {first.event.id: 1})
    bench.client.zadd(f"{bench.prefix}{{jobs}}:webhooks:ready", {endpoint.id: 1})
    assert only(taken(bench.hooks)).attempt == 2


@pytest.mark.parametrize("outcome", ["retried", "delivered"])
def test_a_result_whose_reply_was_lost_is_recorded_once(bench: HookBench, outcome: Outcome) -> None:
    endpoint, failed = bench.add(), outcome == "retried"
    finished(bench.jobs)
    tried = only(taken(bench.hooks))
    again = tried.event.created_at + 3600.0 if failed else None
    for _ in range(2):
        assert bench.hooks.settle(tried, entry(tried, outcome, again), failed=failed)
    assert [each.outcome for each in bench.hooks.entries(endpoint.id)] == [outcome]
    failures = bench.client.hget(f"{bench.prefix}{{jobs}}:webhooks:failures", endpoint.id)
    assert failures == (b"1" if failed else None)


def test_a_sample_whose_reply_was_lost_is_logged_once(bench: HookBench) -> None:
    endpoint = bench.add()
    finished(bench.jobs)
    sample = entry(only(taken(bench.hooks)))
    for _ in range(2):
        bench.hooks.log(endpoint, sample)
    assert bench.hooks.entries(endpoint.id) == [sample]


def test_a_new_event_does_not_wait_for_the_retry_of_an_old_one(bench: HookBench) -> None:
    bench.add()
    finished(bench.jobs)
    old = only(taken(bench.hooks))
    bench.hooks.settle(old, entry(old, "retried", old.event.created_at + 3600.0), failed=True)
    bench.client.delete(f"{bench.prefix}{{jobs}}:webhooks:resting")
    response_id = finished(bench.jobs).response.id
    assert only(taken(bench.hooks)).event.response_id == response_id


def test_an_endpoint_that_fails_is_left_alone_for_a_while(bench: HookBench) -> None:
    bench.add()
    finished(bench.jobs)
    first = only(taken(bench.hooks))
    quiet_until = first.event.created_at + 600.0
    again = first.event.created_at + 1.0
    bench.hooks.settle(first, entry(first, "retried", again), failed=True, quiet_until=quiet_until)
    finished(bench.jobs)
    found = bench.hooks.take(10)
    assert found.deliveries == []
    assert 500 < found.pause_s <= 600


def test_a_success_ends_the_rest(bench: HookBench) -> None:
    endpoint = bench.add()
    for _ in range(2):
        finished(bench.jobs)
    first = only(taken(bench.hooks))
    second = only(taken(bench.hooks))
    quiet = first.event.created_at + 600.0
    bench.hooks.settle(first, entry(first, "retried", 1.0), failed=True, quiet_until=quiet)
    assert taken(bench.hooks) == []
    bench.hooks.settle(second, entry(second), failed=False)
    assert only(taken(bench.hooks)).event == first.event
    assert bench.hooks.waiting(endpoint.id) == 1
    # The next failure is a first one: its rest is short.
    assert not bench.client.hexists(f"{bench.prefix}{{jobs}}:webhooks:failures", endpoint.id)


def test_so_many_are_under_way_to_one_endpoint_and_another_does_not_wait(
    bench: HookBench,
) -> None:
    slow = bench.add()
    for _ in range(MOST_TO_ENDPOINT + 2):
        finished(bench.jobs)
    under_way = [each for _ in range(MOST_TO_ENDPOINT + 2) for each in taken(bench.hooks)]
    assert len(under_way) == MOST_TO_ENDPOINT
    swift = bench.add("rival")
    waiting = queued(bench.jobs, "rival")
    bench.jobs.finish(claimed(bench.jobs), ended(waiting), Flush(0, (b"{}",)))
    assert only(taken(bench.hooks)).endpoint == swift
    bench.hooks.settle(under_way[0], entry(under_way[0]), failed=False)
    assert only(taken(bench.hooks)).endpoint == slow


def test_so_many_are_under_way_of_one_account_and_another_does_not_wait(bench: HookBench) -> None:
    for _ in range(MOST_OF_ACCOUNT + 5):
        bench.add()
    finished(bench.jobs)
    assert len(taken(bench.hooks, most=100)) == MOST_OF_ACCOUNT
    swift = bench.add("rival")
    waiting = queued(bench.jobs, "rival")
    bench.jobs.finish(claimed(bench.jobs), ended(waiting), Flush(0, (b"{}",)))
    assert only(taken(bench.hooks, most=100)).endpoint == swift


def test_no_more_are_taken_than_there_is_room_for(bench: HookBench) -> None:
    for _ in range(5):
        bench.add()
    finished(bench.jobs)
    assert [len(taken(bench.hooks, most)) for most in (2, 2, 2)] == [2, 2, 1]


def test_what_was_tried_for_too_long_is_dropped_and_counted(bench: HookBench) -> None:
    endpoint = bench.add()
    waiting = finished(bench.jobs)
    old = event_id(waiting.response.id, "response.completed")
    text = f"response.completed {waiting.response.id} 1700000000 3"
    bench.client.hset(f"{bench.prefix}{{jobs}}:webhooks:events:{endpoint.id}", old, text)
    found = bench.hooks.take(10)
    assert (list(found.deliveries), found.dropped) == ([], 1)
    assert bench.hooks.waiting(endpoint.id) == 0


def test_behind_what_is_dropped_at_once_the_rest_is_looked_at(bench: HookBench) -> None:
    """More was tried for too long than one step looks at, and nothing new comes."""
    endpoint = bench.add()
    finished(bench.jobs)
    hooks = f"{bench.prefix}{{jobs}}:webhooks"
    old = {f"evt_{number}": "response.completed resp_1 1700000000 3" for number in range(AT_ONCE)}
    bench.client.hset(f"{hooks}:events:{endpoint.id}", mapping=old)
    bench.client.zadd(f"{hooks}:due:{endpoint.id}", dict.fromkeys(old, 1))
    found = bench.hooks.take(10)
    assert (list(found.deliveries), found.dropped, found.pause_s) == ([], AT_ONCE, 0)
    assert only(taken(bench.hooks)).event.id not in old
    assert bench.hooks.take(10).pause_s > 0


def test_what_was_never_tried_is_tried_however_old_it_is(bench: HookBench) -> None:
    """As where no worker ran for two days."""
    endpoint = bench.add()
    waiting = finished(bench.jobs)
    old = event_id(waiting.response.id, "response.completed")
    text = f"response.completed {waiting.response.id} 1700000000 0"
    bench.client.hset(f"{bench.prefix}{{jobs}}:webhooks:events:{endpoint.id}", old, text)
    assert only(taken(bench.hooks)).event.created_at == 1_700_000_000


def test_what_was_never_tried_is_dropped_where_its_endpoint_takes_nothing(bench: HookBench) -> None:
    endpoint = bench.add()
    finished(bench.jobs)
    tried = only(taken(bench.hooks))
    assert bench.hooks.settle(tried, entry(tried, "failed"), failed=True)
    hooks, now = f"{bench.prefix}{{jobs}}:webhooks", int(bench.client.time()[0])
    ages = {"evt_old": TRIED_S + 9, "evt_new": TRIED_S - 9}
    texts = {name: f"response.completed resp_1 {now - age} 0" for name, age in ages.items()}
    bench.client.hset(f"{hooks}:events:{endpoint.id}", mapping=texts)
    bench.client.zadd(f"{hooks}:due:{endpoint.id}", {"evt_old": 1, "evt_new": 2})
    bench.client.zadd(f"{hooks}:ready", {endpoint.id: 1})
    found = bench.hooks.take(10)
    assert (only(list(found.deliveries)).event.id, found.dropped) == ("evt_new", 1)


def test_no_more_wait_for_an_endpoint_than_may(bench: HookBench) -> None:
    endpoint, other = bench.add(), bench.add()
    hooks = f"{bench.prefix}{{jobs}}:webhooks"
    now = int(bench.client.time()[0])
    due = {f"evt_{number}": number for number in range(MOST_WAITING)}
    waiting = dict.fromkeys(due, f"response.completed resp_1 {now} 0")
    bench.client.hset(f"{hooks}:events:{endpoint.id}", mapping=waiting)
    bench.client.zadd(f"{hooks}:due:{endpoint.id}", due)
    finished(bench.jobs)
    assert (bench.hooks.waiting(endpoint.id), bench.hooks.waiting(other.id)) == (MOST_WAITING, 1)
    assert not bench.client.hexists(f"{hooks}:events:{endpoint.id}", "evt_0")
    assert [bench.hooks.take(10).dropped for _ in range(2)] == [1, 0]


# Endpoints


def test_a_removed_endpoint_takes_its_events_with_it(bench: HookBench) -> None:
    endpoint = bench.add()
    for _ in range(2):
        finished(bench.jobs)
    under_way = only(taken(bench.hooks))
    assert bench.hooks.remove("acme", endpoint.id)
    assert not bench.hooks.remove("acme", endpoint.id)
    assert not bench.hooks.settle(under_way, entry(under_way), failed=False)
    assert taken(bench.lapsing_hooks) == []
    assert bench.keys("{jobs}:webhooks") == []


def test_nobody_else_removes_it(bench: HookBench) -> None:
    endpoint = bench.add()
    assert not bench.hooks.remove("rival", endpoint.id)
    assert bench.hooks.endpoint("acme", endpoint.id) == endpoint
    assert bench.hooks.endpoint("rival", endpoint.id) is None
    assert bench.hooks.owner(endpoint.id) == "acme"


def test_a_change_counts_only_where_nobody_was_faster(bench: HookBench) -> None:
    before = bench.add()
    mine, theirs = replace(before, name="mine too"), replace(before, name="theirs")
    assert bench.hooks.replace(before, theirs)
    assert not bench.hooks.replace(before, mine)
    assert bench.hooks.replace(before, theirs)  # again, as where the reply was lost
    assert bench.hooks.endpoint("acme", before.id) == theirs
    bench.hooks.remove("acme", before.id)
    assert not bench.hooks.replace(theirs, mine)


def test_what_a_later_release_has_added_is_passed_over(bench: HookBench) -> None:
    endpoint = bench.add()
    table = f"{bench.prefix}{{jobs}}:webhooks:endpoints:acme"
    kept = orjson.loads(bench.client.hget(table, endpoint.id))
    bench.client.hset(table, endpoint.id, orjson.dumps(kept | {"color": "red"}))
    finished(bench.jobs)
    delivery = only(taken(bench.hooks))
    assert delivery.endpoint == endpoint
    log = f"{bench.prefix}{{jobs}}:webhooks:attempts:{endpoint.id}"
    bench.client.rpush(log, orjson.dumps(asdict(entry(delivery)) | {"color": "red"}))
    assert bench.hooks.entries(endpoint.id) == [entry(delivery)]


@pytest.mark.parametrize("how", ["sample", "delivery"])
def test_the_log_is_bounded(bench: HookBench, how: str) -> None:
    endpoint = bench.add()
    finished(bench.jobs)
    delivery = only(taken(bench.hooks))
    log = f"{bench.prefix}{{jobs}}:webhooks:attempts:{endpoint.id}"
    bench.client.rpush(log, *["{}"] * (MOST_ENTRIES + 10))
    if how == "sample":
        bench.hooks.log(endpoint, entry(delivery))
    else:
        bench.hooks.settle(delivery, entry(delivery), failed=False)
    assert bench.client.llen(log) == MOST_ENTRIES


# Purged


def test_a_purge_takes_deliveries_to_come_under_way_and_past(bench: HookBench) -> None:
    endpoint = bench.add()
    past, under_way, to_come, kept = (finished(bench.jobs).response.id for _ in range(4))
    deliveries = {}
    for _ in range(2):
        delivery = only(taken(bench.hooks))
        deliveries[delivery.event.response_id] = delivery
    done, sending = deliveries.values()
    bench.hooks.settle(done, entry(done), failed=False)
    gone = {past, under_way, to_come, kept} - {kept}
    bench.hooks.purge(gone)
    assert bench.hooks.entries(endpoint.id) == []
    assert not bench.hooks.settle(sending, entry(sending), failed=False)
    assert only(taken(bench.hooks)).event.response_id == kept
    left = b"".join(
        value for key in bench.keys("{jobs}:webhooks:events") for value in bench.client.hvals(key)
    )
    assert not any(response_id.encode() in left for response_id in gone)


def test_a_purge_that_is_killed_anywhere_leaves_nothing_that_waits_for_ever(
    bench: HookBench,
) -> None:
    bench.add()

    def prepare() -> Callable[[], object]:
        return partial(bench.hooks.purge, {finished(bench.jobs).response.id})

    for after in kills(prepare):
        for delivery in taken(bench.hooks):
            bench.hooks.settle(delivery, entry(delivery), failed=False)
        assert bench.hooks.waiting_in_all() == 0, after


def test_an_accounts_deliveries_are_erased_and_its_endpoints_stay(bench: HookBench) -> None:
    endpoint, foreign = bench.add(), bench.add("rival")
    finished(bench.jobs)
    waiting = queued(bench.jobs, "rival")
    bench.jobs.finish(claimed(bench.jobs), ended(waiting), Flush(0, (b"{}",)))
    bench.hooks.erase("acme")
    assert only(taken(bench.hooks)).endpoint == foreign
    assert bench.hooks.endpoints("acme") == [endpoint]
