"""Reasoning that a server ends behind the call that it led to keeps what must travel back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.stream.deltas import (
    Arguments,
    CallOpened,
    Delta,
    Finished,
    ItemEnded,
    MessageOpened,
    Opaque,
    ReasoningOpened,
    Text,
    Thought,
)
from app.errors import GatewayError, UpstreamUnavailable
from app.providers.openai_responses.reader import ResponsesReader
from app.providers.reading.events import EventReader
from tests.providers.reads import end_of

Json = dict[str, Any]
REASONING: Json = {"type": "reasoning", "id": "rs_1", "summary": []}
ENCRYPTED = REASONING | {"encrypted_content": "OPAQUE"}
MESSAGE: Json = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
OPAQUE = Opaque('{"id":"rs_1","encrypted_content":"OPAQUE"}')
WEATHER = [CallOpened("1", "c1", "weather"), Arguments("1", "{}")]


def call(number: int = 1, arguments: str = "{}") -> Json:
    return {"type": "function_call", "id": f"fc_{number}", "call_id": f"c{number}",
            "name": "weather", "arguments": arguments}  # fmt: skip


def added(index: int, item: Json) -> Json:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(index: int, item: Json) -> Json:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def piece(text: str, index: int = 1) -> Json:
    kind = "response.function_call_arguments.delta"
    return {"type": kind, "output_index": index, "delta": text}


def completed(*output: Json) -> Json:
    response = {"status": "completed", "output": list(output)}
    return {"type": "response.completed", "response": response}


def fault(_error: object) -> GatewayError:
    return UpstreamUnavailable("it failed")


def read(*events: Json, is_encrypted: bool = True) -> list[list[Delta]]:
    """Return what each event says, and the end."""
    reader = EventReader(ResponsesReader(fault, is_encrypted=is_encrypted))
    said: list[list[Delta]] = []
    for event in events:
        deltas: list[Delta] = []
        reader.read([("", orjson.dumps(event))], deltas)
        said.append(deltas)
    return [*said, end_of(reader)]


def joined(*events: Json) -> list[Delta]:
    return [delta for deltas in read(*events) for delta in deltas]


def test_a_call_waits_for_the_end_of_the_reasoning_before_it() -> None:
    events = (added(0, REASONING), added(1, call(arguments="")), piece("{}"), done(1, call()))
    *said, _ = read(*events, done(0, ENCRYPTED), completed(ENCRYPTED, call()))
    assert said == [
        [ReasoningOpened()], [], [], [],
        [OPAQUE, *WEATHER, ItemEnded()],
        [Finished("stop")],
    ]  # fmt: skip


def test_reasoning_goes_on_while_calls_wait() -> None:
    thought = {"type": "response.reasoning_summary_text.delta", "output_index": 0,
               "summary_index": 0, "delta": "hm"}  # fmt: skip
    said = read(added(0, REASONING), added(1, call(arguments="")), thought, done(0, ENCRYPTED))
    assert said[2] == [Thought("hm")]
    assert said[3] == [OPAQUE, WEATHER[0]]


def test_calls_that_waited_come_in_their_order_and_end_in_it() -> None:
    said = joined(
        added(0, REASONING), added(1, call(arguments="")), added(2, call(2, "")),
        piece("[", 2), piece("{}"), piece("]", 2), done(2, call(2, "[]")), done(1, call()),
        done(0, ENCRYPTED), completed(ENCRYPTED, call(), call(2, "[]")),
    )  # fmt: skip
    assert said[:3] == [ReasoningOpened(), OPAQUE, WEATHER[0]]
    assert [delta for delta in said if isinstance(delta, Arguments) and delta.key == "2"] == [
        Arguments("2", "["), Arguments("2", "]"),
    ]  # fmt: skip
    assert sum(isinstance(delta, CallOpened) for delta in said) == 2


@pytest.mark.parametrize("output", [(ENCRYPTED, call()), ()])
def test_a_call_waits_no_longer_than_the_answer(output: tuple[Json, ...]) -> None:
    events = (added(0, REASONING), added(1, call(arguments="")), piece("{}"), done(1, call()))
    said = joined(*events, completed(*output))
    assert said[0] == ReasoningOpened()
    assert (OPAQUE in said) is bool(output)
    assert [delta for delta in said if delta in WEATHER] == WEATHER
    assert said[-1] == Finished("stop")


def test_a_stream_that_says_done_has_its_calls() -> None:
    reader = EventReader(ResponsesReader(fault, is_encrypted=True))
    deltas: list[Delta] = []
    for data in (*map(orjson.dumps, (added(0, REASONING), added(1, call()))), b"[DONE]"):
        reader.read([("", data)], deltas)
    assert deltas == [ReasoningOpened(), WEATHER[0], Finished("stop")]


def test_a_message_does_not_wait() -> None:
    text = {"type": "response.output_text.delta", "output_index": 1, "delta": "Hi"}
    said = read(added(0, REASONING), added(1, MESSAGE), text)
    assert said[1:3] == [[MessageOpened(None)], [Text("Hi")]]


def test_a_message_behind_a_call_ends_the_waiting() -> None:
    said = read(added(0, REASONING), added(1, call(arguments="")), added(2, MESSAGE))
    assert said[2] == [WEATHER[0], MessageOpened(None)]


def test_nothing_waits_where_reasoning_does_not_travel_back() -> None:
    said = read(added(0, REASONING), added(1, call(arguments="")), is_encrypted=False)
    assert said[1] == [WEATHER[0]]
