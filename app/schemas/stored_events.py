"""Events from the JSON that `event_json` made of them: how a stored stream is folded again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.domain.items import FunctionCallOutput, OutputItem, OutputPart, OutputText, Refusal
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
from app.schemas.items import item_from_json, part_from_json
from app.schemas.responses import response_from_json

Json = dict[str, Any]


def event_from_json(shown: Json) -> Event:
    """Return the event that `event_json` showed."""
    return _READERS[shown["type"]](shown)


def _number_and_item(shown: Json) -> tuple[int, str, int]:
    return shown["sequence_number"], shown["item_id"], shown["output_index"]


def _in_content(shown: Json) -> tuple[int, str, int, int]:
    return (*_number_and_item(shown), shown["content_index"])


def _in_summary(shown: Json) -> tuple[int, str, int, int]:
    return (*_number_and_item(shown), shown["summary_index"])


def _item(shown: Json) -> tuple[int, int, OutputItem]:
    item = item_from_json(shown["item"])
    if isinstance(item, FunctionCallOutput):
        raise ValueError("no output item is a function_call_output")
    return shown["sequence_number"], shown["output_index"], item


def _part(shown: Json) -> OutputPart:
    part = part_from_json(shown["part"])
    if not isinstance(part, OutputText | Refusal):
        raise ValueError("no output part is an input part")
    return part


def _lifecycle(shown: Json) -> Event:
    return Lifecycle(shown["type"], shown["sequence_number"], response_from_json(shown["response"]))


def _error(shown: Json) -> Event:
    return ErrorRaised(
        shown["sequence_number"],
        shown["error"]["type"],
        shown["code"],
        shown["message"],
        shown["param"],
    )


_READERS: dict[str, Callable[[Json], Event]] = {
    "response.created": _lifecycle,
    "response.queued": _lifecycle,
    "response.in_progress": _lifecycle,
    "response.completed": _lifecycle,
    "response.incomplete": _lifecycle,
    "response.failed": _lifecycle,
    "error": _error,
    ItemAdded.type: lambda shown: ItemAdded(*_item(shown)),
    ItemDone.type: lambda shown: ItemDone(*_item(shown)),
    PartAdded.type: lambda shown: PartAdded(*_in_content(shown), _part(shown)),
    PartDone.type: lambda shown: PartDone(*_in_content(shown), _part(shown)),
    TextDelta.type: lambda shown: TextDelta(
        *_in_content(shown), shown["delta"], tuple(shown["logprobs"])
    ),
    TextDone.type: lambda shown: TextDone(
        *_in_content(shown), shown["text"], tuple(shown["logprobs"])
    ),
    AnnotationAdded.type: lambda shown: AnnotationAdded(
        *_in_content(shown), shown["annotation_index"], shown["annotation"]
    ),
    RefusalDelta.type: lambda shown: RefusalDelta(*_in_content(shown), shown["delta"]),
    RefusalDone.type: lambda shown: RefusalDone(*_in_content(shown), shown["refusal"]),
    ArgumentsDelta.type: lambda shown: ArgumentsDelta(*_number_and_item(shown), shown["delta"]),
    ArgumentsDone.type: lambda shown: ArgumentsDone(
        *_number_and_item(shown), shown["name"], shown["arguments"]
    ),
    SummaryPartAdded.type: lambda shown: SummaryPartAdded(*_in_summary(shown)),
    SummaryPartDone.type: lambda shown: SummaryPartDone(*_in_summary(shown), shown["part"]["text"]),
    SummaryTextDelta.type: lambda shown: SummaryTextDelta(*_in_summary(shown), shown["delta"]),
    SummaryTextDone.type: lambda shown: SummaryTextDone(*_in_summary(shown), shown["text"]),
}
