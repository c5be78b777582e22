"""The protocols of a store of usage, and of the request log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

from app.domain.accounts.request_log import LoggedRequest, LogQuery, RequestEntry
from app.domain.accounts.usage import UsageLine
from app.domain.turns.listing import ListPage
from app.store.rate_limits.base import Adjustment

#: Maximum number of lines (key and model) on one day of an account; further ones are counted under
#: this model, so that nobody can fill the store with names.
MAX_LINES_A_DAY = 2_000
OTHER_MODELS = "(other)"
#: Maximum number of end users counted separately on one day of an account, and of lines with an
#: attribution; further ones are counted for OTHER of app.domain.accounts.attribution.
MAX_USERS_A_DAY = 10_000
MAX_ATTRIBUTED_LINES_A_DAY = 50_000


#: What has to be written again.
Unwritten = UsageLine | RequestEntry | Adjustment


class UsageStore(Protocol):
    """Adds up usage. Every method raises StorageUnavailable when Redis is unreachable."""

    def record(
        self,
        lines: Sequence[UsageLine],
        adjustments: Sequence[Adjustment] = (),
        entries: Sequence[RequestEntry] = (),
    ) -> Sequence[Unwritten]:
        """Add lines, log requests, and correct what was counted for some, in one round trip.

        Returns what must be written again, if Redis is unreachable for a part only. What Redis
        refuses is dropped, logged and counted, and does not keep the rest from being written.
        """
        ...

    def read(
        self, account: str, days: Sequence[date], *, attributed: bool = False
    ) -> Iterator[UsageLine]:
        """Yield what an account used on these days, by day, key and model, day after day.

        With `attributed` a line may be split into several with attributions, which add up to it.
        """
        ...

    def size(self, account: str, days: Sequence[date], *, attributed: bool = False) -> int:
        """Return how many numbers or lines would be read, for an idea of how long that takes."""
        ...


class UsageSpool(Protocol):
    """Keeps, on disk, what a process that ends could not write."""

    def put(self, lines: Sequence[UsageLine], adjustments: Sequence[Adjustment]) -> Path:
        """Write a file, from which both are recorded once the store takes writes; return its path.

        Raises:
            StorageUnavailable: the store is not known, since it was unreachable all the time.
            OSError: the file cannot be written.
        """
        ...

    def drop(self, file: Path) -> None:
        """Delete a file whose content the store has."""
        ...

    def keep_delivering(self, pause: Callable[[float], None]) -> None:
        """Record what other processes left, for as long as this one lives.

        `pause` waits for seconds.
        """
        ...


class RequestLogStore(Protocol):
    """Reads the request log, which a UsageStore writes.

    Every method raises StorageUnavailable when Redis is unreachable.
    """

    def newest(self, since_ms: int = 0) -> Iterator[RequestEntry]:
        """Yield the entries since this time, in Unix milliseconds, the last written first."""
        ...

    def erase(self, is_meant: Callable[[RequestEntry], bool]) -> int:
        """Delete the entries that `is_meant` selects; return their number."""
        ...


class RequestPages(Protocol):
    """Reads the request log page by page."""

    def page(self, query: LogQuery) -> ListPage[LoggedRequest]:
        """Return a page of an account's entries, newest first, without reading the whole log.

        Raises StorageUnavailable when Redis is unreachable.
        """
        ...
