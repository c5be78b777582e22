"""Annotations of a Responses upstream have all that clients look for, or are left out (U20)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.items import Message, OutputText
from app.domain.stream.accumulate import fold
from app.providers.openai_responses.output.annotations import annotation
from app.providers.reading.understanding import ContentReader
from tests.contract.recordings import play

PAGE = {
    "type": "url_citation",
    "url": "https://a.example",
    "title": "A",
    "start_index": 1,
    "end_index": 4,
}
BARE = {"type": "url_citation", "url": "https://a.example", "title": ""}
NOWHERE = {"start_index": 0, "end_index": 0}
FILE = {"file_id": "file_1", "filename": "a.txt"}


def shown(given: dict[str, Any], *, passes_unknown: bool = False) -> Any:
    return annotation(given, ContentReader(), passes_unknown=passes_unknown)


@pytest.mark.parametrize(
    "given",
    [
        PAGE,
        {"type": "file_citation", **FILE, "index": 3},
        {"type": "container_file_citation", "container_id": "c", **FILE, **NOWHERE},
        {"type": "file_path", "file_id": "file_1", "index": 0},
    ],
)
def test_one_that_has_all_is_shown_as_it_is(given: dict[str, Any]) -> None:
    assert shown(given) == given


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"type": "url_citation", "url": "https://a.example"}, BARE | NOWHERE),
        ({"url": "https://a.example", "title": None}, BARE | NOWHERE),
        (PAGE | {"start_index": "1", "end_index": 4.0}, PAGE),
        (PAGE | {"score": 0.7}, PAGE),
        ({"type": "url_citation", "url_citation": PAGE}, PAGE),
        (
            {"type": "file_citation", "file_id": "file_1", "index": -1},
            {"type": "file_citation", "file_id": "file_1", "filename": "", "index": 0},
        ),
    ],
)
def test_what_is_missing_is_empty_and_what_is_not_known_left_out(
    given: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert shown(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        {"type": "brand_new", "x": 1},
        {"type": 7},
        {"type": "url_citation", "url": 7},
        {"type": "file_path"},
        {"title": "A"},
    ],
)
def test_one_that_cites_nothing_known_is_left_out_and_counted(given: dict[str, Any]) -> None:
    counted: list[str] = []
    reader = ContentReader(lambda kind, _="": counted.append(kind))
    assert annotation(given, reader, passes_unknown=False) is None
    assert "annotation" in counted


def test_a_server_that_runs_tools_may_have_kinds_and_fields_of_its_own() -> None:
    new = {"type": "brand_new", "x": 1}
    assert shown(new, passes_unknown=True) == new
    assert shown(PAGE | {"score": 0.7}, passes_unknown=True) == PAGE | {"score": 0.7}


def test_whole_and_streamed_answers_show_the_same() -> None:
    notes = [{"type": "brand_new"}, BARE, PAGE | {"x": 1}]
    text = {"type": "output_text", "text": "Hello", "annotations": notes}
    item = {"type": "message", "role": "assistant", "content": [text]}
    body = {"object": "response", "status": "completed", "output": [item]}
    place = {"output_index": 0, "content_index": 0}
    events = [
        {"type": "response.output_text.delta", **place, "delta": "Hello"},
        *(
            {"type": "response.output_text.annotation.added", **place, "annotation": note}
            for note in notes
        ),
        {"type": "response.completed", "response": body},
    ]
    stream = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)
    answers = [
        fold(play("responses", [sent], stream=streams).events).output
        for sent, streams in ((orjson.dumps(body), False), (stream, True))
    ]
    for (message,) in answers:
        assert isinstance(message, Message)
        (part,) = message.content
        assert isinstance(part, OutputText)
        assert list(part.annotations) == [BARE | NOWHERE, PAGE]
