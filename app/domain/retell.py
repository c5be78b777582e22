"""Take up a telling where its events end: how a response is ended by who did not tell it.

A worker that was lost, or is told to stop, leaves a stream whose brackets are open. Its events
are heard again by a new narrator, which then knows what there is to close.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from app.domain.deltas import (
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
from app.domain.events import (
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
from app.domain.items import FunctionCall, Message, Reasoning
from app.domain.narrate import Narrator
from app.domain.response import Response, Usage


def retold(
    response: Response, events: Iterable[Event], usage: Usage | None, now: Callable[[], int]
) -> Narrator:
    """Return a narrator of the queued `response` that has told exactly these events.

    Where there are none, it has not even begun. `usage` is what the upstream has counted.
    """
    events = list(events)
    whole = [(at, event.item) for at, event in enumerate(events) if isinstance(event, ItemDone)]
    behind = whole[-1][0] + 1 if whole else 0
    open_item = events[behind:]
    ids = iter([event.item.id for event in open_item if isinstance(event, ItemAdded)])
    narrator = Narrator(response, lambda _prefix: next(ids), now)
    if events:
        narrator.begin()
    if whole:
        narrator.go_on([item for _, item in whole], behind)
    narrator.hear(_deltas_of(open_item))
    if usage is not None:
        narrator.hear([Used(usage)])
    return narrator


def _deltas_of(events: Iterable[Event]) -> Iterator[Delta]:
    """Yield deltas that make a narrator tell these events again."""
    for event in events:
        match event:
            case ItemAdded():
                yield _opened(event.item)
            case TextDelta():
                yield Text(event.delta, event.logprobs)
            case AnnotationAdded():
                yield Annotated(event.annotation)
            case RefusalDelta():
                yield Refused(event.delta)
            case ArgumentsDelta():
                yield Arguments(event.item_id, event.delta)
            case SummaryTextDelta():
                yield Thought(event.delta)
            case PartDone() | SummaryPartDone():
                yield PartEnded()
            case _:
                continue


def _opened(item: Message | FunctionCall | Reasoning) -> Delta:
    match item:
        case Message():
            return MessageOpened(item.phase)
        case FunctionCall():
            return CallOpened(item.id, item.call_id, item.name)
        case Reasoning():
            return ReasoningOpened()
