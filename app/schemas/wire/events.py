"""Every event of a stream.

`app.schemas.events.event_json` writes them straight from the values, since a stream has
thousands; the tests hold it to these declarations.
"""

from __future__ import annotations

from app.schemas.document import InvalidField, ReadContext
from app.schemas.fields import Choice, Integer, ListOf, Nested, OneOf, String
from app.schemas.wire.document import ALWAYS, OR_NULL, WireSchema
from app.schemas.wire.items import ANNOTATION, OUTPUT_ITEM, OUTPUT_PART, SUMMARY_TEXT, TOKEN
from app.schemas.wire.responses import ResponseSchema


class LifecycleEventSchema(WireSchema):
    about = "The response as it stands: first, at each change of status, and last."

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
    response = Nested(ResponseSchema(), **ALWAYS)


class ItemEventSchema(WireSchema):
    about = "An output item begins, or is whole."

    type = Choice("response.output_item.added", "response.output_item.done", **ALWAYS)
    sequence_number = Integer(0, **ALWAYS)
    output_index = Integer(0, **ALWAYS)
    item = Nested(OUTPUT_ITEM, **ALWAYS)


class InItem(WireSchema):
    """What happens inside an item."""

    sequence_number = Integer(0, **ALWAYS)
    item_id = String(shortest=1, **ALWAYS)
    output_index = Integer(0, **ALWAYS)


class InContent(InItem):
    """What happens inside a content part."""

    content_index = Integer(0, **ALWAYS)


class InSummary(InItem):
    """What happens inside a part of a reasoning summary."""

    summary_index = Integer(0, **ALWAYS)


class PartEventSchema(InContent):
    type = Choice("response.content_part.added", "response.content_part.done", **ALWAYS)
    part = Nested(OUTPUT_PART, **ALWAYS)


class TextDeltaEventSchema(InContent):
    type = Choice("response.output_text.delta", **ALWAYS)
    delta = String(**ALWAYS)
    logprobs = ListOf(TOKEN, **ALWAYS)


class TextDoneEventSchema(InContent):
    type = Choice("response.output_text.done", **ALWAYS)
    text = String(**ALWAYS)
    logprobs = ListOf(TOKEN, **ALWAYS)


class AnnotationEventSchema(InContent):
    type = Choice("response.output_text.annotation.added", **ALWAYS)
    annotation_index = Integer(0, **ALWAYS)
    annotation = Nested(ANNOTATION, **ALWAYS)


class RefusalDeltaEventSchema(InContent):
    type = Choice("response.refusal.delta", **ALWAYS)
    delta = String(**ALWAYS)


class RefusalDoneEventSchema(InContent):
    type = Choice("response.refusal.done", **ALWAYS)
    refusal = String(**ALWAYS)


class ArgumentsDeltaEventSchema(InItem):
    type = Choice("response.function_call_arguments.delta", **ALWAYS)
    delta = String(**ALWAYS)


class ArgumentsDoneEventSchema(InItem):
    type = Choice("response.function_call_arguments.done", **ALWAYS)
    name = String(**ALWAYS)
    arguments = String(**ALWAYS)


class SummaryPartEventSchema(InSummary):
    type = Choice(
        "response.reasoning_summary_part.added", "response.reasoning_summary_part.done", **ALWAYS
    )
    part = Nested(SUMMARY_TEXT, **ALWAYS)


class SummaryDeltaEventSchema(InSummary):
    type = Choice("response.reasoning_summary_text.delta", **ALWAYS)
    delta = String(**ALWAYS)


class SummaryDoneEventSchema(InSummary):
    type = Choice("response.reasoning_summary_text.done", **ALWAYS)
    text = String(**ALWAYS)


class StreamErrorSchema(WireSchema):
    type = String(**ALWAYS)
    code = String(**OR_NULL)
    message = String(**ALWAYS)
    param = String(**OR_NULL)


class ErrorEventSchema(WireSchema):
    about = "What went wrong, given flat and nested; response.failed follows."

    type = Choice("error", **ALWAYS)
    sequence_number = Integer(0, **ALWAYS)
    code = String(**OR_NULL)
    message = String(**ALWAYS)
    param = String(**OR_NULL)
    error = Nested(StreamErrorSchema(), **ALWAYS)


EVENT = OneOf(
    LifecycleEventSchema(),
    ItemEventSchema(),
    PartEventSchema(),
    TextDeltaEventSchema(),
    TextDoneEventSchema(),
    AnnotationEventSchema(),
    RefusalDeltaEventSchema(),
    RefusalDoneEventSchema(),
    ArgumentsDeltaEventSchema(),
    ArgumentsDoneEventSchema(),
    SummaryPartEventSchema(),
    SummaryDeltaEventSchema(),
    SummaryDoneEventSchema(),
    ErrorEventSchema(),
)


def event_fault(event: object) -> str | None:
    """Return what is wrong with an event of a stream, or None if it is one of ours."""
    try:
        EVENT.read(event, "event", ReadContext())
    except InvalidField as fault:
        return fault.message
    return None
