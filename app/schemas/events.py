"""Stream events as JSON. A stream has thousands, so they are written straight from the values."""

from __future__ import annotations

from typing import Any, assert_never

import orjson

from app.domain.stream.events import (
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
from app.schemas.items import item_json, part_json
from app.schemas.responses import response_json


def encode(event: Event) -> bytes:
    """Return an event as one line of JSON.

    Deltas are nearly all of a stream: a template takes 0.5 µs where a dict takes 2.
    """
    if type(event) is TextDelta and not event.logprobs:
        return (
            b'{"type":"response.output_text.delta","sequence_number":%d,"item_id":"%b",'
            b'"output_index":%d,"content_index":%d,"delta":%b,"logprobs":[]}'
            % (
                event.sequence_number,
                event.item_id.encode(),
                event.output_index,
                event.content_index,
                orjson.dumps(event.delta),
            )
        )
    if type(event) is ArgumentsDelta:
        return (
            b'{"type":"response.function_call_arguments.delta","sequence_number":%d,'
            b'"item_id":"%b","output_index":%d,"delta":%b}'
            % (
                event.sequence_number,
                event.item_id.encode(),
                event.output_index,
                orjson.dumps(event.delta),
            )
        )
    return orjson.dumps(event_json(event))


def event_json(event: Event) -> dict[str, Any]:
    """Return an event as the wire shows it."""
    shown: dict[str, Any] = {"type": event.type, "sequence_number": event.sequence_number}
    match event:
        case TextDelta():
            return (
                shown
                | _in_content(event)
                | {"delta": event.delta, "logprobs": list(event.logprobs)}
            )
        case TextDone():
            return (
                shown | _in_content(event) | {"text": event.text, "logprobs": list(event.logprobs)}
            )
        case ArgumentsDelta():
            return shown | _in_item(event) | {"delta": event.delta}
        case ArgumentsDone():
            return shown | _in_item(event) | {"name": event.name, "arguments": event.arguments}
        case Lifecycle():
            return shown | {"response": response_json(event.response)}
        case ItemAdded() | ItemDone():
            return shown | {"output_index": event.output_index, "item": item_json(event.item)}
        case PartAdded() | PartDone():
            return shown | _in_content(event) | {"part": part_json(event.part)}
        case RefusalDelta():
            return shown | _in_content(event) | {"delta": event.delta}
        case RefusalDone():
            return shown | _in_content(event) | {"refusal": event.refusal}
        case AnnotationAdded():
            return (
                shown
                | _in_content(event)
                | {
                    "annotation_index": event.annotation_index,
                    "annotation": event.annotation,
                }
            )
        case SummaryPartAdded():
            return shown | _in_summary(event) | {"part": {"type": "summary_text", "text": ""}}
        case SummaryPartDone():
            return (
                shown | _in_summary(event) | {"part": {"type": "summary_text", "text": event.text}}
            )
        case SummaryTextDelta():
            return shown | _in_summary(event) | {"delta": event.delta}
        case SummaryTextDone():
            return shown | _in_summary(event) | {"text": event.text}
        case ErrorRaised():
            told = {"code": event.code, "message": event.message, "param": event.param}
            return shown | told | {"error": {"type": event.error_type} | told}
        case _:
            assert_never(event)


def _in_item(
    event: TextDelta
    | TextDone
    | PartAdded
    | PartDone
    | RefusalDelta
    | RefusalDone
    | AnnotationAdded
    | ArgumentsDelta
    | ArgumentsDone
    | SummaryPartAdded
    | SummaryPartDone
    | SummaryTextDelta
    | SummaryTextDone,
) -> dict[str, Any]:
    return {"item_id": event.item_id, "output_index": event.output_index}


def _in_content(
    event: TextDelta
    | TextDone
    | PartAdded
    | PartDone
    | RefusalDelta
    | RefusalDone
    | AnnotationAdded,
) -> dict[str, Any]:
    return _in_item(event) | {"content_index": event.content_index}


def _in_summary(
    event: SummaryPartAdded | SummaryPartDone | SummaryTextDelta | SummaryTextDone,
) -> dict[str, Any]:
    return _in_item(event) | {"summary_index": event.summary_index}
