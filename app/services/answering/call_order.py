"""Orders calls and outputs as upstreams accept them (S4). Pure.

A call stands directly before its output. If other items lie between, the call moves down to the
output, with the reasoning that belongs to it; the output never moves up, since the result is the
newest information. Calls whose outputs follow one another form a group:

    call a, call b, output a, a message, output b  ->  call a, output a, a message, call b, output b
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from app.domain.answer_options import UnseenItem
from app.domain.hosted.item import HostedItem
from app.domain.items import (
    Compaction,
    FunctionCall,
    FunctionCallOutput,
    Item,
    Message,
    Reasoning,
)

#: Which half of a pair of call and output an item is, if any.
Half = Literal["call", "output", ""]


class _Halves(dict[type, Half]):
    """Maps a class of items to its half. MEASURED: `isinstance` takes twice as long."""

    def __missing__(self, kind: type) -> Half:
        half: Half = "output" if issubclass(kind, FunctionCallOutput) else ""
        return self.setdefault(kind, "call" if issubclass(kind, FunctionCall) else half)


HALVES = _Halves()


def is_in_order(items: Sequence[Any]) -> bool:
    """Tell whether each call has one output, in the right place; False means that it is not known.

    MEASURED: nearly all histories that agents send whole are in order, and this check takes a fifth
    of the time of pairing them (call_pairing.py); `max` alone took a third of it.
    tests/services/test_call_pairing.py checks that both give the same order.
    """
    waiting: dict[str, int] = {}  # indexes of the calls that have no output yet, by call_id
    last_other = last_output = last_before = -1
    for index, item in enumerate(items):
        half = HALVES[type(item)]
        if half == "call":
            if item.call_id in waiting:
                return False
            waiting[item.call_id] = index
        elif half == "output":
            call = waiting.pop(item.call_id, -1)
            if index != last_output + 1:
                last_before = last_other if last_other > last_output else last_output
            if call < 0 or call < last_before:
                return False
            last_output = index
        elif not isinstance(item, UnseenItem):
            last_other = index
    return not waiting


def in_order(
    items: Sequence[Item], call_of: Mapping[int, int], left_out: Set[int]
) -> tuple[Item, ...]:
    """Return the items without those in `left_out`, with the calls moved to their outputs.

    `call_of` maps each output that stays to its call; both are indexes into `items`.
    """
    finder = _GroupFinder(call_of)
    for index, item in enumerate(items):
        if index not in left_out:
            finder.read(index, item)
    for group in finder.groups:
        if len(group.calls) > 1:
            group.keep_ids_apart(items)
    return _ordered(items, left_out, finder)


@dataclass(slots=True)
class _Group:
    """Calls whose outputs follow one another, in the order of the outputs, as indexes of items.

    `last_before` is the last item that is not a call before the first output: a call in front of it
    has to move, and is in `moved`. `place` is where moved calls go: before the first call that
    stays, or else before the first output.
    """

    first_output: int
    last_before: int
    place: int
    calls: list[int] = field(default_factory=list)
    moved: list[int] = field(default_factory=list)

    def keep_ids_apart(self, items: Sequence[Item]) -> None:
        """Move all calls if two of them share an id and have their outputs in reverse order."""
        latest: dict[str, int] = {}
        for index in self.calls:
            call_id = getattr(items[index], "call_id", "")
            if latest.get(call_id, -1) > index:
                self.moved, self.place = self.calls, self.first_output
                return
            latest[call_id] = index
        self.moved.sort()


class _GroupFinder:
    """Reads the items once; finds the groups, and which of their calls have to move."""

    def __init__(self, call_of: Mapping[int, int]) -> None:
        self.groups: list[_Group] = []
        self._call_of = call_of
        self._is_in_group = False
        self._last_fixed = -1  # the last item that stays in place and is not a call
        self._reasoning: list[int] = []  # belongs to the next call of the same answer
        self._is_in_reasoning = False
        self.reasoning_of: dict[int, list[int]] = {}

    def read(self, index: int, item: Item) -> None:
        """Read the next item that stays."""
        match item:
            case FunctionCallOutput():
                self._read_output(index)
                return
            case UnseenItem():  # no model sees it
                return
            case FunctionCall():
                self.reasoning_of[index] = self._reasoning
                self._reasoning = []
            case Reasoning():
                if not self._is_in_reasoning:
                    self._reasoning = []
                self._reasoning.append(index)
            case Message() | Compaction():
                self._last_fixed = index
                if isinstance(item, Compaction) or item.role != "assistant":
                    self._reasoning = []
            case HostedItem():
                self._last_fixed = index
                if item.is_by_caller:
                    self._reasoning = []
        self._is_in_reasoning = isinstance(item, Reasoning)
        self._is_in_group = False

    def _read_output(self, index: int) -> None:
        if not self._is_in_group:
            # Reasoning that no call has taken stays where it is.
            before = max(self._last_fixed, self._reasoning[-1] if self._reasoning else -1)
            self.groups.append(_Group(index, before, index))
            self._is_in_group = True
        self._reasoning, self._is_in_reasoning = [], False
        self._last_fixed = index
        group, call = self.groups[-1], self._call_of[index]
        group.calls.append(call)
        if call < group.last_before:
            group.moved.append(call)
        else:
            group.place = min(group.place, call)


def _ordered(items: Sequence[Item], left_out: Set[int], finder: _GroupFinder) -> tuple[Item, ...]:
    moving = [group for group in finder.groups if group.moved]
    if not moving and not left_out:
        return tuple(items)
    omitted = set(left_out)  # from their old places
    arriving: dict[int, list[int]] = {}
    for group in moving:
        order = [each for call in group.moved for each in (*finder.reasoning_of[call], call)]
        arriving[group.place] = order
        omitted.update(order)
    ordered: list[Item] = []
    for index, item in enumerate(items):
        if index in arriving:
            ordered += [items[each] for each in arriving[index]]
        if index not in omitted:
            ordered.append(item)
    return tuple(ordered)
