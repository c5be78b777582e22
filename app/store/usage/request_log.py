"""The request log in Redis: the newest entries of all accounts.

    {requests}               stream: `e`, an entry as JSON, its fields by their places, as in
                             ["request",1893456000123,"req_…",…,"acme","key_1","POST",…]
    {requests}:once:<hash>   string: empty, for REPEATED_S seconds after entries of this hash were
                             appended: a reply may be lost, and they may be written again

Redis trims whole nodes of the stream: it may exceed its maximum by some hundred entries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import orjson

from app.domain.accounts.request_log import LoggedRequest, LogQuery, RequestEntry
from app.domain.turns.listing import ListPage
from app.store.connection.client import Client
from app.store.connection.errors import translated
from app.store.connection.script import Call, LuaFolder, Script
from app.store.rate_limits.base import REPEATED_S

#: Number of entries that are read at once.
AT_ONCE = 1_000
#: Maximum lag of a write behind its entry's time, in ms: clocks differ, and entries wait.
SLACK_MS = 3_600_000
#: Maximum number of entries, of all accounts, that are examined for a page.
MOST_EXAMINED = 20_000

_LOG = Script(LuaFolder(__file__)("log"))
_FIELDS = len(RequestEntry._fields)


class RedisRequestLog:
    """A RequestLogStore, and RequestPages, on any Redis >= 6.2, Cluster included.

    `prefix` begins every key.
    """

    def __init__(self, client: Client, prefix: str, most: int) -> None:
        self._redis: Any = client
        self._key = f"{prefix}{{requests}}"
        self._most = most

    def appending(self, entries: Sequence[RequestEntry]) -> Call:
        """Return the call that appends entries, to be run together with others."""
        lines = [orjson.dumps(list(entry)) for entry in entries]
        once = f"{self._key}:once:{blake2b(b''.join(lines), digest_size=8).hexdigest()}"
        return _LOG((self._key, once), (REPEATED_S, self._most, *lines))

    def newest(self, since_ms: int = 0) -> Iterator[RequestEntry]:
        """Yield the entries since this time, the last written first."""
        for _, entry in self._walk(max(0, since_ms - SLACK_MS)):
            if entry is not None and entry.at >= since_ms:
                yield entry

    def page(self, query: LogQuery) -> ListPage[LoggedRequest]:
        """Return a page of an account's entries, newest first, examining at most MOST_EXAMINED."""
        mark, rows, examined, last = orjson.dumps(query.account), list[LoggedRequest](), 0, b""
        since_ms = max(0, (query.since or 0) * 1000 - SLACK_MS)
        for number, line in self._lines(since_ms, _beginning(query)):
            is_full = len(rows) == query.limit
            if is_full or examined == MOST_EXAMINED:
                return ListPage(tuple(rows), last.decode(), examined, is_cut=not is_full)
            examined, last = examined + 1, number
            entry = _entry(line) if mark in line else None
            if entry is not None and query.matches(entry):
                rows.append(LoggedRequest(number.decode(), entry))
        return ListPage(tuple(rows), None, examined)

    def erase(self, is_meant: Callable[[RequestEntry], bool]) -> int:
        """Delete the entries that `is_meant` selects; return their number."""
        found, erased = [], 0
        for number, entry in self._walk(0):
            if entry is not None and is_meant(entry):
                found.append(number)
            if len(found) == AT_ONCE:
                erased, found = erased + self._delete(found), []
        return erased + self._delete(found)

    def _delete(self, numbers: list[bytes]) -> int:
        if not numbers:
            return 0
        with translated():
            return int(self._redis.xdel(self._key, *numbers))

    def _walk(self, since_ms: int) -> Iterator[tuple[bytes, RequestEntry | None]]:
        for number, line in self._lines(since_ms, "+"):
            yield number, _entry(line)

    def _lines(self, since_ms: int, until: str) -> Iterator[tuple[bytes, bytes]]:
        """Yield raw entries written since this time, the last first."""
        while True:
            with translated():
                page = self._redis.xrevrange(self._key, until, since_ms, count=AT_ONCE)
            for number, fields in page:
                yield number, fields.get(b"e", b"")
            if len(page) < AT_ONCE:
                return
            until = "(" + page[-1][0].decode()


def _beginning(query: LogQuery) -> str:
    """Return the stream position at which to begin, backwards."""
    if query.after:
        return f"({query.after}"
    return "+" if query.until is None else str(query.until * 1000 + SLACK_MS)


def _entry(line: bytes) -> RequestEntry | None:
    """Parse an entry; None for one that another release wrote in an unknown form."""
    try:
        values = orjson.loads(line)
        return RequestEntry(*values[:_FIELDS])
    except (ValueError, TypeError):
        return None
