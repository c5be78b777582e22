"""The protocol of a store that lists what an account has stored."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Protocol

from app.domain.accounts.content_key import ContentKey
from app.domain.turns.conversation import Conversation
from app.domain.turns.listing import ListPage, ListQuery
from app.domain.turns.summary import ConversationTree, PendingList, ResponseSummary


class ListingStore(Protocol):
    """Lists what an account may read one by one, and nothing else.

    What is deleted, expired, or encrypted with another key than the given one, is left out. Every
    method raises StorageUnavailable when Redis is unreachable.
    """

    def responses(
        self, account: str, query: ListQuery, key: ContentKey | None = None
    ) -> ListPage[ResponseSummary]:
        """Return a page of an account's responses, including those that wait or run.

        A page takes two round trips; a search examines at most 1,000 responses.
        """
        ...

    def conversations(
        self, account: str, query: ListQuery, key: ContentKey | None = None
    ) -> ListPage[Conversation]:
        """Return a page of an account's conversations that have an id, likewise."""
        ...

    def pending(self, account: str, key: ContentKey | None = None) -> PendingList:
        """Return an account's waiting and running responses, at most a hundred.

        It takes two round trips, three if any account has a stream.
        """
        ...

    def locked(
        self, response_ids: Collection[str], key: ContentKey | None = None
    ) -> frozenset[str]:
        """Return which of these responses are encrypted with another key than this, if any."""
        ...

    def relist(self, account: str) -> Iterator[int]:
        """Enter an account's responses and conversations of an earlier release into its lists.

        Yields the number of responses of each conversation. It may be stopped anywhere and started
        again.
        """
        ...

    def tree(
        self, account: str, any_id: str, key: ContentKey | None = None
    ) -> ConversationTree | None:
        """Return a conversation as a tree with its forks, by a response's id or its own.

        None if the id is unknown, deleted or another account's. It takes two round trips.
        """
        ...
