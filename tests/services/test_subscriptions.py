"""Subscribers get everything once, in order, to the end, and cost as little as they can."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import redis

from app.errors import StorageUnavailable
from app.services.background.subscriptions import (
    AGAIN_S,
    READERS,
    SHARED_LINES,
    FeedHub,
    Subscriber,
)
from app.store.jobs.base import JobNews, StreamPart
from tests.processes import PATIENCE_S, until
from tests.services.jobs_bench import Bench
from tests.services.scripted import HELLO, THE_END, ScriptedProvider

PAGE = 64
PATIENT_S = 30.0


class Jobs:
    """A stream that grows on command; `reads` counts how often it was read."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.ended = False
        self.reads = 0
        self.outages = 0
        self.reading = 0
        self.most_reading = 0
        self.gate = threading.Event()
        self.gate.set()
        self.words: list[tuple[JobNews, str]] = []

    def read_events(self, _response_id: str, number: int, _key: object = None) -> StreamPart:
        self.reads += 1
        if self.outages:
            self.outages -= 1
            raise StorageUnavailable("away")
        self.reading += 1
        self.most_reading = max(self.most_reading, self.reading)
        self.gate.wait()
        self.reading -= 1
        page = self.lines[number : number + PAGE]
        more = number + len(page) < len(self.lines)
        return StreamPart(page, more, self.ended and not more)

    def news(self) -> Iterator[tuple[JobNews, str]]:
        yield from self.words
        raise StorageUnavailable("cut off")

    def grow(self, count: int, *, ended: bool = False) -> None:
        self.lines += [b"%d" % number for number in range(len(self.lines), len(self.lines) + count)]
        self.ended = ended


class NewsHub(FeedHub):
    """A hub that gets its news from a test."""

    def __init__(self, jobs: Jobs) -> None:
        self.pauses: list[float] = []
        store: Any = jobs
        super().__init__(store, self.pauses.append)
        self.stream = jobs

    def listen(self) -> None:
        """The test publishes the news."""

    def publish(self, what: JobNews, response_id: str = "a") -> None:
        self.stream.words = [(what, response_id)]
        with pytest.raises(StorageUnavailable):
            self.receive()


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def hub(jobs: Jobs) -> NewsHub:
    return NewsHub(jobs)


def subscriber(hub: NewsHub, starting_after: int = -1, silence_s: float = PATIENT_S) -> Subscriber:
    return Subscriber(hub, "a", starting_after, silence_s)


def read_all(subscriber: Subscriber) -> list[bytes]:
    """Return all lines that a subscriber yields."""
    return [line for lines in subscriber for line in lines]


class Reader:
    """A subscriber in a thread of its own."""

    def __init__(self, subscriber: Subscriber) -> None:
        self.subscriber = subscriber
        self.batches: list[list[bytes]] = []
        self.over = False
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for lines in self.subscriber:
            self.batches.append(lines)
        self.over = True

    @property
    def lines(self) -> list[bytes]:
        return [line for batch in self.batches for line in batch]

    def has_read(self, count: int) -> None:
        until(lambda: len(self.lines) >= count, f"{count} lines")

    def is_over(self) -> None:
        until(lambda: self.over, "the end")


# What has ended


@pytest.mark.parametrize("count", [1, PAGE, PAGE + 1, 3 * PAGE])
def test_what_has_ended_is_read_whole(hub: NewsHub, jobs: Jobs, count: int) -> None:
    jobs.grow(count, ended=True)
    assert read_all(subscriber(hub)) == jobs.lines


@pytest.mark.parametrize("starting_after", [0, 5, PAGE, 150, 199])
def test_it_is_read_from_any_event_on(hub: NewsHub, jobs: Jobs, starting_after: int) -> None:
    jobs.grow(200, ended=True)
    assert read_all(subscriber(hub, starting_after)) == jobs.lines[starting_after + 1 :]


