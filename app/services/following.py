"""Followers of background responses: one listener a process wakes them, nobody polls.

Followers of one response share what is read of its stream, and hold no connection while they
wait. Where news may have been missed, all look again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from app.domain.events import TERMINAL_TYPES
from app.errors import StorageUnavailable
from app.store.jobs_base import Flush, JobStore

RECONNECT_S = 1.0
_TERMINAL_MARKS = tuple(f'{{"type":"{each}"'.encode() for each in TERMINAL_TYPES)


class Following:
    """What this process has read of one response's stream, for as long as somebody follows it."""

    def __init__(self, jobs: JobStore, response_id: str) -> None:
        self.followers = 0
        self._jobs = jobs
        self._response_id = response_id
        self._cursor = ""
        self._lines: list[bytes] = []
        self._ended = False
        self._news = 0
        self._seen = -1
        self._changed = threading.Condition()

    def wake(self) -> None:
        """Say that the stream may have grown."""
        with self._changed:
            self._news += 1
            self._changed.notify_all()

    def lines_from(self, number: int, wait_s: float) -> tuple[list[bytes], bool]:
        """Return the lines from `number` on, once there are some, and whether these are all.

        Returns nothing when there are none within `wait_s`.
        """
        deadline = monotonic() + wait_s
        with self._changed:
            while True:
                if self._seen != self._news and not self._ended:
                    self._read()
                if len(self._lines) > number or self._ended:
                    return self._lines[number:], self._ended
                left_s = deadline - monotonic()
                if left_s <= 0:
                    return [], False
                self._changed.wait(left_s)

    def wait_for_end(self, seconds: float) -> None:
        """Return when the stream has ended, or after so many seconds."""
        deadline, number = monotonic() + seconds, 0
        while (left_s := deadline - monotonic()) > 0:
            lines, ended = self.lines_from(number, left_s)
            if ended:
                return
            number += len(lines)

    def _read(self) -> None:
        self._seen = self._news
        told = self._jobs.told(self._response_id, self._cursor)
        self._cursor = told.cursor
        for flush in told.flushes:
            self._take(flush)

    def _take(self, flush: Flush) -> None:
        """Add what is new: a job that ran again tells its beginning only once."""
        self._lines += flush.lines[max(0, len(self._lines) - flush.first) :]
        self._ended = self._lines[-1].startswith(_TERMINAL_MARKS)


class Followings:
    """All that is followed in this process."""

    def __init__(self, jobs: JobStore, cancelled: Callable[[str], None] = lambda _id: None) -> None:
        self._jobs = jobs
        self._cancelled = cancelled
        self._followed: dict[str, Following] = {}
        self._lock = threading.Lock()
        self._listener: threading.Thread | None = None

    @contextmanager
    def follow(self, response_id: str) -> Iterator[Following]:
        """Follow a response for the length of the block."""
        self.listen()
        with self._lock:
            following = self._followed.get(response_id)
            if following is None:
                following = self._followed[response_id] = Following(self._jobs, response_id)
            following.followers += 1
        try:
            yield following
        finally:
            with self._lock:
                following.followers -= 1
                if not following.followers:
                    del self._followed[response_id]

    def lines(
        self, response_id: str, starting_after: int, silence_s: float
    ) -> Iterator[list[bytes]]:
        """Yield the stream's lines behind `starting_after`, to the end; nothing in a silence."""
        number, ended = starting_after + 1, False
        with self.follow(response_id) as following:
            while not ended:
                lines, ended = following.lines_from(number, silence_s)
                number += len(lines)
                if lines or not ended:
                    yield lines

    def listen(self) -> None:
        """Listen for news from now on; one thread does it for the whole process."""
        with self._lock:
            if self._listener is None:
                self._listener = threading.Thread(
                    target=self._listen_forever, name="job-news", daemon=True
                )
                self._listener.start()

    def _listen_forever(self) -> None:
        pause = threading.Event()
        while True:
            try:
                for what, response_id in self._jobs.news():
                    self._hear(what, response_id)
            except StorageUnavailable:
                pause.wait(RECONNECT_S)

    def _hear(self, what: str, response_id: str) -> None:
        if what == "cancelled":
            self._cancelled(response_id)
        with self._lock:
            woken = [self._followed.get(response_id)] if response_id else [*self._followed.values()]
        for following in woken:
            if following is not None:
                following.wake()
