"""Pages of a response's input items (E6), read in bounded slices of turns where the page begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.domain.ids import home_of
from app.domain.items import Item
from app.domain.turns.page import Page, PageQuery
from app.errors import InvalidRequest

#: Number of turns in a slice of a search without a hint, and maximum for a page's.
SEARCHED_TURNS = MOST_TURNS = 24


@dataclass(frozen=True, slots=True)
class TurnSlice:
    """Consecutive turns of a chain, each as its items; `start` is the depth of the first.

    An item that was removed is None, so that the others keep their offsets if one is removed while
    a page is read. The chain's last turn, at depth `last`, has its input only: the model had not
    answered yet. `is_full`: the slice is as long as a page may be, however few items it has.
    """

    start: int
    last: int
    turns: Sequence[tuple[Item | None, ...]]
    is_full: bool = False


class Chain(Protocol):
    """The turns from a conversation's root to the response whose items are listed."""

    def turn_of(self, response_id: str) -> TurnSlice | None:
        """Return the turn of one response, or None if it is not in this chain."""
        ...

    def read(self, first: int, last: int, *, is_rising: bool = True) -> TurnSlice:
        """Return the turns at these depths, both included, as far as they exist.

        Negative depths count from the end. Of long turns it returns only some, at least one: the
        first of them, or the last if not `is_rising`.
        """
        ...

    def forget(self) -> None:
        """Release what was read before: it is no longer needed."""
        ...


@dataclass(frozen=True, slots=True)
class OneTurn:
    """The input of a response that is not stored yet, as a chain of one turn."""

    items: tuple[Item, ...]

    def turn_of(self, _response_id: str) -> TurnSlice:
        """Return the turn: there is no other."""
        return self.read(0, 0)

    def read(self, _first: int, _last: int, *, is_rising: bool = True) -> TurnSlice:  # noqa: ARG002 - Chain's
        """Return the turn."""
        return TurnSlice(0, 0, [self.items])

    def forget(self) -> None:
        """Do nothing: the input is in memory anyway, with its response."""


class Cursor(NamedTuple):
    """An item's place: its turn's depth and its offset in that turn. Cursors are ordered."""

    depth: int
    offset: int


def page(chain: Chain, query: PageQuery) -> Page:
    """Return a page of a chain's items: fewer than the limit if they are long, at least one.

    Raises:
        InvalidRequest: `after` or `before` names no item of the list.
    """
    # 1. Find `after` and `before`, if given: neither item is on the page itself.
    begin = None if query.after is None else find(chain, query.after, "after")
    end = None if query.before is None else find(chain, query.before, "before")
    # 2. With `before` only, walk backwards from there, and reverse the page at the end.
    reverse = begin is None and end is not None
    is_rising = (query.order == "asc") != reverse
    start, stop = (end, None) if reverse else (begin, end)
    # 3. There is another page if one item more than the limit is found, or if a slice is as long as
    # a page may be.
    found, is_cut = list[Item](), False
    for items, is_cut in _slices(chain, start, stop, query.limit, is_rising=is_rising):
        found += items
        if len(found) > query.limit or (found and is_cut):
            break
        if not found:  # all items were removed
            chain.forget()
    items = found[: query.limit]
    has_more = len(found) > query.limit or is_cut
    return Page(tuple(items[::-1] if reverse else items), has_more)


def find(chain: Chain, item_id: str, param: str) -> Cursor:
    """Return an item's place: where its id points, or else wherever a search finds it.

    Raises:
        InvalidRequest: there is no such item; the error names `param`.
    """
    home = home_of(item_id)
    part = chain.turn_of(home) if home else None
    cursor = _cursor(part, item_id) if part else None
    depth = -1
    while cursor is None:
        # It came with the input of another turn than its id says, or has an id made by a client.
        # Search from the last turn down to the root: pages are mostly read from the end.
        chain.forget()
        part = _slice(chain, depth, SEARCHED_TURNS, is_rising=False)
        cursor, depth = _cursor(part, item_id), part.start - 1
        if cursor is None and depth < 0:
            raise InvalidRequest(
                f"No item with id '{item_id}' is in this list.", param=param, code="invalid_value"
            )
    chain.forget()
    return cursor


def _cursor(part: TurnSlice, item_id: str) -> Cursor | None:
    return next((cursor for cursor, item in _items(part) if item.id == item_id), None)


def _items(part: TurnSlice) -> list[tuple[Cursor, Item]]:
    return [
        (Cursor(depth, offset), item)
        for depth, items in enumerate(part.turns, part.start)
        for offset, item in enumerate(items)
        if item is not None
    ]


def _slices(
    chain: Chain, start: Cursor | None, stop: Cursor | None, limit: int, *, is_rising: bool
) -> Iterator[tuple[list[Item], bool]]:
    """Yield the items between `start` and `stop`, in the direction of the walk.

    Yields one slice of turns at a time, each with whether it is as long as a page may be and more
    follows.
    """
    # 1. A slice that usually has the whole page: nearly every turn has two items or more.
    turns = min(limit // 2 + 2, MOST_TURNS)
    # 2. The first slice begins at `start`, or at the end of the chain where the walk begins.
    depth = start.depth if start else 0 if is_rising else -1
    low, high = (start, stop) if is_rising else (stop, start)
    while True:
        part = _slice(chain, depth, turns, is_rising=is_rising)
        # 3. The first slice has the whole turn of `start`; the last may go beyond `stop`.
        items = [
            item
            for cursor, item in _items(part)
            if (low is None or low < cursor) and (high is None or cursor < high)
        ]
        # 4. The next slice follows the last turn that was read, until none is left.
        depth = part.start + len(part.turns) if is_rising else part.start - 1
        first = 0 if low is None else low.depth
        last = part.last if high is None else high.depth
        is_over = not part.turns or not first <= depth <= last
        yield items if is_rising else items[::-1], part.is_full and not is_over
        if is_over:
            return


def _slice(chain: Chain, depth: int, turns: int, *, is_rising: bool) -> TurnSlice:
    """Read `turns` turns from `depth` on, upwards or downwards, not beyond the root."""
    if is_rising:
        return chain.read(depth, depth + turns - 1)
    first = depth - turns + 1
    return chain.read(first if depth < 0 else max(0, first), depth, is_rising=False)
