"""The usage of accounts: every request is charged to its account, however it ended.

Lines wait in this process for a moment, so that one write serves all requests that end in it:
MEASURED, a write per request takes 150 µs of CPU. While the store is unreachable they are tried
again every RETRY_S; a line that it refuses is dropped, logged and counted, and harms no other line.
Call `flush` when a process ends; a process that is killed loses what waits. The entries of the
request log are written with the lines.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.accounts.accounts import Caller
from app.domain.accounts.attribution import NOBODY, Attribution
from app.domain.accounts.request_log import RequestEntry
from app.domain.accounts.usage import UsageLine
from app.domain.response import Usage
from app.errors import InvalidRequest, StorageRefused, StorageUnavailable
from app.services.limits.request_log import WaitingEntries
from app.services.limits.reservation import Reservation
from app.services.limits.waiting_lines import WaitingLines, counts_of
from app.store.rate_limits.base import Adjustment
from app.store.usage.base import Unwritten, UsageStore
from app.telemetry import REQUEST_LOG_LOST

DEFAULT_DAYS = 30
#: Seconds after which an unreachable store is tried again.
RETRY_S = 1.0
#: For how many seconds an entry of the request log waits for others, if lines are written at once.
LOG_DELAY_S = 0.25
MAX_DAYS = 366
#: Maximum number of requests whose limits wait to be settled; the oldest are dropped then: their
#: estimates stand.
MAX_WAITING = 10_000
#: Maximum number of requests whose limits are settled in one write, after an outage.
MAX_ADJUSTED = 200

_EARLIEST = date(2000, 1, 1)
_DAY_S = 86_400
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, the first and the last included."""

    since: date
    until: date

    @property
    def days(self) -> list[date]:
        """Its days, in order."""
        return [self.since + timedelta(n) for n in range((self.until - self.since).days + 1)]


@dataclass(frozen=True, slots=True)
class _Batch:
    """Lines and entries that are written together."""

    lines: Sequence[UsageLine]
    entries: Sequence[RequestEntry]


