"""Subscribers of background responses: one listener per process wakes them, nobody polls.

Each reads the stream on its own until it has caught up. From then on the subscribers of a response
share what is read of its stream, and hold no connection while they wait. A subscriber that falls
behind the shared part reads on its own again, so that nothing is buffered for the slowest.
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

#: Maximum number of lines of a response that its subscribers share.
SHARED_LINES = 4096
#: Maximum number of subscribers that read from the store at once: each needs a connection then.
READERS = 3
#: Seconds after which an unreachable store is tried again.
AGAIN_S = 1.0

_TERMINAL = tuple(b'{"type":"%b"' % each.encode() for each in sorted(TERMINAL_TYPES))


class EventFeed:
    """The part of a stream that the subscribers of one response share, while there are any."""

    def __init__(self, read: Callable[[int], StreamPart]) -> None:
        self.subscribers = 0
        self.read = read
        self._first = -1  # the number of the first line that is shared; -1 until one is wanted
        self._lines: list[bytes] = []
        self._ended = False
        self._version = 0  # incremented when the stream may have grown
        self._read_version = -1  # the version that `_lines` reflect
        self._ends = 0
        self._changed = threading.Condition()

    def wake(self, *, ended: bool) -> None:
        """Note that the stream may have grown or, with `ended`, come to its end."""
        with self._changed:
            self._version += 1
            self._ends += ended
            self._changed.notify_all()

    def recheck(self) -> None:
        """Have every waiting subscriber check whether to go on waiting."""
        with self._changed:
            self._changed.notify_all()

    def await_from(self, number: int, wait_s: float, gone: Callable[[], bool]) -> StreamPart:
        """Return the lines from `number` on, as soon as there are any.

        Returns none once `gone` returns true, or after `wait_s` and one more read: a server of a
        Cluster that is lost takes its news with it, and maybe the response.

        Raises:
            StorageUnavailable: the store is unreachable.
        """
        deadline, has_looked = monotonic() + wait_s, False
        with self._changed:
            # A subscriber that waits far ahead must not move the shared part past all others.
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
        return self.read(number)  # `number` is before the shared part

    def await_end(
        self, pending: Callable[[], bool], wait_s: float, gone: Callable[[], bool]
    ) -> None:
        """Return when `pending` returns false, after `wait_s`, or once `gone` returns true."""
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
    """One caller that follows a response: iterate over it for the events after `starting_after`.

    `key` decrypts those of an encrypted response. Yields lists of JSON lines, those of one moment
    together, and an empty list after `silence_s` without any, or at once if there are none yet and
    it `begins_at_once`. While the store is unreachable it waits, as if the stream were silent.
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
        """Whether the last line yielded is a terminal event."""
        return self._last_line.startswith(_TERMINAL)

    @property
    def last(self) -> int:
        """The number of the last line yielded, or of the one before the first."""
        return self._next - 1

    def close(self) -> None:
        """End the iteration; may be called from any thread."""
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

    `on_news` receives all news of jobs. `pause` is like time.sleep.
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
        self._listens_in: int | None = None  # id of the process in which a thread listens

    @contextmanager
    def subscribe(self, response_id: str, key: ContentKey | None = None) -> Iterator[EventFeed]:
        """Yield the feed of a response, which exists while anybody is subscribed to it.

        All its subscribers have the same key: the caller has checked that (stream_kind).
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
        """Have everyone who waits check whether to go on waiting."""
        for feed in self._feeds_of(""):
            feed.recheck()

    def stream_kind(
        self, account: str, response_id: str, key: ContentKey | None = None
    ) -> EventsOf:
        """Return what kind of events a response has. Raises as JobStore.stream_kind does."""
        with self._readers:
            return self._jobs.stream_kind(account, response_id, key)

    def listen(self) -> None:
        """Listen for news from now on, with one thread for the whole process."""
        with self._lock:
            # Not Thread.is_alive: under gevent that gives all other threads a turn first.
            if self._listens_in != os.getpid():
                threading.Thread(target=self._keep_listening, name="news", daemon=True).start()
                self._listens_in = os.getpid()  # after the start: a failed one is repeated

    def receive(self) -> None:
        """Receive news until the connection is lost, which raises StorageUnavailable.

        On each new connection the first news is that some may have been missed.
        """
        for what, response_id in self._jobs.news():
            self._on_news(what, response_id)
            if what in ("events", "ended", ""):
                for feed in self._feeds_of(response_id):
                    feed.wake(ended=what != "events")

    def _feeds_of(self, response_id: str) -> list[EventFeed]:
        """Return the feed of a response, if there is one; all feeds for an empty id."""
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
