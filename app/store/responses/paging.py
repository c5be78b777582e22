"""Pages of what a model saw, read in bounded slices of turns around where the page begins (E6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple, Protocol

from app.domain.ids import home_of
from app.domain.items import Item
from app.errors import InvalidRequest
from app.store.responses.base import Page

Order = Literal["asc", "desc"]

#: Turns in one slice of a search that has no hint where to look.
SEARCHED_TURNS = 64


@dataclass(frozen=True, slots=True)
class Slice:
    """Consecutive turns of a chain, each as its items; `start` is the first one's depth.

    The chain's last turn, at depth `last`, has its input only: the model had not answered yet.
    """

    start: int
    last: int
    turns: Sequence[tuple[Item, ...]]


class Chain(Protocol):
    """The turns from the root of a conversation to the response that is asked about."""

    def turn_of(self, response_id: str) -> Slice | None:
        """Return the one turn of a response, or None where it is not of this chain."""
        ...

    def read(self, first: int, last: int) -> Slice:
        """Return the turns of these depths, as far as they exist; negative ones count from
        the end. Both are included.
        """
        ...


@dataclass(frozen=True, slots=True)
class OneTurn:
    """The input of a response that is not in the store yet, as a chain of one turn."""

    items: tuple[Item, ...]

    def turn_of(self, _response_id: str) -> Slice:
        """Return the turn, whichever response it is that is asked for."""
        return self.read(0, 0)

    def read(self, _first: int, _last: int) -> Slice:
        """Return the turn."""
        return Slice(0, 0, [self.items])


class Spot(NamedTuple):
    """Where an item stands: its turn's depth, its position in that turn. Spots have an order."""

    depth: int
    position: int


def page(chain: Chain, *, order: Order, limit: int, after: str | None, before: str | None) -> Page:
    """Return a page of a chain's items.

    `after` and `before` are ids of items in the list: the page begins behind the one, in the
    order asked for, or ends just in front of the other; given both, it lies between them.

    Raises:
        InvalidRequest: `after` or `before` names no item of the list.
    """
    begin = None if after is None else find(chain, after, "after")
    end = None if before is None else find(chain, before, "before")
    reverse = begin is None and end is not None
    rising = (order == "asc") != reverse
    start, stop = (end, None) if reverse else (begin, end)
    found = list(islice(_between(chain, start, stop, rising, limit), limit + 1))
    items = found[:limit]
    return Page(tuple(items[::-1] if reverse else items), has_more=len(found) > limit)


def find(chain: Chain, item_id: str, param: str) -> Spot:
    """Return where an item stands: where its id says, or else wherever a search finds it.

    Raises:
        InvalidRequest: there is no such item; `param` named it.
    """
    home = home_of(item_id)
    part = chain.turn_of(home) if home else None
    spot = _spot(part, item_id) if part else None
    first = 0
    while spot is None:
        # It came with the input of a turn that is not its home, or under an id of a client's.
        first -= SEARCHED_TURNS
        part = chain.read(first, first + SEARCHED_TURNS - 1)
        spot = _spot(part, item_id)
        if spot is None and part.start == 0:
            raise InvalidRequest(
                f"No item with id '{item_id}' is in this list.", param=param, code="invalid_value"
            )
    return spot


def _spot(part: Slice, item_id: str) -> Spot | None:
    for depth, items in enumerate(part.turns, part.start):
        for position, item in enumerate(items):
            if item.id == item_id:
                return Spot(depth, position)
    return None


def _between(
    chain: Chain, start: Spot | None, stop: Spot | None, rising: bool, limit: int
) -> Iterator[Item]:
    for spot, item in _walk(chain, start, rising, limit):
        if start and (spot <= start if rising else spot >= start):
            continue
        if stop and (spot >= stop if rising else spot <= stop):
            return
        yield item


def _walk(
    chain: Chain, start: Spot | None, rising: bool, limit: int
) -> Iterator[tuple[Spot, Item]]:
    """Yield items from the turn of `start` on, upwards or downwards, a slice at a time."""
    turns = limit // 2 + 2  # nearly every turn has two items or more
    at = start.depth if start else 0 if rising else -1
    part = chain.read(at, at + turns - 1) if rising else chain.read(_back(at, turns), at)
    while part.turns:
        spots = [
            (Spot(depth, position), item)
            for depth, items in enumerate(part.turns, part.start)
            for position, item in enumerate(items)
        ]
        yield from spots if rising else reversed(spots)
        if rising:
            at = part.start + len(part.turns)
            part = chain.read(at, at + turns - 1) if at <= part.last else NOTHING
        else:
            at = part.start - 1
            part = chain.read(_back(at, turns), at) if at >= 0 else NOTHING


def _back(at: int, turns: int) -> int:
    """Return the depth `turns` - 1 turns before `at`, never across the root."""
    return at - turns + 1 if at < 0 else max(0, at - turns + 1)


NOTHING = Slice(0, 0, ())
