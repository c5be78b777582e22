"""Followers of background responses: one listener a process wakes them, nobody polls.

Each reads on its own until it has caught up. From then on the followers of one response share
what is read of its stream, and hold no connection while they wait; who falls behind what they
share reads on its own again, so that nothing is kept for the slowest.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from app.errors import StorageUnavailable
from app.store.jobs.base import JobStore, Told, What
from app.telemetry import STORE_FAILURES, unexpected

#: How many lines of a response its followers share, at most.
SHARED_LINES = 4096
#: How many followers ask the store at once: each needs a connection for as long.
READERS = 3
#: After how many seconds a store that is away is asked again.
AGAIN_S = 1.0


class EventFeed:
    """What is shared of one response's stream, for as long as somebody follows it."""

    def __init__(self, read: Callable[[int], Told]) -> None:
        self.subscribers = 0
        self.read = read
        self._first = -1  # the number of the first line that is shared; -1 until somebody asks
        self._lines: list[bytes] = []
        self._ended = False
        self._news = 0
        self._seen = -1
        self._ends = 0
        self._changed = threading.Condition()

    def wake(self, *, ended: bool) -> None:
        """Say that the stream may have grown; `ended`, that it may have come to its end."""
        with self._changed:
            self._news += 1
            self._ends += ended
            self._changed.notify_all()

    def stir(self) -> None:
        """Have every follower find out whether it is to go on waiting."""
        with self._changed:
            self._changed.notify_all()

    def await_from(self, number: int, wait_s: float, gone: Callable[[], bool]) -> Told:
        """Return what is told from `number` on, as soon as that is something.

        Returns nothing after `wait_s`, and when `gone` says that nobody wants it any more.

        Raises:
            StorageUnavailable: the store is away.
        """
        deadline = monotonic() + wait_s
        with self._changed:
            if self._first < 0:
                self._first = number
            while number >= self._first:
                if self._seen != self._news and not self._ended:
                    self._read_on()
                    continue
                lines = self._lines[number - self._first :]
                left_s = deadline - monotonic()
                if lines or self._ended or gone() or left_s <= 0:
                    return Told(lines, ended=self._ended)
                self._changed.wait(left_s)
        return self.read(number)

    def await_end(
        self, pending: Callable[[], bool], wait_s: float, gone: Callable[[], bool]
    ) -> None:
        """Return when nothing is `pending` any more, after `wait_s`, or when `gone` says so."""
        deadline = monotonic() + wait_s
        heard = self._ends
        while not gone() and pending() and monotonic() < deadline:
            with self._changed:
                while heard == self._ends and (left_s := deadline - monotonic()) > 0:
                    if gone():
                        return
                    self._changed.wait(left_s)
                heard = self._ends

    def _read_on(self) -> None:
        seen = self._news
        told = self.read(self._first + len(self._lines))
        self._lines += told.lines
        self._ended = told.ended
        if not told.more:
            self._seen = seen
        surplus = max(0, len(self._lines) - SHARED_LINES)
        del self._lines[:surplus]
        self._first += surplus


class Subscriber:
    """One who follows a response: iterate over it for what is told behind `starting_after`.

    Yields JSON lines, those of one moment together, and none where there was only silence for
    `silence_s`. A store that is away is waited for, as if it were silent.
    """

    def __init__(
        self, hub: FeedHub, response_id: str, starting_after: int, silence_s: float
    ) -> None:
        self._hub = hub
        self._response_id = response_id
        self._next = starting_after + 1
        self._silence_s = silence_s
        self._feed: EventFeed | None = None
        self._left = False

    @property
    def last(self) -> int:
        """The number of the last line that was yielded, or else of the one before the first."""
        return self._next - 1

    def leave(self) -> None:
        """End the iteration, from whatever thread."""
        self._left = True
        if self._feed is not None:
            self._feed.stir()

    def __iter__(self) -> Iterator[list[bytes]]:
        with self._hub.follow(self._response_id) as feed:
            self._feed = feed
            caught_up = ended = False
            while not (ended or self._left):
                try:
                    told = self._told(feed, caught_up=caught_up)
                except StorageUnavailable:
                    self._hub.pause(AGAIN_S)
                    yield []
                    continue
                caught_up, ended = caught_up or not told.more, told.ended
                self._next += len(told.lines)
                if told.lines or not ended:
                    yield list(told.lines)

    def _told(self, feed: EventFeed, *, caught_up: bool) -> Told:
        if caught_up:
            return feed.await_from(self._next, self._silence_s, lambda: self._left)
        return feed.read(self._next)


class FeedHub:
    """All that is followed in this process, and its ear for news.

    `heard` is told everything that is heard of jobs. `pause` is like time.sleep.
    """

    def __init__(
        self,
        jobs: JobStore,
        pause: Callable[[float], object],
        heard: Callable[[What, str], None] = lambda _what, _response_id: None,
    ) -> None:
        self.pause = pause
        self._jobs = jobs
        self._heard = heard
        self._followed: dict[str, EventFeed] = {}
        self._lock = threading.Lock()
        self._readers = threading.BoundedSemaphore(READERS)
        self._listener: threading.Thread | None = None

    @contextmanager
    def follow(self, response_id: str) -> Iterator[EventFeed]:
        """Follow a response for the length of the block."""
        self.listen()
        with self._lock:
            feed = self._followed.get(response_id)
            if feed is None:
                feed = EventFeed(lambda number: self._read(response_id, number))
                self._followed[response_id] = feed
            feed.subscribers += 1
        try:
            yield feed
        finally:
            with self._lock:
                feed.subscribers -= 1
                if not feed.subscribers:
                    del self._followed[response_id]

    def stir(self) -> None:
        """Have whoever waits find out whether to go on waiting."""
        for feed in self._of(""):
            feed.stir()

    def has_stream(self, account: str, response_id: str) -> bool:
        """Tell whether there is something to follow. Raises as JobStore.has_stream does."""
        with self._readers:
            return self._jobs.has_stream(account, response_id)

    def listen(self) -> None:
        """Listen for news from now on; one thread does it for the whole process."""
        with self._lock:
            if self._listener is None or not self._listener.is_alive():
                listener = threading.Thread(target=self._listen, name="news", daemon=True)
                listener.start()
                self._listener = listener  # one that could not be started is tried again

    def hear(self) -> None:
        """Listen until the connection is lost, which raises StorageUnavailable.

        With the next one, the first that is heard is that some may have been missed.
        """
        for what, response_id in self._jobs.news():
            self._heard(what, response_id)
            if what in ("told", "ended", ""):
                for feed in self._of(response_id):
                    feed.wake(ended=what != "told")

    def _of(self, response_id: str) -> list[EventFeed]:
        """Return the following of a response, if there is one; of all for no response."""
        with self._lock:
            if not response_id:
                return list(self._followed.values())
            feed = self._followed.get(response_id)
        return [feed] if feed else []

    def _read(self, response_id: str, number: int) -> Told:
        with self._readers:
            return self._jobs.told(response_id, number)

    def _listen(self) -> None:
        while True:
            try:
                self.hear()
            except StorageUnavailable:
                STORE_FAILURES.labels("news").inc()
            except Exception as bug:  # noqa: BLE001 - the process's only ear must not fall off
                unexpected(bug, "news", "news")
            self.pause(AGAIN_S)
