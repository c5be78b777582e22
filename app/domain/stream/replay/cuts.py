"""Encodes where a stream was cut into events: what its response does not say, a byte an event.

The cuts of "Hello there" in two deltas: one code for each event, for a delta its text's length:

    STARTED STARTED ITEM_ADDED PART_ADDED 6 5 TEXT_DONE PART_DONE ITEM_DONE ENDED

An event that cannot be derived from the response is stored whole, as the line that was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from app.domain.hosted.item import HostedItem
from app.domain.items import (
    BuiltInCall,
    Compaction,
    CustomCall,
    FunctionCall,
    Message,
    OutputItem,
    OutputText,
    Reasoning,
    Refusal,
    arguments_for,
)
from app.domain.stream.call_events import (
    ReasoningPartAdded,
    ReasoningPartDone,
    ReasoningTextDelta,
    ReasoningTextDone,
)
from app.domain.stream.events import (
    AnnotationAdded,
    ArgumentsDelta,
    ArgumentsDone,
    Event,
    InputDelta,
    InputDone,
    ItemAdded,
    ItemDone,
    Lifecycle,
    LifecycleType,
    PartAdded,
    PartDone,
    RefusalDelta,
    RefusalDone,
    SummaryPartAdded,
    SummaryPartDone,
    SummaryTextDelta,
    SummaryTextDone,
    TextDelta,
    TextDone,
    is_terminal,
)
from app.domain.stream.replay import built_in
from app.domain.stream.replay.codes import FIRST_CODE, SIZED, Code

_DELTAS: dict[type, Code] = {
    RefusalDelta: Code.REFUSAL,
    SummaryTextDelta: Code.SUMMARY,
    ArgumentsDelta: Code.ARGUMENTS,
    InputDelta: Code.INPUT,
    ReasoningTextDelta: Code.REASONING,
}
_OTHERS: dict[type, Code] = {
    AnnotationAdded: Code.ANNOTATION,
    TextDone: Code.TEXT_DONE,
    RefusalDone: Code.REFUSAL_DONE,
    PartDone: Code.PART_DONE,
    SummaryPartAdded: Code.SUMMARY_PART_ADDED,
    SummaryTextDone: Code.SUMMARY_TEXT_DONE,
    SummaryPartDone: Code.SUMMARY_PART_DONE,
    ReasoningPartAdded: Code.REASONING_PART_ADDED,
    ReasoningTextDone: Code.REASONING_TEXT_DONE,
    ReasoningPartDone: Code.REASONING_PART_DONE,
    ArgumentsDone: Code.ARGUMENTS_DONE,
    InputDone: Code.INPUT_DONE,
}
_EMPTY_PARTS = {OutputText(""): Code.TEXT_PART_ADDED, Refusal(""): Code.REFUSAL_PART_ADDED}
#: The first events of a stream.
STARTS: tuple[LifecycleType, ...] = ("response.created", "response.in_progress")


class StreamCuts:
    """Records where one stream is cut. `encode` writes an event as a line of JSON.

    `waiting` also gets the events, if it is set.
    """

    __slots__ = ("_call", "_cuts", "_encode", "_starts", "waiting")

    def __init__(self, encode: Callable[[Event], bytes]) -> None:
        self.waiting: list[Event] | None = None
        self._encode = encode
        self._cuts = bytearray()
        self._starts = 0
        self._call: list[Event] = []  # events of an open call of a built-in tool

    def __bytes__(self) -> bytes:
        return bytes(self._cuts)

    def note_outlasting(self) -> None:
        """Record, before any event, that the stream may go on without its caller."""
        self._write(Code.OUTLASTS)

    def add(self, events: Sequence[Event]) -> None:
        """Record the next events."""
        cuts = self._cuts
        if self.waiting is not None:
            self.waiting += events  # atomically: another thread takes them
        for event in events:
            # MEASURED: nearly every event is of this kind; any other way would cost twice as much.
            if type(event) is TextDelta and not event.logprobs and len(event.delta) < FIRST_CODE:
                cuts.append(len(event.delta))
            else:
                self._add(event)

    def _add(self, event: Event) -> None:
        if self._call or _begins_built_in(event):
            self._add_of_call(event)
            return
        code = _DELTAS.get(type(event))
        match event:
            case TextDelta():
                self._write(Code.TEXT, len(event.delta), len(event.logprobs))
            case (
                RefusalDelta()
                | SummaryTextDelta()
                | ReasoningTextDelta()
                | ArgumentsDelta()
                | InputDelta()
            ) if code:
                self._write(code, len(event.delta))
            case PartAdded() if _is_empty(event):
                self._write(_EMPTY_PARTS[event.part])
            case ItemAdded() if event.item == opening(event.item):
                self._write(Code.ITEM_ADDED)
            case ItemDone():
                is_bare = isinstance(event.item, Reasoning) and not event.item.encrypted_content
                self._write(Code.ITEM_DONE_WITHOUT_PAYLOAD if is_bare else Code.ITEM_DONE)
            case Lifecycle() if is_terminal(event):
                self._write(Code.ENDED)
            case Lifecycle() if self._is_next_start(event):
                self._start(event)
            case _ if type(event) in _OTHERS:
                self._write(_OTHERS[type(event)])
            case _:
                self._write_bytes(Code.LINE, self._encode(event))

    def _add_of_call(self, event: Event) -> None:
        """Keep the events of a call until its end, which shows its item."""
        if not isinstance(event, ItemDone):
            self._call.append(event)
            return
        events, self._call = self._call, []
        codes = None
        if isinstance(event.item, BuiltInCall):
            codes = built_in.codes_of(event.item, event.output_index, events)
        if codes is None:
            for each in events:
                self._write_bytes(Code.LINE, self._encode(each))
        else:
            for code, size in codes:
                self._write(code, *([size] if code in SIZED else []))
        self._write(Code.ITEM_DONE)

    def _is_next_start(self, event: Lifecycle) -> bool:
        is_in_progress = event.response.status == "in_progress"
        return is_in_progress and STARTS[self._starts : self._starts + 1] == (event.type,)

    def _start(self, event: Lifecycle) -> None:
        if not self._starts:
            self._write_bytes(Code.TIER, event.response.service_tier.encode())
        self._starts += 1
        self._write(Code.STARTED)

    def _write(self, code: Code, *numbers: int) -> None:
        self._cuts.append(code)
        for number in numbers:
            while number >= 0x80:
                self._cuts.append(number & 0x7F | 0x80)
                number >>= 7
            self._cuts.append(number)

    def _write_bytes(self, code: Code, data: bytes) -> None:
        self._write(code, len(data))
        self._cuts += data


def _begins_built_in(event: Event) -> bool:
    return isinstance(event, ItemAdded) and isinstance(event.item, BuiltInCall)


def may_outlast(cuts: bytes) -> bool:
    """Tell whether these cuts are of a stream that could go on without its caller (E7)."""
    return cuts[:1] == bytes([Code.OUTLASTS])


def _is_empty(event: PartAdded) -> bool:
    return event.part in (OutputText(""), Refusal(""))


def opening(item: OutputItem) -> OutputItem | None:
    """Return an item as it was when added; None if that cannot be derived from its final form."""
    match item:
        case Message():
            return Message(item.id, "assistant", (), "in_progress", item.phase)
        case Reasoning():
            return Reasoning(item.id)
        case Compaction() | HostedItem():
            return None
        case BuiltInCall():
            return built_in.opening(item)
        case CustomCall():
            return replace(item, arguments=arguments_for(""), status="in_progress")
        case FunctionCall():
            return replace(item, arguments="", status="in_progress")
        case _:
            assert_never(item)


def read(cuts: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield each event's code, a delta's numbers of characters and log probabilities, its bytes."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = cuts[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    while at < len(cuts):
        code = cuts[at]
        at += 1
        if code < FIRST_CODE:
            yield Code.TEXT, code, 0, b""
        elif code == Code.TEXT:
            yield code, number(), number(), b""
        elif code in SIZED:
            yield code, number(), 0, b""
        elif code in (Code.LINE, Code.TIER):
            size = number()
            at += size
            yield code, 0, 0, cuts[at - size : at]
        elif code != Code.OUTLASTS:
            yield code, 0, 0, b""
