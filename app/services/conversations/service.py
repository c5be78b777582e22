"""Creates, reads, changes and deletes conversations, and returns the context for responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from app.domain.accounts.accounts import Caller
from app.domain.accounts.content_key import OPERATOR_KEY, ContentKey
from app.domain.hosted.item import HostedItem
from app.domain.ids import IdGenerator, alone_id, is_conversation_id, tag_of
from app.domain.items import InputItem, Item, ItemReference
from app.domain.response import Response, Status, expiry
from app.domain.turns.conversation import Conversation
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.repeats import looked_up, under_new_id, with_payload
from app.domain.turns.turn import Context
from app.errors import NotFound, PermissionDenied
from app.services.accounts.permissions import (
    refuse_read_only,
    refuse_unstored,
    well_formed_conversation,
)
from app.services.accounts.storage_quota import refuse_full_account
from app.services.answering.plain_reasoning import visible_item
from app.store.conversations.base import ConversationStore, unknown_conversation
from app.store.responses.base import ResponseStore


class Conversations:
    """The service behind /v1/conversations.

    `deliver` moves the answers of a conversation, given its tag, from this machine's spool into the
    store. `now` returns Unix seconds. Every method raises InvalidRequest for a malformed id,
    NotFound for one that is unknown, deleted or another account's, and StorageUnavailable when the
    store is unreachable.
    """

    def __init__(
        self,
        conversations: ConversationStore,
        responses: ResponseStore,
        ids: IdGenerator,
        deliver: Callable[[str], None],
        now: Callable[[], int],
    ) -> None:
        self._conversations = conversations
        self._responses = responses
        self._ids = ids
        self._deliver = deliver
        self._now = now

    def create(
        self, caller: Caller, metadata: Mapping[str, str], given: tuple[InputItem, ...]
    ) -> Conversation:
        """Create a conversation with these items.

        Raises:
            PermissionDenied, RateLimited: the key may only read, or the account stores nothing; its
                quota is used up.
            NotFound: an item_reference names no stored item.
        """
        self._refuse(caller)
        conversation = Conversation(
            self._ids.new_id("conv", self._ids.new_tag()), self._now(), metadata
        )
        stem = conversation.id.replace("conv_", "resp_", 1)
        items = self._with_ids(caller, given, stem, "items")
        account, expires_at = caller.account, expiry(conversation.created_at, caller.retention_days)
        self._conversations.create(account, conversation, items, expires_at, caller.content_key)
        return conversation

    def get(self, caller: Caller, conversation_id: str) -> Conversation:
        """Return a conversation."""
        known = well_formed_conversation(conversation_id)
        return self._conversations.get(caller.account, known, caller.content_key)

    def update(
        self, caller: Caller, conversation_id: str, metadata: Mapping[str, str]
    ) -> Conversation:
        """Replace a conversation's metadata. Raises PermissionDenied."""
        refuse_read_only(caller)
        refuse_unstored(caller)
        account, known = caller.account, well_formed_conversation(conversation_id)
        return self._conversations.update(account, known, metadata, caller.content_key)

    def delete(self, caller: Caller, conversation_id: str) -> None:
        """Hide a conversation; its responses stay. Raises PermissionDenied."""
        refuse_read_only(caller)
        known = well_formed_conversation(conversation_id)
        self._conversations.delete(caller.account, known, caller.content_key)

    def add(
        self, caller: Caller, conversation_id: str, given: tuple[InputItem, ...]
    ) -> tuple[Item, ...]:
        """Add items at the end, in one step; return them. Raises as `create` does."""
        self._refuse(caller)
        tag = self._delivered(well_formed_conversation(conversation_id))
        stem = self._ids.new_id("resp", tag)
        items = self._with_ids(caller, given, stem, "items")
        expires_at = expiry(self._now(), caller.retention_days)
        self._append(caller, conversation_id, alone_id(stem), items, expires_at)
        return items

    def append_unkept(self, caller: Caller, given: tuple[Item, ...], response: Response) -> None:
        """Add the input and the output of a response that is not stored, in one step (N11).

        They are kept for as many days as its request says, or else its account.
        """
        conversation_id = response.echo["conversation"]["id"]
        items = given + response.output
        days = response.echo.get("retention_days")
        expires_at = expiry(response.created_at, days or caller.retention_days)
        self._append(caller, conversation_id, alone_id(response.id), items, expires_at)

    def _append(
        self,
        caller: Caller,
        conversation_id: str,
        entry_id: str,
        items: tuple[Item, ...],
        expires_at: int | None,
    ) -> None:
        account, key = caller.account, caller.content_key
        self._conversations.append(account, conversation_id, entry_id, items, expires_at, key)

    def items(
        self, caller: Caller, conversation_id: str, query: PageQuery, include: frozenset[str]
    ) -> Page:
        """Return a page of the items; opaque reasoning only if `include` names it.

        Raises InvalidRequest (param after or before) if the list has no such item.
        """
        self._delivered(well_formed_conversation(conversation_id))
        page = self._conversations.items(caller.account, conversation_id, query, caller.content_key)
        return Page(tuple(map(visible_item(include), page.items)), page.has_more)

    def item(
        self, caller: Caller, conversation_id: str, item_id: str, include: frozenset[str]
    ) -> Item:
        """Return one item. Raises NotFound (code item_not_found)."""
        self._delivered(well_formed_conversation(conversation_id))
        item = self._conversations.item(
            caller.account, conversation_id, item_id, caller.content_key
        )
        return visible_item(include)(item)

    def remove_item(self, caller: Caller, conversation_id: str, item_id: str) -> Conversation:
        """Remove an item; return the conversation.

        Raises PermissionDenied, and NotFound (code item_not_found).
        """
        refuse_read_only(caller)
        self._delivered(well_formed_conversation(conversation_id))
        account, key = caller.account, caller.content_key
        return self._conversations.remove_item(account, conversation_id, item_id, key)

    def operator_of(self, conversation_id: str) -> Caller:
        """Return a caller with all rights of its account over a conversation."""
        account = self._conversations.owner(well_formed_conversation(conversation_id))
        if account is None:
            raise unknown_conversation(conversation_id)
        return Caller(account=account, key_id="operator", content_key=OPERATOR_KEY)

    def walk(self, account: str) -> Iterator[Conversation]:
        """Yield an account's conversations, oldest first, for its operator."""
        return self._conversations.walk(account)

    def context(self, account: str, conversation_id: str, key: ContentKey | None = None) -> Context:
        """Return the context for a response in the conversation.

        Raises InvalidRequest for a key if the conversation is not encrypted (N14).
        """
        self._delivered(conversation_id)
        try:
            return self._conversations.context(account, conversation_id, key)
        except NotFound as unknown:
            raise NotFound(unknown.message, param="conversation", code=unknown.code) from None

    def _delivered(self, conversation_id: str) -> str:
        """Deliver what this machine has spooled of the conversation; return its tag."""
        tag = tag_of(conversation_id)
        if tag is None:
            return self._ids.new_tag()  # it is unknown, as the store will say
        self._deliver(tag)
        return tag

    def _refuse(self, caller: Caller) -> None:
        refuse_read_only(caller)
        refuse_unstored(caller)
        if caller.retention_days == 0:
            raise PermissionDenied(
                "This account keeps nothing: its retention is 0 days. Send the items with each "
                "request."
            )
        refuse_full_account(self._responses, caller)

    def _with_ids(
        self, caller: Caller, given: tuple[InputItem, ...], stem: str, path: str
    ) -> tuple[Item, ...]:
        """Return the items with ids of their own, as ids are unique within a list.

        References are resolved, so that the conversation has a copy. Reasoning without its payload
        gets the one that is stored under its id (S5).
        """
        wanted = looked_up(given, {})
        stored: Mapping[str, Item] = {}
        if wanted:
            stored = self._responses.items(caller.account, wanted, caller.content_key)
        items: list[Item] = []
        mint = self._ids.item_minter(stem)
        new_ids: dict[str, str] = {}
        for index, item in enumerate(given):
            if isinstance(item, ItemReference):
                if item.id not in stored:
                    raise NotFound(
                        f"Item with id '{item.id}' not found: send the item itself.",
                        param=f"{path}[{index}].id",
                        code="item_not_found",
                    )
                item = stored[item.id]
            else:
                item = with_payload(item, stored.get(item.id))
            renewed = under_new_id(item, mint)
            new_ids[item.id] = renewed.id
            items.append(renewed.renamed(new_ids) if isinstance(renewed, HostedItem) else renewed)
        return tuple(items)


def context_of(
    conversations: Conversations,
    of_response: Callable[[str, str, ContentKey | None], Context | Status],
) -> Callable[[str, str, ContentKey | None], Context | Status]:
    """Return a function that reads the context of a conversation or of a response."""

    def read(account: str, any_id: str, key: ContentKey | None) -> Context | Status:
        if is_conversation_id(any_id):
            return conversations.context(account, any_id, key)
        return of_response(account, any_id, key)

    return read
