"""Running background responses so far: each event is read and folded once per process.

A GET of a running response reads only the events that are new since the last one. The folded state
is cached for the responses read last, within bounds; other responses are folded anew. That is safe,
since a stream only grows: also if a job is run again or cancelled.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from app.domain.accounts.content_key import ContentKey
from app.domain.response import Response
from app.domain.slices import MOMENT_S
from app.domain.stream.accumulate import Accumulator
from app.store.jobs.base import JobStore

#: Bounds of the cache in a process: number of responses, and characters of their output.
MAX_CACHED, MAX_CHARACTERS = 256, 32 * 1024 * 1024
#: Number of events, some 5 ms of work, after which other threads get a turn: a page may take 0.3 s.
SLICE_EVENTS = 1000


@dataclass(slots=True)
class _Folded:
    """A response folded from the events before `next_event`, about `size` characters of events."""

    accumulator: Accumulator = field(default_factory=Accumulator)
    next_event: int = 0
    size: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Progress:
    """The progress of responses in the background, by their ids. Safe for threads.

    `pause` is like time.sleep.
    """

    def __init__(
        self,
        jobs: JobStore,
        max_cached: int = MAX_CACHED,
        max_characters: int = MAX_CHARACTERS,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._jobs = jobs
        self._pause = pause
        self._max_cached = max_cached
        self._max_characters = max_characters
        self._cache: OrderedDict[str, _Folded] = OrderedDict()
        self._lock = threading.Lock()

    def response(self, response_id: str, key: ContentKey | None = None) -> Response | None:
        """Return a response as its events describe it; None if there are none yet.

        The caller must have checked whose response it is, and its key. Raises StorageUnavailable.
        """
        folded = self._folded(response_id)
        try:
            with folded.lock:
                self._read_on(response_id, folded, key)
                response = folded.accumulator.response if folded.next_event else None
        except ValueError:
            self.forget(response_id)  # half an event may have been folded
            raise
        self._shrink()
        return response

    def forget(self, response_id: str) -> None:
        """Drop a response that has ended from the cache."""
        with self._lock:
            self._cache.pop(response_id, None)

    def _folded(self, response_id: str) -> _Folded:
        with self._lock:
            folded = self._cache.setdefault(response_id, _Folded())
            self._cache.move_to_end(response_id)
        return folded

    def _read_on(self, response_id: str, folded: _Folded, key: ContentKey | None) -> None:
        more = True
        while more:
            page = self._jobs.read_events(response_id, folded.next_event, key)
            for line in page.lines:
                event = self._jobs.decode(line)
                folded.accumulator.add(event)
                folded.next_event += 1
                folded.size += len(getattr(event, "delta", line))
                if not folded.next_event % SLICE_EVENTS:
                    self._pause(MOMENT_S)
            more = page.more

    def _shrink(self) -> None:
        with self._lock:
            size = sum(each.size for each in self._cache.values())
            while self._cache and (
                size > self._max_characters or len(self._cache) > self._max_cached
            ):
                _, oldest = self._cache.popitem(last=False)
                size -= oldest.size