def test_behind_its_end_there_is_nothing(hub: NewsHub, jobs: Jobs) -> None:
    jobs.grow(3, ended=True)
    assert list(subscriber(hub, 10)) == []


def test_nothing_is_kept_of_what_nobody_follows(hub: NewsHub, jobs: Jobs) -> None:
    jobs.grow(3, ended=True)
    read_all(subscriber(hub))
    with hub.subscribe("a") as earlier:
        pass
    with hub.subscribe("a") as feed:
        assert feed.subscribers == 1
        assert feed is not earlier


# What goes on


def test_what_is_written_is_read_as_it_comes(hub: NewsHub, jobs: Jobs) -> None:
    jobs.grow(2)
    reader = Reader(subscriber(hub))
    reader.has_read(2)
    jobs.grow(1)
    hub.publish("events")
    reader.has_read(3)
    jobs.grow(1, ended=True)
    hub.publish("ended")
    reader.is_over()
    assert reader.lines == jobs.lines


def test_what_came_before_one_listened_is_not_missed(hub: NewsHub, jobs: Jobs) -> None:
    jobs.grow(2)
    batches = iter(subscriber(hub))
    assert next(batches) == jobs.lines
    jobs.grow(1, ended=True)  # and its news is lost
    assert list(batches) == [[b"2"]]


