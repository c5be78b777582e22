"""Pieces of a stream that servers cut and repeat in their own way lose and double nothing (U20)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.items import FunctionCall, Message, OutputText
from app.domain.stream.accumulate import fold
from app.errors import AnswerNotUnderstood, UpstreamMisbehaved
from app.settings import Api
from tests.contract.recordings import Telling, play
from tests.contract.test_case_shapes import (
    anthropic_streamed,
    anthropic_whole,
    chat_streamed,
    chat_whole,
    responses_streamed,
    responses_whole,
    summary_of,
)
from tests.contract.test_case_siblings import APIS, frames, streamed, text_of

Json = dict[str, Any]


def call(arguments: str, name: str = "f", **more: Any) -> Json:
    """Return a fragment of a call that is whole."""
    return {"index": 0, "id": "", "function": {"name": name, "arguments": arguments}, **more}


@pytest.mark.parametrize(
    "pieces",
    [
        [{"text": "Hel"}, {"text": "lo"}],
        [{"delta": "Hel"}, {"delta": "lo"}],
        [{"message": {"content": "Hel"}}, {"message": {"content": "lo"}}],
        [{"message": {"content": "Hel"}}, {"message": {"content": "Hello"}}],
        [{"message": "H"}, {"message": "Hel"}, {"message": "Hello"}],
        [{"message": "H"}, {"message": "el"}, {"message": "lo"}, {"message": "Hello"}],
        [{"delta": {"content": "Hel"}}, {"message": {"content": "Hello"}}],
        [{"delta": {"content": "Hel"}}, {"delta": {"content": "lo"}}, {"message": "Hello"}],
        [{"delta": {"content": c}} for c in "Hello"] + [{"message": {"content": "Hello"}}],
        [{"text": "Hel"}, {"text": "lo"}, {"message": {"content": None}}],
    ],
)
def test_a_text_is_whole_in_whatever_pieces_it_comes(pieces: list[Json]) -> None:
    assert summary_of(chat_streamed(*pieces)) == ["Hello"]


@pytest.mark.parametrize("api", APIS)
def test_what_follows_the_end_is_no_part_of_the_answer(api: Api) -> None:
    once, again = streamed(api, "A", "B"), streamed(api, "C")
    for pieces in ([once + again], [once, again], [once + b"data: [DONE]\n\n", again]):
        telling = play(api, pieces, stream=True)
        assert (telling.failure, text_of(fold(telling.events))) == (None, "AB")


OSLO, ROME = '{"city": "Oslo"}', '{"city": "Rome"}'


@pytest.mark.parametrize(
    ("fragments", "arguments"),
    [
        ([call(OSLO), call(ROME)], ["Oslo", "Rome"]),
        ([call(OSLO), call(ROME), call(OSLO, "g")], ["Oslo", "Rome", "Oslo"]),
        ([call(OSLO, id="a"), call(ROME)], ["Oslo", "Rome"]),
        ([call(OSLO, id="a"), call(ROME, id="b")], ["Oslo", "Rome"]),
        ([call(OSLO, id="a"), call(OSLO, id="b")], ["Oslo", "Oslo"]),
        ([call(OSLO, id="a"), call(OSLO, id="a")], ["Oslo"]),
        ([call(OSLO), call(OSLO)], ["Oslo"]),
        ([call('{"city": '), call('"Oslo"}')], ["Oslo"]),
        ([call('{"city": {"a": 1}'), call("}")], [{"a": 1}]),
        ([call(""), call(OSLO)], ["Oslo"]),
    ],
)
def test_whole_calls_of_one_index_are_several(fragments: list[Json], arguments: list[Any]) -> None:
    for deltas in ([fragments], [[fragment] for fragment in fragments]):
        telling = chat_streamed(*({"delta": {"tool_calls": calls}} for calls in deltas))
        assert [each[1]["city"] for each in summary_of(telling)] == arguments


@pytest.mark.parametrize(
    "between",
    [
        {"index": 1, "delta": {"content": "another"}},
        {"delta": {"tool_calls": [call("", id=None, name="")]}},
        {"delta": {"tool_calls": [call(ROME, index=1, id="b")]}},
    ],
)
def test_a_character_of_arguments_is_whole_whatever_comes_between_its_halves(between: Json) -> None:
    pieces = [call('{"city": "HIGH', id="a"), call('LOW"}', id="a")]
    first, last = ({"delta": {"tool_calls": [piece]}} for piece in pieces)
    shown = summary_of(chat_streamed(first, between, last))
    assert shown[0] == ("f", {"city": "\U0001f600"})


def test_a_character_is_whole_where_another_choice_comes_between_its_halves() -> None:
    another = {"index": 1, "delta": {"content": "another"}}
    halves = [{"delta": {"content": half}} for half in ("HIGH", "LOW")]
    assert summary_of(chat_streamed(halves[0], another, halves[1])) == ["\U0001f600"]
    called = {"delta": {"tool_calls": [call(OSLO)]}}
    assert summary_of(chat_streamed(halves[0], called)) == ["\ufffd", ("f", {"city": "Oslo"})]


def test_half_a_character_at_the_end_of_arguments_is_replaced() -> None:
    cut = {"delta": {"tool_calls": [call('{"city": "HIGH')]}}
    telling = chat_streamed(cut, {"delta": {}, "finish_reason": "length"})
    (item,) = fold(telling.events).output
    assert isinstance(item, FunctionCall)
    assert item.arguments == '{"city": "\ufffd'


@pytest.mark.parametrize("reason", ["tool_calls", "stop", None])
@pytest.mark.parametrize(
    ("arguments", "count", "is_cut"),
    [('{"city": "Os', 16, True), ('{"city": "Os', 15, False), ('{"city": "Oslo"}', 16, False),
     ("Oslo", 16, False), ("{", 16, True), ("{}", 16, False)],
)  # fmt: skip
def test_a_call_that_the_limit_has_cut_is_cut_whatever_the_reason(
    reason: str | None, arguments: str, count: int, *, is_cut: bool
) -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": count}
    message = {"tool_calls": [call(arguments)]}
    end = {"index": 0, "delta": {}, "finish_reason": reason}
    chunks = [{"choices": [{"index": 0, "delta": message}]}, {"choices": [end]}]
    body = {"choices": [{"message": message, "finish_reason": reason}], "usage": usage}
    streams = [frames(*chunks, {"choices": [], "usage": usage}, done=True)]
    for pieces, stream in ((streams, True), ([orjson.dumps(body)], False)):
        telling = play("chat_completions", pieces, stream=stream, max_output_tokens=16)
        response = fold(telling.events)
        (made,) = response.output
        assert isinstance(made, FunctionCall)
        shown = response.status, response.incomplete_reason, made.status
        cut = ("incomplete", "max_output_tokens", "incomplete")
        assert shown == (cut if is_cut else ("completed", None, "completed"))


def test_a_filter_stays_the_reason_where_the_limit_is_reached_as_well() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 16}
    message = {"tool_calls": [call('{"city": "Os')]}
    body = {"choices": [{"message": message, "finish_reason": "content_filter"}], "usage": usage}
    pieces = [orjson.dumps(body)]
    telling = play("chat_completions", pieces, stream=False, max_output_tokens=16)
    assert fold(telling.events).incomplete_reason == "content_filter"


def test_an_empty_object_in_two_pieces_is_not_cut() -> None:
    pieces = [call("", id="a"), call("{", name=""), call("}", name="")]
    chunks = [{"choices": [{"index": 0, "delta": {"tool_calls": [each]}}]} for each in pieces]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    usage = {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 16}}
    stream = [frames(*chunks, end, usage, done=True)]
    telling = play("chat_completions", stream, stream=True, max_output_tokens=16)
    assert fold(telling.events).status == "completed"


def a_block(at: int, call_id: str, city: str) -> Json:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": {"city": city}, "index": at}


def an_item(call_id: str, arguments: str) -> Json:
    item = {"type": "function_call", "id": "fc_1", "call_id": call_id, "name": "f"}
    return item | {"arguments": arguments, "status": "completed"}


def all_with(oslo: str, rome: str) -> list[Telling]:
    """Return answers in every form, of two calls that have these ids."""
    blocks = [a_block(0, oslo, "Oslo"), a_block(1, rome, "Rome")]
    items = [an_item(oslo, OSLO), an_item(rome, ROME)]
    calls = [call(OSLO, index=0, id=oslo), call(ROME, index=1, id=rome)]
    started = [
        event
        for at, block in enumerate(blocks)
        for event in (
            {"type": "content_block_start", "index": at, "content_block": block},
            {"type": "content_block_stop", "index": at},
        )
    ]
    done = [
        {"type": "response.output_item.done", "output_index": at, "item": item}
        for at, item in enumerate(items)
    ]
    return [
        chat_whole(message={"tool_calls": calls}),
        chat_streamed({"delta": {"tool_calls": calls}}),
        anthropic_whole(blocks),
        anthropic_streamed(*started),
        responses_whole(*items),
        responses_streamed(*done),
        responses_streamed(*done, output=items),
    ]


@pytest.mark.parametrize(("oslo", "rome"), [("a", "a"), ("a", "b"), ("", ""), ("a", "")])
def test_each_call_of_an_answer_has_an_id_of_its_own(oslo: str, rome: str) -> None:
    for telling in all_with(oslo, rome):
        assert summary_of(telling) == [("f", {"city": "Oslo"}), ("f", {"city": "Rome"})]
        calls = [item for item in fold(telling.events).output if isinstance(item, FunctionCall)]
        ids = [each.call_id for each in calls]
        assert len(set(ids)) == len(ids) == 2
        if oslo:
            assert ids[0] == oslo


@pytest.mark.parametrize("delta", ["Hello", {"text": "Hello"}, {"type": "", "text": "Hello"}])
def test_a_delta_is_known_by_what_it_has(delta: Any) -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    grown = {"type": "content_block_delta", "index": 0, "delta": delta}
    assert summary_of(anthropic_streamed(start, grown)) == ["Hello"]
    assert summary_of(anthropic_streamed(grown)) == ["Hello"]


def test_a_message_may_lack_its_start() -> None:
    start = {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}}
    piece = {"type": "content_block_delta", "index": 0, "delta": {"text": "Hello"}}
    reason = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    stop = {"type": "message_stop"}
    for events in ((start, piece, reason, stop), (start, piece, stop), (piece, reason)):
        telling = play("anthropic_messages", [frames(*events)], stream=True)
        assert summary_of(telling) == ["Hello"]
    alone = play("anthropic_messages", [frames(stop)], stream=True)
    assert alone.failure is not None


def test_counts_alone_are_no_message() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2}
    chat = {"choices": [{"message": {"content": "Hello"}}], "usage": usage}
    empty = {"type": "message", "role": "assistant", "usage": {"input_tokens": 1}}
    for stream in (True, False):
        played = [
            play("anthropic_messages", [orjson.dumps(each)], stream=stream)
            for each in (chat, empty)
        ]
        assert type(played[0].failure) is UpstreamMisbehaved
        assert summary_of(played[1]) == []


def test_sources_may_be_addresses_or_objects() -> None:
    url = "https://a.example/x"
    for cited in ([url], [{"url": url}], [{"url": url, "title": "A"}, {"title": "B"}, None, 7]):
        answer = {"choices": [{"message": {"content": "Hello"}}], "citations": cited}
        telling = play("chat_completions", [orjson.dumps(answer)], stream=False)
        (message,) = fold(telling.events).output
        assert isinstance(message, Message)
        (part,) = message.content
        assert isinstance(part, OutputText)
        (note,) = part.annotations
        assert (note["url"], note["title"]) == (url, "A" if len(cited) > 1 else "")


def test_a_thought_without_a_type_is_one() -> None:
    grown = [
        {"type": "content_block_delta", "index": 0, "delta": {name: text}}
        for name, text in (("thinking", "Hm"), ("signature", "s"))
    ]
    assert summary_of(anthropic_streamed(*grown)) == [["Hm"]]


def test_the_last_event_may_be_called_done() -> None:
    delta = {"type": "response.output_text.delta", "delta": "Hello"}
    last = {"type": "response.done", "response": {"status": "completed"}}
    telling = play("responses", [frames(delta, last)], stream=True)
    assert summary_of(telling) == ["Hello"]


def test_deltas_of_which_none_is_known_are_no_answer() -> None:
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
    added = {"type": "response.output_item.added", "output_index": 0, "item": item}
    heard = {"type": "response.audio.delta", "delta": "AAAA"}
    assert type(responses_streamed(added, heard).failure) is AnswerNotUnderstood
    words = {"type": "response.output_text.delta", "output_index": 0, "delta": "Hello"}
    assert summary_of(responses_streamed(added, heard, words)) == ["Hello"]


@pytest.mark.parametrize(
    "blank",
    [call("", ""), call("{}", ""), {"id": "a", "type": "function"}, {"index": 0, "function": {}},
     {"id": "a", "function": {"name": None, "arguments": None}}],
)  # fmt: skip
def test_a_call_of_nothing_costs_no_answer(blank: Json) -> None:
    other = call(OSLO, index=1, id="b")
    for calls in ([blank], [blank, other], [other, blank]):
        called = [("f", {"city": "Oslo"})] if other in calls else []
        message = {"content": "Hello", "tool_calls": calls}
        assert summary_of(chat_whole(message=message)) == ["Hello", *called]
        assert summary_of(chat_streamed({"delta": message})) == ["Hello", *called]


def test_a_call_of_nothing_alone_is_no_answer() -> None:
    for message in ({"tool_calls": [call("", "", id="a")]}, {"tool_calls": [call("{}", "")]}):
        for telling in (chat_whole(message=message), chat_streamed({"delta": message})):
            assert type(telling.failure) is AnswerNotUnderstood


def test_arguments_without_a_name_are_nonsense() -> None:
    message = {"content": "Hello", "tool_calls": [call(OSLO, "")]}
    assert type(chat_whole(message=message).failure) is UpstreamMisbehaved
