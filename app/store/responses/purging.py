"""Purges one response, or one conversation, in an order that leaves nothing behind if interrupted.

What is left is its place, which later turns count from, and a record that it existed. Whoever
purges may be killed between any two steps: the entry by which a step was found is removed after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.ids import UNIQUE_LENGTH, is_conversation_id, tag_of
from app.store.connection.client import Client
from app.store.connection.replication import Command, Safety
from app.store.connection.script import run_all
from app.store.keys import Keys
from app.store.responses.archive_base import Purged
from app.store.responses.entries import Entries
from app.store.responses.layout import Layout, layout_of
from app.store.responses.packed.entry_parts import PURGED, is_sealed
from app.store.responses.packed.homes import ItemHomes
from app.store.responses.scripts import (
    ERASE,
    ERASE_EMPTY,
    HIDDEN,
    INDEX,
    PURGE,
    PURGE_CONVERSATION,
)
from app.store.responses.stored_bytes import StoredBytes


class Purging:
    """Purges on any Redis >= 6.2, Cluster included. Methods raise what redis-py raises.

    The index entry by which it was found stays: the caller removes it last. `safety` says how many
    replicas must confirm a destruction.
    """

    def __init__(self, client: Client, keys: Keys, safety: Safety) -> None:
        self._redis: Any = client
        self._safety = safety
        self._keys = keys
        self._entries = Entries()
        self._homes = ItemHomes(client, keys)
        self._stored = StoredBytes(client, keys)

    def purge(
        self, any_id: str, now: int, hidden_before: int | None = None, *, asks: bool = True
    ) -> Purged | None:
        """Purge a response, items without one, or a conversation; times are Unix seconds.

        With `hidden_before`, purge only what was deleted, or has expired, before that time. Returns
        None if it must not be purged now: it is not hidden, or has not ended. With `asks`, the
        result says whether anything is left of its conversation.
        """
        tag = tag_of(any_id)
        if tag is None:
            return Purged(any_id)
        if is_conversation_id(any_id):
            return self._purge_conversation(tag, any_id, now, hidden_before, asks=asks)
        before = "" if hidden_before is None else hidden_before
        found = HIDDEN((self._keys.index(tag),), (any_id, before)).run(self._redis)
        if not isinstance(found, list):
            return Purged(any_id) if found is None else None
        account, entry, terms = found[0].decode(), found[1], found[2].decode()
        hidden_at = int(found[3] or now)
        self._leave_homes(account, any_id, entry)
        at = now if hidden_before is None else ""
        _, is_empty = self._destroy(PURGE, account, tag, any_id, at, int(asks))
        is_news, user_hash = entry != PURGED, terms.partition(":")[2]
        return Purged(
            any_id,
            account,
            is_news,
            hidden_at if is_empty else None,
            user_hash if terms or is_news else None,
        )

    def _purge_conversation(
        self,
        tag: str,
        conversation_id: str,
        now: int,
        hidden_before: int | None,
        *,
        asks: bool,
    ) -> Purged | None:
        """Purge a conversation's own content: metadata and items without a response.

        If it never had a response, everything goes, unless `asks` leaves that to the caller.
        """
        layout = self.layout(tag)
        known, account = layout.conversation, layout.account
        if known is None or known.response_id != conversation_id:
            return Purged(conversation_id)
        deleted_at = known.deleted_at
        if hidden_before is not None and (deleted_at is None or deleted_at >= hidden_before):
            return None
        for each in layout.alone:
            self.purge(each.response_id, now, asks=False)
        self._redis.zrem(self._keys.named(account), conversation_id)
        size, is_empty, is_alone = self._destroy(
            PURGE_CONVERSATION, account, tag, conversation_id, now
        )
        if is_alone and is_empty and not asks:
            # First: without the index a repeated purge cannot know these.
            ids = [each.response_id for each in layout.all_records]
            self._redis.zrem(self._keys.expiring, *ids)
            self.erase_empty(account, tag)
        return Purged(conversation_id, account, size > 0, (deleted_at or now) if is_empty else None)

    def settle(self, purged: Sequence[Purged]) -> None:
        """Remove purged responses from lists, once no copies of them are left elsewhere.

        What names them (the request log, webhook deliveries) is searched for many at once: their
        ids are noted for that. Their terms are removed last: a repeated purge needs them.
        """
        marks, terms = list[Command](), list[Command]()
        for each in purged:
            if each.kind != "response" or each.user_hash is None:
                continue
            any_id, index = each.any_id, self._keys.index(tag_of(each.any_id) or "")
            marks.append(("SADD", self._keys.unlogged, any_id))
            marks.append(("ZREM", self._keys.responses(each.account), any_id))
            if each.user_hash:
                marks.append(("SREM", self._keys.user(each.account, each.user_hash), any_id))
            terms.append(("HDEL", index, f"terms:{any_id[-UNIQUE_LENGTH:]}"))
        if marks:
            run_all(self._redis, marks)
            run_all(self._redis, terms)

    def layout(self, tag: str) -> Layout:
        """Return the parsed index of a conversation."""
        return layout_of(tag, *INDEX((self._keys.index(tag),), ()).run(self._redis))

    def erase(self, layout: Layout) -> None:
        """Remove a whole conversation, then its entry in the account's list."""
        self._forget(layout)
        self._destroy(ERASE, layout.account, layout.tag)
        self._redis.zrem(self._keys.conversations(layout.account), layout.tag)

    def erase_empty(self, account: str, tag: str) -> None:
        """Remove a conversation of which only places are left, unless something was added to it."""
        key = self._keys.conversations(account)
        begun = self._redis.zscore(key, tag)
        # First from the account's list: once the conversation is gone, nothing says whose it was.
        self._redis.zrem(key, tag)
        if self._destroy(ERASE_EMPTY, account, tag)[0] is None:
            self._redis.zadd(key, {tag: begun or 0})

    def _destroy(self, script: Any, account: str, tag: str, *arguments: str | int) -> list[Any]:
        """Run a program that destroys something, and lower the account's stored bytes to match."""
        keys = (self._keys.index(tag), *self._stored.keys(account))
        (reply,) = self._safety.run(self._redis, script(keys, arguments))
        result = reply if isinstance(reply, list) else [reply]
        self._stored.follow(account, -(result[0] or 0))
        return result

    def _forget(self, layout: Layout) -> None:
        """Remove what a conversation contains from the lists and the indexes that purges use."""
        account, records, marks = layout.account, layout.all_records, list[Command]()
        ids = [each.response_id for each in records]
        if ids:
            marks.append(("ZREM", self._keys.deleted, *ids))
            marks.append(("ZREM", self._keys.expiring, *ids))
            marks.append(("ZREM", self._keys.responses(account), *ids))
            marks.append(("ZREM", self._keys.named(account), *ids))
        marks += [
            ("SREM", self._keys.user(account, each.user_hash), each.response_id)
            for each in records
            if each.user_hash
        ]
        if marks:
            run_all(self._redis, marks)

    def _leave_homes(self, account: str, any_id: str, entry: bytes) -> None:
        if is_sealed(entry):
            self._homes.leave_encrypted(account, any_id)
            return
        given, made, *_ = self._entries.items(entry)
        self._homes.leave(account, any_id, given + made)
