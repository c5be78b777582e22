"""Folds a stream of events into the response that it describes, event by event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from app.domain.items import (
    OutputItem,
    OutputText,
    Refusal,
)
from app.domain.response import Response
from app.domain.stream.call_events import (
    CommandAdded,
    CommandDelta,
    CommandDone,
    DiffDelta,
    DiffDone,
    HostedEvent,
    ReasoningPartAdded,
    ReasoningPartDone,
    ReasoningTextDelta,
    ReasoningTextDone,
)
from app.domain.stream.events import (
    AnnotationAdded,
    ArgumentsDelta,
    ArgumentsDone,
    Compacting,
    ErrorRaised,
    Event,
    InputDelta,
    InputDone,
    ItemAdded,
    ItemDone,
    Lifecycle,
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
from app.domain.stream.growing import (
    CallEvent,
    Growing,
    GrowingCall,
    GrowingHosted,
    GrowingMessage,
    GrowingReasoning,
    GrowingText,
    growing,
)

_EMPTY = OutputText("")


class Accumulator:
    """Rebuilds a response from its events, as a client would.

    An event costs the same however much came before it; reading the response joins what has grown
    since the last time. Raises ValueError if an event refers to something that was never opened.
    """

    def __init__(self) -> None:
        self._response: Response | None = None
        self._output: list[OutputItem | Growing] = []

    @property
    def output(self) -> tuple[OutputItem, ...]:
        """The items so far."""
        return tuple(item.current() if isinstance(item, Growing) else item for item in self._output)

    @property
    def response(self) -> Response:
        """The response that the events so far describe, partial items included."""
        if self._response is None:
            raise ValueError("an empty stream describes no response")
        return replace(self._response, output=self.output)

    def add(self, event: Event) -> None:
        """Apply one event."""
        match event:
            case TextDelta():
                text = self._text(event.output_index, event.content_index)
                text.add(event.delta)
                text.logprobs += event.logprobs
            case Lifecycle():
                self._response = event.response
            case ItemAdded():
                if event.output_index != len(self._output):
                    raise ValueError(f"item {event.output_index} came out of order")
                self._output.append(growing(event.item))
            case ItemDone():
                self._item(event.output_index)
                self._output[event.output_index] = event.item
            case PartAdded() | PartDone() | AnnotationAdded() | RefusalDelta():
                self._add_to_message(event)
            case ArgumentsDelta() | InputDelta():
                self._call(event).take(event)
            case CommandAdded() | CommandDelta() | CommandDone() | DiffDelta() | DiffDone():
                self._call(event).take(event)
            case HostedEvent():
                self._note(event)
            case SummaryPartAdded():
                self._reasoning(event.output_index).summary.append(GrowingText(_EMPTY))
            case SummaryTextDelta():
                summary = self._reasoning(event.output_index).summary
                _of(summary, event.summary_index).add(event.delta)
            case ReasoningPartAdded():
                self._reasoning(event.output_index).content.append(GrowingText(_EMPTY))
            case ReasoningTextDelta():
                content = self._reasoning(event.output_index).content
                _of(content, event.content_index).add(event.delta)
            case (
                TextDone()
                | RefusalDone()
                | ArgumentsDone()
                | InputDone()
                | SummaryPartDone()
                | SummaryTextDone()
                | ReasoningTextDone()
                | ReasoningPartDone()
                | Compacting()
                | ErrorRaised()
            ):
                return  # they repeat what the deltas said
            case _:
                assert_never(event)

    def _add_to_message(self, event: PartAdded | PartDone | AnnotationAdded | RefusalDelta) -> None:
        match event:
            case PartAdded():
                self._message(event.output_index).parts.append(GrowingText(event.part))
            case PartDone():
                self._part(event.output_index, event.content_index)
                parts = self._message(event.output_index).parts
                parts[event.content_index] = GrowingText(event.part)
            case AnnotationAdded():
                text = self._text(event.output_index, event.content_index)
                text.annotations.append(event.annotation)
            case RefusalDelta():
                refusal = self._part(event.output_index, event.content_index)
                if not isinstance(refusal.part, Refusal):
                    raise ValueError("a refusal arrived for a part that is none")
                refusal.add(event.delta)
            case _:
                assert_never(event)

    def _note(self, event: HostedEvent) -> None:
        if event.output_index is None:
            return  # of the whole answer, which has no place for it
        item = self._item(event.output_index)
        if not isinstance(item, GrowingHosted):
            raise ValueError(f"{event.type} arrived for an item that takes none")
        item.growth.add(event.type, event.fields)

    def _item(self, index: int) -> OutputItem | Growing:
        if index >= len(self._output):
            raise ValueError(f"item {index} was never added")
        return self._output[index]

    def _message(self, index: int) -> GrowingMessage:
        item = self._item(index)
        if not isinstance(item, GrowingMessage):
            raise ValueError(f"item {index} is no open message")
        return item

    def _call(self, event: CallEvent) -> GrowingCall:
        call = self._item(event.output_index)
        if not isinstance(call, GrowingCall):
            raise ValueError(f"{event.type} arrived for an item that takes none")
        return call

    def _reasoning(self, index: int) -> GrowingReasoning:
        item = self._item(index)
        if not isinstance(item, GrowingReasoning):
            raise ValueError(f"item {index} is no open reasoning item")
        return item

    def _part(self, index: int, content_index: int) -> GrowingText:
        parts = self._message(index).parts
        if content_index >= len(parts):
            raise ValueError(f"part {content_index} of item {index} was never added")
        part = parts[content_index]
        if not isinstance(part, GrowingText):
            raise ValueError(f"part {content_index} of item {index} is no output")
        return part

    def _text(self, index: int, content_index: int) -> GrowingText:
        part = self._part(index, content_index)
        if not isinstance(part.part, OutputText):
            raise ValueError("text arrived for a part that is none")
        return part


def _of(texts: list[GrowingText], index: int) -> GrowingText:
    if index >= len(texts):
        raise ValueError(f"part {index} of the reasoning was never added")
    return texts[index]


def fold(events: Iterable[Event]) -> Response:
    """Return the response that a complete stream describes."""
    accumulator = Accumulator()
    for event in events:
        accumulator.add(event)
    return accumulator.response
