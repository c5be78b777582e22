"""Tickets reach workers at once, no more of them than these can see to, and none is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import count
from time import monotonic
from types import SimpleNamespace
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.broker import Consumer, MessageProxy
from structlog.testing import capture_logs

from app.errors import StorageUnavailable
from app.jobs.actors import declare
from app.jobs.broker import ACTOR, WakeUpBroker, serve
from app.jobs.consumer import QUEUE
from app.settings import RedisSettings
from app.store.connection.client import connect
from tests.processes import PATIENCE_S, until
from tests.services.clocks import Clock

_prefixes = (f"tickets{number}:" for number in count())
PATIENT_MS = 60_000
SILENT = ("PING",)


class Bench:
    def __init__(self, client: Any) -> None:
        self.client = client
        self.prefix = next(_prefixes)
        self.broker = self.another()

    def another(self, concurrency: int = 2) -> WakeUpBroker:
        """Return the broker of another process."""
        return WakeUpBroker(self.client, self.prefix, concurrency, ("RPUSH", self.news, "waiting"))

    @property
    def news(self) -> str:
        """Where wake-ups are announced: a list here, so that they can be counted."""
        return f"{self.prefix}news"

    @property
    def announced(self) -> int:
        """How often wake-ups were announced."""
        return int(self.client.llen(self.news))

    def keys(self) -> set[str]:
        options: dict[str, Any] = {"match": f"{self.prefix}*"}
        return {key.decode() for key in self.client.scan_iter(**options)}


@pytest.fixture(params=["redis", "cluster"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    url = request.getfixturevalue("redis_url" if request.param == "redis" else "cluster_url")
    with connect(RedisSettings(url=url)) as client:
        yield Bench(client)


def taken(consumer: Consumer, most: int = 9) -> list[MessageProxy]:
    """Return the wake-ups that a consumer takes without waiting."""
    return [message for _ in range(most) if (message := next(consumer)) is not None]


def test_a_wake_up_is_taken_once(bench: Bench) -> None:
    bench.broker.send(1)
    here, there = (broker.consume(QUEUE, timeout=0) for broker in (bench.broker, bench.another()))
    assert [len(taken(here)), len(taken(there))] == [1, 0]


def test_a_wake_up_that_was_queued_twice_is_taken_once_without_a_word(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    queue = f"{bench.prefix}{{dramatiq}}:{QUEUE}"
    bench.broker.send(1)
    bench.client.rpush(queue, *bench.client.lrange(queue, 0, -1))
    consumer: Any = bench.broker.consume(QUEUE, prefetch=1, timeout=0)
    (first,) = taken(consumer, most=1)
    consumer.ack(first)
    assert taken(consumer) == []
    # Threads of other tests may log meanwhile.
    assert [each.message for each in caplog.records if each.name.startswith("dramatiq")] == []


def test_workers_hear_of_wake_ups(bench: Bench) -> None:
    bench.broker.send(1)  # a Redis that does not know the program yet is sent all of it twice
    before = bench.announced
    bench.broker.send(3)
    assert bench.announced == before + 1


def test_a_process_takes_no_more_than_it_can_see_to(bench: Bench) -> None:
    bench.broker.send(5)
    consumer = bench.broker.consume(QUEUE, prefetch=400, timeout=0)
    assert len(taken(consumer)) == 2


@pytest.mark.parametrize("seen_to", ["ack", "nack"])
def test_a_wake_up_that_is_seen_to_makes_room_for_the_next(bench: Bench, seen_to: str) -> None:
    bench.broker.send(3)
    consumer = bench.broker.consume(QUEUE, prefetch=2, timeout=0)
    first, _ = taken(consumer)
    getattr(consumer, seen_to)(first)
    assert len(taken(consumer)) == 1


class Counting:
    """A consumer of a broker whose looks at Redis are counted."""

    def __init__(self, bench: Bench, prefetch: int) -> None:
        self.looks = 0
        self.inner: Any = bench.broker.consume(QUEUE, prefetch=prefetch, timeout=0)
        dispatch: Any = bench.broker.scripts["dispatch"]

        def counted(*, args: Any, keys: Any) -> Any:
            self.looks += args[0] == "fetch"
            return dispatch(args=args, keys=keys)

        bench.broker.scripts["dispatch"] = counted


def test_who_has_all_wake_ups_waits_to_be_woken_before_it_looks_again(bench: Bench) -> None:
    bench.broker.send(1)
    consumer = Counting(bench, prefetch=2)
    (message,) = taken(consumer.inner, most=1)
    consumer.inner.ack(message)
    assert (consumer.looks, consumer.inner.wake.is_set()) == (1, False)


@pytest.mark.parametrize("then", ["look", "close"])
def test_redis_hears_what_is_done_with_at_the_next_look_or_at_the_end(
    bench: Bench, then: str
) -> None:
    bench.broker.send(3)
    consumer: Any = bench.broker.consume(QUEUE, prefetch=2, timeout=0)
    for message in taken(consumer, most=2):
        consumer.ack(message)
    next(consumer) if then == "look" else consumer.close()
    assert bench.client.hlen(f"{bench.prefix}{{dramatiq}}:{QUEUE}.msgs") == 1


def test_who_had_no_room_for_all_looks_again_once_there_is(bench: Bench) -> None:
    bench.broker.send(3)
    consumer = Counting(bench, prefetch=2)
    first, _ = taken(consumer.inner, most=2)
    consumer.inner.ack(first)
    assert consumer.inner.wake.is_set()
    assert len(taken(consumer.inner, most=1)) == 1


def test_what_comes_while_it_looks_is_not_missed(bench: Bench) -> None:
    consumer = bench.broker.consume(QUEUE, prefetch=2, timeout=PATIENT_MS)
    bench.broker.send(1)
    assert next(consumer) is not None
    bench.another().send(1)
    bench.broker.wake()
    assert next(consumer) is not None


def test_who_waits_for_a_wake_up_is_woken(bench: Bench) -> None:
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


def test_who_stops_leaves_what_it_has_fetched_to_others_and_waits(bench: Bench) -> None:
    bench.broker.send(2)
    consumer = bench.broker.consume(QUEUE, prefetch=2, timeout=200)
    assert next(consumer) is not None
    bench.broker.stop()
    begun_at = monotonic()
    assert [next(consumer) for _ in range(3)] == [None] * 3
    assert monotonic() - begun_at >= 0.2  # else no other greenlet would ever have its turn
    assert len(taken(bench.another().consume(QUEUE, timeout=0))) == 1


def test_one_that_nobody_can_read_holds_back_no_other_of_who_stops(bench: Bench) -> None:
    bench.broker.send(3)
    consumer: Any = bench.broker.consume(QUEUE, prefetch=3, timeout=0)
    consumer._inner.prefetch = 3
    assert next(consumer) is not None
    consumer._inner.message_cache[0] = b"no JSON"
    bench.broker.stop()
    with capture_logs() as lines:
        assert [next(consumer) for _ in range(3)] == [None] * 3
    faults = [line["error"] for line in lines if line["event"] == "unexpected_error"]
    assert faults == ["DecodeError"]
    assert len(taken(bench.another().consume(QUEUE, timeout=0))) == 1


def test_what_was_not_seen_to_is_left_to_others(bench: Bench) -> None:
    bench.broker.send(1)
    consumer = bench.broker.consume(QUEUE, timeout=0)
    consumer.requeue(taken(consumer))
    assert len(taken(bench.another().consume(QUEUE, timeout=0))) == 1


def test_the_wake_ups_of_the_dead_can_be_forgotten(bench: Bench) -> None:
    bench.broker.send(3)
    taken(bench.broker.consume(QUEUE, timeout=0))
    bench.another().clear()
    assert bench.keys() - {bench.news} == {f"{bench.prefix}{{dramatiq}}:__heartbeats__"}


def test_a_store_that_is_away_is_told() -> None:
    with connect(RedisSettings(url="redis://127.0.0.1:1/0")) as client:
        broker = WakeUpBroker(client, "", 1, SILENT)
        with pytest.raises(StorageUnavailable):
            broker.send(1)
        with pytest.raises(StorageUnavailable):
            broker.clear()


def test_a_worker_works_for_each_wake_up(bench: Bench) -> None:
    worked = threading.Semaphore(0)
    declare(bench.broker, worked.release)
    worker = dramatiq.Worker(bench.broker, worker_threads=2, worker_timeout=50)
    worker.start()
    bench.another().send(3)
    bench.broker.wake()
    for _ in range(3):
        assert worked.acquire(timeout=PATIENCE_S)
    worker.stop()
    assert bench.client.llen(f"{bench.prefix}{{dramatiq}}:{QUEUE}") == 0


def test_only_a_worker_has_a_broker_of_its_process(bench: Bench) -> None:
    before = dramatiq.get_broker()
    try:
        serve(bench.broker)
        assert dramatiq.get_broker() is bench.broker
    finally:
        dramatiq.set_broker(before)


# Whatever is wrong with Redis

TROUBLES = [
    redis.ConnectionError("refused"),
    redis.TimeoutError("stalled"),
    redis.exceptions.OutOfMemoryError("OOM command not allowed"),
    redis.ReadOnlyError("READONLY You can't write against a read only replica."),
    redis.ResponseError("MISCONF Errors writing to the AOF file"),
    redis.ResponseError("NOREPLICAS Not enough good replicas to write."),
    redis.AuthenticationError("WRONGPASS"),
    redis.BusyLoadingError("LOADING"),
    redis.exceptions.ClusterDownError("CLUSTERDOWN"),
    OSError("out of file descriptors"),
    ZeroDivisionError(),
]


class Troubled:
    """A Redis whose programs fail as told, while there is trouble."""

    def __init__(self, trouble: Exception | None) -> None:
        self.trouble = trouble

    def register_script(self, text: bytes) -> Any:
        return SimpleNamespace(script=text)

    def execute_command(self, _name: str, _sha1: str, keys: int, *_rest: Any) -> Any:
        if self.trouble is not None:
            raise self.trouble
        return [] if keys else 8000


class Impatient(WakeUpBroker):
    """Does not wait before it asks again."""

    def __init__(self, client: Any, clock: Clock) -> None:
        super().__init__(client, "", 2, SILENT, longest_s=900.0, again_s=0.0, clock=clock)


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
def test_a_consumer_outlives_whatever_is_wrong_with_redis(trouble: Exception) -> None:
    client, clock = Troubled(trouble), Clock()
    broker = Impatient(client, clock)
    consumer: Any = broker.consume(QUEUE, timeout=0)
    message: Any = MessageProxy(dramatiq.Message(QUEUE, ACTOR, (), {}, {"redis_message_id": "1"}))
    assert [next(consumer) for _ in range(3)] == [None] * 3
    consumer.ack(message)
    consumer.nack(message)
    consumer.requeue([message])
    consumer.close()
    consumer.close()


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
def test_who_could_not_look_looks_again_without_being_woken(trouble: Exception) -> None:
    client = Troubled(trouble)
    broker = Impatient(client, Clock())
    consumer = broker.consume(QUEUE, timeout=PATIENT_MS)
    next(consumer)
    client.trouble = None
    next(consumer)
    assert broker.idle_s() == 0


def test_once_redis_is_found_that_is_told_until_it_is_heard() -> None:
    client, heard = Troubled(redis.TimeoutError("stalled")), list[str]()
    broker = Impatient(client, Clock())

    def hear() -> None:
        heard.append("found")
        if len(heard) == 1:
            raise StorageUnavailable("away again")

    broker.on_found = hear
    consumer = broker.consume(QUEUE, timeout=0)
    next(consumer)
    before = len(heard)
    client.trouble = None
    for _ in range(3):
        next(consumer)
    assert [before, len(heard)] == [0, 2]


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
def test_who_cannot_take_a_job_is_idle_until_the_trouble_is_over(trouble: Exception) -> None:
    client, clock = Troubled(None), Clock()
    broker = Impatient(client, clock)
    consumer = broker.consume(QUEUE, timeout=0)
    next(consumer)
    client.trouble = trouble
    clock.now += 20
    next(consumer)
    before = broker.idle_s()
    client.trouble = None
    next(consumer)
    assert [before, broker.idle_s()] == [20, 0]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (redis.ConnectionError("Error 111 connecting: Connection refused."), "connection refused"),
        (redis.TimeoutError("stalled"), "timed out"),
        (
            redis.ResponseError("MISCONF Errors writing to the AOF file"),
            "MISCONF: Redis cannot write to its disk",
        ),
    ],
)
def test_a_trouble_is_logged_once_with_its_reason(trouble: Exception, reason: str) -> None:
    client = Troubled(trouble)
    consumer = Impatient(client, Clock()).consume(QUEUE, timeout=0)
    with capture_logs() as lines:
        next(consumer), next(consumer)
        client.trouble = None
        next(consumer), next(consumer)
    # Threads of other tests may log meanwhile.
    own = [line for line in lines if line["event"].startswith("worker_")]
    assert [(line["event"], line.get("reason")) for line in own] == [
        ("worker_lost_its_store", reason),
        ("worker_found_its_store", None),
    ]


def test_who_has_never_looked_for_a_job_could_never_take_one() -> None:
    broker = Impatient(Troubled(None), Clock())
    broker.consume(QUEUE, timeout=0)
    assert broker.idle_s() == float("inf")


def test_who_has_stopped_could_take_no_job_any_more() -> None:
    clock = Clock()
    broker = Impatient(Troubled(None), clock)
    consumer = broker.consume(QUEUE, timeout=0)
    next(consumer)
    broker.stop()
    clock.now += 20
    next(consumer)
    assert broker.idle_s() == 20


def test_to_look_for_delayed_wake_ups_is_to_take_no_job() -> None:
    broker = Impatient(Troubled(None), Clock())
    next(broker.consume(f"{QUEUE}.DQ", timeout=0))
    assert broker.idle_s() == float("inf")


def test_threads_that_have_all_lost_themselves_in_a_job_take_none(bench: Bench) -> None:
    clock = Clock()
    broker = WakeUpBroker(bench.client, bench.prefix, 2, SILENT, longest_s=900.0, clock=clock)
    broker.send(2)
    consumer = broker.consume(QUEUE, prefetch=2, timeout=0)
    first, _ = taken(consumer)
    clock.now += 900
    taken(consumer)
    busy = broker.idle_s()
    clock.now += 1
    taken(consumer)
    lost = broker.idle_s()
    consumer.ack(first)
    assert [busy, lost, broker.idle_s()] == [0, float("inf"), 0]


def test_a_thread_of_dramatiqs_outlives_a_fault_that_comes_twice() -> None:
    client = Troubled(redis.TimeoutError("stalled"))
    broker = Impatient(client, Clock())
    declare(broker, lambda: None)
    worker = dramatiq.Worker(broker, worker_threads=1, worker_timeout=1)
    worker.start()
    thread: Any = worker.consumers[QUEUE]
    until(lambda: thread.consumer is not None and thread.consumer.rounds > 3, "it to try")
    client.trouble = None
    until(lambda: broker.idle_s() == 0, "it to look")
    assert thread.is_alive()
    worker.stop()
