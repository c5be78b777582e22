"""How much an answer may be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, cast

import orjson
import pytest

from app.domain.response import Usage
from app.domain.stream.deltas import (
    Annotated,
    Arguments,
    Batch,
    CallOpened,
    Delta,
    ItemEnded,
    MessageOpened,
    Opaque,
    ReasoningOpened,
    Refused,
    Text,
    Thought,
    Used,
)
from app.domain.upstream_call import UpstreamCall
from app.errors import AnswerTooLong, GatewayError, UpstreamMisbehaved, UpstreamUnavailable
from app.providers.anthropic.reader import MessagesReader
from app.providers.openai_chat.reader import ChatReader
from app.providers.openai_responses.reader import ResponsesReader
from app.providers.reading.budget import Bounds, Budget
from app.providers.reading.events import EventReader
from app.providers.reading.json_text import loads
from app.providers.reading.pieces import MOST_AT_ONCE, AnswerReader
from app.providers.reading.sse import Frame
from app.providers.reading.streaming import stream_batches, whole_batches
from app.providers.reply import Reply
from tests.providers.calling import let_through
from tests.providers.reads import whole_of

SMALL = Bounds(text=100, notes=100, items=3, events=50, without_deltas=1000)
CALL = [CallOpened("0", "call_1", "f")]

TOO_MUCH: dict[str, list[Delta]] = {
    "text": [Text("x" * 101)],
    "bytes of text": [Text("\u20ac" * 34)],
    "refusal": [Refused("x" * 101)],
    "reasoning": [Thought("x" * 101)],
    "arguments": [*CALL, Arguments("0", "x" * 101)],
    "payload": [Opaque("x" * 101)],
    "names": [CallOpened("0", "c", "f" * 101)],
    "log probabilities": [Text("x", ({"token": "x" * 100},))],
    "annotations": [Annotated({"url": "x" * 100})],
    "messages": [MessageOpened()] * 4,
    "calls": [CallOpened(str(i), None, "f") for i in range(4)],
    "items in turns": [Text("a"), Thought("b")] * 2,
    "messages without a word": [Text("a"), ItemEnded()] * 4,
    "reasoning items": [ReasoningOpened()] * 4,
    "events": [Text("")] * 51,
}


@pytest.mark.parametrize("deltas", TOO_MUCH.values(), ids=TOO_MUCH)
def test_an_answer_that_is_more_than_the_bounds_is_refused(deltas: list[Delta]) -> None:
    with pytest.raises(AnswerTooLong) as caught:
        Budget(SMALL).take(deltas)
    assert (caught.value.status, caught.value.code) == (500, "upstream_error")
    assert caught.value.work_done


@pytest.mark.parametrize("deltas", TOO_MUCH.values(), ids=TOO_MUCH)
def test_the_bounds_are_those_of_the_whole_answer(deltas: list[Delta]) -> None:
    budget = Budget(SMALL)
    with pytest.raises(AnswerTooLong):
        list(map(budget.take, [[delta] for delta in deltas * 2]))


def test_an_answer_within_the_bounds_is_taken() -> None:
    budget = Budget(SMALL)
    for _ in range(10):
        budget.take([Text("xxxxx"), Text("xxxxx")])
        budget.read(900)


def test_bytes_that_say_nothing_have_an_end_and_may_repeat_what_was_said() -> None:
    budget = Budget(SMALL)
    budget.take([Text("x" * 50)])
    budget.read(1400)
    with pytest.raises(AnswerTooLong, match="say nothing"):
        budget.read(1)


def test_what_cannot_be_passed_on_is_nonsense() -> None:
    deep = loads(b"[" * 900 + b"]" * 900)
    with pytest.raises(UpstreamMisbehaved, match="nested"):
        Budget().take([Annotated({"x": deep})])


def test_a_text_of_too_many_values_is_not_read() -> None:
    with pytest.raises(AnswerTooLong, match="values"):
        loads(b"[" + b"[]," * 1_100_000 + b"[]]")


def test_a_text_of_too_many_objects_is_not_read() -> None:
    with pytest.raises(AnswerTooLong, match="values"):
        loads(b"[" + b'{"a":"b"},' * 350_000 + b"{}]")


def test_commas_in_a_text_are_no_values() -> None:
    text = "1," * 1_100_000
    assert loads(orjson.dumps({"text": text})) == {"text": text}


class Pieces:
    """A reply of these pieces."""

    broke_off = False
    partial = b""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def pieces(self, take: Callable[[bytes], bool]) -> Iterator[bytes]:
        yield from (piece for piece in self._pieces if not take(piece))

    def body(self) -> bytes:
        return b"".join(self._pieces)

    def expect_end(self) -> None: ...

    def page_error(self) -> GatewayError:
        raise NotImplementedError

    def close(self) -> None: ...


def reply(pieces: list[bytes]) -> Reply:
    return cast(Reply, Pieces(*pieces))


def fault(error: object) -> GatewayError:
    return UpstreamUnavailable(str(error))


def chat_call(number: int) -> dict[str, Any]:
    call = {"index": number, "id": f"c{number}", "function": {"name": "f", "arguments": "{}"}}
    return {"choices": [{"delta": {"tool_calls": [call]}}]}


def messages_call(number: int) -> dict[str, Any]:
    block = {"type": "tool_use", "id": f"c{number}", "name": "f"}
    return {"type": "content_block_start", "index": number, "content_block": block}


def responses_call(number: int) -> dict[str, Any]:
    item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"c{number}", "name": "f"}
    return {"type": "response.output_item.added", "output_index": number, "item": item}


A_CALL = UpstreamCall(1e9)


class Says(ChatReader):
    """Reads the same in any body."""

    def __init__(self, deltas: Batch) -> None:
        super().__init__(fault)
        self._deltas = list(deltas)

    def whole(self, _body: bytes, deltas: list[Delta]) -> None:
        deltas += self._deltas


FORMATS = pytest.mark.parametrize(
    ("reader", "call"),
    [
        (lambda: ChatReader(fault), chat_call),
        (lambda: EventReader(MessagesReader(fault)), messages_call),
        (lambda: EventReader(ResponsesReader(fault)), responses_call),
    ],
    ids=["chat", "messages", "responses"],
)


@FORMATS
@pytest.mark.parametrize("size", [100, MOST_AT_ONCE, 10**9], ids=["small", "usual", "long"])
def test_a_stream_that_opens_calls_without_end_is_ended(
    reader: Callable[[], AnswerReader], call: Callable[[int], dict[str, Any]], size: int
) -> None:
    body = b"".join(b"data: %b\n\n" % orjson.dumps(call(number)) for number in range(2000))
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    seen: list[Delta] = []
    with pytest.raises(AnswerTooLong, match="items"):
        seen.extend(
            chain.from_iterable(stream_batches(reply(pieces), reader(), A_CALL, let_through))
        )
    assert sum(isinstance(delta, CallOpened) for delta in seen) <= 1024


def test_a_line_without_end_is_ended() -> None:
    pieces = [b": nothing, " * 1000] * 1000
    with pytest.raises(AnswerTooLong, match="say nothing"):
        list(stream_batches(cast(Reply, Pieces(*pieces)), ChatReader(fault), A_CALL, let_through))


def test_a_whole_answer_has_the_same_bounds() -> None:
    with pytest.raises(AnswerTooLong):
        list(
            whole_batches(reply([b""]), Says([Text("x" * 101)]), A_CALL, let_through, Budget(SMALL))
        )


def test_a_long_answer_is_told_in_parts() -> None:
    deltas = [Text("x")] * 5000
    parts = list(whole_batches(reply([b""]), Says(deltas), A_CALL, let_through))
    assert (len(parts), list(chain.from_iterable(parts))) == (3, deltas)


def chat_whole(count: int) -> Batch:
    message = {"tool_calls": [{"id": "c", "function": {"name": "f"}}] * count}
    return whole_of(ChatReader(fault), orjson.dumps({"choices": [{"message": message}]}))


def messages_whole(count: int) -> Batch:
    content = [{"type": "tool_use", "id": "c", "name": "f"}] * count
    return whole_of(EventReader(MessagesReader(fault)), orjson.dumps({"content": content}))


def responses_whole(count: int) -> Batch:
    output = [{"type": "function_call", "call_id": "c", "name": "f"}] * count
    body = {"status": "completed", "output": output}
    return whole_of(EventReader(ResponsesReader(fault)), orjson.dumps(body))


WHOLE = pytest.mark.parametrize("read", [chat_whole, messages_whole, responses_whole])


@WHOLE
def test_of_a_whole_answer_with_calls_without_number_none_is_read(
    read: Callable[[int], Batch],
) -> None:
    with pytest.raises(AnswerTooLong):
        read(20_000)


@WHOLE
def test_a_whole_answer_may_have_so_many_calls(read: Callable[[int], Batch]) -> None:
    assert sum(isinstance(delta, CallOpened) for delta in read(1024)) == 1024


def test_an_item_with_parts_without_number_is_not_read() -> None:
    parts = [{"type": "output_text", "text": "x"}] * 8000
    output = [{"type": "message", "id": f"m{number}", "content": parts} for number in range(4)]
    body = orjson.dumps({"status": "completed", "output": output})
    with pytest.raises(AnswerTooLong, match="at once"):
        whole_of(EventReader(ResponsesReader(fault)), body)


@pytest.mark.parametrize("batches", [stream_batches, whole_batches])
def test_what_was_counted_of_a_whole_answer_that_is_too_long_is_known(
    batches: Callable[..., Iterator[Batch]],
) -> None:
    reader = Says([Text("x" * 101), Used(Usage(9, 3))])
    with pytest.raises(AnswerTooLong) as caught:
        list(batches(reply([b"{}"]), reader, A_CALL, let_through, Budget(SMALL)))
    assert caught.value.lost == Usage(9, 3)


def test_a_stream_in_place_of_a_whole_answer_is_read_no_further_than_its_bounds() -> None:
    frames: list[Frame] = []

    class Reader(ChatReader):
        def read(self, new: Sequence[Frame], deltas: list[Delta]) -> None:
            frames.extend(new)
            super().read(new, deltas)

    body = b"data: %b\n\n" % orjson.dumps({"choices": [{"delta": {"content": "x" * 100}}]}) * 10_000
    with pytest.raises(AnswerTooLong):
        list(whole_batches(reply([body]), Reader(fault), A_CALL, let_through, Budget(SMALL)))
    assert len(frames) < 1000
