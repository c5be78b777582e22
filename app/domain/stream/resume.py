"""Resumes a stream from its events, so that another process can end the response.

A worker that was lost or stopped leaves a stream with an open item. Another process replays the
stored events into a new narrator, which then knows what it must close.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from app.domain.hosted.item import HostedItem
from app.domain.items import (
    BuiltInCall,
    Compaction,
    CustomCall,
    FunctionCall,
    Message,
    OutputItem,
    Reasoning,
)
from app.domain.response import Response, Usage
from app.domain.stream.call_events import (
    CommandAdded,
    CommandDelta,
    CommandDone,
    DiffDelta,
    DiffDone,
    HostedEvent,
    ReasoningPartDone,
    ReasoningTextDelta,
)
from app.domain.stream.calls.replay import fragment_of, opening
from app.domain.stream.deltas import (
    Annotated,
    Arguments,
    CallOpened,
    Delta,
    HostedNoted,
    HostedOpened,
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
    InputDelta,
    ItemAdded,
    ItemDone,
    PartDone,
    RefusalDelta,
    SummaryPartDone,
    SummaryTextDelta,
    TextDelta,
)
from app.domain.stream.narrate import Narrator


def resume(
    response: Response, events: Iterable[Event], usage: Usage | None, now: Callable[[], int]
) -> Narrator:
    """Return a narrator of the queued `response` in the state after these events.

    Without events it has not even begun. `usage` is what the upstream has counted. Events are
    replayed one by one and not kept: only the finished items are.
    """
    replay = _Replay(response, now)
    for event in events:
        replay.add(event)
    narrator = replay.narrator
    if usage is not None:
        narrator.hear([Used(usage)])
    return narrator


class _Replay:
    """A stream that is being replayed; `narrator` is the one of the open item."""

    def __init__(self, response: Response, now: Callable[[], int]) -> None:
        self._response = response
        self._now = now
        self._output: list[OutputItem] = []
        self._number = 0
        self._ids: deque[str] = deque()
        self._item_id = ""  # of the open item
        self.narrator = Narrator(response, lambda _prefix: self._ids.popleft(), now)

    def add(self, event: Event) -> None:
        """Replay the next event."""
        self._number += 1
        if self._number == 1:
            self.narrator.begin()
        if isinstance(event, ItemDone):
            self._output.append(event.item)
            self._continue()
            return
        if isinstance(event, ItemAdded) and not isinstance(event.item, Compaction):
            self._item_id = event.item.id
            self._ids.append(event.item.id)
        for delta in _deltas_of(event, self._item_id):
            self.narrator.hear([delta])

    def _continue(self) -> None:
        """Begin a new narrator after a finished item."""
        self.narrator = Narrator(self._response, lambda _prefix: self._ids.popleft(), self._now)
        self.narrator.begin()
        self.narrator.continue_after(self._output, self._number)


def _deltas_of(event: Event, item_id: str) -> tuple[Delta, ...]:
    """Return the deltas from which a narrator writes this event of the open item again."""
    match event:
        case TextDelta():
            return (Text(event.delta, event.logprobs),)
        case ItemAdded():
            return _opened(event.item)
        case AnnotationAdded():
            return (Annotated(event.annotation),)
        case RefusalDelta():
            return (Refused(event.delta),)
        case ArgumentsDelta() | InputDelta():
            return (Arguments(event.item_id, event.delta),)
        case CommandAdded() | CommandDelta() | CommandDone() | DiffDelta() | DiffDone():
            return (Arguments(item_id, fragment_of(event)),)
        case HostedEvent():
            return (HostedNoted(event.item_id, event.type, event.fields),)
        case SummaryTextDelta() | ReasoningTextDelta():
            return (Thought(event.delta, isinstance(event, ReasoningTextDelta)),)
        case PartDone() | SummaryPartDone() | ReasoningPartDone():
            return (PartEnded(),)
        case _:
            return ()


def _opened(item: OutputItem) -> tuple[Delta, ...]:
    match item:
        case Message():
            return (MessageOpened(item.phase),)
        case BuiltInCall():
            opened = CallOpened(item.id, item.call_id, item.name, built_in=item.name)
            return (opened, Arguments(item.id, opening(item)))
        case FunctionCall():
            is_custom = isinstance(item, CustomCall)
            return (
                CallOpened(
                    item.id,
                    item.call_id,
                    item.name,
                    item.namespace,
                    is_custom,
                    program_id=item.program_id,
                ),
            )
        case Reasoning():
            return (ReasoningOpened(),)
        case HostedItem():
            return (HostedOpened(item.id, item.json),)
        case Compaction():
            return ()  # its events are written together, the last one included
