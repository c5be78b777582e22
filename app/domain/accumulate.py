"""Fold a stream of events into the response that it describes, delta by delta."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from app.domain.events import (
    AnnotationAdded,
    ArgumentsDelta,
    ArgumentsDone,
    ErrorRaised,
    Event,
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
from app.domain.items import (
    ContentPart,
    FunctionCall,
    Message,
    OutputItem,
    OutputPart,
    OutputText,
    Reasoning,
    Refusal,
)
from app.domain.response import Response


class Accumulator:
    """Rebuilds a response from its events, as a client would.

    Raises ValueError where an event touches something that was never opened.
    """

    def __init__(self) -> None:
        self._response: Response | None = None
        self._output: list[OutputItem] = []

    @property
    def response(self) -> Response:
        """The response as the events so far describe it, partial items included."""
        if self._response is None:
            raise ValueError("an empty stream describes no response")
        return replace(self._response, output=tuple(self._output))

    def add(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case Lifecycle():
                self._response = event.response
            case ItemAdded():
                if event.output_index != len(self._output):
                    raise ValueError(f"item {event.output_index} came out of order")
                self._output.append(event.item)
            case ItemDone():
                self._item(event.output_index)
                self._output[event.output_index] = event.item
            case PartAdded():
                message = self._message(event.output_index)
                self._put(event.output_index, (*message.content, event.part))
            case PartDone():
                self._replace_part(event.output_index, event.content_index, event.part)
            case TextDelta():
                text = self._text(event.output_index, event.content_index)
                grown = replace(
                    text,
                    text=text.text + event.delta,
                    logprobs=text.logprobs + event.logprobs,
                )
                self._replace_part(event.output_index, event.content_index, grown)
            case AnnotationAdded():
                text = self._text(event.output_index, event.content_index)
                noted = replace(text, annotations=(*text.annotations, event.annotation))
                self._replace_part(event.output_index, event.content_index, noted)
            case RefusalDelta():
                refusal = self._part(event.output_index, event.content_index)
                if not isinstance(refusal, Refusal):
                    raise ValueError("a refusal arrived for a part that is none")
                grown_refusal = Refusal(refusal.refusal + event.delta)
                self._replace_part(event.output_index, event.content_index, grown_refusal)
            case ArgumentsDelta():
                call = self._item(event.output_index)
                if not isinstance(call, FunctionCall):
                    raise ValueError("arguments arrived for an item that is no function call")
                self._output[event.output_index] = replace(
                    call, arguments=call.arguments + event.delta
                )
            case SummaryPartAdded():
                reasoning = self._reasoning(event.output_index)
                self._think(event.output_index, (*reasoning.summary, ""))
            case SummaryTextDelta():
                summary = self._reasoning(event.output_index).summary
                grown_text = summary[event.summary_index] + event.delta
                self._think(event.output_index, (*summary[: event.summary_index], grown_text))
            case (
                TextDone()
                | RefusalDone()
                | ArgumentsDone()
                | SummaryPartDone()
                | SummaryTextDone()
                | ErrorRaised()
            ):
                return  # they repeat what the deltas have said
            case _:
                assert_never(event)

    def _item(self, index: int) -> OutputItem:
        if index >= len(self._output):
            raise ValueError(f"item {index} was never added")
        return self._output[index]

    def _message(self, index: int) -> Message:
        item = self._item(index)
        if not isinstance(item, Message):
            raise ValueError(f"item {index} is no message")
        return item

    def _reasoning(self, index: int) -> Reasoning:
        item = self._item(index)
        if not isinstance(item, Reasoning):
            raise ValueError(f"item {index} is no reasoning item")
        return item

    def _part(self, index: int, content_index: int) -> OutputPart:
        content = self._message(index).content
        if content_index >= len(content):
            raise ValueError(f"part {content_index} of item {index} was never added")
        part = content[content_index]
        if not isinstance(part, OutputText | Refusal):
            raise ValueError(f"part {content_index} of item {index} is no output")
        return part

    def _text(self, index: int, content_index: int) -> OutputText:
        part = self._part(index, content_index)
        if not isinstance(part, OutputText):
            raise ValueError("text arrived for a part that is none")
        return part

    def _replace_part(self, index: int, content_index: int, part: OutputPart) -> None:
        self._part(index, content_index)
        content = self._message(index).content
        self._put(index, (*content[:content_index], part, *content[content_index + 1 :]))

    def _put(self, index: int, content: tuple[ContentPart, ...]) -> None:
        self._output[index] = replace(self._message(index), content=content)

    def _think(self, index: int, summary: tuple[str, ...]) -> None:
        self._output[index] = replace(self._reasoning(index), summary=summary)


def fold(events: Iterable[Event]) -> Response:
    """Return the response that a whole stream describes."""
    accumulator = Accumulator()
    for event in events:
        accumulator.add(event)
    return accumulator.response
