"""Remakes the events of a stream from its response and its cuts (C7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar, cast

from app.domain.items import (
    BuiltInCall,
    CustomCall,
    FunctionCall,
    Message,
    OutputItem,
    OutputPart,
    OutputText,
    Reasoning,
    Refusal,
)
from app.domain.response import Response
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
)
from app.domain.stream.replay import reasoning
from app.domain.stream.replay.built_in import BuiltInReplay
from app.domain.stream.replay.codes import Code
from app.domain.stream.replay.cuts import STARTS, opening, read

_ENDS: dict[str, LifecycleType] = {
    "completed": "response.completed",
    "incomplete": "response.incomplete",
}

_ANOTHER = "these are the cuts of another response"

T = TypeVar("T")


def remade(response: Response, cuts: bytes, decode: Callable[[bytes], Event]) -> Iterator[Event]:
    """Yield the events as which `response` was sent, unchanged.

    `decode` reads an event from the line of JSON that was sent.

    Raises:
        ValueError: these are not the cuts of this response.
    """
    stream = _Stream(response)
    for code, size, logprobs, data in read(cuts):
        if code == Code.TIER:
            stream.begun = replace(stream.begun, service_tier=data.decode())
        elif code == Code.LINE:
            yield stream.passed(decode(data))
        else:
            try:
                yield stream.event(code, size, logprobs)
            except (IndexError, AttributeError):
                raise ValueError(_ANOTHER) from None


class _Stream:
    """A stream that is being remade: the number of the next event, and what it is about."""

    def __init__(self, response: Response) -> None:
        self.begun = replace(
            response,
            echo=response.own_echo,
            status="in_progress",
            output=(),
            usage=None,
            error=None,
            incomplete_reason=None,
            completed_at=None,
        )
        self._response = response
        self._done: list[OutputItem] = []
        self._number = 0
        self._starts = 0
        self._part = -1
        self._at = self._logprob = self._annotation = 0
        self._call: BuiltInReplay | None = None
        self._thoughts = reasoning.ReasoningReplay()

    def passed(self, event: Event) -> Event:
        """Record an event that was stored whole and need not be remade."""
        self._number = event.sequence_number + 1
        if isinstance(event, ItemAdded):
            self._begin_item()
        return event

    def event(self, code: int, size: int, logprobs: int) -> Event:
        """Return the next event, a delta of `size` characters if it is one."""
        number, self._number = self._number, self._number + 1
        if code == Code.TEXT:
            return self._text(number, size, logprobs)
        if code < Code.ANNOTATION:
            return self._delta(number, code, size)
        if code in (Code.STARTED, Code.ENDED):
            return self._lifecycle(number, code)
        if code in (Code.ITEM_ADDED, Code.ITEM_DONE, Code.ITEM_DONE_WITHOUT_PAYLOAD):
            return self._item_event(number, code)
        if code in reasoning.CODES:
            item = _of(Reasoning, self._item)
            return self._thoughts.event(number, code, size, item, len(self._done))
        if code >= Code.COMMAND_ADDED and self._call is not None:
            return self._call.event(number, code, size)
        if code in (Code.ARGUMENTS_DONE, Code.INPUT_DONE):
            return self._call_done(number)
        if code in (Code.SUMMARY_PART_ADDED, Code.SUMMARY_TEXT_DONE, Code.SUMMARY_PART_DONE):
            return self._summary_event(number, code)
        return self._part_event(number, code)

    @property
    def _item(self) -> OutputItem:
        return cast(OutputItem, self._response.output[len(self._done)])

    @property
    def _content(self) -> OutputPart:
        part = _of(Message, self._item).content[self._part]
        return part if isinstance(part, Refusal) else _of(OutputText, part)

    def _begin_item(self) -> None:
        self._part = -1
        self._thoughts = reasoning.ReasoningReplay()
        self._begin_text()

    def _begin_text(self) -> None:
        self._at = self._logprob = self._annotation = 0

    def _piece(self, text: str, size: int) -> str:
        self._at += size
        return text[self._at - size : self._at]

    def _text(self, number: int, size: int, logprobs: int) -> Event:
        part: Any = self._content
        piece, first = self._piece(part.text, size), self._logprob
        self._logprob += logprobs
        of_piece = part.logprobs[first : self._logprob]
        return TextDelta(number, self._item.id, len(self._done), self._part, piece, of_piece)

    def _delta(self, number: int, code: int, size: int) -> Event:
        item, index = self._item, len(self._done)
        if code == Code.REFUSAL:
            part: Any = self._content
            piece = self._piece(part.refusal, size)
            return RefusalDelta(number, item.id, index, self._part, piece)
        if code == Code.SUMMARY:
            piece = self._piece(_of(Reasoning, item).summary[self._part], size)
            return SummaryTextDelta(number, item.id, index, self._part, piece)
        if code == Code.INPUT:
            piece = self._piece(_of(CustomCall, item).input, size)
            return InputDelta(number, item.id, index, piece)
        piece = self._piece(_of(FunctionCall, item).arguments, size)
        return ArgumentsDelta(number, item.id, index, piece)

    def _lifecycle(self, number: int, code: int) -> Event:
        if code == Code.STARTED:
            self._starts += 1
            return Lifecycle(STARTS[self._starts - 1], number, self.begun)
        response = replace(self._response, output=tuple(self._done))
        return Lifecycle(_ENDS.get(response.status, "response.failed"), number, response)

    def _item_event(self, number: int, code: int) -> Event:
        item, index = self._item, len(self._done)
        if code == Code.ITEM_ADDED:
            self._begin_item()
            if isinstance(item, BuiltInCall):
                self._call = BuiltInReplay(item, index)
                return self._call.event(number, code, 0)
            return ItemAdded(number, index, _of(type(item), opening(item)))
        if code == Code.ITEM_DONE_WITHOUT_PAYLOAD:
            item = replace(_of(Reasoning, item), encrypted_content=None)
        self._done.append(item)
        return ItemDone(number, index, item)

    def _call_done(self, number: int) -> Event:
        item, index = self._item, len(self._done)
        if isinstance(item, CustomCall):
            return InputDone(number, item.id, index, item.input)
        call = _of(FunctionCall, item)
        return ArgumentsDone(number, call.id, index, call.name, call.arguments)

    def _summary_event(self, number: int, code: int) -> Event:
        item, index = _of(Reasoning, self._item), len(self._done)
        if code == Code.SUMMARY_PART_ADDED:
            self._part += 1
            self._begin_text()
            return SummaryPartAdded(number, item.id, index, self._part)
        kind = SummaryTextDone if code == Code.SUMMARY_TEXT_DONE else SummaryPartDone
        return kind(number, item.id, index, self._part, item.summary[self._part])

    def _part_event(self, number: int, code: int) -> Event:
        if code in (Code.TEXT_PART_ADDED, Code.REFUSAL_PART_ADDED):
            self._part += 1
            self._begin_text()
            empty = OutputText("") if code == Code.TEXT_PART_ADDED else Refusal("")
            return PartAdded(number, self._item.id, len(self._done), self._part, empty)
        part: Any = self._content
        where = (self._item.id, len(self._done), self._part)
        if code == Code.ANNOTATION:
            annotation = part.annotations[self._annotation]
            self._annotation += 1
            return AnnotationAdded(number, *where, self._annotation - 1, annotation)
        if code == Code.TEXT_DONE:
            return TextDone(number, *where, part.text, part.logprobs)
        if code == Code.REFUSAL_DONE:
            return RefusalDone(number, *where, part.refusal)
        return PartDone(number, *where, part)


def _of(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise ValueError(_ANOTHER)
    return value
