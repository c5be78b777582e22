"""The events of a stream as values: one class for each form of event.

`TextDelta(5, "msg_1", 1, 0, "Hi")` is sent as `{"type": "response.output_text.delta",
"sequence_number": 5, "item_id": "msg_1", "output_index": 1, "content_index": 0, "delta": "Hi", …}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from app.domain.frozen import frozen_dataclass
from app.domain.items import OutputItem, OutputPart
from app.domain.response import Response
from app.domain.stream.call_events import BuiltInCallEvent, HostedEvent, ReasoningTextEvent

LifecycleType = Literal[
    "response.created",
    "response.queued",
    "response.in_progress",
    "response.completed",
    "response.incomplete",
    "response.failed",
]
TERMINAL_TYPES = frozenset({"response.completed", "response.incomplete", "response.failed"})


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """The whole response: sent first, at each change of status, and last."""

    type: LifecycleType
    sequence_number: int
    response: Response


@dataclass(frozen=True, slots=True)
class ItemAdded:
    type: ClassVar[str] = "response.output_item.added"
    sequence_number: int
    output_index: int
    item: OutputItem


@dataclass(frozen=True, slots=True)
class ItemDone:
    type: ClassVar[str] = "response.output_item.done"
    sequence_number: int
    output_index: int
    item: OutputItem


@dataclass(frozen=True, slots=True)
class PartAdded:
    type: ClassVar[str] = "response.content_part.added"
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    part: OutputPart


@dataclass(frozen=True, slots=True)
class PartDone:
    type: ClassVar[str] = "response.content_part.done"
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    part: OutputPart


@frozen_dataclass(frozen=True, slots=True)
class TextDelta:
    type: ClassVar[str] = "response.output_text.delta"
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    delta: str
    logprobs: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class TextDone:
    type: ClassVar[str] = "response.output_text.done"
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    text: str
    logprobs: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class AnnotationAdded:
    type: ClassVar[str] = "response.output_text.annotation.added"
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    annotation_index: int
    annotation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RefusalDelta:
    type: ClassVar[str] = "response.refusal.delta"
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    delta: str


@dataclass(frozen=True, slots=True)
class RefusalDone:
    type: ClassVar[str] = "response.refusal.done"
    sequence_number: int
    item_id: str
    output_index: int
    content_index: int
    refusal: str


@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    type: ClassVar[str] = "response.function_call_arguments.delta"
    sequence_number: int
    item_id: str
    output_index: int
    delta: str


@dataclass(frozen=True, slots=True)
class ArgumentsDone:
    type: ClassVar[str] = "response.function_call_arguments.done"
    sequence_number: int
    item_id: str
    output_index: int
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class InputDelta:
    """A piece of a custom tool's input."""

    type: ClassVar[str] = "response.custom_tool_call_input.delta"
    sequence_number: int
    item_id: str
    output_index: int
    delta: str


@dataclass(frozen=True, slots=True)
class InputDone:
    """The input of a custom tool is complete."""

    type: ClassVar[str] = "response.custom_tool_call_input.done"
    sequence_number: int
    item_id: str
    output_index: int
    input: str


@dataclass(frozen=True, slots=True)
class SummaryPartAdded:
    """A summary_text part begins, still empty."""

    type: ClassVar[str] = "response.reasoning_summary_part.added"
    text: ClassVar[str] = ""
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: int


@dataclass(frozen=True, slots=True)
class SummaryPartDone:
    """A summary_text part ends, with this text."""

    type: ClassVar[str] = "response.reasoning_summary_part.done"
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: int
    text: str


@dataclass(frozen=True, slots=True)
class SummaryTextDelta:
    type: ClassVar[str] = "response.reasoning_summary_text.delta"
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: int
    delta: str


@dataclass(frozen=True, slots=True)
class SummaryTextDone:
    type: ClassVar[str] = "response.reasoning_summary_text.done"
    sequence_number: int
    item_id: str
    output_index: int
    summary_index: int
    text: str


@dataclass(frozen=True, slots=True)
class Compacting:
    """The earlier conversation is being compacted into this item."""

    type: ClassVar[str] = "response.compaction.compacting"
    sequence_number: int
    item_id: str
    output_index: int


@dataclass(frozen=True, slots=True)
class ErrorRaised:
    """An error, sent just before response.failed; in JSON both flat and nested."""

    type: ClassVar[str] = "error"
    sequence_number: int
    error_type: str
    code: str | None
    message: str
    param: str | None


Event = (
    Lifecycle
    | ItemAdded
    | ItemDone
    | PartAdded
    | PartDone
    | TextDelta
    | TextDone
    | AnnotationAdded
    | RefusalDelta
    | RefusalDone
    | ArgumentsDelta
    | ArgumentsDone
    | InputDelta
    | InputDone
    | BuiltInCallEvent
    | HostedEvent
    | SummaryPartAdded
    | SummaryPartDone
    | SummaryTextDelta
    | SummaryTextDone
    | ReasoningTextEvent
    | Compacting
    | ErrorRaised
)


def is_terminal(event: Event) -> bool:
    """Return whether no event may follow this one."""
    return isinstance(event, Lifecycle) and event.type in TERMINAL_TYPES
