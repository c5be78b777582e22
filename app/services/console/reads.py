"""Reads what people see of their account in the console: nothing that the API hides (N24)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from app.domain.accounts.accounts import Caller, ConsoleSession
from app.domain.accounts.request_log import LoggedRequest, LogQuery
from app.domain.ids import tag_of
from app.domain.turns.conversation import Conversation
from app.domain.turns.listing import ListPage, ListQuery
from app.domain.turns.summary import ConversationTree, PendingList, ResponseSummary
from app.services.accounts.permissions import well_formed, well_formed_conversation
from app.services.limits.meter import Meter
from app.store.conversations.base import unknown_conversation
from app.store.listings.base import ListingStore
from app.store.responses.base import unknown_response
from app.store.usage.base import RequestPages


class ConsoleReads:
    """The service behind /console/api.

    `deliver` moves the answers of a conversation, given its tag, from this machine's spool into the
    store. Deleted and expired content is left out, so is encrypted content without its key. Every
    method raises StorageUnavailable when the store is unreachable.
    """

    def __init__(
        self,
        listings: ListingStore,
        request_log: RequestPages,
        meter: Meter,
        deliver: Callable[[str], None],
    ) -> None:
        self._listings = listings
        self._request_log = request_log
        self._meter = meter
        self._deliver = deliver

    def session(self, caller: Caller) -> ConsoleSession:
        """Return what the page needs to know about its user."""
        return ConsoleSession(caller, self._meter.metadata_keys, self._meter.book.logs_requests)

    def responses(self, caller: Caller, query: ListQuery) -> ListPage[ResponseSummary]:
        """Return a page of the account's responses, newest first."""
        return self._listings.responses(caller.account, query, caller.content_key)

    def conversations(self, caller: Caller, query: ListQuery) -> ListPage[Conversation]:
        """Return a page of the account's conversations that have an id, newest first."""
        return self._listings.conversations(caller.account, query, caller.content_key)

    def pending(self, caller: Caller) -> PendingList:
        """Return the account's queued and running responses."""
        return self._listings.pending(caller.account, caller.content_key)

    def requests(self, caller: Caller, query: LogQuery) -> ListPage[LoggedRequest]:
        """Return a page of the account's requests, newest first.

        Without its key, an encrypted response's id is neither shown nor found.
        """
        page = self._request_log.page(query)
        ids = {each for row in page.rows if (each := row.entry.response_id)}
        locked = self._listings.locked(ids, caller.content_key)
        rows = [
            row.without_response() if row.entry.response_id in locked else row
            for row in page.rows
            if row.entry.response_id not in locked or row.entry.response_id != query.name
        ]
        return replace(page, rows=tuple(rows))

    def relist(self, account: str) -> Iterator[int]:
        """List what an earlier release has stored of an account, for its operator.

        Yields the number of responses of each conversation.
        """
        return self._listings.relist(account)

    def tree_of_response(self, caller: Caller, response_id: str) -> ConversationTree:
        """Return the conversation that a response belongs to, with its forks.

        Raises InvalidRequest for a malformed id, and NotFound.
        """
        found = self._tree(caller, well_formed(response_id))
        if found is None:
            raise unknown_response(response_id)
        return found

    def tree_of_conversation(self, caller: Caller, conversation_id: str) -> ConversationTree:
        """Return a conversation with its forks. Raises as `tree_of_response` does."""
        found = self._tree(caller, well_formed_conversation(conversation_id))
        if found is None:
            raise unknown_conversation(conversation_id)
        return found

    def _tree(self, caller: Caller, any_id: str) -> ConversationTree | None:
        tag = tag_of(any_id)
        if tag is None:
            return None
        self._deliver(tag)
        return self._listings.tree(caller.account, any_id, caller.content_key)
