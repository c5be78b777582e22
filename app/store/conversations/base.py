"""The protocol of a store of conversations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from app.domain.accounts.content_key import ContentKey
from app.domain.items import Item
from app.domain.turns.conversation import Conversation
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Context
from app.errors import InvalidRequest, NotFound


def unknown_conversation(conversation_id: str) -> NotFound:
    """Return the one error for an id that is unknown, deleted or another account's (N11)."""
    what = f"Conversation with id '{conversation_id}' not found."
    return NotFound(what, param="conversation_id", code="conversation_not_found")


def plain_conversation() -> InvalidRequest:
    """Return the error for sending a key to write into a conversation that has none (N14)."""
    return InvalidRequest(
        "This conversation was made without an encryption key, so nothing in it is encrypted: send "
        "no key, or make a conversation with it.",
        param="conversation",
        code="invalid_encryption_key",
    )


def encrypted_conversation() -> InvalidRequest:
    """Return the error for writing into an encrypted conversation without its key (N14)."""
    return InvalidRequest(
        "This conversation is encrypted: send the x-encryption-key, or the "
        "x-encryption-passphrase, that it was made with.",
        param="conversation",
        code="invalid_encryption_key",
    )


class ConversationStore(Protocol):
    """Keeps conversations by id, each for one account; an id of another account counts as unknown.

    An encrypted one counts as unknown, too, for reading or deleting it without its key. Writing
    with another key than its own, or with a key if it has none, raises InvalidRequest: in `append`,
    `update`, `remove_item`, and in `context`, from which a response continues.

    What responses add is stored by the store of responses, together with the response. Every method
    but `create` raises NotFound (code conversation_not_found) for an id that is unknown, deleted or
    another account's; each raises StorageUnavailable when Redis is unreachable. A call that is
    repeated after that does not take effect twice.
    """

    def create(
        self,
        account: str,
        conversation: Conversation,
        items: tuple[Item, ...],
        expires_at: int | None = None,
        key: ContentKey | None = None,
    ) -> None:
        """Create a conversation with these items.

        It expires at `expires_at` (Unix seconds; None: never), or with the last thing added to it.
        """
        ...

    def get(
        self, account: str, conversation_id: str, key: ContentKey | None = None
    ) -> Conversation:
        """Return a conversation."""
        ...

    def update(
        self,
        account: str,
        conversation_id: str,
        metadata: Mapping[str, str],
        key: ContentKey | None = None,
    ) -> Conversation:
        """Replace a conversation's metadata; return the conversation."""
        ...

    def delete(self, account: str, conversation_id: str, key: ContentKey | None = None) -> None:
        """Hide a conversation; responses that were made in it keep their context."""
        ...

    def append(
        self,
        account: str,
        conversation_id: str,
        entry_id: str,
        items: tuple[Item, ...],
        expires_at: int | None = None,
        key: ContentKey | None = None,
    ) -> None:
        """Append items in one step; `entry_id` (ids.alone_id) is that of their entry.

        They expire at `expires_at` (Unix seconds), None for never.
        """
        ...

    def items(
        self, account: str, conversation_id: str, query: PageQuery, key: ContentKey | None = None
    ) -> Page:
        """Return a page of a conversation's items.

        Raises InvalidRequest (param after or before) if the list has no such item.
        """
        ...

    def item(
        self, account: str, conversation_id: str, item_id: str, key: ContentKey | None = None
    ) -> Item:
        """Return one item. Raises NotFound (code item_not_found)."""
        ...

    def remove_item(
        self, account: str, conversation_id: str, item_id: str, key: ContentKey | None = None
    ) -> Conversation:
        """Remove an item; return the conversation. Earlier turns have seen it.

        Raises NotFound (code item_not_found).
        """
        ...

    def owner(self, conversation_id: str) -> str | None:
        """Return the account that owns a conversation; None if it is unknown or deleted."""
        ...

    def walk(self, account: str) -> Iterator[Conversation]:
        """Yield an account's conversations, oldest first, for its operator."""
        ...

    def context(self, account: str, conversation_id: str, key: ContentKey | None = None) -> Context:
        """Return the context for a turn in the conversation, in at most two round trips."""
        ...
