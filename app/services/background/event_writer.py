"""What a worker tells of one job: events gathered into flushes, none of them late.

Flushed at 64 events or 50 ms, and always before a terminal one. While the store is away, events
wait for it, and so does the end: what a model has said is not asked for twice, however long that
takes. The job's own time limit bounds what it says meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from app.domain.response import Usage
from app.domain.stream.events import Event, is_terminal
from app.errors import StorageUnavailable, Unconfirmed
from app.schemas.events import encode
from app.store.jobs.base import Claim, Flush, JobStore
from app.store.responses.base import Turn
from app.telemetry import STORE_FAILURES, log

FLUSH_EVENTS = 64
FLUSH_S = 0.05
#: For how long, in seconds, an end that is written waits for replicas that should have it, too.
REPLICAS_S = 120.0
#: After how many seconds a store that is away is tried again.
PAUSE_S = 0.5

_LIFECYCLE = ("response.created", "response.queued", "response.in_progress")

#: From how many bytes on an event is long.
LONG_LINE = 1024 * 1024

T = TypeVar("T")


class EventWriter:
    """The stream of one job, while it is this worker's. Safe for threads.

    `ended` tells whether its end has been written down by this writer. `usage` returns what the
    upstream has counted so far. `gone` is called when the job is not this worker's any more.
    `clock` is like time.monotonic, `pause` like time.sleep.
    """

    def __init__(
        self,
        jobs: JobStore,
        claim: Claim,
        gone: Callable[[], None],
        clock: Callable[[], float],
        pause: Callable[[float], object],
    ) -> None:
        self.claim = claim
        self.ended = False
        self.usage: Callable[[], Usage | None] = lambda: claim.usage
        self._jobs = jobs
        self._gone = gone
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._heard = claim.told  # the number of the next event that is new
        self._told = claim.told  # the number of the next event to be written down
        self._told_usage = claim.usage
        self._waiting: list[bytes] = []
        self._flight: Flush | None = None  # what is being written down, the same until it is
        self._since = self._landed_at = clock()
        self._has_output = False
        self._ours = True

    @property
    def has_output(self) -> bool:
        """Whether the model has produced output."""
        return self._has_output

    def tell(self, events: list[Event]) -> None:
        """Tell the next events; those that were told before, as by an earlier run, are left out."""
        if not events or is_terminal(events[-1]):
            return  # silence, or an ending that `finish` has told
        with self._lock:
            if not self._waiting:
                self._since = self._clock()
            for event in events:
                if event.sequence_number >= self._heard:
                    self._heard = event.sequence_number + 1
                    self._waiting.append(encode(event))
                    self._has_output = self._has_output or event.type not in _LIFECYCLE
            full = len(self._waiting) >= FLUSH_EVENTS
        if full:
            self.flush()

    def flush(self) -> None:
        """Write down what waits, unless that is happening already."""
        flush = self.begin_flush(in_s=0.0)
        if flush is None:
            return
        landed = None
        try:
            (landed,) = self._jobs.tell([(self.claim, flush)])
        except StorageUnavailable:
            return
        finally:
            self.end_flush(landed)

    def begin_flush(self, in_s: float = FLUSH_S) -> Flush | None:
        """Return what has waited for so long, for somebody to write it down and `land`.

        Until then nothing else is told. Returns None where there is nothing, or it is under way.
        """
        if not self._ours or not self._lock.acquire(blocking=False):
            return None
        if self._flight is None and self._is_due(in_s):
            self._flight = self._next_flush()
        if self._flight is None:
            self._lock.release()
        return self._flight

    def end_flush(self, landed: bool | None) -> None:
        """Take note of what became of a flush: None where the store is away."""
        try:
            if landed is not None:
                self._landed(landed)
        finally:
            self._lock.release()

    def finish(self, turn: Turn, ending: list[Event]) -> None:
        """Write down the end: what waited, then the last events and the response, in one step.

        A cancelled response is left to who has cancelled it. A store that is away is waited for.
        """
        if turn.response.status == "cancelled":
            return
        with self._lock:
            if self._flight is not None:
                flight = self._flight
                self._landed(self._patiently(lambda: self._jobs.tell([(self.claim, flight)])[0]))
            lines, self._waiting = self._waiting, []
            for event in ending:
                lines.append(encode(event))
                if len(lines[-1]) > LONG_LINE and not is_terminal(event):
                    lines = self._write(lines)
            flush = Flush(self._told, tuple(lines))
            if self._ours:
                self.ended = self._end(turn, flush)
            self._ours = False

    def _write(self, lines: list[bytes]) -> list[bytes]:
        """Write lines down before the end; return those that are left: none.

        Every event of an ending may repeat a text of many MiB: together they would be in memory
        several times.
        """
        if self._ours:
            flight = self._flight = Flush(self._told, tuple(lines), self._told_usage, spoke=True)
            self._landed(self._patiently(lambda: self._jobs.tell([(self.claim, flight)])[0]))
        return []

    def _end(self, turn: Turn, flush: Flush) -> bool:
        """End the job. It has ended, too, where replicas have stayed away that should have it."""
        try:
            return self._patiently(lambda: self._jobs.finish(self.claim, turn, flush))
        except Unconfirmed:
            log.warning("job_unconfirmed", response_id=self.claim.response_id)
            return True

    def close(self) -> None:
        """Tell nothing any more: what becomes of the job is somebody else's to tell."""
        with self._lock:
            self._ours = False

    def _is_due(self, in_s: float) -> bool:
        if self._waiting:
            return self._clock() - self._since >= in_s
        return self._clock() - self._landed_at >= in_s and self.usage() != self._told_usage

    def _next_flush(self) -> Flush:
        lines, self._waiting = tuple(self._waiting), []
        self._told_usage = self.usage()
        return Flush(self._told, lines, self._told_usage, self._has_output)

    def _landed(self, ours: bool) -> None:
        if self._flight is not None:
            self._told += len(self._flight.lines)
            self._flight, self._landed_at = None, self._clock()
        if not ours:
            self._lose()

    def _lose(self) -> None:
        self._ours = False
        self._gone()

    def _patiently(self, attempt: Callable[[], T]) -> T:
        until = self._clock() + REPLICAS_S
        while True:
            try:
                return attempt()
            except Unconfirmed:
                if self._clock() > until:
                    raise
            except StorageUnavailable:
                STORE_FAILURES.labels("jobs").inc()
            self._pause(PAUSE_S)
