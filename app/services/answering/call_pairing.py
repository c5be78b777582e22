"""Pairs calls with their outputs and puts both in order, for all formats alike (S4). Pure.

Context and input are read in order; a call waits until its output comes. The result can be sent to
any upstream: every call stands directly before its output, and no half stands alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from itertools import islice

import orjson

from app.domain.answer_options import UnseenItem
from app.domain.built_in.local_shell import LocalShellCall, LocalShellCallOutput
from app.domain.ids import home_of, upstream_call_id
from app.domain.items import FunctionCall, FunctionCallOutput, Item
from app.errors import InvalidRequest
from app.services.answering.call_order import HALVES, in_order

#: Maximum number of calls waiting under one id that are compared with another call.
_MAX_SEARCHED = 64

#: The fraction that orjson writes for a float with an integral value, but not for an integer.
_WHOLE = re.compile(rb"(?<=\d)\.0(?=[,\]}]|$)")


class CallPairing:
    """Pairs the calls of a context, then those of a turn's own input, with their outputs.

    `inputs` are the index ranges of each turn's input in the context. A turn is only answered once
    all calls before it have outputs, so a call without one by then lost it to a purge (S7).
    `purged` are the numbers of the turns of which a purge left nothing.
    """

    def __init__(
        self,
        context: Sequence[Item],
        inputs: Sequence[range] = (),
        purged: Set[int] = frozenset(),
    ) -> None:
        # All numbers are indexes of items: the context, then the turn's own input.
        self._items = list(context)
        self._own_start = len(self._items)
        self._calls: list[int] = []
        # Calls without an output yet, by call_id, oldest first: those that a client sent again
        # after they had their output, those that wait, those that were cut off. An output goes to
        # the first of these three that has a call under its id.
        self._resent: dict[str, deque[int]] = {}
        self._waiting: dict[str, deque[int]] = {}
        self._cut_off: dict[str, deque[int]] = {}
        self._queues = (self._resent, self._waiting, self._cut_off)
        self._has_gaps = bool(purged)
        # MEASURED: noticing during the pass that nothing has to move saves four fifths of the time.
        self._is_plain = True
        self._last_other = self._last_output = self._last_before = -1
        self._input_start = 0
        # Signatures by which calls are compared, made when needed: by index, and by call_id for
        # the first `_signed_calls` of `_calls`.
        self._signatures: dict[int, bytes] = {}
        self._signatures_by_id: dict[str, set[bytes]] = {}
        self._signed_calls = 0
        self._latest: dict[str, int] = {}  # the call that was made or answered last, by call_id
        self._output_of: dict[int, int] = {}
        self._distinct: dict[str, str] | None = None  # calls that wait, by their upstream's ids
        self._local_shells: dict[str, str] = {}  # call_ids of local shell calls, by item id
        self._orphans: set[int] = set()  # outputs whose calls were purged
        self._replaced: set[int] = set()  # outputs that a later one of the same call replaces
        # MEASURED: most conversations have no calls, and in the others most items are messages.
        if any(HALVES[kind] for kind in set(map(type, self._items))):
            halves = [i for i, item in enumerate(self._items) if HALVES[type(item)]]
            self._read_context(halves, inputs, purged)
        self._input_start = self._own_start

    def half_purged(self) -> set[str]:
        """Return the ids of the context's items whose other half was purged."""
        waiting = self._still_waiting()
        if not self._orphans and len(self._output_of) + len(waiting) == len(self._calls):
            return set()
        lost = {call for call in self._calls if call not in self._output_of} - set(waiting)
        return {self._items[index].id for index in lost | self._orphans}

    def add(self, given: Iterable[Item]) -> tuple[Item, ...]:
        """Read the turn's own input; return it without calls that the parent still waits for.

        These calls, which the parent made, are not sent, stored or listed again.

        Raises:
            InvalidRequest: an output has no call, or a call has no output.
        """
        had_calls = bool(self._calls)
        for item in given:
            if isinstance(item, FunctionCall):
                if had_calls and self._is_waited_for(item):
                    continue
                self._read_call(item, len(self._items))
            elif isinstance(item, FunctionCallOutput):
                if not self._waiting.get(item.call_id):
                    item = self._as_awaited(item)
                if item.call_id not in self._latest:
                    raise InvalidRequest(
                        f"No tool call found for function call output with call_id {item.call_id}. "
                        "Send the call before its output, or continue with previous_response_id.",
                        param="input",
                    )
                self._read_output(item, len(self._items))
            elif not isinstance(item, UnseenItem):  # which no model sees
                self._last_other = len(self._items)
            self._items.append(item)
        if self._calls:
            self._refuse_what_waits()
        return tuple(self._items[self._own_start :])

    def items(self) -> tuple[Item, ...]:
        """Return all items that the model sees, in an order that every upstream accepts."""
        if self._is_plain and not self._orphans and len(self._output_of) == len(self._calls):
            return tuple(self._items)
        halves = {call for call in self._calls if call not in self._output_of} | self._orphans
        call_of = {output: call for call, output in self._output_of.items()}
        return in_order(self._items, call_of, halves | self._replaced)

    def _read_context(
        self, halves: Sequence[int], inputs: Sequence[range], purged: Set[int]
    ) -> None:
        """Read the context's calls and outputs, which are at the indexes `halves`, turn by turn.

        A turn's input is read together with the output of the turn before it.
        """
        turns = (*inputs, range(self._own_start, self._own_start))
        ends = [given.stop for given in turns]
        turn, end, expected = -1, 0, 0
        for index in halves:
            if index >= end:
                turn = bisect_right(ends, index)
                end = ends[turn]
                self._begin_turn(turns[turn].start)
            if index != expected:
                self._last_other = index - 1
            expected = index + 1
            self._read_half(self._items[index], index, is_after_gap=turn - 1 in purged)
        if turn < len(inputs):
            self._begin_turn(self._own_start)
        if expected != self._own_start:
            self._last_other = self._own_start - 1

    def _begin_turn(self, input_start: int) -> None:
        self._input_start = input_start
        for queues in self._queues:
            queues.clear()

    def _read_half(self, item: Item, index: int, *, is_after_gap: bool) -> None:
        if isinstance(item, FunctionCall):
            self._read_call(item, index)
        elif isinstance(item, FunctionCallOutput):
            known = self._is_awaited(item) if is_after_gap else item.call_id in self._latest
            if known:
                self._read_output(item, index)
            else:
                self._orphans.add(index)

    def _read_call(self, call: FunctionCall, index: int) -> None:
        call_id, queues = call.call_id, self._waiting
        if index < self._own_start and call.status != "completed":
            queues = self._cut_off
        elif call_id in queues and self._is_sent_again(call, index):
            queues = self._resent
        if call_id in queues:
            queues[call_id].append(index)
        else:
            queues[call_id] = deque((index,))
        self._latest[call_id] = index
        self._calls.append(index)
        if isinstance(call, LocalShellCall):
            self._local_shells[call.id] = call_id

    def _is_sent_again(self, call: FunctionCall, index: int) -> bool:
        """Tell whether another call waits under this id and this one already had its output.

        Clients that send their whole history beside the parent, with the same ids in each turn,
        cause this: such a call is followed by its own output, not the one the parent waits for.
        After a purge it is unknown which calls had outputs; a repeat is likelier than a new call.
        """
        waiting = self._waiting.get(call.call_id)
        if not waiting or index < self._input_start or waiting[0] >= self._input_start:
            return False
        signature = _signature(call)
        if not self._has_gaps and signature not in self._signatures_under(call.call_id):
            return False
        return not self._is_among(signature, islice(waiting, _MAX_SEARCHED))

    def _signatures_under(self, call_id: str) -> set[bytes]:
        """Return the signatures of all calls so far under an id; most requests need none."""
        for index in self._calls[self._signed_calls :]:
            call = self._items[index]
            if isinstance(call, FunctionCall):
                self._signatures_by_id.setdefault(call.call_id, set()).add(self._signature(index))
        self._signed_calls = len(self._calls)
        return self._signatures_by_id[call_id]

    def _is_awaited(self, output: FunctionCallOutput) -> bool:
        call_id = output.call_id
        return bool(
            self._waiting.get(call_id) or self._resent.get(call_id) or self._cut_off.get(call_id)
        )

    def _read_output(self, output: FunctionCallOutput, index: int) -> None:
        waiting = self._waiting.get(output.call_id)
        if not waiting or self._resent or self._cut_off:
            self._is_plain = False
            waiting = (
                self._resent.get(output.call_id) or waiting or self._cut_off.get(output.call_id)
            )
        call = waiting.popleft() if waiting else self._latest[output.call_id]
        self._latest[output.call_id] = call
        if index != self._last_output + 1:
            self._last_before = max(self._last_other, self._last_output)
        if call < self._last_before:
            self._is_plain = False
        self._last_output = index
        replaced = self._output_of.get(call)
        if replaced is not None:
            self._replaced.add(replaced)
        self._output_of[call] = index

    def _as_awaited(self, output: FunctionCallOutput) -> FunctionCallOutput:
        """Return an output with the call_id of its call.

        It may come with the upstream's own id, if that was already taken and no call waits under
        it, or, for a local shell, with the id of the call's item (G5).
        """
        if self._is_awaited(output):
            return output
        if isinstance(output, LocalShellCallOutput) and output.call_id in self._local_shells:
            return replace(output, call_id=self._local_shells[output.call_id])
        if self._distinct is None:
            waiting = [self._items[index] for index in self._still_waiting()]
            calls = [each for each in waiting if isinstance(each, FunctionCall)]
            own_ids = [upstream_call_id(each.call_id, home_of(each.id) or "") for each in calls]
            self._distinct = {
                own_id: call.call_id for own_id, call in zip(own_ids, calls, strict=True) if own_id
            }
        call_id = self._distinct.pop(output.call_id, None)
        return output if call_id is None else replace(output, call_id=call_id)

    def _is_waited_for(self, call: FunctionCall) -> bool:
        """Tell whether the call repeats one of the context that still waits for its output."""
        signature = b""
        for queues in (self._waiting, self._cut_off):
            for index in queues.get(call.call_id, ()):
                if index >= self._own_start:
                    break
                signature = signature or _signature(call)
                if self._signature(index) == signature:
                    return True
        return False

    def _is_among(self, signature: bytes, indexes: Iterable[int]) -> bool:
        return any(self._signature(index) == signature for index in indexes)

    def _signature(self, index: int) -> bytes:
        signature = self._signatures.get(index)
        if signature is None:
            signature = self._signatures[index] = _signature(self._items[index])
        return signature

    def _still_waiting(self) -> list[int]:
        return sorted(i for queues in self._queues for queue in queues.values() for i in queue)

    def _refuse_what_waits(self) -> None:
        """Refuse calls without an output; one that was cut off in the parent is just left out."""
        queues = (*self._resent.items(), *self._waiting.items())
        open_calls = [(queue[0], each) for each, queue in queues if queue]
        if open_calls:
            raise InvalidRequest(
                f"No tool output found for function call {min(open_calls)[1]}. Send it as an item "
                "of type function_call_output.",
                param="input",
            )


def _signature(call: Item) -> bytes:
    """Return bytes that are equal for equal calls, however a client formats the arguments.

    Arguments are compared as parsed JSON, in which 1.0 equals 1, or else as text.
    """
    if not isinstance(call, FunctionCall):
        return b""
    try:
        parsed = orjson.loads(call.arguments.strip() or "{}")
        arguments = _WHOLE.sub(b"", orjson.dumps(parsed, option=orjson.OPT_SORT_KEYS))
    except (ValueError, TypeError):
        arguments = call.arguments.encode(errors="replace")
    return call.qualified_name.encode(errors="replace") + b" " + arguments
