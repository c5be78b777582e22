"""What a store must be able to list of what an account has stored."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from app.domain.accounts.content_key import ContentKey
from app.domain.turns.conversation import Conversation
from app.domain.turns.listing import ListPage, ListQuery
from app.domain.turns.summary import ConversationTree, PendingList, ResponseSummary


class ListingStore(Protocol):
    """Lists what an account may read one by one, and nothing else: what is deleted or expired, or
    is encrypted with another key than this, if any, is not there.

    Every method raises StorageUnavailable when Redis is unreachable.
    """

    def responses(
        self, account: str, query: ListQuery, key: ContentKey | None = None
    ) -> ListPage[ResponseSummary]:
        """Return a page of an account's responses, those that wait or run included.

        Two round trips for a page; a search looks at 1,000 responses at most.
        """
        ...

    def conversations(
        self, account: str, query: ListQuery, key: ContentKey | None = None
    ) -> ListPage[Conversation]:
        """Return a page of an account's conversations that have an id, likewise."""
        ...

    def pending(self, account: str, key: ContentKey | None = None) -> PendingList:
        """Return what waits or runs of an account, a hundred at most.

        Two round trips, three where any account has a stream.
        """
        ...

    def locked(
        self, response_ids: Collection[str], key: ContentKey | None = None
    ) -> frozenset[str]:
        """Return those of these responses that are encrypted with another key, if any is given."""
        ...

    def relist(self, account: str) -> Iterator[int]:
        """Enter what an earlier release has stored of an account into its lists.

        Yields for each conversation how many responses it has. It may be stopped anywhere and
        started again.
        """
        ...

    def tree(
        self, account: str, any_id: str, key: ContentKey | None = None
    ) -> ConversationTree | None:
        """Return the conversation that a response belongs to, or that has an id, with its forks.

        None where what the id names is unknown, deleted or another account's. Two round trips.
        """
        ...
