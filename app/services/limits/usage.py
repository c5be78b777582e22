"""The usage of accounts: every request is charged to its account, however it ended.

Lines wait in this process for a moment, so that one write serves all requests that end in it
(usage_writer.py). Call `close` when a process ends; a process that is killed loses what waits. The
entries of the request log are written with the lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.accounts.accounts import Caller
from app.domain.accounts.attribution import NOBODY, Attribution
from app.domain.accounts.request_log import RequestEntry
from app.domain.accounts.usage import UsageLine
from app.domain.response import Usage
from app.errors import InvalidRequest
from app.services.limits.reservation import Reservation
from app.services.limits.usage_writer import RETRY_S, UsageWriter
from app.services.limits.waiting_lines import counts_of
from app.store.rate_limits.base import Adjustment
from app.store.usage.base import UsageSpool, UsageStore

DEFAULT_DAYS = 30
#: For how many seconds an entry of the request log waits for others, if lines are written at once.
LOG_DELAY_S = 0.25
MAX_DAYS = 366

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


class UsageBook:
    """The usage book. `clock` returns Unix seconds; `on_outage` is called when the store is down.

    Lines are written within `delay_s`, by a thread that lives while there are any; with 0, each is
    written at once. So is a request with limits to settle, unless the store is unreachable. `spool`
    keeps what could not be written when the process ends.
    """

    def __init__(
        self,
        store: UsageStore,
        clock: Callable[[], float],
        on_outage: Callable[[], None],
        delay_s: float = 0.0,
        retry_s: float = RETRY_S,
        *,
        spool: UsageSpool | None = None,
        logs_requests: bool = True,
    ) -> None:
        self.logs_requests = logs_requests
        self._store = store
        self._clock = clock
        self._delay_s = delay_s
        self._spool = spool
        self._writer = UsageWriter(store, on_outage, delay_s, retry_s)

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
            self._writer.entries.add(entry)
        counts = counts_of(usage, microusd, failed=failed)
        if charged is not None:
            others = counts_of(*charged, failed=True)
            counts = tuple(
                max(0, ours - theirs) for ours, theirs in zip(counts, others, strict=True)
            )
        key = caller.account, caller.key_id, model, self.today(), attribution
        self._writer.lines.add(key, counts)
        adjustment = None
        if reservation is not None:
            adjustment = reservation.take_adjustment(usage if is_counted else None, microusd)
        if adjustment is not None:
            self._writer.adjustments.append(adjustment)
        if caller.stale or (self._writer.is_away and adjustment is not None):
            self._writer.write_later()
        elif adjustment is None and self._delay_s:
            self._writer.write_soon()
        else:
            self._writer.write()

    def log(self, entry: RequestEntry) -> None:
        """Log a request with the next write, soon; does not wait for it."""
        if self.logs_requests:
            self._writer.entries.add(entry)
            if not self._writer.write_in(self._delay_s or LOG_DELAY_S):
                self._writer.entries.lose()

    def withdraw(self, adjustment: Adjustment) -> None:
        """Take back a request that was perhaps counted, soon; does not wait for it."""
        self._writer.adjustments.append(adjustment)
        self._writer.write_in(self._writer.retry_s)

    def flush(self) -> None:
        """Write what waits; when this returns, what waited before has been written."""
        self._writer.flush()

    def close(self) -> None:
        """Write what waits, as the process ends; the spool keeps what the store does not take."""
        if self._spool is not None:
            self._writer.close(self._spool)

    def keep_recording_spooled(self, pause: Callable[[float], None]) -> None:
        """Record what processes that ended have left in the spool, for as long as this one lives.

        `pause` waits for seconds.
        """
        if self._spool is not None:
            self._spool.keep_delivering(pause)

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
