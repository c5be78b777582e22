"""Subscribers of background responses: one listener a process wakes them, nobody polls.

Each reads the stream on its own until it has caught up. From then on the subscribers of one
response share what is read of its stream, and take no connection while they wait; who falls behind
what they share reads on its own again, so that nothing is buffered for the slowest.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from app.domain.accounts.content_key import ContentKey
from app.domain.stream.events import TERMINAL_TYPES
from app.errors import StorageUnavailable
from app.store.jobs.base import EventsOf, JobNews, JobStore, StreamPart
from app.telemetry import surviving

#: How many lines of a response its subscribers share, at most.
SHARED_LINES = 4096
#: How many subscribers read from the store at once: each needs a connection for as long.
READERS = 3
#: After how many seconds an unreachable store is tried again.
AGAIN_S = 1.0

_TERMINAL = tuple(b'{"type":"%b"' % each.encode() for each in sorted(TERMINAL_TYPES))


class EventFeed:
    """What the subscribers of one response share, for as long as there are any."""

    def __init__(self, read: Callable[[int], StreamPart]) -> None:
        self.subscribers = 0
        self.read = read
        self._first = -1  # the number of the first line that is shared; -1 until one is wanted
        self._lines: list[bytes] = []
        self._ended = False
        self._version = 0  # counts what may have made the stream grow
        self._read_version = -1  # the version that the lines are as new as
        self._ends = 0
        self._changed = threading.Condition()

    def wake(self, *, ended: bool) -> None:
        """Note that the stream may have grown; `ended`, that it may have come to its end."""
        with self._changed:
            self._version += 1
            self._ends += ended
            self._changed.notify_all()

    def recheck(self) -> None:
        """Have every waiting subscriber find out whether it is to go on waiting."""
        with self._changed:
            self._changed.notify_all()

    def await_from(self, number: int, wait_s: float, gone: Callable[[], bool]) -> StreamPart:
        """Return the lines from `number` on, as soon as there are any.

        Returns none when `gone` returns that nobody wants them any more, and after `wait_s`, having
        looked once more: with a server of a Cluster news is lost, and so may the response be.

        Raises:
            StorageUnavailable: the store is unreachable.
        """
        deadline, has_looked = monotonic() + wait_s, False
        with self._changed:
            # Who waits for what is far ahead must not leave all others behind what is shared.
            if not (self._lines or self._ended or 0 <= self._first <= number):
                self._first, self._read_version = number, -1
            while number >= self._first:
                if self._read_version != self._version and not self._ended:
                    self._read_on()
                    continue
                lines = self._lines[number - self._first :]
                left_s = deadline - monotonic()
                if lines or self._ended or gone() or has_looked:
                    return StreamPart(lines, ended=self._ended)
                if left_s > 0:
                    self._changed.wait(left_s)
                else:
                    has_looked, self._read_version = True, -1
        return self.read(number)  # it is behind what is shared

    def await_end(
        self, pending: Callable[[], bool], wait_s: float, gone: Callable[[], bool]
    ) -> None:
        """Return when nothing is `pending` any more, after `wait_s`, or when `gone` returns so."""
        deadline = monotonic() + wait_s
        seen = self._ends
        while not gone() and pending() and monotonic() < deadline:
            with self._changed:
                while seen == self._ends and (left_s := deadline - monotonic()) > 0:
                    if gone():
                        return
                    self._changed.wait(left_s)
                seen = self._ends

    def _read_on(self) -> None:
        version = self._version  # before the read: what comes during it may not be in it
        page = self.read(self._first + len(self._lines))
        self._lines += page.lines
        self._ended = page.ended
        if not page.more:
            self._read_version = version
        surplus = max(0, len(self._lines) - SHARED_LINES)
        del self._lines[:surplus]
        self._first += surplus


class Subscriber:
    """One caller who follows a response: iterate over it for the events behind `starting_after`.
    `key` opens those of one that is encrypted.

    Yields JSON lines, those of one moment together, and none after `silence_s` without any, or
    where there are none yet and it `begins_at_once`. An unreachable store is waited for, as if it
    were silent.
    """

    def __init__(
        self,
        hub: FeedHub,
        response_id: str,
        starting_after: int,
        silence_s: float,
        key: ContentKey | None = None,
        *,
        begins_at_once: bool = True,
    ) -> None:
        self._begins_at_once = begins_at_once
        self._key = key
        self._hub = hub
        self._response_id = response_id
        self._next = starting_after + 1
        self._silence_s = silence_s
        self._feed: EventFeed | None = None
        self._closed = False
        self._last_line = b""

    @property
    def is_whole(self) -> bool:
        """Whether what was yielded last is an event that nothing follows."""
        return self._last_line.startswith(_TERMINAL)

    @property
    def last(self) -> int:
        """The number of the last line that was yielded, or else of the one before the first."""
        return self._next - 1

    def close(self) -> None:
        """End the iteration, from whatever thread."""
        self._closed = True
        if self._feed is not None:
            self._feed.recheck()

    def __iter__(self) -> Iterator[list[bytes]]:
        with self._hub.subscribe(self._response_id, self._key) as feed:
            self._feed = feed
            caught_up = ended = False
            while not (ended or self._closed):
                try:
                    page = self._read(feed, caught_up=caught_up)
                except StorageUnavailable:
                    self._hub.pause(AGAIN_S)
                    yield []
                    continue
                has_waited = caught_up or self._begins_at_once
                caught_up, ended = caught_up or not page.more, page.ended
                self._next += len(page.lines)
                if page.lines:
                    self._last_line = page.lines[-1]
                if page.lines or (has_waited and not ended):
                    yield list(page.lines)

    def _read(self, feed: EventFeed, *, caught_up: bool) -> StreamPart:
        if caught_up:
            return feed.await_from(self._next, self._silence_s, lambda: self._closed)
        return feed.read(self._next)


class FeedHub:
    """The feeds of all responses that are followed in this process, and its listener for news.

    `on_news` gets all news of jobs. `pause` is like time.sleep.
    """

    def __init__(
        self,
        jobs: JobStore,
        pause: Callable[[float], object],
        on_news: Callable[[JobNews, str], None] = lambda _what, _response_id: None,
    ) -> None:
        self.pause = pause
        self._jobs = jobs
        self._on_news = on_news
        self._feeds: dict[str, EventFeed] = {}
        self._lock = threading.Lock()
        self._readers = threading.BoundedSemaphore(READERS)
        self._listens_in: int | None = None  # the process in which a thread does

    @contextmanager
    def subscribe(self, response_id: str, key: ContentKey | None = None) -> Iterator[EventFeed]:
        """Yield the feed of a response, which lives while anybody is subscribed to it.

        All of them have the same key: that has been checked (has_stream).
        """
        self.listen()
        with self._lock:
            feed = self._feeds.get(response_id)
            if feed is None:
                feed = EventFeed(lambda number: self._read(response_id, number, key))
                self._feeds[response_id] = feed
            feed.subscribers += 1
        try:
            yield feed
        finally:
            with self._lock:
                feed.subscribers -= 1
                if not feed.subscribers:
                    del self._feeds[response_id]

    def recheck(self) -> None:
        """Have whoever waits find out whether to go on waiting."""
        for feed in self._feeds_of(""):
            feed.recheck()

    def stream_kind(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> EventsOf:
        """Return what there are events of. Raises as JobStore.stream_kind does."""
        with self._readers:
            return self._jobs.stream_kind(account, response_id, key)

    def listen(self) -> None:
        """Listen for news from now on; one thread does it for the whole process."""
        with self._lock:
            # No thread is asked whether it is alive: under gevent all others get a turn first.
            if self._listens_in != os.getpid():
                threading.Thread(target=self._keep_listening, name="news", daemon=True).start()
                self._listens_in = os.getpid()  # one that could not be started is tried again

    def receive(self) -> None:
        """Receive news until the connection is lost, which raises StorageUnavailable.

        On the next connection the first news is that some may have been missed.
        """
        for what, response_id in self._jobs.news():
            self._on_news(what, response_id)
            if what in ("events", "ended", ""):
                for feed in self._feeds_of(response_id):
                    feed.wake(ended=what != "events")

    def _feeds_of(self, response_id: str) -> list[EventFeed]:
        """Return the feed of a response, if there is one; all feeds for no response."""
        with self._lock:
            if not response_id:
                return list(self._feeds.values())
            feed = self._feeds.get(response_id)
        return [feed] if feed else []

    def _read(self, response_id: str, number: int, key: ContentKey | None) -> StreamPart:
        with self._readers:
            return self._jobs.read_events(response_id, number, key)

    def _keep_listening(self) -> None:
        while True:
            with surviving("news"):
                self.receive()
            self.pause(AGAIN_S)