class UsageBook:
    """The usage book. `clock` returns Unix seconds; `on_outage` is called when the store is down.

    Lines are written within `delay_s`, by a thread that lives while there are any; with 0, each is
    written at once. So is a request with limits to settle, unless the store is unreachable.
    """

    def __init__(
        self,
        store: UsageStore,
        clock: Callable[[], float],
        on_outage: Callable[[], None],
        delay_s: float = 0.0,
        retry_s: float = RETRY_S,
        *,
        logs_requests: bool = True,
    ) -> None:
        self.logs_requests = logs_requests
        self._store = store
        self._retry_s = retry_s
        self._clock = clock
        self._on_outage = on_outage
        self._delay_s = delay_s
        # Reentrant: the garbage collector may charge a dropped call while its thread has the lock.
        self._lock = threading.RLock()
        self._flushing = threading.Lock()
        self._is_due = False
        self._lines = WaitingLines()
        self._attempted: deque[_Batch] = deque()  # writes that failed, to be repeated
        self._entries = WaitingEntries()
        self._adjustments: deque[Adjustment] = deque(maxlen=MAX_WAITING)
        self._is_away = False  # whether the store was unreachable for the last write

    def record(
        self,
        caller: Caller,
        model: str,
        usage: Usage | None,
        *,
        failed: bool,
        reservation: Reservation | None = None,
        entry: RequestEntry | None = None,
        microusd: int | None = None,
        is_counted: bool = True,
        attribution: Attribution = NOBODY,
        charged: tuple[Usage | None, int | None] | None = None,
    ) -> None:
        """Charge a request that has ended to its account, and end its reservation.

        `usage` is None if unknown, `microusd` if its cost is. Without `is_counted` the usage is not
        all that was used, and the estimate stays reserved. `entry` is logged with it; `attribution`
        says for whom it was. `charged` are its usage and cost as another process charges them: only
        the excess over that is counted here, and no request.
        """
        if entry is not None and self.logs_requests:
            self._entries.add(entry)
        counts = counts_of(usage, microusd, failed=failed)
        if charged is not None:
            others = counts_of(*charged, failed=True)
            counts = tuple(
                max(0, ours - theirs) for ours, theirs in zip(counts, others, strict=True)
            )
        key = caller.account, caller.key_id, model, self.today(), attribution
        self._lines.add(key, counts)
        adjustment = None
        if reservation is not None:
            adjustment = reservation.take_adjustment(usage if is_counted else None, microusd)
        if adjustment is not None:
            self._adjustments.append(adjustment)
        if caller.stale or (self._is_away and adjustment is not None):
            self._on_outage()
            self._write_in(self._retry_s)
        elif adjustment is None and self._delay_s:
            self._write_soon()
        else:
            self._write()

    def log(self, entry: RequestEntry) -> None:
        """Log a request with the next write, soon; does not wait for it."""
        if self.logs_requests:
            self._entries.add(entry)
            if not self._write_in(self._delay_s or LOG_DELAY_S):
                self._entries.lose()

    def withdraw(self, adjustment: Adjustment) -> None:
        """Take back a request that was perhaps counted, soon; does not wait for it."""
        self._adjustments.append(adjustment)
        self._write_in(self._retry_s)

    def flush(self) -> None:
        """Write what waits; when this returns, what waited before has been written."""
        with self._flushing:
            while self._lines or self._entries or self._adjustments or self._attempted:
                if not self._write():
                    return

    def period(self, since: date | None, until: date | None) -> Period:
        """Return a period of days; by default it ends today and is DEFAULT_DAYS long.

        Raises:
            InvalidRequest: the days are in the wrong order, too many, or before any usage.
        """
        until = until or self.today()
        if until < _EARLIEST:
            raise InvalidRequest(
                f"'to' must not be before {_EARLIEST}.", param="to", code="invalid_value"
            )
        since = since or until - timedelta(days=DEFAULT_DAYS - 1)
        if not 0 <= (until - since).days < MAX_DAYS:
            raise InvalidRequest(
                f"'from' must not be after 'to', nor {MAX_DAYS} days or more before it.",
                param="from",
                code="invalid_value",
            )
        return Period(since, until)

    def read(
        self, account: str, period: Period, *, attributed: bool = False
    ) -> Iterator[UsageLine]:
        """Yield what an account used, this process's own requests included.

        With `attributed`, the lines say for whom it was.

        Raises StorageUnavailable.
        """
        if self._delay_s:
            self.flush()
        yield from self._store.read(account, period.days, attributed=attributed)

    def size(self, account: str, period: Period, *, attributed: bool = False) -> int:
        """Return how much would be read, in numbers or lines of the store.

        Raises StorageUnavailable.
        """
        return self._store.size(account, period.days, attributed=attributed)

    def today(self) -> date:
        """Return the day under which usage is counted now, in UTC."""
        return date.fromordinal(_EPOCH + int(self._clock() // _DAY_S))

    def _write_soon(self) -> None:
        if not self._write_in(self._delay_s):
            self.flush()

    def _write_in(self, seconds: float) -> bool:
        """Write what waits after `seconds`; return False if no thread can be started for it."""
        # If it is due already, the writing thread has yet to look at what waits.
        if self._is_due or not self._becomes_due():
            return True
        try:
            threading.Thread(
                target=self._write_later, args=(seconds,), name="usage", daemon=True
            ).start()
        except RuntimeError:  # the system has no thread to give: no reason to fail a request
            self._is_due = False
            return False
        return True

    def _becomes_due(self) -> bool:
        with self._lock:
            was_due, self._is_due = self._is_due, True
        return not was_due

    def _write_later(self, seconds: float) -> None:
        threading.Event().wait(seconds)
        self._is_due = False  # before the write: a line that is too late for it is due again
        self.flush()

    def _write(self) -> bool:
        """Write what waits, with the first MAX_ADJUSTED of adjustments; False if it has to wait.

        A write that failed may have been executed, its reply lost. So it is repeated first, as it
        was: the store recognises it, and counts nothing twice.
        """
        while batch := self._next_attempted():
            if not self._write_batch(batch):
                return False
        return self._write_batch(_Batch(self._lines.take(), self._entries.take()))

    def _next_attempted(self) -> _Batch | None:
        with suppress(IndexError):  # other threads may take some, too
            return self._attempted.popleft()
        return None

    def _write_batch(self, batch: _Batch) -> bool:
        lines, entries, adjustments = batch.lines, batch.entries, self._taken_adjustments()
        unwritten: Sequence[Unwritten]
        try:
            unwritten = self._store.record(lines, adjustments, entries)
            self._is_away = False
        except StorageUnavailable:
            unwritten = (*lines, *adjustments, *entries)
            self._is_away = True
            self._on_outage()
        except StorageRefused:  # it is logged, and would be refused again
            REQUEST_LOG_LOST.inc(len(entries))
            return True
        if unwritten:
            self._keep(unwritten)
            self._write_in(self._retry_s)
        elif self._adjustments:
            self._write_in(self._delay_s)
        return not unwritten

    def _taken_adjustments(self) -> list[Adjustment]:
        """Return the first adjustments that wait, and remove them."""
        taken: list[Adjustment] = []
        with suppress(IndexError):  # other threads may take some, too
            while len(taken) < MAX_ADJUSTED:
                taken.append(self._adjustments.popleft())
        return taken

    def _keep(self, unwritten: Sequence[Unwritten]) -> None:
        """Have what could not be written wait again."""
        self._adjustments += [each for each in unwritten if isinstance(each, Adjustment)]
        lines = tuple(each for each in unwritten if isinstance(each, UsageLine))
        entries = tuple(each for each in unwritten if isinstance(each, RequestEntry))
        if lines or entries:
            self._attempted.append(_Batch(lines, entries))
