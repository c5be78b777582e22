"""Citations are of the text that they came with, however a server sends them, and are there once.

In the whole form they stand beside the text. In a stream they come before it, after it, again and
again, or so late that calls have ended it.
"""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.items import FunctionCall, Message, OutputText
from app.domain.stream.accumulate import fold
from tests.contract.recordings import Telling, outcome
from tests.contract.test_case_shapes import (
    chat_streamed,
    chat_whole,
    responses_streamed,
    responses_whole,
)

Json = dict[str, Any]
A = {"type": "url_citation", "url": "https://a.example", "title": "A", "start_index": 0,
     "end_index": 5}  # fmt: skip
B = {**A, "url": "https://b.example"}
CALL = {"index": 0, "id": "c1", "function": {"name": "f", "arguments": '{"a": 1}'}}


def cited(telling: Telling) -> list[Any]:
    """Return each text with the number of its citations, and the names of calls."""
    outcome(telling)
    shown: list[Any] = []
    for item in fold(telling.events).output:
        match item:
            case Message(content=parts):
                shown += [
                    (part.text, len(part.annotations))
                    for part in parts
                    if isinstance(part, OutputText)
                ]
            case FunctionCall(name=name):
                shown.append(name)
            case _:
                pass
    return shown


@pytest.mark.parametrize(
    "pieces",
    [
        [{"content": "Hello"}, {"annotations": [A, B]}],
        [{"content": "Hello", "annotations": [A]}, {"annotations": [B]}],
        [{"annotations": [A, B], "content": ""}, {"content": "Hello"}],
        [{"annotations": [A, B]}, {"reasoning": "Hm"}, {"content": "Hello"}],
        [{"reasoning": "Hm", "annotations": [A]}, {"content": "Hello", "annotations": [B]}],
        [{"annotations": [A]}, {"content": "Hello"}, {"annotations": [A, B]}],
        [{"annotations": [A, B]}, {"content": "<think>Hm</think>"}, {"content": "Hello"}],
        [{"annotations": [A, B]}, {"content": [{"type": "text", "text": "Hello"}]}],
        [{"content": "Hello", "annotations": [A], "refusal": "No."}, {"annotations": [A]},
         {"content": "", "annotations": []}],
    ],
)  # fmt: skip
def test_a_stream_of_chat_cites_in_its_text(pieces: list[Json]) -> None:
    cites = len({each["url"] for piece in pieces for each in piece.get("annotations", ())})
    shown = cited(chat_streamed(*({"delta": piece} for piece in pieces)))
    assert shown == [("Hello", cites)]


def test_a_whole_message_behind_its_pieces_cites_once() -> None:
    message = {"content": "Hello", "annotations": [A, A, B]}
    assert cited(chat_whole(message=message)) == [("Hello", 2)]
    assert cited(chat_streamed({"delta": message}, {"message": message})) == [("Hello", 2)]


def test_citations_that_come_after_a_call_are_of_no_text() -> None:
    message = {"content": "Hello", "annotations": [A], "tool_calls": [CALL]}
    assert cited(chat_whole(message=message)) == [("Hello", 1), "f"]
    pieces = [{"content": "Hello"}, {"tool_calls": [CALL]}, {"annotations": [A]}]
    late = cited(chat_streamed(*({"delta": piece} for piece in pieces)))
    assert late == [("Hello", 0), "f"]


@pytest.mark.parametrize("between", [{"tool_calls": [CALL]}, {"refusal": "No."}])
@pytest.mark.parametrize("is_late", [True, False])
def test_citations_are_of_the_text_that_follows_something_else(
    between: Json, *, is_late: bool
) -> None:
    """The chunk of that text is like earlier ones, which need not be parsed."""
    text, citation = {"content": " you"}, {"annotations": [A]}
    pieces = [{"content": "Hello"}, {"content": " all"}, between]
    pieces += [text, citation] if is_late else [citation, text]
    shown = cited(chat_streamed(*({"delta": piece} for piece in pieces)))
    assert (shown[0], shown[-1]) == (("Hello all", 0), (" you", 1))


def test_citations_of_nothing_are_no_message() -> None:
    assert cited(chat_whole(message={"content": None, "annotations": [A]})) == []
    assert cited(chat_streamed({"delta": {"annotations": [A]}})) == []


def test_citations_of_an_item_that_has_ended_are_no_message() -> None:
    part = {"type": "output_text", "text": "Hello", "annotations": [A]}
    item = {"type": "message", "id": "m1", "role": "assistant", "content": [part]}
    call = {"type": "function_call", "id": "f1", "call_id": "c1", "name": "f", "arguments": "{}"}
    text = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hello"}
    begun = {"type": "response.output_item.added", "output_index": 1, "item": call}
    ended = {"type": "response.output_item.done", "output_index": 1, "item": call}
    whole = {"type": "response.output_item.done", "output_index": 0, "item": item}
    assert cited(responses_whole(item, call)) == [("Hello", 1), "f"]
    for events in ((text, begun, ended), (text, begun, ended, whole), (text, begun, whole, ended)):
        late = cited(responses_streamed(*events, output=[item, call]))
        assert late == [("Hello", 0), "f"]
