"""Pages of what a model saw, read in bounded slices of turns around where the page begins (E6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, Protocol

from app.domain.ids import home_of
from app.domain.items import Item
from app.domain.turns.page import Page, PageQuery
from app.errors import InvalidRequest

#: Turns in one slice of a search that has no hint where to look.
SEARCHED_TURNS = 64


@dataclass(frozen=True, slots=True)
class TurnSlice:
    """Consecutive turns of a chain, each as its items; `start` is the first one's depth.

    The chain's last turn, at depth `last`, has its input only: the model had not answered yet.
    """

    start: int
    last: int
    turns: Sequence[tuple[Item, ...]]


class Chain(Protocol):
    """The turns from the root of a conversation to the response that is asked about."""

    def turn_of(self, response_id: str) -> TurnSlice | None:
        """Return the one turn of a response, or None where it is not of this chain."""
        ...

    def read(self, first: int, last: int) -> TurnSlice:
        """Return the turns of these depths, as far as they exist; negative ones count from
        the end. Both are included.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneTurn:
    """The input of a response that is not in the store yet, as a chain of one turn."""

    items: tuple[Item, ...]

    def turn_of(self, _response_id: str) -> TurnSlice:
        """Return the turn: there is no other."""
        return self.read(0, 0)

    def read(self, _first: int, _last: int) -> TurnSlice:
        """Return the turn."""
        return TurnSlice(0, 0, [self.items])


class Cursor(NamedTuple):
    """Where an item stands: its turn's depth, its offset in that turn. Cursors have an order."""

    depth: int
    offset: int


def page(chain: Chain, query: PageQuery) -> Page:
    """Return a page of a chain's items.

    Raises:
        InvalidRequest: `after` or `before` names no item of the list.
    """
    # 1. Where the page begins and ends, if it says so: both items are not of the page.
    begin = None if query.after is None else find(chain, query.after, "after")
    end = None if query.before is None else find(chain, query.before, "before")
    # 2. A page that says its end only is walked from there, backwards, and turned around.
    reverse = begin is None and end is not None
    is_rising = (query.order == "asc") != reverse
    start, stop = (end, None) if reverse else (begin, end)
    # 3. One item more than is wanted tells whether there is another page.
    found = list(islice(_between(chain, start, stop, is_rising, query.limit), query.limit + 1))
    items = found[: query.limit]
    return Page(tuple(items[::-1] if reverse else items), has_more=len(found) > query.limit)


def find(chain: Chain, item_id: str, param: str) -> Cursor:
    """Return where an item stands: where its id says, or else wherever a search finds it.

    Raises:
        InvalidRequest: there is no such item; `param` named it.
    """
    home = home_of(item_id)
    part = chain.turn_of(home) if home else None
    cursor = _cursor(part, item_id) if part else None
    first = 0
    while cursor is None:
        # It came with the input of a turn that is not its home, or under an id of a client's.
        # Looked for from the last turn down to the root: pages are read from the end as a rule.
        first -= SEARCHED_TURNS
        part = chain.read(first, first + SEARCHED_TURNS - 1)
        cursor = _cursor(part, item_id)
        if cursor is None and part.start == 0:
            raise InvalidRequest(
                f"No item with id '{item_id}' is in this list.", param=param, code="invalid_value"
            )
    return cursor


def _cursor(part: TurnSlice, item_id: str) -> Cursor | None:
    return next((cursor for cursor, item in _items(part) if item.id == item_id), None)


def _items(part: TurnSlice) -> list[tuple[Cursor, Item]]:
    return [
        (Cursor(depth, offset), item)
        for depth, items in enumerate(part.turns, part.start)
        for offset, item in enumerate(items)
    ]


def _between(
    chain: Chain, start: Cursor | None, stop: Cursor | None, is_rising: bool, limit: int
) -> Iterator[Item]:
    """Yield the items behind `start` and in front of `stop`, in the direction of the walk."""
    for cursor, item in _walk(chain, start, is_rising, limit):
        # The first slice begins with the whole turn of `start`.
        if start and (cursor <= start if is_rising else cursor >= start):
            continue
        if stop and (cursor >= stop if is_rising else cursor <= stop):
            return
        yield item


def _walk(
    chain: Chain, start: Cursor | None, is_rising: bool, limit: int
) -> Iterator[tuple[Cursor, Item]]:
    """Yield items from the turn of `start` on, upwards or downwards, a slice at a time."""
    # 1. A slice that as a rule has the whole page: nearly every turn has two items or more.
    turns = limit // 2 + 2
    # 2. The first is at `start`, or else at the end of the chain where the walk begins.
    depth = start.depth if start else 0 if is_rising else -1
    part = _slice(chain, depth, turns, is_rising)
    while part.turns:
        items = _items(part)
        yield from items if is_rising else reversed(items)
        # 3. The next is beyond the last turn that was read, until there is none.
        depth = part.start + len(part.turns) if is_rising else part.start - 1
        if not 0 <= depth <= part.last:
            return
        part = _slice(chain, depth, turns, is_rising)


def _slice(chain: Chain, depth: int, turns: int, is_rising: bool) -> TurnSlice:
    """Read so many turns from `depth` on, upwards or downwards, never across the root."""
    if is_rising:
        return chain.read(depth, depth + turns - 1)
    first = depth - turns + 1
    return chain.read(first if depth < 0 else max(0, first), depth)
