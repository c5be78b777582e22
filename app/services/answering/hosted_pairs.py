"""Pairs hosted tools' calls that the caller's computer answers with their outputs (R24). Pure.

The rule for function calls (S4) applies to them: each stands directly before its output.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence

from app.domain.hosted.item import PAIRED_KINDS, HostedItem
from app.domain.items import Item, Reasoning
from app.errors import InvalidRequest

_CALL, _OUTPUT = PAIRED_KINDS


def hosted_in_order(
    items: tuple[Item, ...], own: Sequence[Item], *, has_gaps: bool
) -> tuple[Item, ...]:
    """Return the items, with each such call and the reasoning before it moved to its output.

    `own` are the request's items, where no half may be missing. From the conversation, an output
    without a call is left out, and so is a call that was cut off or lost its output (`has_gaps`).

    Raises:
        InvalidRequest: a call has no output, or an output no call.
    """
    call_of, alone = _pairs(items)
    own_ids = {item.id for item in own}
    for index in alone:
        half = items[index]
        is_lost = has_gaps or _is_output(half) or _was_cut(half)
        if half.id in own_ids or not is_lost:
            raise _unpaired(half)
    moved = {index: _with_thoughts(items, index) for index in call_of.values()}
    left = alone | {each for group in moved.values() for each in group}
    ordered: list[Item] = []
    for index, item in enumerate(items):
        if index in call_of:
            ordered += [items[each] for each in moved[call_of[index]]]
        if index not in left:
            ordered.append(item)
    return tuple(ordered)


def _pairs(items: Iterable[Item]) -> tuple[dict[int, int], set[int]]:
    """Return the call of each output, and the halves that stand alone, all as indexes."""
    call_of: dict[int, int] = {}
    alone: set[int] = set()
    waiting: defaultdict[str | None, deque[int]] = defaultdict(deque)
    for index, item in enumerate(items):
        if not isinstance(item, HostedItem) or item.type not in PAIRED_KINDS:
            continue
        if item.type == _CALL:
            waiting[item.call_id].append(index)
        elif waiting[item.call_id]:
            call_of[index] = waiting[item.call_id].popleft()
        else:
            alone.add(index)
    return call_of, alone.union(*waiting.values())


def _with_thoughts(items: Sequence[Item], call: int) -> range:
    start = call
    while start and isinstance(items[start - 1], Reasoning):
        start -= 1
    return range(start, call + 1)


def _is_output(half: Item) -> bool:
    return isinstance(half, HostedItem) and half.type == _OUTPUT


def _was_cut(half: Item) -> bool:
    return isinstance(half, HostedItem) and half.json.get("status") in ("in_progress", "incomplete")


def _unpaired(half: Item) -> InvalidRequest:
    call_id = half.call_id if isinstance(half, HostedItem) else None
    if _is_output(half):
        what = f"No computer call found for computer call output with call_id {call_id}."
    else:
        what = f"No computer call output found for computer call {call_id}."
    return InvalidRequest(what, param="input")
