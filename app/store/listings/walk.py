"""Walks a list of ids in a sorted set, scored by time of arrival, from the newest on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.domain.turns.listing import ListCursor, ListPage, ListQuery

R = TypeVar("R")

#: Maximum number of ids examined for a page.
MOST_EXAMINED = 1_000
#: Number of ids examined in the first round trip, and maximum in later ones: as many as have about
#: that many bytes in all, judging by those read before. MEASURED: Redis takes 30 to 90 ms for an
#: entry of 8 MB, and serves nobody else until it has done all of a round trip.
FIRST_AT_ONCE, MOST_AT_ONCE, BYTES_AT_ONCE = 20, 250, 16_000_000

#: Reads the rows of ids, None for each that is not shown; also returns how many bytes that took.
Reader = Callable[[Sequence[str]], tuple[Sequence[R | None], int]]


@dataclass(frozen=True, slots=True)
class Walk(Generic[R]):
    """Walks the list at `key`; `read` returns the rows to be shown.

    It takes two round trips if every id is shown and they are at most FIRST_AT_ONCE; two more for
    more ids, and for each 250 that are examined.
    """

    client: Any
    key: str
    read: Reader[R]

    def page(self, query: ListQuery) -> ListPage[R]:
        """Return a page. Raises what redis-py raises."""
        cursor, examined, size, rows = query.after, 0, 0, list[R]()
        at_once = FIRST_AT_ONCE
        while True:
            wanted = MOST_AT_ONCE if query.is_search else query.limit - len(rows)
            most = min(at_once, wanted, MOST_EXAMINED - examined)
            members, is_end = self._members(query, cursor, most)
            found, read = self.read([any_id for any_id, _ in members])
            for number, (row, (_, at)) in enumerate(zip(found, members, strict=True), 1):
                examined, cursor = examined + 1, _behind(cursor, at)
                if row is not None:
                    rows.append(row)
                if len(rows) == query.limit:
                    is_last = is_end and number == len(members)
                    return ListPage(tuple(rows), None if is_last else cursor.text, examined)
            if is_end or cursor is None:
                return ListPage(tuple(rows), None, examined)
            if examined >= MOST_EXAMINED:
                return ListPage(tuple(rows), cursor.text, examined, is_cut=True)
            size += read
            each = max(1, size // examined)
            at_once = max(1, min(MOST_AT_ONCE, BYTES_AT_ONCE // each))

    def _members(
        self, query: ListQuery, cursor: ListCursor | None, most: int
    ) -> tuple[list[tuple[str, int]], bool]:
        """Return the next ids, with their times, and whether the list ends there."""
        until = "+inf" if query.until is None else f"({query.until}"
        skip, since = 0, "-inf" if query.since is None else query.since
        if cursor is not None and (query.until is None or cursor.at < query.until):
            until, skip = f"({cursor.at + 1}", cursor.passed
        found = self.client.zrevrangebyscore(
            self.key, until, since, start=skip, num=most + 1, withscores=True
        )
        members = [(member.decode(), int(at)) for member, at in found[:most]]
        return members, len(found) <= most


def _behind(cursor: ListCursor | None, at: int) -> ListCursor:
    """Return the cursor after one more id, which arrived at `at`."""
    if cursor is None or cursor.at != at:
        return ListCursor(at, 1)
    return ListCursor(at, cursor.passed + 1)
