"""The archive in Redis: lists, exports, purges and erases stored responses for an operator.

Everything works in steps, reports each when it is done, and may be stopped anywhere and started
again. Only Redis is touched: answers in a spool (spool/files.py), and what Redis has written to its
disk, are for the caller to handle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from redis.exceptions import ResponseError

from app.domain.ids import tag_of
from app.domain.turns.turn import Position
from app.store.connection.checks import persistence_of, servers
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER, Safety
from app.store.keys import Keys
from app.store.responses.archive_base import Archived, Purged
from app.store.responses.entries import Entries
from app.store.responses.layout import Layout, Record
from app.store.responses.packed.entry_parts import PURGED, digest_of
from app.store.responses.purging import Purging

#: Number of log entries, or members of a set, that are read at once.
AT_ONCE = 100


class RedisArchive:
    """Implements ArchiveStore on any Redis >= 6.2, Cluster included.

    `safety` says how many replicas must confirm a destruction before it counts as done.
    """

    def __init__(self, client: Client, prefix: str, safety: Safety = ONE_SERVER) -> None:
        self._redis: Any = client
        self._keys = Keys(prefix)
        self._entries = Entries()
        self._purging = Purging(client, self._keys, safety)

    def find(self, response_id: str) -> Archived | None:
        """Return a response of any account, including one that still waits or runs."""
        tag = tag_of(response_id)
        if tag is None:
            return None
        layout = self._layout(tag)
        record = layout.find(response_id)
        if record is None:
            return None
        account = layout.account
        entry = self._entry(tag, record, layout)
        return self._archived(entry, account, record, layout, self._common(tag))

    def _entry(self, tag: str, record: Record, layout: Layout) -> bytes:
        """Return a response's entry; PURGED if it was purged, has expired, or has not ended."""
        position = record.position
        if position.depth < 0 or record.is_expired:
            return PURGED
        at = position.depth - layout.fork_points[position.log].depth - 1
        with translated():
            entry: bytes | None = self._redis.lindex(self._keys.log(tag, position.log), at)
        return entry or PURGED

    def conversations(self, account: str) -> int:
        """Return the number of an account's conversations."""
        with translated():
            return int(self._redis.zcard(self._keys.conversations(account)))

    def responses(self, account: str) -> Iterator[list[Archived]]:
        """Yield an account's conversations, oldest first, each as a list of its responses."""
        key, seen = self._keys.conversations(account), 0
        while tags := self._members(key, seen):
            for tag in tags:
                yield list(self._conversation(account, tag))
            seen += len(tags)

    def _members(self, key: str, seen: int) -> list[str]:
        with translated():
            return [tag.decode() for tag in self._redis.zrange(key, seen, seen + AT_ONCE - 1)]

    def _conversation(self, account: str, tag: str) -> Iterator[Archived]:
        layout, common = self._layout(tag), self._common(tag)
        for log, fork_point in layout.fork_points.items():
            for depth, entry in enumerate(self._log(tag, log), fork_point.depth + 1):
                record = layout.records.get(Position(log, depth))
                if record is None:  # an entry without a response, or one that came during the read
                    continue
                if record.is_expired:
                    entry = PURGED
                yield self._archived(entry, account, record, layout, common)

    def _layout(self, tag: str) -> Layout:
        with translated():
            return self._purging.layout(tag)

    def _common(self, tag: str) -> Mapping[bytes, bytes]:
        with translated():
            common: Mapping[bytes, bytes] = self._redis.hgetall(self._keys.common(tag))
        return common

    def _archived(
        self,
        entry: bytes,
        account: str,
        record: Record,
        layout: Layout,
        common: Mapping[bytes, bytes],
    ) -> Archived:
        turn, created_at = None, None if entry == PURGED else record.created_at
        if entry != PURGED and not record.is_encrypted:
            parent, named = layout.parent(record.position), common.get(digest_of(entry))
            turn = self._entries.turn(entry, account, record.response_id, parent, named)
            created_at = turn.response.created_at  # an earlier release's index lacks it
        return Archived(
            account,
            record.response_id,
            record.status,
            record.deleted_at,
            turn,
            is_encrypted=record.is_encrypted and (entry != PURGED or record.position.depth < 0),
            created_at=created_at,
        )

    def _log(self, tag: str, log: str) -> Iterator[bytes]:
        key, seen = self._keys.log(tag, log), 0
        while True:
            with translated():
                entries = self._redis.lrange(key, seen, seen + AT_ONCE - 1)
            yield from entries
            seen += len(entries)
            if len(entries) < AT_ONCE:
                return

    def purgeable(self, deleted_before: int) -> int:
        """Return the number of responses deleted before this time and not purged yet."""
        with translated():
            return int(self._redis.zcount(self._keys.deleted, "-inf", f"({deleted_before}"))

    def purge(self, deleted_before: int) -> Iterator[Purged]:
        """Purge responses deleted before this time, in Unix seconds; yield each when it is done.

        A tombstone without content stays: the id remains unknown to callers, and turns that
        continue the response lose its items.
        """
        left = 0  # number of ids at the start to be skipped
        while ids := self._deleted(deleted_before, left):
            for response_id in ids:
                with translated():
                    found = self._purging.purge(
                        response_id, deleted_before, deleted_before, asks=False
                    )
                if found is None:  # it is just being deleted
                    left += 1
                else:
                    yield found
                    with translated():
                        self._purging.settle([found])
                        self._redis.zrem(self._keys.deleted, response_id)

    def _deleted(self, before: int, left: int) -> list[str]:
        with translated():
            found = self._redis.zrangebyscore(
                self._keys.deleted, "-inf", f"({before}", start=left, num=AT_ONCE
            )
        return [response_id.decode() for response_id in found]

    def erase(self, account: str, end: Callable[[str], None]) -> Iterator[str]:
        """Destroy everything that an account has stored; yield the tag of each conversation.

        `end` is called first, with the id of each response that waits or runs. Close the account
        beforehand: what it stores meanwhile may survive.
        """
        while tags := self._members(self._keys.conversations(account), 0):
            for tag in tags:
                self._erase(account, tag, end)
                yield tag
        with translated():
            self._redis.unlink(self._keys.homes(account))
            self._redis.unlink(self._keys.responses(account))
            self._redis.unlink(self._keys.named(account))
            self._redis.unlink(self._keys.stored(account))

    def _erase(self, account: str, tag: str, end: Callable[[str], None]) -> None:
        layout = self._layout(tag)
        for record in layout.waiting:
            end(record.response_id)
        with translated():
            self._purging.erase(replace(layout, account=account))

    def rewrite(self) -> bool:
        """Make Redis rewrite its files, so that its disk no longer has what was destroyed.

        Returns False if it cannot start now: a rewrite is in progress, or Redis refuses.
        """
        with translated():
            for server, node in servers(self._redis):
                kept = persistence_of(server, node)
                try:
                    if kept.appends:
                        node.bgrewriteaof()
                    elif kept.snapshots:
                        node.bgsave()
                except ResponseError:
                    return False
        return True
