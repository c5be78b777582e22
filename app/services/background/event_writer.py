"""Writes the events of one job to its stream, gathered into flushes that are never late.

A flush is due at 64 events or after 50 ms, and always before a terminal event. While the store is
unreachable, events wait for it, and so does the end: what a model has produced is not paid for
twice, however long the outage. The job's own time limit bounds what accumulates meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from app.domain.prices import Cost
from app.domain.response import Usage
from app.domain.stream.events import Event, is_terminal
from app.domain.turns.turn import Turn
from app.errors import CallerGone, StorageUnavailable, Unconfirmed
from app.store.jobs.base import Claim, Flush, JobStore
from app.telemetry import STORE_FAILURES, log

FLUSH_EVENTS = 64
FLUSH_S = 0.05
#: For how many seconds an end that is written waits for the replicas that should have it as well.
REPLICAS_S = 120.0
#: Seconds after which an unreachable store is tried again.
PAUSE_S = 0.5

_LIFECYCLE = ("response.created", "response.queued", "response.in_progress")

#: Number of bytes above which an event counts as long.
LONG_LINE = 1024 * 1024

T = TypeVar("T")


class EventWriter:
    """Writes the stream of one job, as long as the job is this worker's. Safe for threads.

    `ended` tells whether this writer has written the job's end. `usage` returns what the upstream
    has reported so far, `cost` what that costs. `on_lost` is called when the job is no longer this
    worker's. `clock` is like time.monotonic, `pause` like time.sleep.
    """

    def __init__(
        self,
        jobs: JobStore,
        claim: Claim,
        on_lost: Callable[[], None],
        clock: Callable[[], float],
        pause: Callable[[float], object],
    ) -> None:
        self.claim = claim
        self.ended = False
        self.usage: Callable[[], Usage | None] = lambda: claim.usage
        self.cost: Callable[[Usage], Cost | None] = lambda _: claim.cost
        self._jobs = jobs
        self._on_lost = on_lost
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._next_new = claim.event_count  # events below it are in the stream, or wait here
        self._next_unwritten = claim.event_count
        self._written_usage, self._written_cost = claim.usage, claim.cost
        self._waiting: list[bytes] = []
        self._flush: Flush | None = None  # what is being written, unchanged until it is written
        self._waiting_since = self._written_at = clock()
        self._has_output = False
        self._is_ours = True

    @property
    def has_output(self) -> bool:
        """Whether the model has produced output."""
        return self._has_output

    def append(self, events: list[Event]) -> None:
        """Add the next events, without those that an earlier run has written to the stream."""
        if not events or is_terminal(events[-1]):
            return  # silence, or an ending, which `finish` writes
        with self._lock:
            if not self._waiting:
                self._waiting_since = self._clock()
            for event in events:
                if event.sequence_number >= self._next_new:
                    self._next_new = event.sequence_number + 1
                    self._waiting.append(self._jobs.encode(event))
                    self._has_output = self._has_output or event.type not in _LIFECYCLE
            is_full = len(self._waiting) >= FLUSH_EVENTS
        if is_full:
            self.flush()

    def flush(self) -> None:
        """Write what waits, unless another thread is writing now."""
        flush = self.begin_flush(after_s=0.0)
        if flush is None:
            return
        written = None
        try:
            (written,) = self._jobs.append([(self.claim, flush)])
        except StorageUnavailable:
            return
        finally:
            self.end_flush(written)

    def begin_flush(self, after_s: float = FLUSH_S) -> Flush | None:
        """Return what has waited for `after_s`; the caller writes it, then calls `end_flush`.

        Until then nothing else is written. Returns None if nothing is due, or another thread is
        writing now.
        """
        if not self._is_ours or not self._lock.acquire(blocking=False):
            return None
        if self._flush is None and self._is_due(after_s):
            self._flush = self._next_flush()
        if self._flush is None:
            self._lock.release()
        return self._flush

    def end_flush(self, written: bool | None) -> None:
        """Record what JobStore.append returned for a flush: None if the store is unreachable.

        In that case the next `begin_flush` returns the same flush again.
        """
        try:
            if written is not None:
                self._flush_ended(is_ours=written)
        finally:
            self._lock.release()

    def finish(self, turn: Turn, ending: list[Event]) -> None:
        """Write the end in one step: what waited, the last events and the response.

        A cancelled response is left to whoever cancelled it. Waits while the store is unreachable.
        """
        if turn.response.status == "cancelled":
            return
        with self._lock:
            # 1. A flush with unknown outcome comes first: the stream may or may not have it.
            if self._flush is not None:
                self._write(self._flush)
            # 2. Each event of an ending may repeat a text of many MiB. Long ones are written one by
            # one, or they would be in memory all at once.
            lines, self._waiting = self._waiting, []
            for event in ending:
                lines.append(self._jobs.encode(event))
                if len(lines[-1]) > LONG_LINE and not is_terminal(event):
                    if self._is_ours:
                        self._write(self._flush_of(lines))
                    lines = []
            # 3. The rest, with the terminal event, and the response end the job.
            last = Flush(self._next_unwritten, tuple(lines))
            if self._is_ours:
                self.ended = self._end(turn, last)
            self._is_ours = False

    def note_called(self, called: bool) -> None:
        """Record whether an upstream may have been called, since whoever cancels it charges it.

        Before a call this waits while the store is unreachable.

        Raises:
            CallerGone: the job is no longer this worker's.
        """
        if not called:
            with suppress(StorageUnavailable):
                self._jobs.note_called(self.claim, called=False)
        elif not self._keep_trying(lambda: self._jobs.note_called(self.claim, called=True)):
            raise CallerGone("The job is no longer this worker's.")

    def close(self) -> None:
        """Write nothing any more: somebody else writes the job's end."""
        with self._lock:
            self._is_ours = False

    def _flush_of(self, lines: list[bytes]) -> Flush:
        usage, cost = self._written_usage, self._written_cost
        return Flush(self._next_unwritten, tuple(lines), usage, has_output=True, cost=cost)

    def _write(self, flush: Flush) -> None:
        """Write a flush before the end, waiting for the store."""
        self._flush = flush
        (is_ours,) = self._keep_trying(lambda: self._jobs.append([(self.claim, flush)]))
        self._flush_ended(is_ours=is_ours)

    def _end(self, turn: Turn, last: Flush) -> bool:
        """End the job; it also counts as ended if replicas that should have it stay away."""
        try:
            return self._keep_trying(lambda: self._jobs.finish(self.claim, turn, last))
        except Unconfirmed:
            log.warning("job_unconfirmed", response_id=self.claim.response_id)
            self._jobs.forget([self.claim.response_id])
            return True

    def _is_due(self, after_s: float) -> bool:
        if self._waiting:
            return self._clock() - self._waiting_since >= after_s
        return self._clock() - self._written_at >= after_s and self.usage() != self._written_usage

    def _next_flush(self) -> Flush:
        lines, self._waiting = tuple(self._waiting), []
        usage = self.usage()
        if usage is not None and usage != self._written_usage:
            self._written_cost = self.cost(usage)
        self._written_usage = usage
        return Flush(self._next_unwritten, lines, usage, self._has_output, self._written_cost)

    def _flush_ended(self, *, is_ours: bool) -> None:
        if self._flush is not None:
            self._next_unwritten += len(self._flush.lines)
            self._flush, self._written_at = None, self._clock()
        if not is_ours:
            self._is_ours = False
            self._on_lost()

    def _keep_trying(self, attempt: Callable[[], T]) -> T:
        """Return the result of `attempt`, once the store can be reached; replicas have REPLICAS_S.

        Raises:
            Unconfirmed: it is written, but replicas that should have it as well stay away.
        """
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
