"""Every event of a stream, for callers, for storage and for the stream checker.

An event as JSON: `{"type": "response.refusal.delta", "sequence_number": 8, "item_id": "msg_1",
"output_index": 1, "content_index": 0, "delta": "No."}`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

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
from app.schemas.compiled import Load
from app.schemas.field import ReadContext
from app.schemas.fields import Choice, Integer, String
from app.schemas.invalid import object_at
from app.schemas.nesting import ListOf, Nested, OneOf
from app.schemas.wire.built_in.events import BUILT_IN_EVENTS, InContent, InItem, InSummary
from app.schemas.wire.built_in.hosted_events import HOSTED_EVENT
from app.schemas.wire.document import ALWAYS, OR_NULL, ValueSchema
from app.schemas.wire.items import OUTPUT_ITEM
from app.schemas.wire.parts import ANNOTATION, OUTPUT_PART, REASONING_TEXT, SUMMARY_TEXT, TOKEN
from app.schemas.wire.responses import RESPONSE


class LifecycleEventSchema(ValueSchema[Lifecycle]):
    about = "The whole response: sent first, at each change of status, and last."
    values = (Lifecycle,)

    type = Choice(
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
        **ALWAYS,
    )
    sequence_number = Integer(0, **ALWAYS)
    response = Nested(RESPONSE, about="The current state of the response.", **ALWAYS)


class ItemEventSchema(ValueSchema[ItemAdded | ItemDone]):
    about = "An output item was added or is done."
    values = (ItemAdded, ItemDone)

    type = Choice("response.output_item.added", "response.output_item.done", **ALWAYS)
    sequence_number = Integer(0, **ALWAYS)
    output_index = Integer(0, **ALWAYS)
    item = Nested(OUTPUT_ITEM, about="The current state of the item.", **ALWAYS)


class PartEventSchema(InContent):
    about = "A content part of a message was added or is done."
    values = (PartAdded, PartDone)

    type = Choice("response.content_part.added", "response.content_part.done", **ALWAYS)
    part = Nested(OUTPUT_PART, **ALWAYS)


class ReasoningPartEventSchema(InContent):
    about = "A part of the reasoning text was added or is done."
    values = (ReasoningPartAdded, ReasoningPartDone)

    type = Choice("response.content_part.added", "response.content_part.done", **ALWAYS)
    part = Nested(REASONING_TEXT, attribute="text", **ALWAYS)

    def _compile(self) -> None:
        """Dispatch on the part's type: events of a message's parts have the same `type`."""
        super()._compile()
        for kind, own in self.readers.items():
            self.readers[kind] = partial(_part_event, own, _PART_EVENT.readers[kind])

    def read(self, raw: object, path: str, context: ReadContext) -> dict[str, Any]:
        """Return the object at `path` if it is an event of either kind; see WireSchema."""
        part = object_at(raw, path).get("part")
        if isinstance(part, dict) and part.get("type") == "reasoning_text":
            return super().read(raw, path, context)
        return _PART_EVENT.read(raw, path, context)


_PART_EVENT = PartEventSchema()


def _part_event(own: Load, other: Load, data: dict[str, Any]) -> Event:
    load = own if data["part"]["type"] == "reasoning_text" else other
    event: Event = load(data)
    return event


class ReasoningTextDeltaEventSchema(InContent):
    about = "Text was added to the reasoning text."
    values = (ReasoningTextDelta,)

    type = Choice("response.reasoning_text.delta", **ALWAYS)
    delta = String(**ALWAYS)


class ReasoningTextDoneEventSchema(InContent):
    about = "The reasoning text is complete."
    values = (ReasoningTextDone,)

    type = Choice("response.reasoning_text.done", **ALWAYS)
    text = String(**ALWAYS)


class TextDeltaEventSchema(InContent):
    about = "Text was added."
    values = (TextDelta,)

    type = Choice("response.output_text.delta", **ALWAYS)
    delta = String(**ALWAYS)
    logprobs = ListOf(TOKEN, **ALWAYS)


class TextDoneEventSchema(InContent):
    about = "The text is complete."
    values = (TextDone,)

    type = Choice("response.output_text.done", **ALWAYS)
    text = String(**ALWAYS)
    logprobs = ListOf(TOKEN, **ALWAYS)


class AnnotationEventSchema(InContent):
    about = "An annotation was added to the text."
    values = (AnnotationAdded,)

    type = Choice("response.output_text.annotation.added", **ALWAYS)
    annotation_index = Integer(
        0, about="Index of the annotation in the part's `annotations`, from 0.", **ALWAYS
    )
    annotation = Nested(ANNOTATION, about="The annotation.", **ALWAYS)


class RefusalDeltaEventSchema(InContent):
    about = "Text was added to the refusal."
    values = (RefusalDelta,)

    type = Choice("response.refusal.delta", **ALWAYS)
    delta = String(**ALWAYS)


class RefusalDoneEventSchema(InContent):
    about = "The refusal is complete."
    values = (RefusalDone,)

    type = Choice("response.refusal.done", **ALWAYS)
    refusal = String(**ALWAYS)


class ArgumentsDeltaEventSchema(InItem):
    about = "Text was added to the arguments of a function call."
    values = (ArgumentsDelta,)

    type = Choice("response.function_call_arguments.delta", **ALWAYS)
    delta = String(**ALWAYS)


class ArgumentsDoneEventSchema(InItem):
    about = "The arguments of a function call are complete."
    values = (ArgumentsDone,)

    type = Choice("response.function_call_arguments.done", **ALWAYS)
    name = String(**ALWAYS)
    arguments = String(**ALWAYS)


class InputDeltaEventSchema(InItem):
    about = "Text was added to the input of a custom tool call."
    values = (InputDelta,)

    type = Choice("response.custom_tool_call_input.delta", **ALWAYS)
    delta = String(**ALWAYS)


class InputDoneEventSchema(InItem):
    about = "The input of a custom tool call is complete."
    values = (InputDone,)

    type = Choice("response.custom_tool_call_input.done", **ALWAYS)
    input = String(**ALWAYS)


class SummaryPartEventSchema(InSummary):
    about = "A part of a reasoning summary was added or is done."
    values = (SummaryPartAdded, SummaryPartDone)

    type = Choice(
        "response.reasoning_summary_part.added", "response.reasoning_summary_part.done", **ALWAYS
    )
    part = Nested(SUMMARY_TEXT, attribute="text", **ALWAYS)


class SummaryDeltaEventSchema(InSummary):
    about = "Text was added to a part of a reasoning summary."
    values = (SummaryTextDelta,)

    type = Choice("response.reasoning_summary_text.delta", **ALWAYS)
    delta = String(**ALWAYS)


class SummaryDoneEventSchema(InSummary):
    about = "The text of a part of a reasoning summary is complete."
    values = (SummaryTextDone,)

    type = Choice("response.reasoning_summary_text.done", **ALWAYS)
    text = String(**ALWAYS)


class CompactingEventSchema(InItem):
    about = "A compaction is in progress."
    values = (Compacting,)

    type = Choice("response.compaction.compacting", **ALWAYS)


class StreamErrorSchema(ValueSchema[ErrorRaised]):
    about = "The error."
    values = (ErrorRaised,)

    type = String(attribute="error_type", about="The type of the error.", **ALWAYS)
    code = String(**OR_NULL)
    message = String(**ALWAYS)
    param = String(**OR_NULL)


class ErrorEventSchema(ValueSchema[ErrorRaised]):
    about = "An error, both as top-level fields and as the object `error`. response.failed follows."
    values = (ErrorRaised,)

    type = Choice("error", **ALWAYS)
    sequence_number = Integer(0, **ALWAYS)
    code = String(**OR_NULL)
    message = String(**ALWAYS)
    param = String(**OR_NULL)
    error = Nested(
        StreamErrorSchema(), itself=True, about="The same error, as an object.", **ALWAYS
    )


EVENT: OneOf[Event] = OneOf(
    LifecycleEventSchema(),
    ItemEventSchema(),
    _PART_EVENT,
    ReasoningPartEventSchema(),
    TextDeltaEventSchema(),
    TextDoneEventSchema(),
    AnnotationEventSchema(),
    RefusalDeltaEventSchema(),
    RefusalDoneEventSchema(),
    ArgumentsDeltaEventSchema(),
    ArgumentsDoneEventSchema(),
    InputDeltaEventSchema(),
    InputDoneEventSchema(),
    *BUILT_IN_EVENTS,
    SummaryPartEventSchema(),
    SummaryDeltaEventSchema(),
    SummaryDoneEventSchema(),
    ReasoningTextDeltaEventSchema(),
    ReasoningTextDoneEventSchema(),
    CompactingEventSchema(),
    ErrorEventSchema(),
    HOSTED_EVENT,
    rest=HOSTED_EVENT.load,
    other=HOSTED_EVENT,
)
