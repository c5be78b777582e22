"""What a store of usage, and of the request log, must be able to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Protocol

from app.domain.accounts.request_log import LoggedRequest, LogQuery, RequestEntry
from app.domain.accounts.usage import UsageLine
from app.domain.turns.listing import ListPage
from app.store.rate_limits.base import Adjustment

#: So many keys and models have lines of their own on one day of an account; what comes after
#: them is counted under this model, so that nobody can fill the store with names.
MAX_LINES_A_DAY = 2_000
OTHER_MODELS = "(other)"
#: So many end users are counted apart on one day of an account, and so many lines that say for
#: whom they are; what comes after them is put down to OTHER of app.domain.accounts.attribution.
MAX_USERS_A_DAY = 10_000
MAX_ATTRIBUTED_LINES_A_DAY = 50_000


class UsageStore(Protocol):
    """Adds up use. Every method raises StorageUnavailable when Redis is unreachable."""

    def record(
        self,
        lines: Sequence[UsageLine],
        adjustment: Adjustment | None = None,
        entries: Sequence[RequestEntry] = (),
    ) -> Sequence[UsageLine | RequestEntry]:
        """Add lines, log requests, put right what was counted for one: in one round trip.

        Returns what is to be written again: where Redis is unreachable for some only. What it
        refuses is dropped, logged and counted, and keeps nothing else from being written.
        """
        ...

    def read(
        self, account: str, days: Sequence[date], *, attributed: bool = False
    ) -> list[UsageLine]:
        """Return what an account used on these days, by day, key and model.

        With `attributed` a line may be several, which say for whom they are and add up to it.
        """
        ...


class RequestLogStore(Protocol):
    """Reads the request log, which a UsageStore writes.

    Every method raises StorageUnavailable when Redis is unreachable.
    """

    def newest(self, since_ms: int = 0) -> Iterator[RequestEntry]:
        """Yield the entries since then, in Unix milliseconds, those written last first."""
        ...

    def erase(self, is_meant: Callable[[RequestEntry], bool]) -> int:
        """Take out the entries that are meant; return how many they were."""
        ...


class RequestPages(Protocol):
    """Reads the request log page by page."""

    def page(self, query: LogQuery) -> ListPage[LoggedRequest]:
        """Return a page of an account's entries, newest first, without looking at all there are.

        Raises StorageUnavailable when Redis is unreachable.
        """
        ...
