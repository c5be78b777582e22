"""What operators do with stored responses: list them, export them, destroy them.

Every destructive command writes an entry into the audit log before it begins, and its result at its
end. It may be interrupted anywhere and run again. It covers this machine's spool; the spool of
another machine needs the same command over there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from app.domain.accounts.accounts import Account, Caller
from app.domain.accounts.content_key import OPERATOR_KEY
from app.errors import NotFound
from app.services.accounts.service import Accounts
from app.services.background.service import Background
from app.services.idempotency.service import IdempotencyKeys
from app.services.limits.request_log import RequestLog
from app.services.limits.usage import UsageBook
from app.services.responses.lookup import ResponseLookup
from app.services.responses.service import Responses
from app.services.retention.copies import Copies
from app.store.responses.archive_base import Archived, ArchiveStore
from app.store.responses.base import unknown_response
from app.store.spool.delivery import SpoolDelivery
from app.store.webhooks.base import WebhookStore

#: Number of purged responses after which their entries are removed from the request log together,
#: since each removal scans all of it.
UNLOGGED_AT_ONCE = 10_000


class Archive:
    """The service behind the command `responses`. `by` names the operator, for the audit log.

    Every method raises StorageUnavailable when the store is unreachable; iterators may raise it at
    any step.
    """

    def __init__(
        self,
        archive: ArchiveStore,
        lookup: ResponseLookup,
        spool: SpoolDelivery,
        background: Background,
        responses: Responses,
        accounts: Accounts,
        book: UsageBook,
        request_log: RequestLog,
        idempotency: IdempotencyKeys,
        webhooks: WebhookStore,
        copies: Copies,
    ) -> None:
        self._archive = archive
        self._lookup = lookup
        self._spool = spool
        self._background = background
        self._responses = responses
        self._accounts = accounts
        self._book = book
        self._request_log = request_log
        self._idempotency = idempotency
        self._webhooks = webhooks
        self._copies = copies

    def account(self, name: str) -> Account:
        """Return an account. Raises NotFound."""
        for account in self._accounts.accounts():
            if account.name == name:
                return account
        raise NotFound(f"Account {name!r} not found.", param="account")

    def conversations(self, account: str) -> int:
        """Return how many conversations an account has, including those in the spool."""
        self._deliver()
        return self.erasable(account)

    def erasable(self, account: str) -> int:
        """Return how many of an account's conversations `erase` would find, without the spool's.

        Changes nothing.
        """
        return self._archive.conversations(account)

    def responses(self, account: str) -> Iterator[list[Archived]]:
        """Yield the responses of each of an account's conversations, oldest conversation first."""
        return self._archive.responses(account)

    def find(self, response_id: str) -> Archived:
        """Return a response of any account. Raises NotFound."""
        self._deliver()
        found = self._archive.find(response_id)
        if found is None:
            raise unknown_response(response_id)
        return found

    def show(self, response_id: str) -> Archived:
        """Return a response in full, with its output so far if it still runs. Raises NotFound.

        The content of an encrypted response cannot be shown.
        """
        found = self.find(response_id)
        if found.turn is not None or found.is_purged or found.is_encrypted:
            return found
        pending = self._lookup.pending(found.account, response_id)
        # If it is not pending, it has ended in the meantime.
        return self.find(response_id) if pending is None else replace(found, pending=pending)

    def delete(self, response_id: str, *, by: str) -> bool:
        """Hide a response from its account, cancelling it first if it runs.

        Returns False if it was hidden already. Raises NotFound.
        """
        found = self.find(response_id)
        if found.deleted_at is not None:
            return False
        self._accounts.record("response.delete", response_id, found.account, by=by)
        self._responses.delete(_operator_of(found.account), response_id)
        return True

    def purgeable(self, deleted_before: int) -> int:
        """Return how many responses were deleted before this time and are not purged yet.

        Responses in the spool are not deleted, so they do not count. Changes nothing.
        """
        return self._archive.purgeable(deleted_before)

    def purge(self, deleted_before: int, *, by: str) -> Generator[str, None, None]:
        """Destroy the content of responses deleted before this Unix time; yield the id of each."""
        which = f"deleted before {datetime.fromtimestamp(deleted_before, UTC):%Y-%m-%dT%H:%M:%SZ}"
        self._accounts.record("responses.purge", which, "begun", by=by)
        purged, unlogged = 0, set[str]()
        try:
            self._book.flush()
            self._purge_spool(deleted_before)
            for found in self._archive.purge(deleted_before):
                self._copies.forget([found])
                if not found.is_news:  # left over from an interrupted purge
                    continue
                purged += 1
                unlogged.add(found.any_id)
                if len(unlogged) == UNLOGGED_AT_ONCE:
                    self._copies.forget_names(unlogged)
                    unlogged.clear()
                yield found.any_id
        finally:
            try:
                self._copies.forget_names(unlogged)
            finally:
                detail = f"responses destroyed: {purged}"
                self._accounts.record("responses.purge", which, detail, by=by)

    def _purge_spool(self, deleted_before: int) -> None:
        """Drop spooled answers that have been delivered, and deleted since.

        They are still in the spool because too few replicas have them.
        """
        self._spool.identify()
        for response_id in self._spool.waiting():
            found = self._archive.find(response_id)
            if found and found.deleted_at is not None and found.deleted_at < deleted_before:
                self._spool.drop(response_id)

    def erase(self, account: str, *, by: str) -> Generator[str, None, None]:
        """Destroy everything that an account has stored; yield the tag of each conversation.

        Queued and running responses are cancelled. Disable the account first: what it stores
        meanwhile may survive.
        """
        self._accounts.record("responses.erase", account, "begun", by=by)
        erased = 0
        caller = _operator_of(account)

        def end(response_id: str) -> None:
            self._background.cancel(caller, response_id, any_kind=True)

        try:
            self._spool.erase(account)
            for tag in self._archive.erase(account, end):
                erased += 1
                yield tag
            self._book.flush()  # what was cancelled here is logged as well
            self._request_log.erase(account)
            self._idempotency.erase(account)
            self._webhooks.erase(account)
        finally:
            detail = f"conversations destroyed: {erased}"
            self._accounts.record("responses.erase", account, detail, by=by)

    def rewrite(self) -> bool:
        """Have the store's disk forget what was destroyed, too; return False if it cannot now."""
        return self._archive.rewrite()

    def _deliver(self) -> None:
        """Deliver this machine's spool to the store."""
        self._spool.deliver_all()


def _operator_of(account: str) -> Caller:
    """Return a caller with all rights of the account over its responses."""
    return Caller(account=account, key_id="operator", content_key=OPERATOR_KEY)
