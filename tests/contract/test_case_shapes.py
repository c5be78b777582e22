"""Fields of another shape than they should have cost no answer, in all three formats (U20, A10)."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.items import FunctionCall, Message, OutputText, Reasoning
from app.domain.stream.accumulate import fold
from app.errors import AnswerNotUnderstood, UpstreamUnavailable
from app.settings import Api
from tests.contract.recordings import Telling, play
from tests.contract.test_case_siblings import frames

Json = dict[str, Any]
CHAT: Api = "chat_completions"
ANTHROPIC: Api = "anthropic_messages"
RESPONSES: Api = "responses"


def whole(api: Api, body: Json) -> Telling:
    return play(api, [orjson.dumps(body)], stream=False)


def streamed(api: Api, *events: Json, done: bool = False) -> Telling:
    return play(api, [frames(*events, done=done)], stream=True)


def chat_whole(**choice: Any) -> Telling:
    return whole(CHAT, {"choices": [{"index": 0, "finish_reason": "stop", **choice}]})


def chat_streamed(*choices: Json) -> Telling:
    stop = {"index": 0, "delta": {}, "finish_reason": "stop"}
    chunks = [{"choices": [{"index": 0, **choice}]} for choice in (*choices, stop)]
    return streamed(CHAT, *chunks, done=True)


def anthropic_whole(content: Any) -> Telling:
    return whole(ANTHROPIC, {"type": "message", "content": content, "stop_reason": "end_turn"})


def anthropic_streamed(*events: Json) -> Telling:
    ends = ({"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"})  # fmt: skip
    return streamed(ANTHROPIC, {"type": "message_start", "message": {}}, *events, *ends)


def responses_whole(*output: Any) -> Telling:
    return whole(RESPONSES, {"status": "completed", "output": list(output)})


def responses_streamed(*events: Json, **response: Any) -> Telling:
    return streamed(RESPONSES, *events, {"type": "response.completed", "response": response})


def summary_of(telling: Telling) -> list[Any]:
    """Return what an answer that was completed says, in few words."""
    assert telling.failure is None
    response = fold(telling.events)
    assert response.status == "completed"
    return [_item(item) for item in response.output]


def _item(item: Any) -> Any:
    match item:
        case Message(content=parts):
            return "|".join(p.text if isinstance(p, OutputText) else "-" + str(p) for p in parts)
        case FunctionCall():
            return (item.name, orjson.loads(item.arguments))
        case Reasoning():
            return ["".join(item.summary)]
        case _:
            raise AssertionError(f"{item} is no output")


TEXT = {"type": "text", "text": "Hello"}


@pytest.mark.parametrize(
    "content",
    ["Hello", TEXT, [TEXT], [None, TEXT], ["Hello"], {"text": "Hello"}, [{"text": "Hello"}],
     {"type": "text", "text": {"value": "Hello"}}, [{"type": "text", "text": ["Hel", "lo"]}]],
)  # fmt: skip
def test_a_text_is_read_whatever_holds_it(content: Any) -> None:
    assert summary_of(chat_whole(message={"content": content})) == ["Hello"]
    assert summary_of(chat_streamed({"delta": {"content": content}})) == ["Hello"]
    assert summary_of(anthropic_whole(content)) == ["Hello"]
    start = {"type": "message_start", "message": {"content": content}}
    assert summary_of(streamed(ANTHROPIC, start, {"type": "message_stop"})) == ["Hello"]
    item = {"type": "message", "role": "assistant", "content": content}
    assert summary_of(responses_whole(item)) == ["Hello"]
    assert summary_of(responses_streamed({"type": "response.output_item.done", "item": item})) == [
        "Hello"
    ]
    assert summary_of(responses_streamed(output=[item])) == ["Hello"]


def test_a_text_that_is_repeated_beside_the_output_is_said_once() -> None:
    item = {"type": "message", "role": "assistant", "content": [TEXT]}
    body = {"status": "completed", "output": [item], "output_text": "Hello"}
    assert summary_of(whole(RESPONSES, body)) == ["Hello"]
    delta = {"type": "response.output_text.delta", "delta": "Hello"}
    assert summary_of(responses_streamed(delta, **body)) == ["Hello"]
    assert summary_of(responses_streamed(delta, output_text="Hello")) == ["Hello"]


def test_a_piece_of_a_block_may_be_a_plain_text() -> None:
    piece = {"type": "content_block_delta", "index": 0, "delta": "Hello"}
    assert summary_of(anthropic_streamed(piece)) == ["Hello"]


@pytest.mark.parametrize("odd", [7, True, [7], {"a": 1}])
def test_reasoning_and_refusals_of_an_odd_shape_cost_no_answer(odd: Any) -> None:
    for name in ("reasoning_content", "reasoning", "refusal", "annotations"):
        message = {"content": "Hello", name: odd}
        assert summary_of(chat_whole(message=message))[-1].startswith("Hello")
        pieces = ({"delta": {name: odd}}, {"delta": {"content": "Hello"}})
        assert "Hello" in summary_of(chat_streamed(*pieces))


@pytest.mark.parametrize("odd", [None, 7, ["x"], {"a": 1}, []])
def test_an_odd_signature_or_thought_costs_no_answer(odd: Any) -> None:
    for name in ("signature", "thinking"):
        block = {"type": "thinking", "thinking": "Hm", "signature": "s", name: odd}
        assert summary_of(anthropic_whole([block, TEXT]))[-1] == "Hello"
        delta = {"type": f"{name}_delta", name: odd}
        assert (
            summary_of(
                anthropic_streamed(
                    {"type": "content_block_start", "index": 0, "content_block": block},
                    {"type": "content_block_delta", "index": 0, "delta": delta},
                    {"type": "content_block_stop", "index": 0},
                    {"type": "content_block_start", "index": 1, "content_block": TEXT},
                )
            )[-1]
            == "Hello"
        )


@pytest.mark.parametrize("odd", [None, 7, "x", {}, []])
def test_a_block_whose_start_says_nothing_begins_with_its_delta(odd: Any) -> None:
    piece = {"type": "text_delta", "text": "Hello"}
    events = ({"type": "content_block_start", "index": 0, "content_block": odd},
              {"type": "content_block_delta", "index": 0, "delta": piece})  # fmt: skip
    assert summary_of(anthropic_streamed(*events)) == ["Hello"]


@pytest.mark.parametrize("kind", [None, 7, ""])
def test_what_does_not_say_its_kind_is_known_by_what_it_has(kind: Any) -> None:
    call = {"type": kind, "id": "c", "name": "f", "input": {"a": 1}}
    assert summary_of(anthropic_whole([{"type": kind, "text": "Hi"}, call])) == [
        "Hi",
        ("f", {"a": 1}),
    ]
    item = {"type": kind, "role": "assistant", "content": [{"type": kind, "text": "Hi"}]}
    call = {"type": kind, "call_id": "c", "name": "f", "arguments": '{"a":1}'}
    assert summary_of(responses_whole(item, call)) == ["Hi", ("f", {"a": 1})]


@pytest.mark.parametrize("arguments", ['{"a":1}', {"a": 1}])
def test_arguments_are_read_as_text_or_as_an_object(arguments: Any) -> None:
    function = {"name": "f", "arguments": arguments}
    for calls in (
        [{"id": "c", "function": function}],
        {"id": "c", "function": function},
        {"0": {"id": "c", "function": function}},
        [{"id": 7, "function": function}],
        [{"id": {"a": 1}, "index": "0", "function": function}],
        [{"id": "c", **function}],
        [{"id": "c", "function": {"name": "f", "parameters": arguments}}],
        [None, {"id": "c", "function": function}],
    ):
        assert summary_of(chat_whole(message={"tool_calls": calls})) == [("f", {"a": 1})], calls
        assert summary_of(chat_streamed({"delta": {"tool_calls": calls}})) == [("f", {"a": 1})], (
            calls
        )
    block = {"type": "tool_use", "id": 7, "name": "f", "input": arguments}
    assert summary_of(anthropic_whole([block])) == [("f", {"a": 1})]
    piece = {"type": "input_json_delta", "partial_json": arguments}
    begun = {"type": "content_block_start", "index": 0, "content_block": block | {"input": {}}}
    grown = {"type": "content_block_delta", "index": 0, "delta": piece}
    assert summary_of(anthropic_streamed(begun, grown)) == [("f", {"a": 1})]
    item = {"type": "function_call", "call_id": 7, "name": "f", "arguments": arguments}
    assert summary_of(responses_whole(item)) == [("f", {"a": 1})]
    assert summary_of(responses_streamed({"type": "response.output_item.done", "item": item})) == [
        ("f", {"a": 1})
    ]


def test_arguments_that_come_whole_twice_are_read_once() -> None:
    item = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f"}
    whole_item = item | {"arguments": '{"a":1}'}
    events = ({"type": "response.output_item.added", "item": item | {"arguments": ""}},
              {"type": "response.function_call_arguments.done", "item_id": "fc",
               "arguments": '{"a":1}'},
              {"type": "response.output_item.done", "item": whole_item})  # fmt: skip
    assert summary_of(responses_streamed(*events, output=[whole_item])) == [("f", {"a": 1})]


def test_an_item_that_is_told_behind_a_later_one_is_left_out() -> None:
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    message = {"type": "message", "role": "assistant", "content": [TEXT]}
    done = {"type": "response.output_item.done", "item": call}
    assert summary_of(responses_streamed(done, output=[message, call])) == [("f", {})]
    assert summary_of(responses_streamed(done, output=[call, message])) == [("f", {}), "Hello"]


def test_a_piece_without_an_index_is_of_the_latest_block() -> None:
    begun = {"type": "content_block_start", "index": 0, "content_block": TEXT | {"text": "Hel"}}
    piece = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "lo"}}
    assert summary_of(anthropic_streamed(begun, piece)) == ["Hello"]


def test_a_call_without_a_call_id_goes_by_its_id() -> None:
    item = {"type": "function_call", "id": "fc_9", "name": "f", "arguments": "{}"}
    (call,) = fold(responses_whole(item).events).output
    assert isinstance(call, FunctionCall)
    assert call.call_id == "fc_9"


@pytest.mark.parametrize("status", ["in_progress", "queued", "cancelled"])
def test_an_answer_that_has_not_ended_is_none(status: str) -> None:
    item = {"type": "message", "role": "assistant", "content": [TEXT]}
    body = {"status": status, "output": [item]}
    for telling in (whole(RESPONSES, body), responses_streamed(**body)):
        assert isinstance(telling.failure, UpstreamUnavailable)


@pytest.mark.parametrize(
    "choice", [{"message": {"content": "Hello"}}, {"delta": {"content": "Hello"}},
               {"text": "Hello"}, {"delta": "Hello"}, {"message": "Hello"},
               {"delta": {}, "message": {"content": "Hello"}}],
)  # fmt: skip
def test_what_a_choice_says_is_read_wherever_it_says_it(choice: Json) -> None:
    assert summary_of(chat_whole(**choice)) == ["Hello"]
    assert summary_of(chat_streamed(choice)) == ["Hello"]


def test_a_whole_message_at_the_end_of_a_stream_repeats_nothing() -> None:
    pieces = [{"delta": {"reasoning": "Hm"}}, {"delta": {"content": "Hel"}},
              {"delta": {"content": "lo"}}]  # fmt: skip
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "reasoning": "Hm", "content": "Hello", "tool_calls": [call]}
    answer = summary_of(chat_streamed(*pieces, {"delta": {}, "message": message}))
    assert answer == [["Hm"], "Hello", ("f", {})]


def test_one_choice_is_read_where_there_are_several() -> None:
    one, other = ({"index": n, "delta": {"content": text}} for n, text in ((1, "Hello"), (2, "No")))
    stop = {"index": 1, "delta": {}, "finish_reason": "stop"}
    chunks = [{"choices": [one, other]}, {"choices": [other]}, {"choices": [stop]}]
    assert summary_of(streamed(CHAT, *chunks, done=True)) == ["Hello"]
    both = [{"index": n, "message": {"content": text}} for n, text in ((1, "Hello"), (2, "No"))]
    assert summary_of(whole(CHAT, {"choices": both})) == ["Hello"]


@pytest.mark.parametrize("reason", [7, ["stop"], {"type": "stop"}, "brand_new"])
def test_a_reason_that_is_not_known_completes_an_answer(reason: Any) -> None:
    assert summary_of(chat_whole(message={"content": "Hello"}, finish_reason=reason)) == ["Hello"]
    piece = {"delta": {"content": "Hello"}, "finish_reason": reason}
    assert summary_of(streamed(CHAT, {"choices": [piece]}, done=True)) == ["Hello"]


@pytest.mark.parametrize("error", [None, {}, {"code": None, "message": ""}, ""])
def test_an_error_that_says_nothing_is_none(error: Any) -> None:
    body = {"choices": [{"message": {"content": "Hello"}, "error": error}], "error": error,
            "base_resp": {"status_code": "0", "status_msg": ""}}  # fmt: skip
    assert summary_of(whole(CHAT, body)) == ["Hello"]
    assert summary_of(responses_streamed(output_text="Hello", error=error)) == ["Hello"]
    message = {"content": [TEXT], "stop_reason": "end_turn", "error": error}
    assert summary_of(whole(ANTHROPIC, message)) == ["Hello"]


@pytest.mark.parametrize("odd", [None, 7, "x", ["x"], []])
def test_an_odd_last_event_ends_what_was_streamed(odd: Any) -> None:
    delta = {"type": "response.output_text.delta", "delta": "Hello"}
    last = {"type": "response.completed", "response": odd}
    assert summary_of(streamed(RESPONSES, delta, last)) == ["Hello"]
    assert summary_of(responses_streamed(delta, output=odd, status="succeeded"))[0] == "Hello"


@pytest.mark.parametrize("odd", [None, 7, ["x", None], {"a": 1}])
def test_an_odd_piece_among_others_costs_nothing_else(odd: Any) -> None:
    for kind in ("output_text", "reasoning_summary_text", "reasoning_text", "refusal"):
        name = {"refusal": "refusal"}.get(kind, "text")
        events = ({"type": f"response.{kind}.delta", "delta": odd},
                  {"type": f"response.{kind}.done", name: odd},
                  {"type": "response.output_text.delta", "delta": "Hello"})  # fmt: skip
        assert summary_of(responses_streamed(*events))[-1].endswith("Hello"), kind


@pytest.mark.parametrize(
    "nothing",
    [chat_whole(message={"content": {"a": 1}}), chat_whole(message={"content": 7}),
     chat_streamed({"delta": {"content": [7]}}), anthropic_whole([{"a": 1}]), anthropic_whole(7),
     responses_whole({"type": "message", "content": [{"type": "output_image", "image": "x"}]}),
     responses_whole({"type": "image_generation_call", "result": "x"}),
     chat_whole(message={"audio": {"data": "x"}})],
)  # fmt: skip
def test_nothing_that_is_understood_is_no_answer(nothing: Telling) -> None:
    assert type(nothing.failure) is AnswerNotUnderstood


def test_a_name_that_is_a_credential_is_not_told() -> None:
    telling = chat_whole(message={"sk-hunter22hunter22": "x", "audio": {"data": "x"}})
    assert telling.failure is not None
    assert "hunter22" not in telling.failure.message
    assert "field audio" in telling.failure.message


@pytest.mark.parametrize(
    "place",
    [{"usage": {"input_tokens": 3, "output_tokens": 4}},
     {"delta": {"usage": {"input_tokens": 3, "output_tokens": 4}}}],
)  # fmt: skip
def test_counts_are_read_inside_a_message_delta_too(place: Json) -> None:
    change = {"type": "message_delta", **place}
    usage = fold(anthropic_streamed(change).events).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (3, 4)


def test_counts_beside_the_last_response_are_read() -> None:
    delta = {"type": "response.output_text.delta", "delta": "Hello"}
    usage = {"input_tokens": 3, "output_tokens": 4}
    last = {"type": "response.completed", "response": {"status": "completed"}, "usage": usage}
    for events, done in (
        ((delta, last), False),
        ((delta, {"type": "usage", "usage": usage}), True),
    ):
        telling = streamed(RESPONSES, *events, done=done)
        counted = fold(telling.events).usage
        assert (summary_of(telling), counted and counted.output_tokens) == (["Hello"], 4)
