"""Reads what lists show of responses, without large parts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.ids import tag_of
from app.domain.response import Status
from app.domain.turns.summary import ResponseSummary, summary_of
from app.store.connection.client import Client
from app.store.connection.script import run_all
from app.store.jobs.payload import load_pending
from app.store.keys import Keys
from app.store.listings.scripts import PEEK
from app.store.responses.entries import Entries
from app.store.responses.packed.entry_parts import has_items, without_items

#: Maximum size, in bytes, of entries and payloads that are read whole; and of larger ones once
#: their items are left out.
WHOLE_BYTES, MOST_BYTES = 65_536, 262_144
#: Maximum unpacked size of an entry, in bytes: what is short in Redis may be long.
UNPACKED_BYTES = 1_048_576


class TooLong(Exception):
    """An unpacked entry is longer than lists read."""


def refuse_long(size: int) -> None:
    """A Room that refuses long data. Raises TooLong."""
    if size > UNPACKED_BYTES:
        raise TooLong


class Peeked(NamedTuple):
    """Summaries of responses, and how many bytes Redis read for them.

    They are in the order of their ids, None for those that cannot be seen.
    """

    summaries: list[ResponseSummary | None]
    size: int


class Peeking:
    """Reads many responses in one round trip. Its methods raise what redis-py raises."""

    def __init__(self, client: Client, keys: Keys, entries: Entries) -> None:
        self._redis: Any = client
        self._keys = keys
        self._entries = entries

    def peek(
        self,
        account: str,
        response_ids: Sequence[str],
        key: ContentKey | None,
        statuses: Collection[Status] = (),
        whole_bytes: int = WHOLE_BYTES,
    ) -> Peeked:
        """Return what lists show of responses; None for any without one of `statuses`, if given."""
        wanted = f" {' '.join(sorted(statuses))} " if statuses else ""
        calls = [
            PEEK(
                (self._keys.index(tag_of(each) or ""),),
                (account, each, check_value(key, each), wanted, whole_bytes, MOST_BYTES),
            )
            for each in response_ids
        ]
        replies = run_all(self._redis, calls) if calls else []
        summaries = [
            reply and self._summary(account, response_id, reply, key)
            for response_id, reply in zip(response_ids, replies, strict=True)
        ]
        return Peeked(summaries, sum(reply[3] for reply in replies if reply))

    def _summary(
        self, account: str, response_id: str, reply: Any, key: ContentKey | None
    ) -> ResponseSummary:
        status, about, has_key, _, is_pending, data = reply
        created_at, _, _ = about.decode().partition(":")
        bare = ResponseSummary(
            response_id, int(created_at or 0), cast(Status, status.decode()), bool(has_key)
        )
        key = key if has_key else None
        return self.pending(bare, data, key) if is_pending else self.ended(bare, account, data, key)

    def ended(
        self, bare: ResponseSummary, account: str, entry: bytes, key: ContentKey | None
    ) -> ResponseSummary:
        """Return what lists show of an ended response, from its entry or b""."""
        if not entry:
            return bare
        for read in (entry, without_items(entry)):
            with suppress(TooLong):
                turn = self._entries.turn(read, account, bare.id, None, key=key)
                given = turn.input if has_items(read) else None  # unknown if they were left out
                return summary_of(turn.response, bare.status, given, is_encrypted=bare.is_encrypted)
        return bare

    def pending(
        self, bare: ResponseSummary, payload: bytes, key: ContentKey | None
    ) -> ResponseSummary:
        """Return what lists show of a waiting or running response, from its payload or b""."""
        if not payload:
            return bare
        response, own, _ = load_pending(payload, bare.id, key)
        return summary_of(response, bare.status, own, is_encrypted=bare.is_encrypted)
