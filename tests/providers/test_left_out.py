"""What an answer loses is counted, in every format, whole and streamed (U17, U20)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.stream.deltas import CallOpened, Delta, Finished, Text, Used
from app.errors import GatewayError, UpstreamMisbehaved, UpstreamUnavailable
from app.providers.anthropic.reader import MessagesReader
from app.providers.openai_chat.reader import ChatReader
from app.providers.openai_responses.reader import ResponsesReader
from app.providers.reading.events import EventReader
from tests.providers.reads import whole_of

SAID = {"type": "message", "content": [{"type": "output_text", "text": "Hi"}]}
UNKNOWN = {"type": "dream_call", "id": "dr_1", "status": "completed"}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
ODD_COUNTS = [
    {"input_tokens": "nine", "output_tokens": 7},
    {"input_tokens": -1, "output_tokens": 7},
    {"input_tokens": 3, "output_tokens": 7, "input_tokens_details": "many"},
]


class Noted(list[tuple[str, str]]):
    """What was left out, with its word for the log."""

    def __call__(self, kind: str, value: str = "", /) -> None:
        self.append((kind, value))


def fault(error: object) -> GatewayError:
    return UpstreamUnavailable(str(error))


def responses_whole(response: dict[str, Any]) -> tuple[list[Delta], Noted]:
    """Return what a whole answer says, and what it loses."""
    noted = Noted()
    reader = EventReader(ResponsesReader(fault, note=noted))
    return whole_of(reader, orjson.dumps(response)), noted


def responses_stream(response: dict[str, Any]) -> tuple[list[Delta], Noted]:
    """Return the same of a stream that has the items in events, and again at its end."""
    events = [
        {"type": f"response.output_item.{event}", "output_index": index, "item": item}
        for index, item in enumerate(response["output"])
        for event in ("added", "done")
    ]
    status = response.get("status", "completed")
    events.append({"type": f"response.{status}", "response": response})
    noted, deltas = Noted(), list[Delta]()
    reader = EventReader(ResponsesReader(fault, note=noted))
    reader.read([("", orjson.dumps(each)) for each in events], deltas)
    return deltas, noted


READS = pytest.mark.parametrize("read", [responses_whole, responses_stream])


@READS
@pytest.mark.parametrize(
    ("output", "count"),
    [([SAID], 0), ([SAID, UNKNOWN], 1), ([UNKNOWN, SAID], 1), ([UNKNOWN, CALL, UNKNOWN], 2)],
)
def test_an_item_of_an_unknown_kind(read: Any, output: list[Any], count: int) -> None:
    deltas, noted = read({"output": output})
    assert any(isinstance(each, Text | CallOpened) for each in deltas)
    assert noted == [("unknown_item", "")] * count


def test_an_item_that_is_at_the_end_of_a_stream_alone() -> None:
    noted, deltas = Noted(), list[Delta]()
    reader = EventReader(ResponsesReader(fault, note=noted))
    text = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hi"}
    done = {"type": "response.completed", "response": {"output": [SAID, UNKNOWN]}}
    reader.read([("", orjson.dumps(each)) for each in (text, done)], deltas)
    assert Text("Hi") in deltas
    assert noted == [("unknown_item", "")]


@READS
def test_an_unknown_item_beside_an_empty_message_is_a_failure(read: Any) -> None:
    with pytest.raises(UpstreamMisbehaved, match="item dream_call"):
        read({"output": [{"type": "message", "content": []}, UNKNOWN]})


@READS
@pytest.mark.parametrize(
    ("details", "noted"),
    [
        ({"reason": "max_output_tokens"}, []),
        ({"reason": "out_of_paper"}, [("finish_reason", "out_of_paper")]),
        (None, []),
    ],
)
def test_an_unknown_reason_of_an_incomplete_answer(read: Any, details: Any, noted: Any) -> None:
    body = {"output": [SAID], "status": "incomplete", "incomplete_details": details}
    deltas, found = read(body)
    assert (deltas[-1], found) == (Finished("length"), noted)


@READS
@pytest.mark.parametrize("usage", ODD_COUNTS)
def test_a_count_of_another_shape_in_responses(read: Any, usage: dict[str, Any]) -> None:
    deltas, noted = read({"output": [SAID], "usage": usage})
    assert noted == [("usage", "")]
    assert [each.usage.output_tokens for each in deltas if isinstance(each, Used)] == [7]


@pytest.mark.parametrize("usage", ODD_COUNTS)
def test_a_count_of_another_shape_in_chat(usage: dict[str, Any]) -> None:
    noted = Noted()
    body = {"choices": [{"message": {"content": "Hi"}}], "usage": usage}
    assert Text("Hi") in whole_of(ChatReader(fault, noted), orjson.dumps(body))
    assert noted == [("usage", "")]


@pytest.mark.parametrize("usage", ODD_COUNTS)
def test_a_count_of_another_shape_in_messages(usage: dict[str, Any]) -> None:
    noted = Noted()
    body = {"content": [{"type": "text", "text": "Hi"}], "stop_reason": "end_turn", "usage": usage}
    reader = EventReader(MessagesReader(fault, noted))
    assert Text("Hi") in whole_of(reader, orjson.dumps(body))
    assert noted == [("usage", "")]


def test_a_count_that_is_null_or_unknown_is_as_if_absent() -> None:
    noted = Noted()
    usage = {"prompt_tokens": 3, "cached_tokens": None, "completion_tokens": 7, "cost": "a lot"}
    usage |= {"prompt_tokens_details": None}
    body = {"choices": [{"message": {"content": "Hi"}}], "usage": usage}
    whole_of(ChatReader(fault, noted), orjson.dumps(body))
    assert noted == []
