"""Streams of JSON without the fields of an event stream: from the start, and in the midst."""

from __future__ import annotations

import pytest

from app.domain.stream.deltas import Delta, Finished, Text
from app.errors import GatewayError, UpstreamMisbehaved
from app.providers.anthropic.reader import MessagesReader
from app.providers.openai_chat.reader import ChatReader
from app.providers.openai_responses.reader import ResponsesReader
from app.providers.reading.budget import Budget
from app.providers.reading.events import EventReader
from app.providers.reading.pieces import AnswerReader, PieceReader
from app.providers.reading.streaming import whole_batches
from tests.providers.calling import a_call
from tests.providers.test_budget import Pieces

WORDS = {
    "chat": [
        b'{"choices": [{"delta": {"content": "Hel"}}]}',
        b'{"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]}',
    ],
    "responses": [
        b'{"type": "response.output_text.delta", "delta": "Hel"}',
        b'{"type": "response.output_text.delta", "delta": "lo"}',
        b'{"type": "response.completed", "response": {"status": "completed"}}',
    ],
    "anthropic": [
        b'{"type": "message_start", "message": {}}',
        b'{"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hel"}}',
        b'{"type": "content_block_delta", "delta": {"type": "text_delta", "text": "lo"}}',
        b'{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}',
        b'{"type": "message_stop"}',
    ],
}
ANSWERS = {
    "chat": b'{"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}',
    "responses": b'{"object": "response", "status": "completed", "output": [{"type": "message", '
    b'"content": [{"type": "output_text", "text": "Hello"}]}]}',
    "anthropic": b'{"type": "message", "content": [{"type": "text", "text": "Hello"}], '
    b'"stop_reason": "end_turn"}',
}
every_format = pytest.mark.parametrize("name", WORDS)


class Reported(UpstreamMisbehaved):
    """What the server says of a failure."""


def fault(error: object) -> GatewayError:
    return Reported(str(error))


def reader(name: str) -> AnswerReader:
    match name:
        case "chat":
            return ChatReader(fault)
        case "responses":
            return EventReader(ResponsesReader(fault))
        case _:
            return EventReader(MessagesReader(fault))


def streamed(name: str, stream: bytes, size: int) -> list[Delta]:
    pieces, deltas = PieceReader(reader(name), a_call(), Budget()), list[Delta]()
    for start in range(0, len(stream), size):
        deltas += pieces.read(stream[start : start + size])
    return deltas + pieces.end()


def said(deltas: list[Delta]) -> tuple[str, bool]:
    text = "".join(delta.text for delta in deltas if isinstance(delta, Text))
    return text, isinstance(deltas[-1], Finished)


@every_format
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\n\n"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_a_stream_of_objects_a_line_each_is_read(name: str, line_end: bytes, size: int) -> None:
    stream = line_end.join(WORDS[name])
    assert said(streamed(name, stream, size)) == ("Hello", True)
    assert said(streamed(name, stream + line_end, size)) == ("Hello", True)


@every_format
def test_its_words_come_as_they_are_sent(name: str) -> None:
    pieces, words = PieceReader(reader(name), a_call(), Budget()), list[str]()
    for line in WORDS[name]:
        words += [each.text for each in pieces.read(line + b"\n") if isinstance(each, Text)]
    assert words == ["Hel", "lo"]


@every_format
@pytest.mark.parametrize("field", [b"", b"data: "])
def test_a_whole_answer_behind_signs_of_life_is_read(name: str, field: bytes) -> None:
    stream = b": working\n\n: working\n\n" + field + ANSWERS[name] + b"\n\n"
    assert said(streamed(name, stream, 10_000)) == ("Hello", True)
    batches = whole_batches(Pieces(stream), reader(name), a_call(), lambda bug, _: fault(bug))
    assert said([delta for batch in batches for delta in batch]) == ("Hello", True)


@pytest.mark.parametrize(
    ("name", "count"), [("chat", 2), ("responses", 2), ("anthropic", 1), ("anthropic", 3)]
)
def test_a_whole_answer_behind_its_events_says_nothing_twice_and_leaves_nothing_out(
    name: str, count: int
) -> None:
    events = b"\n\n".join(b"data: " + each for each in [*WORDS[name][:count], ANSWERS[name]])
    assert said(streamed(name, events + b"\n\n", 10_000)) == ("Hello", True)


def test_words_without_a_start_come_once_before_a_whole_answer() -> None:
    events = b"\n\n".join(
        b"data: " + each for each in [*WORDS["anthropic"][1:3], ANSWERS["anthropic"]]
    )
    assert said(streamed("anthropic", events + b"\n\n", 10_000)) == ("Hello", True)


@every_format
def test_it_is_read_where_a_whole_answer_is_wanted(name: str) -> None:
    body = b"\n".join(WORDS[name])
    batches = whole_batches(Pieces(body), reader(name), a_call(), lambda bug, _: fault(bug))
    assert said([delta for batch in batches for delta in batch]) == ("Hello", True)


@every_format
@pytest.mark.parametrize("ending", [b"", b"\n", b"\n\n"])
def test_a_failure_in_the_midst_is_reported_in_the_servers_words(name: str, ending: bytes) -> None:
    stream = b"".join(b"data: " + line + b"\n\n" for line in WORDS[name][:1])
    with pytest.raises(Reported, match="out of memory"):
        streamed(name, stream + b'{"error": {"message": "out of memory"}}' + ending, 10_000)


def test_one_object_on_many_lines_is_a_whole_answer() -> None:
    choice = b'{\n "message": {"content": "Hi }\\n{"},\n "finish_reason": "stop"}'
    body = b'{\n "choices": [\n ' + choice + b"\n]\n}\n"
    assert said(streamed("chat", body, 5)) == ("Hi }\n{", True)
