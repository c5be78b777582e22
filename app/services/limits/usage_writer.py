"""Writes usage, the request log and corrections of limits to the store, many in one round trip.

They wait in this process for a moment: MEASURED, a write per request takes 150 µs of CPU. While
the store is unreachable they are tried again every RETRY_S. What it refuses is dropped, logged and
counted, and harms nothing else.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from app.domain.accounts.request_log import RequestEntry
from app.domain.accounts.usage import UsageLine
from app.errors import StorageRefused, StorageUnavailable
from app.services.limits.request_log import WaitingEntries
from app.services.limits.waiting_lines import WaitingLines
from app.store.rate_limits.base import Adjustment
from app.store.usage.base import Unwritten, UsageSpool, UsageStore
from app.telemetry import REQUEST_LOG_LOST, log

#: Seconds after which an unreachable store is tried again.
RETRY_S = 1.0
#: Maximum number of requests whose limits wait to be settled; the oldest are dropped then: their
#: estimates stand.
MAX_WAITING = 10_000
#: Maximum number of requests whose limits are settled in one write, after an outage.
MAX_ADJUSTED = 200


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """What is written together."""

    lines: Sequence[UsageLine]
    entries: Sequence[RequestEntry]
    adjustments: Sequence[Adjustment] = ()


class UsageWriter:
    """What waits to be written; whoever adds to it then calls one of the methods that write.

    `on_outage` is called when the store is unreachable. With `delay_s`, `write_soon` waits for so
    many seconds, in a thread that lives while anything waits.
    """

    def __init__(
        self, store: UsageStore, on_outage: Callable[[], None], delay_s: float, retry_s: float
    ) -> None:
        self.lines = WaitingLines()
        self.entries = WaitingEntries()
        self.adjustments: deque[Adjustment] = deque(maxlen=MAX_WAITING)
        self.is_away = False  # whether the store was unreachable for the last write
        self._store = store
        self._on_outage = on_outage
        self._delay_s = delay_s
        self.retry_s = retry_s
        # Reentrant: the garbage collector may charge a dropped call while its thread has the lock.
        self._lock = threading.RLock()
        self._flushing = threading.Lock()
        self._is_due = False
        self._attempted: deque[_Batch] = deque()  # writes that failed, to be repeated
        self._in_progress: list[_Batch] = []

    def flush(self) -> None:
        """Write what waits; when this returns, what waited before has been written."""
        with self._flushing:
            while self._is_anything_waiting():
                if not self.write():
                    return

    def close(self, spool: UsageSpool) -> None:
        """Write what waits, as the process ends; what the store does not take stays in `spool`.

        All of it is put there first: the store may stall for longer than this process has left.
        The request log is not: what it has not written is lost.
        """
        lines, adjustments = self._unwritten()
        if not lines and not adjustments:
            self.flush()
            return
        file, why = None, ""
        try:
            file = spool.put(lines, adjustments)
        except (OSError, StorageUnavailable) as error:
            why = type(error).__name__
        self.flush()
        requests = sum(line.requests for line in lines)
        if not self._is_anything_waiting() and not self._in_progress:
            if file is not None:
                spool.drop(file)
        elif file is not None:
            log.warning("usage_spooled", requests=requests)
        else:
            log.error("usage_lost", requests=requests, reason=why)

    def write(self) -> bool:
        """Write what waits, with the first MAX_ADJUSTED of adjustments; False if it has to wait.

        A write that failed may have been executed, its reply lost. So it is repeated first, as it
        was: the store recognises it, and counts nothing twice.
        """
        while batch := self._next_attempted():
            if not self._write_batch(batch):
                return False
        return self._write_batch(self._next())

    def write_soon(self) -> None:
        """Write what waits within the delay; now, if no thread can be started for it."""
        if not self.write_in(self._delay_s):
            self.flush()

    def write_later(self) -> None:
        """Write what waits once the store, which is unreachable now, is tried again."""
        self._on_outage()
        self.write_in(self.retry_s)

    def write_in(self, seconds: float) -> bool:
        """Write what waits after `seconds`; return False if no thread can be started for it."""
        # If it is due already, the writing thread has yet to look at what waits.
        if self._is_due or not self._becomes_due():
            return True
        try:
            threading.Thread(
                target=self._write_after, args=(seconds,), name="usage", daemon=True
            ).start()
        except RuntimeError:  # the system has no thread to give: no reason to fail a request
            self._is_due = False
            return False
        return True

    def _becomes_due(self) -> bool:
        with self._lock:
            was_due, self._is_due = self._is_due, True
        return not was_due

    def _write_after(self, seconds: float) -> None:
        threading.Event().wait(seconds)
        self._is_due = False  # before the write: a line that is too late for it is due again
        self.flush()

    def _is_anything_waiting(self) -> bool:
        return bool(self.lines or self.entries or self.adjustments or self._attempted)

    def _unwritten(self) -> tuple[list[UsageLine], list[Adjustment]]:
        """Return all that the store may lack: what waits, and what is being written."""
        with self._lock:
            if self.lines or self.entries:
                self._attempted.append(_Batch(self.lines.take(), self.entries.take()))
            batches = (*self._in_progress, *self._attempted)
            lines = [each for batch in batches for each in batch.lines]
            adjustments = [each for batch in batches for each in batch.adjustments]
            return lines, [*adjustments, *self.adjustments]

    def _next_attempted(self) -> _Batch | None:
        """Return the first write that failed, which is in progress now; None if there is none."""
        with self._lock:
            if not self._attempted:  # other threads may take some, too
                return None
            batch = self._attempted.popleft()
            return self._begun(batch.lines, batch.entries)

    def _next(self) -> _Batch:
        """Return what waits for its first write, which is in progress now."""
        with self._lock:
            return self._begun(self.lines.take(), self.entries.take())

    def _begun(self, lines: Sequence[UsageLine], entries: Sequence[RequestEntry]) -> _Batch:
        adjustments: list[Adjustment] = []
        with suppress(IndexError):
            while len(adjustments) < MAX_ADJUSTED:
                adjustments.append(self.adjustments.popleft())
        batch = _Batch(lines, entries, adjustments)
        self._in_progress.append(batch)
        return batch

    def _write_batch(self, batch: _Batch) -> bool:
        unwritten: Sequence[Unwritten] = ()
        try:
            unwritten = self._store.record(batch.lines, batch.adjustments, batch.entries)
            self.is_away = False
        except StorageUnavailable:
            unwritten = (*batch.lines, *batch.adjustments, *batch.entries)
            self.is_away = True
            self._on_outage()
        except StorageRefused:  # it is logged, and would be refused again
            REQUEST_LOG_LOST.inc(len(batch.entries))
        finally:
            self._end(batch, unwritten)
        if unwritten:
            self.write_in(self.retry_s)
        elif self.adjustments:
            self.write_in(self._delay_s)
        return not unwritten

    def _end(self, batch: _Batch, unwritten: Sequence[Unwritten]) -> None:
        """End a write; what could not be written waits again."""
        lines = tuple(each for each in unwritten if isinstance(each, UsageLine))
        entries = tuple(each for each in unwritten if isinstance(each, RequestEntry))
        with self._lock:
            self._in_progress.remove(batch)
            self.adjustments += [each for each in unwritten if isinstance(each, Adjustment)]
            if lines or entries:
                self._attempted.append(_Batch(lines, entries))
