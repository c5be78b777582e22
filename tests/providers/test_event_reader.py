"""Reading typed events: when the last one has come, and what is no event."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.stream.deltas import Delta, Finished, Text
from app.errors import GatewayError, UpstreamMisbehaved, UpstreamUnavailable
from app.providers.anthropic.reader import MessagesReader as Messages
from app.providers.openai_responses.reader import ResponsesReader as Responses
from app.providers.reading.events import EventInterpreter, EventReader
from app.providers.reading.sse import Frame
from tests.providers.reads import end_of, whole_of

TEXT_DELTA = {"type": "text_delta", "text": "Hi"}


def fault(_error: object) -> GatewayError:
    return UpstreamUnavailable("it failed")


@pytest.mark.parametrize(
    ("interpreter", "last"),
    [
        (Messages(fault), b'{"type":"message","stop_reason":"end_turn"}'),
        (
            Responses(fault),
            b'{"type":"response.completed","response":{"status":"completed"}}',
        ),
        (Responses(fault), b'{"type":"response.incomplete","response":{}}'),
    ],
)
def test_the_last_event_is_the_last(interpreter: EventInterpreter, last: bytes) -> None:
    reader = EventReader(interpreter)
    reader.read([("", b'{"type":"ping"}')], [])
    assert not reader.is_done
    reader.read([("", last)], [])
    assert reader.is_done


STARTS = [
    (Messages, b'{"type":"message_start","message":{}}'),
    (Responses, b'{"type":"response.created","response":{}}'),
]


@pytest.mark.parametrize(("answer", "start"), STARTS)
def test_what_comes_after_the_last_event_does_not_undo_it(answer: Any, start: bytes) -> None:
    reader, deltas = EventReader(answer(fault)), list[Delta]()
    reader.read([("", start), ("", b"[DONE]")], deltas)
    reader.read([("", b'{"type":"ping"}')], deltas)
    assert reader.is_done
    assert deltas == [Finished("stop")]


@pytest.mark.parametrize(
    ("answer", "ends"),
    [
        (Messages, [b"[DONE]"]),
        (Messages, [b'{"type":"message_stop"}']),
        (Messages, [b'{"type":"message_delta","usage":{"output_tokens":1}}', b"[DONE]"]),
        (Responses, [b"[DONE]"]),
    ],
)
def test_an_end_without_an_answer_is_nonsense(answer: Any, ends: list[bytes]) -> None:
    reader = EventReader(answer(fault))
    with pytest.raises(UpstreamMisbehaved, match="it is not a"):
        reader.read([("", b'{"type":"ping"}'), *(("", end) for end in ends)], [])


def test_an_event_without_a_type_has_the_frames_name() -> None:
    reader, deltas = EventReader(Messages(fault)), list[Delta]()
    reader.read([("message_start", b'{"message":{}}'), ("message_stop", b"{}")], deltas)
    assert deltas == [Finished("stop")]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}},
        {"type": "response.output_item.done", "item": {"type": "function_call", "arguments": "1"}},
    ],
)
def test_what_cannot_be_read_is_named(event: dict[str, Any]) -> None:
    interpreter = Messages(fault) if "content_block" in event else Responses(fault)
    with pytest.raises(UpstreamMisbehaved, match="read: a function call has no name"):
        EventReader(interpreter).read([("", orjson.dumps(event))], [])


@pytest.mark.parametrize("data", [b"{", b"7", b"[]", b'"x"'])
def test_a_frame_that_is_no_object_is_nonsense(data: bytes) -> None:
    with pytest.raises(UpstreamMisbehaved):
        EventReader(Messages(fault)).read([("", data)], [])


@pytest.mark.parametrize("data", [b"", b" ", b"null"])
@pytest.mark.parametrize("answer", [Messages, Responses])
def test_a_frame_without_a_value_says_nothing(answer: Any, data: bytes) -> None:
    deltas: list[Delta] = []
    EventReader(answer(fault)).read([("keepalive", data)], deltas)
    assert deltas == []


def _events(*events: dict[str, Any] | bytes) -> list[Frame]:
    return [("", each if isinstance(each, bytes) else orjson.dumps(each)) for each in events]


@pytest.mark.parametrize(
    ("answer", "events"),
    [
        (Messages, [{"type": "message_start", "message": {}},
                    {"type": "content_block_delta", "index": 0, "delta": TEXT_DELTA}]),
        (Responses, [{"type": "response.output_text.delta", "output_index": 0, "delta": "Hi"}]),
    ],
    ids=["messages", "responses"],
)  # fmt: skip
def test_a_stream_that_says_done_is_whole_without_a_reason(
    answer: Any, events: list[dict[str, Any]]
) -> None:
    whole, cut = list[Delta](), list[Delta]()
    EventReader(answer(fault)).read(_events(*events, b"[DONE]"), whole)
    reader = EventReader(answer(fault))
    reader.read(_events(*events), cut)
    assert Text("Hi") in whole
    assert whole[-1] == Finished("stop")
    assert Finished("stop") not in [*cut, *end_of(reader)]


@pytest.mark.parametrize(
    ("answer", "events"),
    [
        (Messages, [{"type": "message_start", "message": {}},
                    {"type": "content_block_start", "index": 0, "content_block": {"type": "x_y"}},
                    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
                    {"type": "message_stop"}]),
        (Responses, [{"type": "response.completed",
                      "response": {"status": "completed", "output": [{"type": "x_y"}]}}]),
        (Responses, [{"type": "response.output_item.added", "item": {"type": "x_y"}},
                     {"type": "response.completed", "response": {"status": "completed"}}]),
    ],
    ids=["messages", "responses", "responses-event"],
)  # fmt: skip
def test_an_answer_of_which_nothing_is_understood_is_a_failure_that_names_it(
    answer: Any, events: list[dict[str, Any]]
) -> None:
    with pytest.raises(UpstreamMisbehaved, match="x_y"):
        EventReader(answer(fault)).read(_events(*events), [])


@pytest.mark.parametrize("body", [b"", b"<html>", b"7", b"[]", b"null"])
@pytest.mark.parametrize("answer", [Messages, Responses])
def test_a_body_that_is_no_object_is_nonsense_that_was_paid_for(
    answer: type[Messages] | type[Responses], body: bytes
) -> None:
    with pytest.raises(UpstreamMisbehaved) as caught:
        whole_of(EventReader(answer(fault)), body)
    assert caught.value.work_done


@pytest.mark.parametrize("answer", [Messages, Responses])
@pytest.mark.parametrize(
    "data",
    [
        b'{"code":500,"message":"Boom","type":"server_error"}',
        b'{"error":{"code":500,"message":"Boom","type":"server_error"}}',
        b'{"type":"error","error":{"code":500,"message":"Boom","type":"server_error"}}',
    ],
    ids=["itself", "inside", "typed"],
)
def test_an_event_named_error_holds_one_or_is_one(
    answer: type[Messages] | type[Responses], data: bytes
) -> None:
    seen: list[object] = []

    def noted(error: object) -> GatewayError:
        seen.append(error)
        return fault(error)

    with pytest.raises(UpstreamUnavailable):
        EventReader(answer(noted)).read([("error", data)], [])
    assert seen == [{"code": 500, "message": "Boom", "type": "server_error"}]


CALL = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": ""}
BLOCK = {"type": "tool_use", "id": "c1", "name": "f", "input": {}}


@pytest.mark.parametrize(
    ("interpreter", "events"),
    [
        (
            Responses(fault),
            [
                {"type": "response.created", "response": {"usage": {"input_tokens": 3}}},
                {"type": "response.output_item.added", "output_index": 0, "item": CALL},
            ],
        ),
        (
            Messages(fault),
            [
                {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 3}},
                {"type": "content_block_start", "index": 0, "content_block": BLOCK},
            ],
        ),
        (
            Messages(fault),
            [
                {"type": "message_start", "message": {"stop_reason": "end_turn", "content": []}},
                {"type": "content_block_delta", "index": 0, "delta": TEXT_DELTA},
            ],
        ),
    ],
    ids=["responses", "messages", "reason"],
)
def test_what_comes_before_all_words_ends_nothing(
    interpreter: EventInterpreter, events: list[dict[str, Any]]
) -> None:
    reader, deltas = EventReader(interpreter), list[Delta]()
    reader.read([("", orjson.dumps(event)) for event in events], deltas)
    assert not reader.may_end
    assert not any(isinstance(delta, Finished) for delta in deltas + end_of(reader))
