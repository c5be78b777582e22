"""What a store of conversations must be able to do."""

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
    return NotFound(
        f"Conversation with id '{conversation_id}' not found.", code="conversation_not_found"
    )


def plain_conversation() -> InvalidRequest:
    """Return the error for what a key is to encrypt, in a conversation that has none (N14)."""
    return InvalidRequest(
        "This conversation was made without an encryption key, so nothing in it is encrypted: send "
        "no key, or make a conversation with it.",
        param="conversation",
        code="invalid_encryption_key",
    )


def encrypted_conversation() -> InvalidRequest:
    """Return the error for what is to be written without the key of a conversation (N14)."""
    return InvalidRequest(
        "This conversation is encrypted: send the x-encryption-key, or the "
        "x-encryption-passphrase, that it was made with.",
        param="conversation",
        code="invalid_encryption_key",
    )


class ConversationStore(Protocol):
    """Keeps conversations by id, for one account each; a foreign id is an unknown id.

    So is one that was encrypted to whoever reads or deletes it without its key. What is to be
    written with another key than its own, or with one where it has none, is InvalidRequest: of
    `append`, `update`, `remove_item`, and of `context`, from which a response goes on.

    What responses bring to them is kept by the store of responses, in the step that stores these.
    Every method but `create` raises NotFound (code conversation_not_found) for an id that is
    unknown, deleted or another account's; each raises StorageUnavailable when Redis is unreachable.
    What is repeated after that does not happen twice.
    """

    def create(
        self,
        account: str,
        conversation: Conversation,
        items: tuple[Item, ...],
        expires_at: int | None = None,
        key: ContentKey | None = None,
    ) -> None:
        """Begin a conversation with these items.

        It expires then, in Unix seconds, None for never, or with the last of what comes to it.
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
        """Replace a conversation's metadata; return it."""
        ...

    def delete(self, account: str, conversation_id: str, key: ContentKey | None = None) -> None:
        """Hide a conversation; responses that were made in it keep what they have seen."""
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
        """Add items at the end, in one step; `entry_id` (ids.alone_id) is theirs together.

        They expire then, in Unix seconds, None for never.
        """
        ...

    def items(
        self, account: str, conversation_id: str, query: PageQuery, key: ContentKey | None = None
    ) -> Page:
        """Return a page of a conversation's items.

        Raises InvalidRequest (param after or before) where the list has no such item.
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
        """Take an item out; return the conversation. Turns before have seen it.

        Raises NotFound (code item_not_found).
        """
        ...

    def owner(self, conversation_id: str) -> str | None:
        """Return whose conversation it is; None where it is unknown or deleted."""
        ...

    def walk(self, account: str) -> Iterator[Conversation]:
        """Yield an account's conversations, oldest first, for its operator."""
        ...

    def context(self, account: str, conversation_id: str, key: ContentKey | None = None) -> Context:
        """Return what a turn in the conversation starts from, in two round trips at most."""
        ...
