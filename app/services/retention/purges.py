"""Purges that operators request by age or by end user, of deleted responses and others.

Every purge writes an entry into the audit log before it begins, and its result at its end. It may
be interrupted anywhere and run again. The spool of another machine needs the same command over
there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import UTC, datetime

from app.domain.accounts.accounts import Caller
from app.services.accounts.service import Accounts
from app.services.background.service import Background
from app.services.limits.usage import UsageBook
from app.services.retention.copies import Copies
from app.store.responses.archive_base import Purged
from app.store.retention.base import Found, PurgeSearch, RetentionStore
from app.store.spool.delivery import SpoolDelivery

#: Number of purged items after which their copies are removed.
AT_ONCE = 100
#: Number of purged items after which request log and deliveries are scanned for them, in full.
UNLOGGED_AT_ONCE = 10_000


class Purges:
    """The service behind `responses purge` by age and by end user.

    `user_hash` returns the keyed hash of an account's end user. Every method raises
    StorageUnavailable when the store is unreachable; iterators may raise it at any step.
    """

    def __init__(
        self,
        store: RetentionStore,
        search: PurgeSearch,
        copies: Copies,
        spool: SpoolDelivery,
        background: Background,
        accounts: Accounts,
        book: UsageBook,
        user_hash: Callable[[str, str], str],
    ) -> None:
        self._store = store
        self._search = search
        self._copies = copies
        self._spool = spool
        self._background = background
        self._accounts = accounts
        self._book = book
        self._user_hash = user_hash

    def created_before(self, before: int, account: str | None) -> Iterator[Found]:
        """Yield what was created before this Unix time, by an account or by all of them.

        What waits in this machine's spool is not included. Changes nothing.
        """
        for name in self._names(account):
            yield from self._search.created_before(name, before)

    def of_user(
        self, user: str, account: str | None, *, is_to_purge: bool = False
    ) -> Iterator[Found]:
        """Yield the responses to requests of an end user, as `created_before` does.

        If it `is_to_purge` them, the index of end users is cleaned up as well.
        """
        for name in self._names(account):
            own_hash = self._user_hash(name, user)
            yield from self._search.of_user(name, user, own_hash, is_to_purge=is_to_purge)

    def spooled(self) -> int:
        """Return how many responses wait in this machine's spool; 0 if it cannot be read."""
        return int(sum(self._spool.figures().values()))

    def _names(self, account: str | None) -> Sequence[str]:
        return [each.name for each in self._accounts.accounts()] if account is None else [account]

    def purge_created_before(
        self, before: int, account: str | None, *, by: str
    ) -> Generator[str, None, None]:
        """Destroy what was created before this Unix time; yield the id of each."""
        at = f"{datetime.fromtimestamp(before, UTC):%Y-%m-%dT%H:%M:%SZ}"
        which = f"created before {at}, account {account or 'any'}"
        return self._purge(self.created_before(before, account), which, by)

    def purge_user(self, user: str, account: str | None, *, by: str) -> Generator[str, None, None]:
        """Destroy the responses to requests of an end user; yield the id of each."""
        # The audit log outlives the person it is about, so it does not name them.
        which = f"of an end user, account {account or 'any'}"
        return self._purge(self.of_user(user, account, is_to_purge=True), which, by)

    def _purge(self, found: Iterator[Found], which: str, by: str) -> Generator[str, None, None]:
        self._accounts.record("responses.purge", which, "begun", by=by)
        purged, unlogged = 0, set[str]()
        batch = list[Purged]()
        try:
            self._spool.deliver_all()
            self._book.flush()
            for each in found:
                if (gone := self._destroyed(each)) is None:
                    continue
                batch.append(gone)
                unlogged.add(each.any_id)
                if gone.is_news:  # or else a purge was interrupted before it was settled
                    purged += 1
                    yield each.any_id
                if len(batch) == AT_ONCE:
                    self._settle(batch)
                if len(unlogged) == UNLOGGED_AT_ONCE:
                    self._copies.forget_names(unlogged)
                    unlogged.clear()
        finally:
            try:
                self._settle(batch)
                self._book.flush()  # what was cancelled here is logged as well
                self._copies.forget_names(unlogged)
            finally:
                self._accounts.record("responses.purge", which, f"destroyed: {purged}", by=by)

    def _destroyed(self, found: Found) -> Purged | None:
        """Destroy an item, cancelling it first if it runs; None if it cannot be destroyed now."""
        if found.is_pending:
            caller = Caller(account=found.account, key_id="operator")
            self._background.cancel(caller, found.any_id, any_kind=True)
        gone = self._store.purge(found.any_id, only_due=False)
        self._spool.drop(found.any_id)
        return gone

    def _settle(self, batch: list[Purged]) -> None:
        if batch:
            self._copies.forget(batch)
            self._store.settle(batch)
            batch.clear()
