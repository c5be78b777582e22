"""The streams of background responses in Redis: their events so far, in flushes.

An entry of a stream is a flush (lua/job/job.lua), its events packed (store/codec.py):

    3-0   n 5   d <packed: {"type":"response.output_text.delta",…}\n{"type":…}>

is events 2, 3 and 4; the next one is number 5. Flushes are sealed if their job has a key.
Methods raise StorageUnavailable when Redis is unreachable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.domain.accounts.content_key import ContentKey
from app.domain.ids import tag_of
from app.errors import StorageRefused
from app.store.codec import Codec
from app.store.connection.client import Client
from app.store.connection.errors import to_gateway_error, translated
from app.store.connection.script import Call, run_all, run_each
from app.store.jobs.base import Claim, Flush, StreamPart
from app.store.jobs.codec import append_arguments, events_seal
from app.store.jobs.recent_flushes import RecentFlushes
from app.store.jobs.scripts import APPEND, READ_EVENTS
from app.store.keys import Keys

#: Maximum number of entries of a stream that are read at once.
PAGE = 64


class JobStreams:
    """Appends to streams and reads them; remembers flushes that a lost server may have lost."""

    def __init__(self, client: Client, keys: Keys, codec: Codec) -> None:
        self._redis: Any = client
        self._keys = keys
        self._codec = codec
        self._recent = RecentFlushes()

    def append(self, flushes: Sequence[tuple[Claim, Flush]]) -> list[bool]:
        """Append to streams in one round trip; False for a job that has another holder."""
        calls = [self._appending(claim, flush) for claim, flush in flushes]
        with translated():
            results = run_each(self._redis, calls)
        errors = {
            at: to_gateway_error(each)
            for at, each in enumerate(results)
            if isinstance(each, Exception)
        }
        for error in errors.values():
            if not isinstance(error, StorageRefused):
                raise error
        # What Redis refuses for one job it would refuse again: only that job is given up.
        return [
            at not in errors and self._is_appended(claim.response_id, call, reply)
            for at, ((claim, _), call, reply) in enumerate(
                zip(flushes, calls, results, strict=True)
            )
        ]

    def _appending(self, claim: Claim, flush: Flush) -> Call:
        response_id = claim.response_id
        arguments = append_arguments(claim, flush, self._codec)
        index = self._keys.index(tag_of(response_id) or "")
        return APPEND((index,), (response_id, *arguments, self._keys.news))

    def _is_appended(self, response_id: str, call: Call, reply: int) -> bool:
        """Tell whether a flush was written, after rewriting those that a server has lost."""
        is_written = reply > 0 or (reply < 0 and self.append_again(response_id, -1 - reply, call))
        if is_written:
            self._recent.add(response_id, call)
        else:
            self._recent.forget(response_id)
        return is_written

    def append_again(self, response_id: str, first: int, *more: Call) -> bool:
        """Write again the flushes from event `first` on, then `more`.

        Returns False if they are no longer remembered, or the job has another holder.
        """
        calls = self._recent.since(response_id, first)
        with translated():
            return bool(calls) and all(reply > 0 for reply in run_all(self._redis, [*calls, *more]))

    def forget(self, response_id: str) -> None:
        """Forget the flushes of a job that has ended, or has another holder."""
        self._recent.forget(response_id)

    def read(self, response_id: str, number: int, key: ContentKey | None = None) -> StreamPart:
        """Return a job's events from `number` on, or the first part of them."""
        index = self._keys.index(tag_of(response_id) or "")
        with translated():
            over, entries = READ_EVENTS((index,), (response_id, number, PAGE)).run(self._redis)
        lines: list[bytes] = []
        for entry_id, (_, after, _, events, *_) in entries:
            first = int(entry_id.partition(b"-")[0]) - 1
            seal = events_seal(response_id, first, key)
            flushed = self._codec.unpack(events, seal).split(b"\n")
            # The first entry may begin before `number`.
            lines += flushed[max(0, number - (int(after) - len(flushed))) :]
        more = len(entries) == PAGE
        return StreamPart(lines, more, bool(over) and not more)
