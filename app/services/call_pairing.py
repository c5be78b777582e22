"""Which output belongs to which call, and where both stand, for all formats alike (S4). Pure.

Context and input are read in order; a call waits until it has an output. What comes of it can be
sent to any upstream: every call stands directly before its output, and no half stands alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

import orjson

from app.domain.items import FunctionCall, FunctionCallOutput, Item
from app.errors import InvalidRequest
from app.services.call_order import in_order


class CallPairing:
    """Pairs the calls of a context, then those of a turn's own input, with their outputs.

    `input_ends` says where in the context each turn's input ends. No turn is answered before all
    calls up to there have their outputs, so one that has none by then lost it to a purge (S7).
    """

    def __init__(self, context: Sequence[Item], input_ends: Iterable[int] = ()) -> None:
        self._items = list(context)
        self._own_start = len(self._items)
        self._calls: list[int] = []
        self._waiting: dict[str, deque[int]] = {}
        self._last_call: dict[str, int] = {}
        self._output_of: dict[int, int] = {}
        self._orphans: set[int] = set()
        self._replaced: set[int] = set()
        start = 0
        for end in (*input_ends, self._own_start):
            self._waiting.clear()
            self._read_context(start, end)
            start = end

    def parted(self) -> set[str]:
        """Return the ids of those items of the context whose other half a purge took."""
        waiting = self._still_waiting()
        lost = {call for call in self._calls if call not in self._output_of} - set(waiting)
        return {self._items[index].id for index in lost | self._orphans}

    def add(self, given: Iterable[Item]) -> tuple[Item, ...]:
        """Read the turn's own input; return it without the calls that the parent made and still
        waits for: they are not sent, stored or listed again.

        Raises:
            InvalidRequest: an output has no call, or a call has no output.
        """
        for item in given:
            if isinstance(item, FunctionCall):
                if self._is_waited_for(item):
                    continue
                self._read_call(item, len(self._items))
            elif isinstance(item, FunctionCallOutput):
                if item.call_id not in self._last_call:
                    raise InvalidRequest(
                        f"No tool call found for function call output with call_id {item.call_id}.",
                        param="input",
                    )
                self._read_output(item, len(self._items))
            self._items.append(item)
        self._refuse_what_waits()
        return tuple(self._items[self._own_start :])

    def items(self) -> tuple[Item, ...]:
        """Return everything that the model shall see, in an order that every upstream takes."""
        if not self._calls and not self._orphans:
            return tuple(self._items)
        halves = {call for call in self._calls if call not in self._output_of} | self._orphans
        call_of = {output: call for call, output in self._output_of.items()}
        return in_order(self._items, call_of, halves | self._replaced)

    def _read_context(self, start: int, end: int) -> None:
        for index in range(start, end):
            item = self._items[index]
            if isinstance(item, FunctionCall):
                self._read_call(item, index)
            elif isinstance(item, FunctionCallOutput):
                if item.call_id in self._last_call:
                    self._read_output(item, index)
                else:
                    self._orphans.add(index)

    def _read_call(self, call: FunctionCall, index: int) -> None:
        self._calls.append(index)
        self._last_call[call.call_id] = index
        self._waiting.setdefault(call.call_id, deque()).append(index)

    def _read_output(self, output: FunctionCallOutput, index: int) -> None:
        waiting = self._waiting.get(output.call_id)
        call = waiting.popleft() if waiting else self._last_call[output.call_id]
        replaced = self._output_of.get(call)
        if replaced is not None:
            self._replaced.add(replaced)
        self._output_of[call] = index

    def _is_waited_for(self, call: FunctionCall) -> bool:
        """Tell whether it is a call of the context that has no output yet."""
        for index in self._waiting.get(call.call_id, ()):
            known = self._items[index]
            if (
                index < self._own_start
                and isinstance(known, FunctionCall)
                and known.name == call.name
                and _same_arguments(known.arguments, call.arguments)
            ):
                return True
        return False

    def _still_waiting(self) -> list[int]:
        return sorted(index for queue in self._waiting.values() for index in queue)

    def _refuse_what_waits(self) -> None:
        """Refuse calls without an output; one that was cut in the parent is merely left out."""
        for index in self._still_waiting():
            call = self._items[index]
            if isinstance(call, FunctionCall) and (
                index >= self._own_start or call.status == "completed"
            ):
                raise InvalidRequest(
                    f"No tool output found for function call {call.call_id}.", param="input"
                )


def _same_arguments(one: str, other: str) -> bool:
    """Compare as parsed JSON, or else as text: clients write anew what they have parsed."""
    if one == other:
        return True
    try:
        return bool(orjson.loads(one.strip() or "{}") == orjson.loads(other.strip() or "{}"))
    except (ValueError, RecursionError):
        return False