def test_where_there_was_no_thread_the_next_subscriber_listens(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    store: Any = jobs
    hub = FeedHub(store, lambda _: threading.Event().wait(3600))

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            hub.listen()
    received = threading.Event()
    monkeypatch.setattr(hub, "receive", received.set)
    hub.listen()
    assert received.wait(PATIENCE_S)


def test_when_news_may_have_been_missed_everybody_looks(hub: NewsHub, jobs: Jobs) -> None:
    reader = Reader(subscriber(hub))
    until(lambda: jobs.reads >= 2, "it to wait")
    jobs.grow(1, ended=True)
    hub.publish("", "")
    reader.is_over()
    assert reader.lines == jobs.lines


@pytest.mark.parametrize("news", [("events", "b"), ("waiting", ""), ("taken_over", "a")])
def test_other_news_wakes_nobody(hub: NewsHub, jobs: Jobs, news: tuple[JobNews, str]) -> None:
    batches = iter(subscriber(hub, silence_s=0.0))
    next(batches), next(batches)
    before = jobs.reads
    hub.publish(*news)
    next(batches)
    assert jobs.reads == before + 1  # after its silence


def test_subscribers_share_what_is_read(hub: NewsHub, jobs: Jobs) -> None:
    readers = [Reader(subscriber(hub)) for _ in range(20)]
    until(lambda: jobs.reads >= 21, "all to wait")
    before = jobs.reads
    jobs.grow(5, ended=True)
    hub.publish("ended")
    for reader in readers:
        reader.is_over()
        assert reader.lines == jobs.lines
    assert jobs.reads == before + 1


def test_subscribers_who_began_at_different_events_share_as_well(hub: NewsHub, jobs: Jobs) -> None:
    jobs.grow(10)
    late, early = Reader(subscriber(hub, 7)), Reader(subscriber(hub, 2))
    late.has_read(2)
    early.has_read(7)
    jobs.grow(1, ended=True)
    hub.publish("ended")
    late.is_over()
    early.is_over()
    assert (late.lines, early.lines) == (jobs.lines[8:], jobs.lines[3:])


def test_who_waits_for_what_is_to_come_gets_nothing_before(hub: NewsHub, jobs: Jobs) -> None:
    jobs.grow(2)
    reader = Reader(subscriber(hub, 3))
    until(lambda: jobs.reads >= 2, "it to wait")
    jobs.grow(2)
    hub.publish("events")
    jobs.grow(1, ended=True)
    hub.publish("ended")
    reader.is_over()
    assert reader.lines == [b"4"]


def test_who_falls_behind_still_gets_everything(hub: NewsHub, jobs: Jobs) -> None:
    slow = iter(subscriber(hub, silence_s=0.0))
    lines = next(slow) + next(slow)
    quick = Reader(subscriber(hub))
    jobs.grow(2 * SHARED_LINES)
    hub.publish("events")
    quick.has_read(2 * SHARED_LINES)
    jobs.grow(1, ended=True)
    hub.publish("ended")
    lines += [line for batch in slow for line in batch]
    quick.is_over()
    assert lines == quick.lines == jobs.lines


def test_only_so_much_is_kept_for_those_who_share(hub: NewsHub, jobs: Jobs) -> None:
    with hub.subscribe("a") as feed:
        feed.await_from(0, 0.0, lambda: False)
        jobs.grow(2 * SHARED_LINES)
        feed.wake(ended=False)
        page = feed.await_from(0, 0.0, lambda: False)
        assert len(page.lines) <= PAGE
        assert len(feed._lines) == SHARED_LINES


def test_only_so_many_read_at_once(hub: NewsHub, jobs: Jobs) -> None:
    jobs.grow(1, ended=True)
    jobs.gate.clear()
    readers = [Reader(subscriber(hub)) for _ in range(4 * READERS)]
    until(lambda: jobs.reading == READERS, "them to read")
    jobs.gate.set()
    for reader in readers:
        reader.is_over()
    assert jobs.most_reading == READERS


# Silence


def test_silence_yields_nothing(hub: NewsHub) -> None:
    batches = iter(subscriber(hub, silence_s=0.0))
    assert [next(batches), next(batches), next(batches)] == [[], [], []]


@pytest.mark.parametrize("starting_after", [-1, 1])
def test_an_end_of_which_nobody_brings_news_is_found_in_the_next_silence(
    hub: NewsHub, jobs: Jobs, starting_after: int
) -> None:
    jobs.grow(2)
    batches = iter(subscriber(hub, starting_after, silence_s=0.01))
    while next(batches):
        pass
    assert next(batches) == []
    jobs.grow(1)
    assert next(batches) == [b"2"]
    jobs.ended = True
    assert list(batches) == []


@pytest.mark.parametrize("begins_at_once", [True, False])
def test_who_follows_a_job_that_has_yet_to_begin_is_answered_at_once(
    hub: NewsHub, jobs: Jobs, *, begins_at_once: bool
) -> None:
    follower = Subscriber(hub, "a", -1, 0.0, begins_at_once=begins_at_once)
    assert next(iter(follower)) == []
    assert (jobs.reads == 1) is begins_at_once


def test_a_store_that_is_away_is_silent(hub: NewsHub, jobs: Jobs) -> None:
    jobs.grow(1, ended=True)
    jobs.outages = 2
    assert list(subscriber(hub)) == [[], [], [b"0"]]
    assert hub.pauses == [AGAIN_S] * 2


def test_a_store_that_goes_away_meanwhile_is_silent(hub: NewsHub, jobs: Jobs) -> None:
    batches = iter(subscriber(hub, silence_s=0.0))
    next(batches)
    jobs.outages = 1
    assert next(batches) == []
    jobs.grow(1, ended=True)
    assert list(batches) == [[b"0"]]


# Leaving


def test_who_leaves_is_woken_and_nobody_else(hub: NewsHub, jobs: Jobs) -> None:
    stays, leaves = Reader(subscriber(hub)), Reader(subscriber(hub))
    until(lambda: jobs.reads >= 3, "both to wait")
    leaves.subscriber.close()
    leaves.is_over()
    before = jobs.reads
    jobs.grow(1, ended=True)
    hub.publish("ended")
    stays.is_over()
    assert (stays.lines, jobs.reads) == (jobs.lines, before + 1)


def test_who_leaves_before_it_began_gets_nothing(hub: NewsHub, jobs: Jobs) -> None:
    jobs.grow(1, ended=True)
    early = subscriber(hub)
    early.close()
    assert list(early) == []


# Waiting for the end


def test_who_waits_for_an_end_that_was_does_not_wait(hub: NewsHub) -> None:
    with hub.subscribe("a") as feed:
        feed.await_end(lambda: False, PATIENT_S, lambda: False)


def test_who_waits_for_the_end_is_woken_by_it_alone(hub: NewsHub) -> None:
    calls: list[bool] = []
    pending = [True]

    def is_pending() -> bool:
        calls.append(pending[0])
        return pending[0]

    def wait() -> None:
        with hub.subscribe("a") as feed:
            feed.await_end(is_pending, PATIENT_S, lambda: False)

    waiting = threading.Thread(target=wait)
    waiting.start()
    until(lambda: calls == [True], "it to wait")
    hub.publish("events")
    pending[0] = False
    hub.publish("ended")
    waiting.join()
    assert calls == [True, False]


def test_nobody_waits_for_ever(hub: NewsHub) -> None:
    with hub.subscribe("a") as feed:
        feed.await_end(lambda: True, 0.01, lambda: False)


# The reader


@pytest.fixture
def bench(redis_url: str) -> Iterator[Bench]:
    with redis.Redis.from_url(redis_url) as client:
        yield Bench(client)


def test_one_thread_listens_for_all(bench: Bench) -> None:
    bench.hub.listen()
    bench.hub.listen()
    until(lambda: "news" in bench.away.calls, "it to listen")
    assert bench.away.calls.count("news") == 1


def test_a_live_stream_is_read_over_redis(bench: Bench) -> None:
    reader: list[Reader] = []

    def listen() -> None:
        reader.append(Reader(Subscriber(bench.hub, response_id, -1, PATIENT_S)))
        reader[0].has_read(1)

    def flush() -> None:
        bench.clock.now += 1
        bench.active_jobs.flush()

    bench.provider = ScriptedProvider("p", (flush, listen, HELLO, THE_END))
    response_id = bench.queued()
    bench.worker.work()
    reader[0].is_over()
    numbers = [int(line.split(b":")[2].split(b",")[0]) for line in reader[0].lines]
    assert all(after == before + 1 for before, after in pairwise([-1, *numbers]))


def test_whoever_minds_all_news_gets_them(jobs: Jobs) -> None:
    news: list[tuple[JobNews, str]] = []
    store: Any = jobs
    hub = FeedHub(store, lambda _: None, lambda what, which: news.append((what, which)))
    jobs.words = [("waiting", ""), ("taken_over", "a")]
    with pytest.raises(StorageUnavailable):
        hub.receive()
    assert news == jobs.words


@pytest.mark.parametrize("fault", [StorageUnavailable("cut off"), ValueError("a bug")])
def test_nothing_ends_the_listening(
    bench: Bench, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def news() -> Iterator[tuple[JobNews, str]]:
        raise fault

    def pause() -> None:
        if len(bench.pauses) == 3:
            over.set()
            threading.Event().wait()  # for the rest of the tests

    bench.at_pause = pause
    monkeypatch.setattr(bench.store, "news", news)
    FeedHub(bench.jobs, bench.pause).listen()
    assert over.wait(PATIENT_S)
    assert bench.pauses == [AGAIN_S] * 3


def test_one_who_waits_far_ahead_has_no_other_read_again_and_again(
    hub: NewsHub, jobs: Jobs
) -> None:
    jobs.grow(3)
    far = Reader(subscriber(hub, starting_after=10**9))
    until(lambda: jobs.reads == 2, "the first to have found nothing")
    near = Reader(subscriber(hub))
    until(lambda: len(near.batches) >= 1, "the second to have caught up")
    until(lambda: jobs.reads >= 4, "the second to wait")
    jobs.grow(2)
    hub.publish("events")
    until(lambda: sum(map(len, near.batches)) == 5, "what has come since")
    jobs.grow(0, ended=True)
    hub.publish("ended")
    until(lambda: near.over and far.over, "the end")
    assert [line for lines in near.batches for line in lines] == jobs.lines
    assert [line for lines in far.batches for line in lines] == []
    assert jobs.reads < 10
