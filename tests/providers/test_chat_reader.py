"""Answers of Chat Completions, whole and streamed, with the traps of real servers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.response import Usage
from app.domain.stream.deltas import (
    Annotated,
    Arguments,
    CallOpened,
    Delta,
    Finished,
    Refused,
    Text,
    Thought,
    Used,
)
from app.errors import GatewayError, UpstreamMisbehaved, UpstreamUnavailable
from app.providers.openai_chat.reader import ChatReader
from tests.providers.reads import end_of, whole_of

STOP = Finished("stop")
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
LOGPROB = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 5,
    "total_tokens": 14,
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
COUNTED = Used(Usage(9, 5, cached_tokens=4, cache_write_tokens=1, reasoning_tokens=3))


def fault(error: object) -> GatewayError:
    return UpstreamUnavailable(f"told: {error}")


def read(*chunks: Any, done: bool = True) -> list[Delta]:
    """Return what a stream of chunks says; bytes are sent as they are."""
    reader = ChatReader(fault)
    data = [each if isinstance(each, bytes) else orjson.dumps(each) for each in chunks]
    frames = [("", each) for each in data] + ([("", b"[DONE]")] if done else [])
    deltas: list[Delta] = []
    for frame in frames:
        reader.read([frame], deltas)
    return deltas + end_of(reader)


def chunk(reason: str | None = None, logprobs: Any = None, **delta: Any) -> dict[str, Any]:
    return {
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason, "logprobs": logprobs}]
    }


def whole(reason: str | None = "stop", logprobs: Any = None, **message: Any) -> list[Delta]:
    """Return what a whole answer with this message says."""
    choice = {"message": message, "finish_reason": reason, "logprobs": logprobs}
    return whole_of(ChatReader(fault), orjson.dumps({"choices": [choice]}))


def test_a_stream_of_words() -> None:
    assert read(
        chunk(role="assistant", content=""),
        chunk(content="Hello"),
        chunk(content=" there", role="assistant"),
        chunk("stop"),
    ) == [Text("Hello"), Text(" there"), STOP]


def test_a_whole_answer() -> None:
    assert whole(role="assistant", content="Hello there") == [Text("Hello there"), STOP]


@pytest.mark.parametrize(
    ("message", "deltas"),
    [
        ({"content": None}, []),
        ({"content": ""}, []),
        ({"content": "Hi", "role": None}, [Text("Hi")]),
        ({"refusal": "No."}, [Refused("No.")]),
        ({"content": None, "refusal": None, "tool_calls": None}, []),
        ({"reasoning_content": "Hm", "content": "Hi"}, [Thought("Hm"), Text("Hi")]),
        ({"content": "Hi", "reasoning": "Hm"}, [Thought("Hm"), Text("Hi")]),
        ({"reasoning_content": "Hm", "reasoning": "Hm"}, [Thought("Hm")]),
        ({"tool_calls": [CALL]}, [CallOpened("0", "c1", "f"), Arguments("0", "{}")]),
        (
            {"function_call": {"name": "f", "arguments": "{}"}},
            [CallOpened("0", None, "f"), Arguments("0", "{}")],
        ),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
                    {"type": "text", "text": "Hi"},
                    {"type": "reference", "reference_ids": [1]},
                ]
            },
            [Thought("Hm"), Text("Hi")],
        ),
        (
            {
                "content": "Hi",
                "annotations": [
                    {"type": "url_citation", "url_citation": {"url": "u", "title": "t",
                     "start_index": 0, "end_index": 2}},
                    {"type": "file_citation"},
                ],
            },
            [
                Text("Hi"),
                Annotated({"type": "url_citation", "url": "u", "title": "t", "start_index": 0,
                           "end_index": 2}),
            ],
        ),
    ],
    ids=["null", "empty", "null-role", "refusal", "nulls", "reasoning_content", "reasoning",
         "both-spellings", "call", "function_call", "parts", "annotations"],
)  # fmt: skip
class TestEveryMessage:
    def test_means_the_same_whole(self, message: dict[str, Any], deltas: list[Delta]) -> None:
        assert whole(**message) == [*deltas, STOP]

    def test_means_the_same_streamed(self, message: dict[str, Any], deltas: list[Delta]) -> None:
        assert read(chunk(**message), chunk("stop")) == [*deltas, STOP]


def test_logprobs_come_with_their_text() -> None:
    text = Text("Hi", (LOGPROB,))
    assert read(chunk(content="Hi", logprobs={"content": [LOGPROB]}), chunk("stop"))[0] == text
    assert whole(content="Hi", logprobs={"content": [LOGPROB]})[0] == text


def test_whole_calls_are_never_fragments_of_one_another() -> None:
    assert whole(tool_calls=[CALL, CALL]) == [
        CallOpened("0", "c1", "f"),
        Arguments("0", "{}"),
        CallOpened("1", "c1", "f"),
        Arguments("1", "{}"),
        STOP,
    ]


@pytest.mark.parametrize(
    ("reason", "finished"),
    [
        ("stop", "stop"),
        ("tool_calls", "stop"),
        ("function_call", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("content_filter", "content_filter"),
    ],
)
def test_a_reason_means(reason: str, finished: Any) -> None:
    assert whole(reason, content="Hi")[-1] == Finished(finished)
    assert read(chunk(reason, content="Hi"))[-1] == Finished(finished)


def test_a_whole_answer_without_a_reason_is_complete() -> None:
    assert whole(None, content="Hi")[-1] == STOP


def test_a_stream_that_just_ends_is_not_finished() -> None:
    assert read(chunk(content="Hi"), done=False) == [Text("Hi")]


def test_a_stream_that_says_done_is_whole_without_a_reason() -> None:
    assert read(chunk(content="Hi")) == [Text("Hi"), STOP]


def test_a_stream_that_ends_with_its_usage_is_whole_without_a_reason() -> None:
    counted = {"choices": [], "usage": USAGE}
    assert read(chunk(content="Hi"), counted, done=False) == [Text("Hi"), COUNTED, STOP]


def test_usage_that_comes_with_every_chunk_ends_nothing() -> None:
    piece = chunk(content="Hi") | {"usage": USAGE}
    more = chunk(content="Ho") | {"usage": USAGE}
    assert STOP not in read(piece, more, done=False)


MORE = USAGE | {"completion_tokens": 9}


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk(role="assistant") | {"usage": {"prompt_tokens": 9}}],
        [chunk(content="Hi") | {"usage": USAGE}, chunk(content="") | {"usage": MORE}],
        [chunk(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}])
         | {"usage": USAGE}],
    ],
    ids=["no-word", "no-more-words", "begun-call"],
)  # fmt: skip
def test_usage_beside_what_is_not_the_last_word_ends_nothing(chunks: list[dict[str, Any]]) -> None:
    assert STOP not in read(*chunks, done=False)


def test_usage_apart_from_all_choices_ends_what_was_counted_all_along() -> None:
    piece, counted = chunk(content="Hi") | {"usage": {"prompt_tokens": 9}}, {"usage": USAGE}
    assert read(piece, counted, done=False)[-1] == STOP


def test_a_stream_without_a_choice_is_none() -> None:
    assert STOP not in read({"choices": [], "usage": USAGE}, done=False)


@pytest.mark.parametrize("chunks", [[], [{"choices": [], "usage": USAGE}], [{"id": "1"}]])
def test_a_stream_that_ends_without_a_choice_is_nonsense(chunks: list[dict[str, Any]]) -> None:
    with pytest.raises(UpstreamMisbehaved, match="no choice") as caught:
        read(*chunks)
    assert caught.value.work_done


def test_a_stream_with_a_reason_may_end_without_done() -> None:
    assert read(chunk(content="Hi"), chunk("stop"), done=False) == [Text("Hi"), STOP]


def test_done_is_noticed() -> None:
    reader = ChatReader(fault)
    reader.read([("", b"[DONE]")], [])
    assert reader.is_done


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource"])
def test_a_server_that_broke_off_did_not_finish(reason: str) -> None:
    with pytest.raises(UpstreamUnavailable, match="broke off"):
        read(chunk(reason))


def test_usage_may_come_after_the_reason_without_choices() -> None:
    assert read(chunk("stop", content="Hi"), {"choices": [], "usage": USAGE}) == [
        Text("Hi"),
        COUNTED,
        STOP,
    ]


def test_usage_that_is_repeated_is_told_once() -> None:
    deltas = read(chunk(content="a") | {"usage": USAGE}, chunk("stop") | {"usage": USAGE})
    assert deltas.count(COUNTED) == 1


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 5}, Usage(9, 5)),
        ({"prompt_tokens": 9, "prompt_tokens_details": None}, Usage(9, 0)),
        ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}, Usage(9, 0, cached_tokens=4)),
        ({"prompt_tokens": "9 apples", "completion_tokens": -1}, Usage()),
    ],
    ids=["short", "null", "deepseek", "nonsense"],
)
def test_what_is_not_counted_is_zero(usage: dict[str, Any], counted: Usage) -> None:
    body = {"choices": [{"message": {"content": "Hi"}}], "usage": usage}
    assert Used(counted) in whole_of(ChatReader(fault), orjson.dumps(body))


def test_the_tier_that_served_is_told() -> None:
    assert read(chunk("stop") | {"service_tier": "flex"})[-1] == Finished("stop", "flex")
    body = {"choices": [{"message": {"content": "Hi"}}], "service_tier": "flex"}
    assert whole_of(ChatReader(fault), orjson.dumps(body))[-1] == Finished("stop", "flex")


@pytest.mark.parametrize("later", [None, "", 5])
def test_a_tier_stays_where_a_later_chunk_names_none(later: object) -> None:
    named = chunk(content="Hi") | {"service_tier": "flex"}
    assert read(named, chunk("stop") | {"service_tier": later})[-1] == Finished("stop", "flex")


@pytest.mark.parametrize(
    ("reported", "shown"),
    [
        ("on_demand", "default"),
        ("performance", "priority"),
        ("standard", "default"),
        ("a-new-one", "a-new-one"),
        ("", None),
        (5, None),
    ],
)
def test_a_tier_has_the_name_that_clients_know(reported: object, shown: str | None) -> None:
    assert read(chunk("stop") | {"service_tier": reported})[-1] == Finished("stop", shown)
    body = {"choices": [{"message": {"content": "Hi"}}], "service_tier": reported}
    assert whole_of(ChatReader(fault), orjson.dumps(body))[-1] == Finished("stop", shown)


@pytest.mark.parametrize(
    "said",
    [
        {"error": {"message": "boom"}},
        {"error": "boom"},
        {"choices": [{"delta": {}, "finish_reason": "error", "error": {"message": "boom"}}]},
    ],
    ids=["object", "text", "choice"],
)
def test_an_error_in_a_stream_is_raised(said: Any) -> None:
    with pytest.raises(UpstreamUnavailable, match="boom"):
        read(chunk(content="Hi"), said)


def test_an_error_event_is_an_error_whatever_its_shape() -> None:
    with pytest.raises(UpstreamUnavailable, match="boom"):
        ChatReader(fault).read([("error", b'{"object": "error", "message": "boom"}')], [])


@pytest.mark.parametrize(
    "said",
    [{"error": {"message": "boom"}}, {"choices": [{"error": {"message": "boom"}}]}],
    ids=["body", "choice"],
)
def test_an_error_in_a_whole_answer_is_raised(said: Any) -> None:
    with pytest.raises(UpstreamUnavailable, match="boom"):
        whole_of(ChatReader(fault), orjson.dumps(said))


@pytest.mark.parametrize(
    "said",
    [b"{", b"[]", b'"hi"'],
)
def test_a_frame_that_is_no_chunk_is_nonsense(said: bytes) -> None:
    with pytest.raises(UpstreamMisbehaved):
        read(chunk(content="Hi"), said)


@pytest.mark.parametrize(
    "said",
    [b"", b"<html>", b"{}", b'{"choices": []}', b'{"choices": [{"message": 7}]}'],
)  # fmt: skip
def test_a_body_that_is_no_answer_is_nonsense(said: bytes) -> None:
    with pytest.raises(UpstreamMisbehaved) as caught:
        whole_of(ChatReader(fault), said)
    assert caught.value.work_done


def test_an_empty_frame_says_nothing() -> None:
    assert read(b"", chunk("stop")) == [STOP]


def test_a_word_that_is_a_name_of_the_format_is_a_word() -> None:
    words = ["choices", "delta", "content", "index", "choices"]
    assert read(*[chunk(content=word) for word in words], done=False) == list(map(Text, words))


def test_a_usage_that_is_none_costs_nothing_and_is_noted() -> None:
    noted: list[str] = []
    reader, deltas = ChatReader(fault, lambda kind, *_: noted.append(kind)), list[Delta]()
    reader.read([("", b'{"usage": 7}'), ("", orjson.dumps(chunk(content="Hi")))], deltas)
    assert (deltas, noted) == ([Text("Hi")], ["usage"])


@pytest.mark.parametrize("name", ["images", "audio", "blob"])
def test_a_message_of_which_nothing_is_understood_is_a_failure_that_names_it(name: str) -> None:
    with pytest.raises(UpstreamMisbehaved, match=name):
        whole("stop", content="", **{name: [{"x": 1}]})
    unknown: dict[str, Any] = {"content": "", name: [{"x": 1}]}
    with pytest.raises(UpstreamMisbehaved, match=name):
        read({"choices": [{"delta": unknown}]}, chunk("stop"))


def test_a_part_that_is_not_known_is_a_failure_where_there_is_no_other() -> None:
    with pytest.raises(UpstreamMisbehaved, match="part video"):
        whole("stop", content=[{"type": "video"}])


def test_what_is_not_understood_is_noted_beside_what_is() -> None:
    noted: list[str] = []
    body = {"choices": [{"message": {"content": "Hi", "images": [1]}, "finish_reason": "stop"}]}
    assert whole_of(ChatReader(fault, lambda kind, *_: noted.append(kind)), orjson.dumps(body)) == [
        Text("Hi"),
        STOP,
    ]
    assert noted == ["unknown_field"]


@pytest.mark.parametrize("message", [None, {}, {"content": None}, {"content": ""}, {"content": []}])
def test_a_message_that_is_really_empty_keeps_its_finish(message: Any) -> None:
    choice = {"message": message, "finish_reason": "length"}
    assert whole_of(ChatReader(fault), orjson.dumps({"choices": [choice]})) == [Finished("length")]


@pytest.mark.parametrize(
    "content",
    [{"type": "text", "text": "Hi"}, [{"type": "text", "text": "Hi"}], ["Hi"], [{"text": "Hi"}],
     [{"type": "output_text", "text": {"value": "Hi"}}]],
    ids=["object", "parts", "texts", "untyped", "nested"],
)  # fmt: skip
def test_content_comes_in_many_shapes(content: Any) -> None:
    assert whole("stop", content=content) == [Text("Hi"), STOP]
    assert read(chunk(content=content), chunk("stop")) == [Text("Hi"), STOP]


def test_sources_beside_the_message_are_annotations_of_its_whole_text() -> None:
    sources = {
        "citations": ["https://a.example", "https://b.example"],
        "search_results": [{"title": "A", "url": "https://a.example"}],
    }
    cited = [
        Annotated({"type": "url_citation", "url": url, "title": title, "start_index": 0,
                   "end_index": 6})
        for url, title in (("https://a.example", "A"), ("https://b.example", ""))
    ]  # fmt: skip
    body = {"choices": [{"message": {"content": "Hi [1]"}, "finish_reason": "stop"}], **sources}
    assert whole_of(ChatReader(fault), orjson.dumps(body)) == [Text("Hi [1]"), *cited, STOP]
    pieces = [chunk(content="Hi ") | sources, chunk("stop", content="[1]") | sources]
    assert read(*pieces) == [Text("Hi "), Text("[1]"), *cited, STOP]


def test_null_data_says_nothing() -> None:
    assert read(chunk(content="Hi"), b"null", b" ", chunk("stop")) == [Text("Hi"), STOP]


@pytest.mark.parametrize("event", ["ping", "keepalive", "status"])
def test_words_in_an_event_with_a_name_are_no_error(event: str) -> None:
    reader, deltas = ChatReader(fault), list[Delta]()
    hi = orjson.dumps(chunk(content="Hi"))
    reader.read([(event, b'{"message": "3 are before you"}'), ("", hi)], deltas)
    assert deltas == [Text("Hi")]


@pytest.mark.parametrize("event", ["", "error", "message", "ping"])
def test_an_error_in_an_event_is_one_whatever_that_is_called(event: str) -> None:
    with pytest.raises(UpstreamUnavailable, match="too hot"):
        ChatReader(fault).read([(event, b'{"error": {"message": "too hot"}}')], [])
    if event != "ping":
        with pytest.raises(UpstreamUnavailable, match="too hot"):
            ChatReader(fault).read([(event, b'{"detail": "too hot"}')], [])
