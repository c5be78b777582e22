"""Open items of an answer, as far as the events so far describe them."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from app.domain.built_in.apply_patch import ApplyPatchCall
from app.domain.built_in.shell import ShellCall
from app.domain.hosted.growth import HostedGrowth
from app.domain.hosted.item import HostedItem
from app.domain.items import (
    BuiltInCall,
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
from app.domain.stream.call_events import (
    BuiltInCallEvent,
    CommandAdded,
    CommandDelta,
    CommandDone,
    DiffDelta,
    DiffDone,
)
from app.domain.stream.calls.replay import fragment_of, opening
from app.domain.stream.events import ArgumentsDelta, InputDelta

#: Number of pieces of a text that are kept before they are joined.
MOST_CHUNKS = 1024


class GrowingText:
    """A text part, or a refusal, whose pieces are joined when it is read."""

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


class GrowingMessage:
    """An open message."""

    __slots__ = ("item", "parts")

    def __init__(self, item: Message) -> None:
        self.item = item
        self.parts: list[ContentPart | GrowingText] = [
            GrowingText(part) if isinstance(part, OutputText | Refusal) else part
            for part in item.content
        ]

    def current(self) -> Message:
        """Return the message so far."""
        content = (part.current() if isinstance(part, GrowingText) else part for part in self.parts)
        return replace(self.item, content=tuple(content))


class GrowingCall:
    """An open call, whose arguments grow, or the part of them that its events show."""

    __slots__ = ("item", "text")

    def __init__(self, item: FunctionCall) -> None:
        self.item = item
        self.text = GrowingText(OutputText(_beginning(item)))

    def take(self, event: CallEvent) -> None:
        """Apply an event. Raises ValueError for an event of another kind of call."""
        others = () if isinstance(self.item, BuiltInCall) else (ArgumentsDelta,)
        if not isinstance(event, _EVENTS.get(self.item.type, others)):
            raise ValueError(f"{event.type} arrived for an item that takes none")
        if isinstance(event, ArgumentsDelta | InputDelta):
            self.text.add(event.delta)
        else:
            self.text.add(fragment_of(event))

    def current(self) -> FunctionCall:
        """Return the call so far."""
        text = self.text.join()
        match self.item:
            case CustomCall():
                text = arguments_for(text)
            case BuiltInCall():
                text = self.item.readable(text, is_cut=True)
            case _:
                pass
        return replace(self.item, arguments=text)


CallEvent = ArgumentsDelta | InputDelta | BuiltInCallEvent
_EVENTS: dict[str, tuple[type[CallEvent], ...]] = {
    CustomCall.type: (InputDelta,),
    ApplyPatchCall.type: (DiffDelta, DiffDone),
    ShellCall.type: (CommandAdded, CommandDelta, CommandDone),
}


def _beginning(call: FunctionCall) -> str:
    match call:
        case CustomCall():
            return call.input
        case BuiltInCall():
            return opening(call)
        case _:
            return call.arguments


class GrowingReasoning:
    """An open reasoning item."""

    __slots__ = ("content", "item", "summary")

    def __init__(self, item: Reasoning) -> None:
        self.item = item
        self.summary = [GrowingText(OutputText(text)) for text in item.summary]
        self.content = [GrowingText(OutputText(text)) for text in item.content]

    def current(self) -> Reasoning:
        """Return the item so far."""
        summary, content = (
            tuple(text.join() for text in texts) for texts in (self.summary, self.content)
        )
        return replace(self.item, summary=summary, content=content)


class GrowingHosted:
    """An open item of a hosted tool."""

    __slots__ = ("growth", "item")

    def __init__(self, item: HostedItem) -> None:
        self.item = item
        self.growth = HostedGrowth(item.json)

    def current(self) -> HostedItem:
        """Return the item so far."""
        return replace(self.item, json=self.growth.current())


Growing = GrowingMessage | GrowingCall | GrowingReasoning | GrowingHosted


def growing(item: OutputItem) -> OutputItem | Growing:
    """Return an added item in a form that can grow."""
    match item:
        case Message():
            return GrowingMessage(item)
        case FunctionCall():
            return GrowingCall(item)
        case Reasoning():
            return GrowingReasoning(item)
        case HostedItem():
            return GrowingHosted(item)
        case Compaction():
            return item  # it is complete at once
        case _:
            assert_never(item)
