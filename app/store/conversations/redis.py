"""Conversations in Redis: log 0 of a conversation's index (responses/lua/conversation.lua).

A conversation that is created with one item and then continued by a response is a log of two
entries: the item alone, and the response's turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from redis.cluster import RedisCluster

from app.domain.accounts.content_key import OPERATOR_KEY, ContentKey, check_value
from app.domain.ids import alone_id, tag_of
from app.domain.items import Item
from app.domain.tools import FunctionTool
from app.domain.turns.conversation import Conversation
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Context, Position
from app.errors import InvalidRequest, NotFound, RequestTooLarge
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER, Command, Safety
from app.store.connection.script import Script
from app.store.conversations.base import (
    encrypted_conversation,
    plain_conversation,
    unknown_conversation,
)
from app.store.conversations.codec import conversation_of, identity, packed_metadata
from app.store.conversations.scripts import APPEND, CREATE, GET, HIDE, REMOVE_ITEM, UPDATE
from app.store.conversations.walking import walk
from app.store.keys import Keys, list_score
from app.store.responses.chains import WHOLE, Chains, PagedChain
from app.store.responses.entries import Entries
from app.store.responses.packed.entry_parts import MARK
from app.store.responses.packed.homes import ItemHomes, homes_of, name_of
from app.store.responses.packed.packed_turn import terms
from app.store.responses.paging import find, page
from app.store.responses.stored_bytes import StoredBytes
from app.store.room import BorrowedRoom, Room, unbounded

#: Reply of programs that refuse to write with a key into a conversation without one.
_PLAIN = -1


class RedisConversationStore:
    """Implements ConversationStore on any Redis >= 6.2, Sentinel and Cluster included.

    `safety` says how many replicas must have a write before it counts as done. Long data is read
    once there is `room` for it.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        safety: Safety = ONE_SERVER,
        now: Callable[[], float] = time.time,
        room: Room = unbounded,
    ) -> None:
        self._redis: Any = client
        self._is_cluster = isinstance(client, RedisCluster)
        self._keys = Keys(prefix)
        self._room = room
        self._entries = Entries(room)
        self._chains = Chains(client, self._keys, room)
        self._homes = ItemHomes(client, self._keys)
        self._stored = StoredBytes(client, self._keys)
        self._safety = safety
        self._now = now

    def create(
        self,
        account: str,
        conversation: Conversation,
        items: tuple[Item, ...],
        expires_at: int | None = None,
        key: ContentKey | None = None,
    ) -> None:
        """Create a conversation with these items."""
        tag, begun = tag_of(conversation.id) or "", conversation.created_at
        score = list_score(begun, self._now())
        lists = self._keys.conversations(account), self._keys.named(account)
        keys = [self._keys.index(tag), *self._stored.keys(account)]
        enter = [("ZADD", lists[0], begun, tag), ("ZADD", lists[1], score, conversation.id)]
        if not self._is_cluster:  # where the account's lists may be on other servers
            keys, enter = [*keys, *lists], []
        entry_id = alone_id(conversation.id.replace("conv_", "resp_", 1))
        entry = self._entries.items_alone(items, entry_id, key) if items else b""
        call = CREATE(
            keys,
            (
                account,
                conversation.id,
                begun,
                packed_metadata(conversation.id, conversation.metadata, key),
                tag,
                entry_id,
                entry,
                "" if expires_at is None else expires_at,
                check_value(key, conversation.id),
                check_value(key, entry_id),
                score,
            ),
        )
        with translated():
            homes = self._homes.entering(account, homes_of(entry_id, items, key))
            marks = self._expiring(expires_at, conversation.id, *([entry_id] if items else []))
            *_, size = self._safety.run(self._redis, *enter, *homes, *marks, call)
            self._stored.follow(account, size)

    def get(
        self, account: str, conversation_id: str, key: ContentKey | None = None
    ) -> Conversation:
        """Return a conversation."""
        with translated():
            arguments = (account, conversation_id, check_value(key, conversation_id))
            reply = GET((self._index(conversation_id),), arguments).run(self._redis)
        return conversation_of(conversation_id, reply, key)

    def update(
        self,
        account: str,
        conversation_id: str,
        metadata: Mapping[str, str],
        key: ContentKey | None = None,
    ) -> Conversation:
        """Replace a conversation's metadata; return the conversation."""
        packed = packed_metadata(conversation_id, metadata, key)
        reply = self._written(UPDATE, account, conversation_id, key, packed)
        with translated():
            self._stored.follow(account, reply[2])
        return conversation_of(conversation_id, reply[:2], key)

    def delete(self, account: str, conversation_id: str, key: ContentKey | None = None) -> None:
        """Hide a conversation; responses that were made in it keep their context."""
        now = int(self._now())
        # First add it to the purge index: an entry without effect does no harm.
        mark = ("ZADD", self._keys.deleted, now, conversation_id)
        self.get(account, conversation_id, key)
        self._written(HIDE, account, conversation_id, key, now, before=[mark])
        with translated():
            self._redis.zrem(self._keys.named(account), conversation_id)

    def append(
        self,
        account: str,
        conversation_id: str,
        entry_id: str,
        items: tuple[Item, ...],
        expires_at: int | None = None,
        key: ContentKey | None = None,
    ) -> None:
        """Append items in one step; `entry_id` (ids.alone_id) is that of their entry."""
        homes = self._homes.entering(account, homes_of(entry_id, items, key))
        before = [*homes, *self._expiring(expires_at, entry_id)]
        arguments = (
            entry_id,
            self._entries.items_alone(items, entry_id, key),
            terms(int(self._now())),
            "" if expires_at is None else expires_at,
            check_value(key, entry_id),
        )
        size = self._written(APPEND, account, conversation_id, key, *arguments, before=before)
        with translated():
            self._stored.follow(account, size)

    def items(
        self, account: str, conversation_id: str, query: PageQuery, key: ContentKey | None = None
    ) -> Page:
        """Return a page of a conversation's items.

        It takes one round trip, one more for each of `after` and `before`, and more if turns are
        many or long.
        """
        return page(self._listed(account, conversation_id, key), query)

    def item(
        self, account: str, conversation_id: str, item_id: str, key: ContentKey | None = None
    ) -> Item:
        """Return one item."""
        chain = self._listed(account, conversation_id, key)
        unknown = NotFound(
            f"Item with id '{item_id}' not found in this conversation.",
            param="item_id",
            code="item_not_found",
        )
        try:
            cursor = find(chain, item_id, "item_id")
        except RequestTooLarge:
            raise
        except InvalidRequest:
            raise unknown from None
        (turn,) = chain.read(cursor.depth, cursor.depth).turns
        for item in turn:
            if item is not None and item.id == item_id:
                return item
        raise unknown  # it was removed meanwhile

    def remove_item(
        self, account: str, conversation_id: str, item_id: str, key: ContentKey | None = None
    ) -> Conversation:
        """Remove an item; return the conversation. Earlier turns have seen it."""
        try:
            self.item(account, conversation_id, item_id, key)
        except NotFound as missing:
            if missing.code == "item_not_found":
                raise
            raise self._refusal(account, conversation_id) from None
        name = name_of(item_id, key)
        reply = self._written(REMOVE_ITEM, account, conversation_id, key, name, MARK)
        return conversation_of(conversation_id, reply, key)

    def owner(self, conversation_id: str) -> str | None:
        """Return the account that owns a conversation; None if it is unknown or deleted."""
        if tag_of(conversation_id) is None:
            return None
        with translated():
            account, value = self._redis.hmget(
                self._index(conversation_id), "account", "conversation"
            )
        known = identity(value)
        return account.decode() if known and known[0] == conversation_id else None

    def walk(self, account: str) -> Iterator[Conversation]:
        """Yield an account's conversations, oldest first, for its operator."""
        return walk(self._redis, self._keys.conversations(account), self._keys, self._now)

    def context(self, account: str, conversation_id: str, key: ContentKey | None = None) -> Context:
        """Return the context for a turn in the conversation, in at most two round trips."""
        found = self._chains.find(account, conversation_id, WHOLE, key=key)
        if found is None:
            raise self._refusal(account, conversation_id)
        if key is not None and not found.is_encrypted:
            raise plain_conversation()
        tag = tag_of(conversation_id) or ""
        items, inputs = self._entries.all_items(found.entries, found.gone, key, tag)
        purged = self._entries.purged(found.entries)
        tools: Collection[FunctionTool] = ()
        if found.turn:  # it is among the last entries
            tools = self._entries.tools(found.turn, found.common, key, tag)
        if found.borrowed is not None:
            found.borrowed.give_back()
        position = Position("0", found.position.depth)
        return Context(tuple(items), tools, position, tuple(inputs), purged)

    def _listed(self, account: str, conversation_id: str, key: ContentKey | None) -> PagedChain:
        unknown = unknown_conversation(conversation_id)
        room = BorrowedRoom(self._room)
        return PagedChain(self._chains, self._entries, account, conversation_id, unknown, key, room)

    def _written(
        self,
        script: Script,
        account: str,
        conversation_id: str,
        key: ContentKey | None,
        *arguments: str | bytes | int,
        before: Sequence[Command] = (),
    ) -> Any:
        """Run a program that writes, and return its reply.

        Raises NotFound if there is no such conversation, and InvalidRequest if it has another key,
        or none while one was sent.
        """
        keys = (self._index(conversation_id), *self._stored.keys(account))
        check = check_value(key, conversation_id)
        call = script(keys, (account, conversation_id, *arguments, check))
        with translated():
            *_, reply = self._safety.run(self._redis, *before, call)
        if script is HIDE and not reply:
            raise unknown_conversation(conversation_id)
        if reply is None:
            raise self._refusal(account, conversation_id)
        if reply == _PLAIN:
            raise plain_conversation()
        return reply

    def _refusal(self, account: str, conversation_id: str) -> NotFound | InvalidRequest:
        """Return why a write was refused: no such conversation for this account, or another key."""
        try:
            self.get(account, conversation_id, OPERATOR_KEY)
        except NotFound as unknown:
            return unknown
        return encrypted_conversation()

    def _index(self, conversation_id: str) -> str:
        tag = tag_of(conversation_id)
        if tag is None:  # the id was not minted by this gateway
            raise unknown_conversation(conversation_id)
        return self._keys.index(tag)

    def _expiring(self, at: int | None, *ids: str) -> list[Command]:
        """Return the command that records when these expire, if they do."""
        if at is None:
            return []
        return [("ZADD", self._keys.expiring, *(part for each in ids for part in (at, each)))]
