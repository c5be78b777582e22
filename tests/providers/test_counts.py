"""Token counts as servers tell them, on every format, whole and streamed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from app.domain.response import Usage
from app.domain.stream.deltas import Delta, Finished, Used
from app.errors import GatewayError, UpstreamUnavailable
from app.providers.anthropic.reader import MessagesReader
from app.providers.openai_chat.reader import ChatReader
from app.providers.openai_responses.reader import ResponsesReader
from app.providers.reading.counts import MOST_TOKENS, Counts
from app.providers.reading.events import EventReader
from tests.providers.reads import end_of, whole_of

ABSURD = [
    *("-1", "1.5", "true", "null", "[]", "{}", '"many"', "1e300", "NaN", "Infinity", "-Infinity"),
    *(str(MOST_TOKENS + 1), str(2**31 * 1000), str(2**63 - 1), str(2**63), str(2**64)),
    *(str(-(2**63) - 1), "9" * 5000, "1e400", '"1e9"', '"' + "9" * 5000 + '"'),
]
READ = [("0", 0), ("12", 12), ("12.0", 12), ('"12"', 12), (str(MOST_TOKENS), MOST_TOKENS)]


def fault(error: object) -> GatewayError:
    return UpstreamUnavailable(str(error))


def chat(body: str) -> list[Delta]:
    return whole_of(ChatReader(fault), body.encode())


def chat_stream(body: str) -> list[Delta]:
    reader, deltas = ChatReader(fault), list[Delta]()
    choice = '{"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}'
    reader.read([("", choice.encode()), ("", body.encode()), ("", b"[DONE]")], deltas)
    return deltas + end_of(reader)


def messages(body: str) -> list[Delta]:
    return whole_of(EventReader(MessagesReader(fault)), body.encode())


def messages_stream(body: str) -> list[Delta]:
    start = json.dumps({"type": "message_start", "message": {}})
    delta = '{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": %s}'
    usage = body.partition('"usage": ')[2].rpartition("}")[0]
    stop = '{"type": "message_stop"}'
    reader, deltas = EventReader(MessagesReader(fault)), list[Delta]()
    reader.read([("", each.encode()) for each in (start, delta % usage, stop)], deltas)
    return deltas


def responses(body: str) -> list[Delta]:
    return whole_of(EventReader(ResponsesReader(fault)), body.encode())


def responses_stream(body: str) -> list[Delta]:
    reader, deltas = EventReader(ResponsesReader(fault)), list[Delta]()
    done = b'{"type": "response.completed", "response": %b}' % body.encode()
    reader.read([("", done)], deltas)
    return deltas


CHAT_COUNTS = '"usage": {"prompt_tokens": %s, "completion_tokens": %s}}'
COUNTS = '"usage": {"input_tokens": %s, "output_tokens": %s}}'
CHAT = '{"choices": [{"message": {"content": "Hi"}}], ' + CHAT_COUNTS
CHAT_END = '{"choices": [], ' + CHAT_COUNTS
MESSAGES = '{"content": [], "stop_reason": "end_turn", ' + COUNTS
RESPONSES = '{"output": [], ' + COUNTS

FORMATS = pytest.mark.parametrize(
    ("read", "body"),
    [
        (chat, CHAT),
        (chat_stream, CHAT_END),
        (messages, MESSAGES),
        (messages_stream, MESSAGES),
        (responses, RESPONSES),
        (responses_stream, RESPONSES),
    ],
    ids=["chat", "chat-stream", "messages", "messages-stream", "responses", "responses-stream"],
)


def counted_usage(deltas: list[Delta]) -> Usage:
    """Return what was counted of an answer that came to its end."""
    assert isinstance(deltas[-1], Finished)
    return next(delta.usage for delta in reversed(deltas) if isinstance(delta, Used))


@FORMATS
@pytest.mark.parametrize("absurd", ABSURD, ids=[each[:12] for each in ABSURD])
def test_an_absurd_count_is_none_and_costs_nothing(
    read: Callable[[str], list[Delta]], body: str, absurd: str
) -> None:
    assert counted_usage(read(body % (absurd, "7"))) == Usage(0, 7)


@FORMATS
@pytest.mark.parametrize(("written", "count"), READ)
def test_a_count_is_read_however_it_is_written(
    read: Callable[[str], list[Delta]], body: str, written: str, count: int
) -> None:
    assert counted_usage(read(body % (written, "7"))) == Usage(count, 7)


@FORMATS
@pytest.mark.parametrize("usage", ["7", '"many"', "[1]", "true", "NaN"])
def test_a_usage_that_is_none_costs_nothing(
    read: Callable[[str], list[Delta]], body: str, usage: str
) -> None:
    deltas = read(body.partition('"usage": ')[0] + f'"usage": {usage}}}')
    assert isinstance(deltas[-1], Finished)


def counted(*usages: dict[str, Any], apart: bool = False) -> Usage | None:
    counts, usage = Counts(cache_is_apart=apart), None
    for each in usages:
        usage = counts.read(each)
    return usage


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 5, "total_tokens": 12}, Usage(5, 7)),
        ({"input_tokens": 5, "output_tokens": 7}, Usage(5, 7)),
        ({"prompt_tokens": 5, "completion_tokens": 7, "cached_tokens": 3}, Usage(5, 7, 3)),
        (
            {"prompt_tokens": 5, "total_tokens": 12, "input_tokens_details": {"cached_tokens": 3}},
            Usage(5, 7, 3),
        ),
        ({"prompt_tokens": 9, "total_tokens": 4}, Usage(9, 0)),
        (
            {
                "prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(32, 103, reasoning_tokens=94),
        ),
        (
            {
                "prompt_tokens": 32, "completion_tokens": 103, "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(32, 103, reasoning_tokens=94),
        ),
        (
            {
                "prompt_tokens": 33, "completion_tokens": 9, "total_tokens": 42,
                "citation_tokens": 20, "num_search_queries": 18, "reasoning_tokens": 94,
            },
            Usage(33, 103, reasoning_tokens=94),
        ),
        ({"prompt_tokens": 5, "reasoning_tokens": 7}, Usage(5, 7, reasoning_tokens=7)),
        (
            {"prompt_tokens": 5, "completion_tokens": 1, "reasoning_tokens": MOST_TOKENS},
            Usage(5, MOST_TOKENS, reasoning_tokens=MOST_TOKENS),
        ),
        ({"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 99}, Usage(5, 1)),
    ],
    ids=["total", "responses-names", "top-level-cached", "mixed-details", "total-is-less",
         "reasoning-apart", "reasoning-within", "reasoning-in-no-total", "nothing-but-reasoning",
         "absurd-reasoning", "total-is-more"],
)  # fmt: skip
def test_counts_are_found_under_the_names_of_others(usage: dict[str, Any], expected: Usage) -> None:
    assert counted(usage) == expected


@pytest.mark.parametrize(
    ("usage", "output"),
    [
        ({"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 623}, 603),
        ({"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 218}, 198),
        ({"prompt_tokens": 20, "completion_tokens": 198}, 198),
        ({"prompt_tokens": 20, "total_tokens": 81}, 61),
        ({"prompt_tokens": 20, "completion_tokens": 198, "total_tokens": 5}, 198),
    ],
)
def test_thoughts_that_only_the_total_has_are_output(usage: dict[str, Any], output: int) -> None:
    known = Counts(total_has_thoughts=True).read(usage)
    assert known is not None
    assert (known.input_tokens, known.output_tokens) == (20, output)


def test_a_counter_never_falls_within_an_answer() -> None:
    earlier, later = (
        {"input_tokens": 9, "output_tokens": 1},
        {"input_tokens": 0, "output_tokens": 5},
    )
    assert counted(earlier, later) == Usage(9, 5)


def test_output_does_not_fall_once_it_exceeds_the_reasoning() -> None:
    usages = [
        {"prompt_tokens": 9, "completion_tokens": output, "reasoning_tokens": 100}
        for output in (50, 100, 101, 300)
    ]
    shown = [counted(*usages[:count]) for count in range(1, 5)]
    assert [each and each.output_tokens for each in shown] == [150, 150, 150, 300]


def test_what_a_cache_keeps_for_an_hour_is_counted_beside_what_it_keeps() -> None:
    usage = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    }
    assert counted(usage, apart=True) == Usage(35, 0, 0, 30, 0, 20)


def test_what_the_cache_took_is_apart_only_where_the_format_says_so() -> None:
    usage = {"input_tokens": 500, "output_tokens": 1, "cache_read_input_tokens": 100}
    assert counted(usage, apart=True) == Usage(600, 1, 100)
    assert counted(usage) == Usage(500, 1, 100)


def test_no_more_of_the_input_is_cached_than_there_is() -> None:
    usage = {"input_tokens": 5, "cached_tokens": 3, "cache_write_tokens": 9, "output_tokens": 1}
    assert counted(usage) == Usage(5, 1, 3, 2)
    assert counted(usage | {"cached_tokens": 9}) == Usage(5, 1, 5, 0)


@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": [{"delta": {}, "usage": {"prompt_tokens": 5, "completion_tokens": 7}}]},
        {"choices": [], "x_groq": {"usage": {"prompt_tokens": 5, "completion_tokens": 7}}},
        {"choices": [], "usage": {"input_tokens": 5, "output_tokens": 7}},
    ],
    ids=["choice", "groq", "responses-names"],
)
def test_a_chat_chunk_may_count_in_other_places(chunk: dict[str, Any]) -> None:
    assert counted_usage(chat_stream(orjson.dumps(chunk).decode())) == Usage(5, 7)


def test_a_whole_chat_answer_may_count_in_its_choice() -> None:
    choice = {"message": {"content": "Hi"}, "usage": {"prompt_tokens": 5, "completion_tokens": 7}}
    assert counted_usage(chat(orjson.dumps({"choices": [choice]}).decode())) == Usage(5, 7)
