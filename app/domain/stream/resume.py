"""Take up a telling where its events end: how a response is ended by who did not tell it.

A worker that was lost, or is told to stop, leaves a stream whose brackets are open. Its events
are heard again by a new narrator, which then knows what there is to close.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from app.domain.items import FunctionCall, Message, OutputItem, Reasoning
from app.domain.response import Response, Usage
from app.domain.stream.deltas import (
    Annotated,
    Arguments,
    CallOpened,
    Delta,
    MessageOpened,
    PartEnded,
    ReasoningOpened,
    Refused,
    Text,
    Thought,
    Used,
)
from app.domain.stream.events import (
    AnnotationAdded,
    ArgumentsDelta,
    Event,
    ItemAdded,
    ItemDone,
    PartDone,
    RefusalDelta,
    SummaryPartDone,
    SummaryTextDelta,
    TextDelta,
)
from app.domain.stream.narrate import Narrator


def retold(
    response: Response, events: Iterable[Event], usage: Usage | None, now: Callable[[], int]
) -> Narrator:
    """Return a narrator of the queued `response` that has told exactly these events.

    Where there are none, it has not even begun. `usage` is what the upstream has counted. The
    events are heard one by one and none is kept: of the items that are whole only these are.
    """
    retelling = _Retelling(response, now)
    for event in events:
        retelling.add(event)
    narrator = retelling.narrator
    if usage is not None:
        narrator.hear([Used(usage)])
    return narrator


class _Retelling:
    """A telling as far as it has been heard: `narrator` is the one of the item that is open."""

    def __init__(self, response: Response, now: Callable[[], int]) -> None:
        self._response = response
        self._now = now
        self._output: list[OutputItem] = []
        self._number = 0
        self._ids: deque[str] = deque()
        self.narrator = Narrator(response, lambda _prefix: self._ids.popleft(), now)

    def add(self, event: Event) -> None:
        """Hear the next event."""
        self._number += 1
        if self._number == 1:
            self.narrator.begin()
        if isinstance(event, ItemDone):
            self._output.append(event.item)
            self._go_on()
            return
        if isinstance(event, ItemAdded):
            self._ids.append(event.item.id)
        for delta in _deltas_of(event):
            self.narrator.hear([delta])

    def _go_on(self) -> None:
        """Have another narrator tell what is behind an item that is whole."""
        self.narrator = Narrator(self._response, lambda _prefix: self._ids.popleft(), self._now)
        self.narrator.begin()
        self.narrator.go_on(self._output, self._number)


def _deltas_of(event: Event) -> tuple[Delta, ...]:
    """Return the deltas that make a narrator tell this event again."""
    match event:
        case TextDelta():
            return (Text(event.delta, event.logprobs),)
        case ItemAdded():
            return (_opened(event.item),)
        case AnnotationAdded():
            return (Annotated(event.annotation),)
        case RefusalDelta():
            return (Refused(event.delta),)
        case ArgumentsDelta():
            return (Arguments(event.item_id, event.delta),)
        case SummaryTextDelta():
            return (Thought(event.delta),)
        case PartDone() | SummaryPartDone():
            return (PartEnded(),)
        case _:
            return ()


def _opened(item: Message | FunctionCall | Reasoning) -> Delta:
    match item:
        case Message():
            return MessageOpened(item.phase)
        case FunctionCall():
            return CallOpened(item.id, item.call_id, item.name)
        case Reasoning():
            return ReasoningOpened()
