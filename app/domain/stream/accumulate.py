"""Fold a stream of events into the response that it describes, delta by delta."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from app.domain.items import (
    Compaction,
    ContentPart,
    CustomCall,
    FunctionCall,
    Message,
    OutputItem,
    OutputPart,
    OutputText,
    Reasoning,
    Refusal,
    arguments_for,
)
from app.domain.response import Response
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

#: How many pieces of a text are kept one by one.
MOST_CHUNKS = 1024

_EMPTY = OutputText("")


class _GrowingText:
    """A text part, or a refusal, whose pieces are joined when it is looked at."""

    __slots__ = ("annotations", "chunks", "joined", "logprobs", "part")

    def __init__(self, part: OutputPart) -> None:
        self.part = part
        text = part.text if isinstance(part, OutputText) else part.refusal
        self.joined = [text] if text else []
        self.chunks: list[str] = []
        text_part = part if isinstance(part, OutputText) else OutputText("")
        self.annotations = list(text_part.annotations)
        self.logprobs = list(text_part.logprobs)

    def add(self, piece: str) -> None:
        """Add a piece."""
        self.chunks.append(piece)
        if len(self.chunks) == MOST_CHUNKS:
            self.joined.append("".join(self.chunks))
            self.chunks.clear()

    def join(self) -> str:
        """Return the text so far."""
        self.joined = ["".join(self.joined + self.chunks)]
        self.chunks.clear()
        return self.joined[0]

    def current(self) -> OutputPart:
        """Return the part so far."""
        if isinstance(self.part, Refusal):
            return Refusal(self.join())
        return OutputText(self.join(), tuple(self.annotations), tuple(self.logprobs))


class _GrowingMessage:
    """A message that is open."""

    __slots__ = ("item", "parts")

    def __init__(self, item: Message) -> None:
        self.item = item
        self.parts: list[ContentPart | _GrowingText] = [
            _GrowingText(part) if isinstance(part, OutputText | Refusal) else part
            for part in item.content
        ]

    def current(self) -> Message:
        """Return the message so far."""
        content = (
            part.current() if isinstance(part, _GrowingText) else part for part in self.parts
        )
        return replace(self.item, content=tuple(content))


class _GrowingCall:
    """A call that is open: its arguments grow, or the input of a custom tool."""

    __slots__ = ("is_custom", "item", "text")

    def __init__(self, item: FunctionCall) -> None:
        self.item = item
        self.is_custom = isinstance(item, CustomCall)
        text = item.input if isinstance(item, CustomCall) else item.arguments
        self.text = _GrowingText(OutputText(text))

    def current(self) -> FunctionCall:
        """Return the call so far."""
        text = self.text.join()
        return replace(self.item, arguments=arguments_for(text) if self.is_custom else text)


class _GrowingReasoning:
    """A reasoning item that is open."""

    __slots__ = ("item", "summary")

    def __init__(self, item: Reasoning) -> None:
        self.item = item
        self.summary = [_GrowingText(OutputText(text)) for text in item.summary]

    def current(self) -> Reasoning:
        """Return the item so far."""
        return replace(self.item, summary=tuple(text.join() for text in self.summary))


_Growing = _GrowingMessage | _GrowingCall | _GrowingReasoning


class Accumulator:
    """Rebuilds a response from its events, as a client would.

    An event costs the same however much came before it; a look at the response joins what has
    grown since the last one. Raises ValueError where an event touches something that was never
    opened.
    """

    def __init__(self) -> None:
        self._response: Response | None = None
        self._output: list[OutputItem | _Growing] = []

    @property
    def output(self) -> tuple[OutputItem, ...]:
        """The items as they stand."""
        return tuple(
            item.current() if isinstance(item, _Growing) else item for item in self._output
        )

    @property
    def response(self) -> Response:
        """The response as the events so far describe it, partial items included."""
        if self._response is None:
            raise ValueError("an empty stream describes no response")
        return replace(self._response, output=self.output)

    def add(self, event: Event) -> None:
        """Take in one event."""
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
                self._output.append(_growing(event.item))
            case ItemDone():
                self._item(event.output_index)
                self._output[event.output_index] = event.item
            case PartAdded() | PartDone() | AnnotationAdded() | RefusalDelta():
                self._add_to_message(event)
            case ArgumentsDelta() | InputDelta():
                call = self._item(event.output_index)
                is_custom = isinstance(event, InputDelta)
                if not isinstance(call, _GrowingCall) or call.is_custom is not is_custom:
                    raise ValueError("arguments or input arrived for an item that takes none")
                call.text.add(event.delta)
            case SummaryPartAdded():
                self._reasoning(event.output_index).summary.append(_GrowingText(_EMPTY))
            case SummaryTextDelta():
                summary = self._reasoning(event.output_index).summary
                if event.summary_index >= len(summary):
                    raise ValueError(f"summary {event.summary_index} was never added")
                summary[event.summary_index].add(event.delta)
            case (
                TextDone()
                | RefusalDone()
                | ArgumentsDone()
                | InputDone()
                | SummaryPartDone()
                | SummaryTextDone()
                | Compacting()
                | ErrorRaised()
            ):
                return  # they repeat what the deltas have said
            case _:
                assert_never(event)

    def _add_to_message(self, event: PartAdded | PartDone | AnnotationAdded | RefusalDelta) -> None:
        match event:
            case PartAdded():
                self._message(event.output_index).parts.append(_GrowingText(event.part))
            case PartDone():
                self._part(event.output_index, event.content_index)
                parts = self._message(event.output_index).parts
                parts[event.content_index] = _GrowingText(event.part)
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

    def _item(self, index: int) -> OutputItem | _Growing:
        if index >= len(self._output):
            raise ValueError(f"item {index} was never added")
        return self._output[index]

    def _message(self, index: int) -> _GrowingMessage:
        item = self._item(index)
        if not isinstance(item, _GrowingMessage):
            raise ValueError(f"item {index} is no open message")
        return item

    def _reasoning(self, index: int) -> _GrowingReasoning:
        item = self._item(index)
        if not isinstance(item, _GrowingReasoning):
            raise ValueError(f"item {index} is no open reasoning item")
        return item

    def _part(self, index: int, content_index: int) -> _GrowingText:
        parts = self._message(index).parts
        if content_index >= len(parts):
            raise ValueError(f"part {content_index} of item {index} was never added")
        part = parts[content_index]
        if not isinstance(part, _GrowingText):
            raise ValueError(f"part {content_index} of item {index} is no output")
        return part

    def _text(self, index: int, content_index: int) -> _GrowingText:
        part = self._part(index, content_index)
        if not isinstance(part.part, OutputText):
            raise ValueError("text arrived for a part that is none")
        return part


def _growing(item: OutputItem) -> OutputItem | _Growing:
    match item:
        case Message():
            return _GrowingMessage(item)
        case FunctionCall():
            return _GrowingCall(item)
        case Reasoning():
            return _GrowingReasoning(item)
        case Compaction():
            return item  # it is whole at once
        case _:
            assert_never(item)


def fold(events: Iterable[Event]) -> Response:
    """Return the response that a whole stream describes."""
    accumulator = Accumulator()
    for event in events:
        accumulator.add(event)
    return accumulator.response
