"""Tickets reach workers at once, no more of them than these can see to, and none is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from typing import Any

import dramatiq
import pytest
from dramatiq.broker import Consumer, MessageProxy

from app.errors import StorageUnavailable
from app.jobs.actors import declare
from app.jobs.broker import QUEUE, TicketBroker, serve
from app.settings import RedisSettings
from app.store.connect import connect

_prefixes = (f"tickets{number}:" for number in count())
PATIENT_MS = 60_000


class Bench:
    def __init__(self, client: Any) -> None:
        self.client = client
        self.prefix = next(_prefixes)
        self.announced = 0
        self.broker = self.another()

    def another(self, concurrency: int = 2) -> TicketBroker:
        """Return the broker of another process."""
        return TicketBroker(self.client, self.prefix, concurrency, self.announce)

    def announce(self) -> None:
        self.announced += 1

    def keys(self) -> set[str]:
        options: dict[str, Any] = {"match": f"{self.prefix}*"}
        return {key.decode() for key in self.client.scan_iter(**options)}


@pytest.fixture(params=["redis", "cluster"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    with connect(RedisSettings(url=url)) as client:
        yield Bench(client)


def taken(consumer: Consumer, most: int = 9) -> list[MessageProxy]:
    """Return the tickets that a consumer takes without waiting."""
    return [message for _ in range(most) if (message := next(consumer)) is not None]


def test_a_ticket_is_taken_once(bench: Bench) -> None:
    bench.broker.send(1)
    here, there = (broker.consume(QUEUE, timeout=0) for broker in (bench.broker, bench.another()))
    assert [len(taken(here)), len(taken(there))] == [1, 0]


def test_workers_hear_of_tickets(bench: Bench) -> None:
    bench.broker.send(3)
    assert bench.announced == 1


def test_a_process_takes_no_more_than_it_can_see_to(bench: Bench) -> None:
    bench.broker.send(5)
    consumer = bench.broker.consume(QUEUE, prefetch=400, timeout=0)
    assert len(taken(consumer)) == 2


@pytest.mark.parametrize("seen_to", ["ack", "nack"])
def test_a_ticket_that_is_seen_to_makes_room_for_the_next(bench: Bench, seen_to: str) -> None:
    bench.broker.send(3)
    consumer = bench.broker.consume(QUEUE, prefetch=2, timeout=0)
    first, _ = taken(consumer)
    getattr(consumer, seen_to)(first)
    assert len(taken(consumer)) == 1


def test_who_waits_for_a_ticket_is_woken(bench: Bench) -> None:
    consumer = bench.broker.consume(QUEUE, timeout=PATIENT_MS)
    came: list[object] = []

    def wait() -> None:
        while not came:
            if (message := next(consumer)) is not None:
                came.append(message)

    waiting = threading.Thread(target=wait)
    waiting.start()
    bench.another().send(1)
    bench.broker.wake()
    waiting.join()
    assert len(came) == 1


def test_who_has_closed_is_woken_no_more(bench: Bench) -> None:
    consumer: Any = bench.broker.consume(QUEUE, timeout=0)
    consumer.close()
    bench.broker.wake()
    assert not consumer.wake.is_set()


def test_who_stops_takes_no_more(bench: Bench) -> None:
    bench.broker.send(2)
    bench.broker.stop()
    assert taken(bench.broker.consume(QUEUE, timeout=0)) == []
    assert len(taken(bench.another().consume(QUEUE, timeout=0))) == 1


def test_what_was_not_seen_to_is_left_to_others(bench: Bench) -> None:
    bench.broker.send(1)
    consumer = bench.broker.consume(QUEUE, timeout=0)
    consumer.requeue(taken(consumer))
    assert len(taken(bench.another().consume(QUEUE, timeout=0))) == 1


def test_the_tickets_of_the_dead_can_be_forgotten(bench: Bench) -> None:
    bench.broker.send(3)
    taken(bench.broker.consume(QUEUE, timeout=0))
    bench.another().clear()
    assert bench.keys() == {f"{bench.prefix}{{dramatiq}}:__heartbeats__"}


def test_a_store_that_is_away_is_told() -> None:
    with connect(RedisSettings(url="redis://127.0.0.1:1/0")) as client:
        broker = TicketBroker(client, "", 1, lambda: None)
        with pytest.raises(StorageUnavailable):
            broker.send(1)
        with pytest.raises(StorageUnavailable):
            broker.clear()


def test_a_worker_works_for_each_ticket(bench: Bench) -> None:
    worked = threading.Semaphore(0)
    declare(bench.broker, worked.release)
    worker = dramatiq.Worker(bench.broker, worker_threads=2, worker_timeout=50)
    worker.start()
    bench.another().send(3)
    bench.broker.wake()
    for _ in range(3):
        assert worked.acquire(timeout=30)
    worker.stop()
    assert bench.client.llen(f"{bench.prefix}{{dramatiq}}:{QUEUE}") == 0


def test_only_a_worker_has_a_broker_of_its_process(bench: Bench) -> None:
    before = dramatiq.get_broker()
    try:
        serve(bench.broker)
        assert dramatiq.get_broker() is bench.broker
    finally:
        dramatiq.set_broker(before)
