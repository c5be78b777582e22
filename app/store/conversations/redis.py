"""Conversations in Redis: log 0 of a conversation's index, as responses/lua/conversation.lua says.

`{"id": "conv_…"}` made with one item and then continued by a response is a log of two entries: the
item alone, and the response's turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
from redis.cluster import RedisCluster

from app.domain.ids import alone_id, home_of, tag_of
from app.domain.items import Item
from app.domain.tools import FunctionTool, functions_of
from app.domain.turns.conversation import Conversation
from app.domain.turns.page import Page, PageQuery
from app.domain.turns.turn import Context, Position
from app.errors import InvalidRequest, NotFound
from app.schemas.wire.tools import TOOL
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER, Command, Safety
from app.store.connection.script import Script, run_all
from app.store.conversations.base import unknown_conversation
from app.store.conversations.scripts import APPEND, CREATE, GET, HIDE, REMOVE_ITEM, UPDATE
from app.store.keys import Keys
from app.store.responses.chains import WHOLE, ChainPart, Chains, PagedChain
from app.store.responses.entries import MARK, Entries
from app.store.responses.paging import find, page
from app.store.responses.purge_marks import terms
from app.store.responses.stored_bytes import StoredBytes

#: So many conversations are looked at in one round trip.
AT_ONCE = 100


class RedisConversationStore:
    """Implements ConversationStore on any Redis >= 6.2, Sentinel and Cluster included.

    `safety` says how many replicas must have a write before it counts as done.
    """

    def __init__(
        self,
        client: Client,
        prefix: str,
        safety: Safety = ONE_SERVER,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._redis: Any = client
        self._is_cluster = isinstance(client, RedisCluster)
        self._keys = Keys(prefix)
        self._entries = Entries()
        self._chains = Chains(client, self._keys)
        self._stored = StoredBytes(client, self._keys)
        self._safety = safety
        self._now = now

    def create(
        self,
        account: str,
        conversation: Conversation,
        items: tuple[Item, ...],
        expires_at: int | None = None,
    ) -> None:
        """Begin a conversation with these items."""
        tag, begun = tag_of(conversation.id) or "", conversation.created_at
        keys = [self._keys.index(tag), *self._stored.keys(account)]
        enter: list[Command] = []
        if self._is_cluster:  # where the account's list has another server
            enter = [("ZADD", self._keys.conversations(account), begun, tag)]
        else:
            keys.append(self._keys.conversations(account))
        entry_id = alone_id(conversation.id.replace("conv_", "resp_", 1))
        entry = self._entries.items_alone(items) if items else b""
        call = CREATE(
            keys,
            (
                account,
                conversation.id,
                begun,
                orjson.dumps(conversation.metadata),
                tag,
                entry_id,
                entry,
                "" if expires_at is None else expires_at,
            ),
        )
        with translated():
            homes = self._homes_of(account, entry_id, items)
            marks = self._expiring(expires_at, conversation.id, *([entry_id] if items else []))
            *_, size = self._safety.run(self._redis, *enter, *homes, *marks, call)
            self._stored.follow(account, size)

    def get(self, account: str, conversation_id: str) -> Conversation:
        """Return a conversation."""
        with translated():
            reply = GET((self._index(conversation_id),), (account, conversation_id)).run(
                self._redis
            )
        return _conversation(conversation_id, reply)

    def update(
        self, account: str, conversation_id: str, metadata: Mapping[str, str]
    ) -> Conversation:
        """Replace a conversation's metadata; return it."""
        reply = self._written(UPDATE, account, conversation_id, orjson.dumps(metadata))
        with translated():
            self._stored.follow(account, reply[2])
        return _conversation(conversation_id, reply[:2])

    def delete(self, account: str, conversation_id: str) -> None:
        """Hide a conversation; responses that were made in it keep what they have seen."""
        now = int(self._now())
        # First where a purge will look for it: a mark without effect does no harm.
        mark = ("ZADD", self._keys.deleted, now, conversation_id)
        self.get(account, conversation_id)
        self._written(HIDE, account, conversation_id, now, before=(mark,))

    def append(
        self,
        account: str,
        conversation_id: str,
        entry_id: str,
        items: tuple[Item, ...],
        expires_at: int | None = None,
    ) -> None:
        """Add items at the end, in one step; `entry_id` (ids.alone_id) is theirs together."""
        before = self._homes_of(account, entry_id, items) + self._expiring(expires_at, entry_id)
        entry, about = self._entries.items_alone(items), terms(int(self._now()))
        expires: int | str = "" if expires_at is None else expires_at
        arguments = (entry_id, entry, about, expires)
        size = self._written(APPEND, account, conversation_id, *arguments, before=before)
        with translated():
            self._stored.follow(account, size)

    def items(self, account: str, conversation_id: str, query: PageQuery) -> Page:
        """Return a page of a conversation's items.

        It takes one round trip, and one more for each of `after` and `before`.
        """
        return page(self._listed(account, conversation_id), query)

    def item(self, account: str, conversation_id: str, item_id: str) -> Item:
        """Return one item."""
        chain = self._listed(account, conversation_id)
        try:
            cursor = find(chain, item_id, "item_id")
        except InvalidRequest:
            raise NotFound(
                f"Item with id '{item_id}' not found in this conversation.",
                param="item_id",
                code="item_not_found",
            ) from None
        (turn,) = chain.read(cursor.depth, cursor.depth).turns
        return turn[cursor.offset]

    def remove_item(self, account: str, conversation_id: str, item_id: str) -> Conversation:
        """Take an item out; return the conversation. Turns before have seen it."""
        self.item(account, conversation_id, item_id)
        reply = self._written(REMOVE_ITEM, account, conversation_id, item_id, MARK)
        return _conversation(conversation_id, reply)

    def owner(self, conversation_id: str) -> str | None:
        """Return whose conversation it is; None where it is unknown or deleted."""
        if tag_of(conversation_id) is None:
            return None
        with translated():
            account, value = self._redis.hmget(
                self._index(conversation_id), "account", "conversation"
            )
        known = _identity(value)
        return account.decode() if known and known[0] == conversation_id else None

    def walk(self, account: str) -> Iterator[Conversation]:
        """Yield an account's conversations, oldest first, for its operator."""
        key, seen = self._keys.conversations(account), 0
        while True:
            with translated():
                tags = self._redis.zrange(key, seen, seen + AT_ONCE - 1)
                names = ("conversation", "metadata")
                keys = [self._keys.index(tag.decode()) for tag in tags]
                replies = run_all(self._redis, [("HMGET", key, *names) for key in keys])
                ends = run_all(
                    self._redis, [("ZSCORE", f"{key}:expiring", names[0]) for key in keys]
                )
            for (value, metadata), end in zip(replies, ends, strict=True):
                is_expired = end is not None and float(end) <= self._now()
                if not is_expired and (known := _identity(value)):
                    yield _conversation(known[0], (known[1], metadata))
            seen += len(tags)
            if len(tags) < AT_ONCE:
                return

    def context(self, account: str, conversation_id: str) -> Context:
        """Return what a turn in the conversation starts from, in two round trips at most."""
        found = self._chains.find(account, conversation_id, *WHOLE)
        if found is None:
            raise unknown_conversation(conversation_id)
        items, inputs = self._entries.all_items(found.entries, found.gone)
        purged = self._entries.purged(found.entries)
        tools = self._tools(found, account)
        position = Position("0", found.position.depth)
        return Context(tuple(items), tools, position, tuple(inputs), purged)

    def _tools(self, found: ChainPart, account: str) -> tuple[FunctionTool, ...]:
        """Return the tools of the last turn, if it is one of the last entries (S6)."""
        if not found.turn:
            return ()
        turn = self._entries.turn(found.turn, account, "", None, found.common)
        return functions_of(map(TOOL.load, turn.response.echo["tools"]))

    def _listed(self, account: str, conversation_id: str) -> PagedChain:
        unknown = unknown_conversation(conversation_id)
        return PagedChain(self._chains, self._entries, account, conversation_id, unknown)

    def _written(
        self,
        script: Script,
        account: str,
        conversation_id: str,
        *arguments: str | bytes | int,
        before: tuple[Command, ...] = (),
    ) -> Any:
        """Return the reply of a program that writes. Raises NotFound where that is nothing."""
        keys = (self._index(conversation_id), *self._stored.keys(account))
        call = script(keys, (account, conversation_id, *arguments))
        with translated():
            *_, reply = self._safety.run(self._redis, *before, call)
        if reply is None or (script is HIDE and not reply):
            raise unknown_conversation(conversation_id)
        return reply

    def _index(self, conversation_id: str) -> str:
        tag = tag_of(conversation_id)
        if tag is None:  # it is not one that this gateway has minted
            raise unknown_conversation(conversation_id)
        return self._keys.index(tag)

    def _expiring(self, at: int | None, *ids: str) -> tuple[Command, ...]:
        """Return the command that enters when these expire, if they do."""
        if at is None:
            return ()
        return (("ZADD", self._keys.expiring, *(part for each in ids for part in (at, each))),)

    def _homes_of(
        self, account: str, entry_id: str, items: tuple[Item, ...]
    ) -> tuple[Command, ...]:
        """Return the command that enters where items are whose ids do not say so, if any are."""
        own = entry_id.removeprefix("items_")
        homeless = [item.id for item in items if own not in item.id and home_of(item.id) is None]
        if not homeless:
            return ()
        homes = [part for item_id in homeless for part in (item_id, entry_id)]
        return (("HSET", self._keys.homes(account), *homes),)


def _identity(value: bytes | None) -> tuple[str, str] | None:
    """Return the id and the time of an index's `conversation`, if it is not deleted."""
    if value is None:
        return None
    conversation_id, created_at, deleted_at = value.decode().split(":")
    return None if deleted_at else (conversation_id, created_at)


def _conversation(conversation_id: str, reply: Any) -> Conversation:
    if reply is None:
        raise unknown_conversation(conversation_id)
    created_at, metadata = reply
    return Conversation(conversation_id, int(created_at), orjson.loads(metadata or b"{}"))
