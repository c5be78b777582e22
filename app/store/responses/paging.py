"""Pages of what a model saw, read in bounded slices of turns around where the page begins (E6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from app.domain.ids import home_of
from app.domain.items import Item
from app.domain.turns.page import Page, PageQuery
from app.errors import InvalidRequest

#: Turns in one slice of a search that has no hint where to look, and of a page at most.
SEARCHED_TURNS = MOST_TURNS = 24


@dataclass(frozen=True, slots=True)
class TurnSlice:
    """Consecutive turns of a chain, each as its items; `start` is the first one's depth.

    The chain's last turn, at depth `last`, has its input only: the model had not answered yet.
    One that `is_full` is as long as a page shall be, however few items it has.
    """

    start: int
    last: int
    turns: Sequence[tuple[Item, ...]]
    is_full: bool = False


class Chain(Protocol):
    """The turns from the root of a conversation to the response that is asked about."""

    def turn_of(self, response_id: str) -> TurnSlice | None:
        """Return the one turn of a response, or None where it is not of this chain."""
        ...

    def read(self, first: int, last: int, *, is_rising: bool = True) -> TurnSlice:
        """Return the turns of these depths, as far as they exist; negative ones count from
        the end. Both are included.

        Of turns that are long it returns some, one at least: the first of them or, where it is not
        rising, the last.
        """
        ...

    def forget(self) -> None:
        """Note that nothing is needed any more of what was read before."""
        ...


@dataclass(frozen=True, slots=True)
class OneTurn:
    """The input of a response that is not in the store yet, as a chain of one turn."""

    items: tuple[Item, ...]

    def turn_of(self, _response_id: str) -> TurnSlice:
        """Return the turn: there is no other."""
        return self.read(0, 0)

    def read(self, _first: int, _last: int, *, is_rising: bool = True) -> TurnSlice:  # noqa: ARG002 - Chain's
        """Return the turn."""
        return TurnSlice(0, 0, [self.items])

    def forget(self) -> None:
        """Do nothing: whoever has the response has its input."""


class Cursor(NamedTuple):
    """Where an item stands: its turn's depth, its offset in that turn. Cursors have an order."""

    depth: int
    offset: int


def page(chain: Chain, query: PageQuery) -> Page:
    """Return a page of a chain's items: fewer than its limit where they are long, one at least.

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
    # 3. One item more than is wanted tells whether there is another page; so does a slice that is
    #    as long as a page shall be.
    found, is_cut = list[Item](), False
    for items, is_cut in _slices(chain, start, stop, query.limit, is_rising=is_rising):
        found += items
        if len(found) > query.limit or (found and is_cut):
            break
        if not found:  # all of it was removed
            chain.forget()
    items = found[: query.limit]
    has_more = len(found) > query.limit or is_cut
    return Page(tuple(items[::-1] if reverse else items), has_more)


def find(chain: Chain, item_id: str, param: str) -> Cursor:
    """Return where an item stands: where its id says, or else wherever a search finds it.

    Raises:
        InvalidRequest: there is no such item; `param` named it.
    """
    home = home_of(item_id)
    part = chain.turn_of(home) if home else None
    cursor = _cursor(part, item_id) if part else None
    depth = -1
    while cursor is None:
        # It came with the input of a turn that is not its home, or under an id of a client's.
        # Looked for from the last turn down to the root: pages are read from the end as a rule.
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
    ]


def _slices(
    chain: Chain, start: Cursor | None, stop: Cursor | None, limit: int, *, is_rising: bool
) -> Iterator[tuple[list[Item], bool]]:
    """Yield the items behind `start` and in front of `stop`, in the direction of the walk.

    They come a slice of turns at a time, with whether it is as long as a page shall be, and there
    is more behind it.
    """
    # 1. A slice that as a rule has the whole page: nearly every turn has two items or more.
    turns = min(limit // 2 + 2, MOST_TURNS)
    # 2. The first is at `start`, or else at the end of the chain where the walk begins.
    depth = start.depth if start else 0 if is_rising else -1
    low, high = (start, stop) if is_rising else (stop, start)
    while True:
        part = _slice(chain, depth, turns, is_rising=is_rising)
        # 3. The first slice has the whole turn of `start`; the last one may go beyond `stop`.
        items = [
            item
            for cursor, item in _items(part)
            if (low is None or low < cursor) and (high is None or cursor < high)
        ]
        # 4. The next is beyond the last turn that was read, until there is none.
        depth = part.start + len(part.turns) if is_rising else part.start - 1
        first = 0 if low is None else low.depth
        last = part.last if high is None else high.depth
        is_over = not part.turns or not first <= depth <= last
        yield items if is_rising else items[::-1], part.is_full and not is_over
        if is_over:
            return


def _slice(chain: Chain, depth: int, turns: int, *, is_rising: bool) -> TurnSlice:
    """Read so many turns from `depth` on, upwards or downwards, never across the root."""
    if is_rising:
        return chain.read(depth, depth + turns - 1)
    first = depth - turns + 1
    return chain.read(first if depth < 0 else max(0, first), depth, is_rising=False)
