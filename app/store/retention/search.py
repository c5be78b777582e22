"""Finds what is to be purged: by time of arrival, or by end user.

Both are in a conversation's index (responses/lua/conversation.lua), and conversations are listed by
the time of their first turn: those that began later are not read. The responses of an end user are
in a set of their own. What an earlier release stored has neither: it is read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from app.domain.ids import alone_id, tag_of
from app.domain.response import Response
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.replication import ONE_SERVER
from app.store.connection.script import run_all
from app.store.keys import Keys
from app.store.responses.entries import Entries
from app.store.responses.layout import LISTED, Layout, Record
from app.store.responses.packed.entry_parts import PURGED
from app.store.responses.purging import Purging
from app.store.retention.base import Found

#: Maximum number of conversations, or members of a set, that are read at once.
AT_ONCE = 100
#: Seconds for which an earlier release may have run beside this one.
OVERLAP_S = 7 * 86_400


class RedisPurgeSearch:
    """Implements PurgeSearch on any Redis >= 6.2, Cluster included; `now` returns Unix seconds."""

    def __init__(self, client: Client, prefix: str, now: Callable[[], float] = time.time) -> None:
        self._redis: Any = client
        self._keys = Keys(prefix)
        self._purging = Purging(client, self._keys, ONE_SERVER)
        self._entries = Entries()
        self._now = now

    def created_before(self, account: str, before: int) -> Iterator[Found]:
        """Yield what was stored before this time; a conversation comes after its content."""
        for tag in self.tags(account, before):
            layout = self.layout(tag)
            times = dict(self.times(layout))
            for record, created_at in times.items():
                if created_at is not None and created_at < before:
                    is_pending = record.position.depth < 0
                    yield Found(account, record.response_id, is_pending)
            whole = layout.conversation
            is_old = all(at is not None and at < before for at in times.values())
            if whole is not None and whole.status == LISTED and is_old:
                yield Found(account, whole.response_id)

    def of_user(
        self, account: str, user: str, user_hash: str, *, is_to_purge: bool = False
    ) -> Iterator[Found]:
        """Yield the responses to requests of this end user."""
        yield from self._marked(account, user_hash, is_to_purge=is_to_purge)
        since = self._marked_since(is_to_purge=is_to_purge)
        for tag in self.tags(account, since + OVERLAP_S):
            layout = self.layout(tag)
            unmarked = [each for each in layout.records.values() if each.created_at is None]
            for record, response in self._responses(layout, unmarked):
                echo = response.echo
                if user == (echo.get("safety_identifier") or echo.get("user")):
                    yield Found(account, record.response_id)

    def _marked(self, account: str, user_hash: str, *, is_to_purge: bool) -> Iterator[Found]:
        """Yield an end user's set; a purge removes ids from it whose responses are missing."""
        key, cursor = self._keys.user(account, user_hash), None
        while cursor != 0:
            with translated():
                cursor, members = self._redis.sscan(key, cursor or 0, count=AT_ONCE)
                ids = [member.decode() for member in members]
                found = run_all(
                    self._redis,
                    [("HGET", self._keys.index(tag_of(each) or ""), each) for each in ids],
                )
                gone = [each for each, value in zip(ids, found, strict=True) if value is None]
                if gone and is_to_purge:
                    self._redis.srem(key, *gone)
            for each, value in zip(ids, found, strict=True):
                if value is not None:
                    yield Found(account, each, b":-1:" in value)

    def _marked_since(self, *, is_to_purge: bool) -> int:
        """Return when a release with such sets was first used here, now if that is unknown.

        The first purge records it.
        """
        key, now = f"{self._keys.expiring}:since", int(self._now())
        with translated():
            if is_to_purge:
                self._redis.set(key, now, nx=True)
            return int(self._redis.get(key) or now)

    def tags(self, account: str, before: int) -> Iterator[str]:
        """Yield the tags of conversations that began before this time, oldest first.

        Pages by time, not by index: some conversations leave the list meanwhile.
        """
        key, begun, seen = self._keys.conversations(account), "-inf", set[bytes]()
        while True:
            with translated():
                page = self._redis.zrangebyscore(
                    key, begun, f"({before}", start=0, num=AT_ONCE + len(seen), withscores=True
                )
            news = [(tag, at) for tag, at in page if tag not in seen]
            if not news:
                return
            for tag, _ in news:
                yield tag.decode()
            begun = str(int(news[-1][1]))
            seen = {tag for tag, at in page if int(at) == int(begun)}

    def layout(self, tag: str) -> Layout:
        """Return the parsed index of a conversation. Raises StorageUnavailable."""
        with translated():
            return self._purging.layout(tag)

    def times(self, layout: Layout) -> Iterator[tuple[Record, int | None]]:
        """Yield records with their times of arrival, None if unknown.

        What is purged is left out, unless that purge was cut off before it was settled.
        """
        turns, unmarked = dict[Record, int](), list[Record]()
        for record in (*layout.waiting, *layout.records.values()):
            if record.created_at is not None:
                turns[record] = record.created_at
            elif record.position.depth >= 0:
                unmarked.append(record)
        for record, response in self._responses(layout, unmarked):
            turns[record] = response.created_at
        yield from turns.items()
        for record in layout.alone:
            yield record, record.created_at or _latest(layout, record, turns)
        # A waiting job of an earlier release has no time yet: it is found once it has ended.
        yield from ((each, None) for each in layout.waiting if each.created_at is None)

    def _responses(
        self, layout: Layout, records: Iterable[Record]
    ) -> Iterator[tuple[Record, Response]]:
        """Yield the responses of those records that are not purged, read from their entries."""
        for record in records:
            position = record.position
            at = position.depth - layout.fork_points[position.log].depth - 1
            with translated():
                entry = self._redis.lindex(self._keys.log(layout.tag, position.log), at)
            if entry and entry != PURGED:
                turn = self._entries.turn(entry, layout.account, record.response_id, None)
                yield record, turn.response


def _latest(layout: Layout, record: Record, turns: dict[Record, int]) -> int | None:
    """Return the latest time at which an earlier release's items can have come: the next turn's."""
    whole = layout.conversation
    if whole is not None and record.response_id == _first_id(whole.response_id):
        return whole.created_at
    behind = [
        at
        for turn, at in turns.items()
        if turn.position.log == "0" and turn.position.depth > record.position.depth
    ]
    return min(behind, default=None)


def _first_id(conversation_id: str) -> str:
    """Return the id of the entry of items with which a conversation was created."""
    return alone_id(conversation_id.replace("conv_", "resp_", 1))
