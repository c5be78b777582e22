"""The stream checker: a stream of ours passes, and each thing that breaks it is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.http.sse import DONE, frames
from app.domain.stream.deltas import (
    Annotated,
    Arguments,
    CallOpened,
    Delta,
    Finished,
    Refused,
    Text,
    Thought,
)
from app.stream_check.checker import StreamBreach, check_stream
from tests.domain.narrating import narrated, narrator
from tests.domain.strategies import deltas, endings

NOTE = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
TOKEN = {"token": "He", "logprob": -0.1, "bytes": [72, 101], "top_logprobs": []}
EVERYTHING: list[Delta] = [
    Thought("hm"),
    Text("He", (TOKEN,)),
    Annotated(NOTE),
    Text("llo"),
    Refused("no"),
    CallOpened("0", "call_a", "f"),
    Arguments("0", "{}"),
    Finished(),
]


def stream(*said: Delta) -> bytes:
    return frames(narrated(said)) + DONE


WHOLE = stream(*EVERYTHING)


def lines(raw: bytes) -> list[bytes]:
    return raw.splitlines(keepends=True)


def breach(raw: bytes, first_number: int = 0) -> StreamBreach:
    with pytest.raises(StreamBreach) as caught:
        check_stream(lines(raw), first_number=first_number)
    return caught.value


@given(st.lists(deltas, max_size=12), endings)
def test_every_stream_of_ours_passes(said: list[Delta], ending: Finished | None) -> None:
    events = narrated([*said, *([ending] if ending else [])], narrator("queued"))
    assert check_stream(lines(frames(events) + DONE)) == len(events)


def test_comments_are_no_events() -> None:
    assert check_stream(lines(b": keep-alive\n\n" + WHOLE)) == check_stream(lines(WHOLE))


def test_the_rest_of_a_stream_passes_by_its_numbers() -> None:
    rest = b"\n\n".join(WHOLE.split(b"\n\n")[5:])
    assert check_stream(lines(rest), first_number=5) == check_stream(lines(WHOLE)) - 5


def edited(event_type: str, change: Callable[[Any], object]) -> bytes:
    """Return the whole stream with the first event of a type changed."""
    parts = WHOLE.split(b"\n\n")
    mark = f"event: {event_type}\n".encode()
    index = next(n for n, part in enumerate(parts) if part.startswith(mark))
    event = orjson.loads(parts[index].split(b"data: ", 1)[1])
    change(event)
    parts[index] = mark + b"data: " + orjson.dumps(event)
    return b"\n\n".join(parts)


def likely(event_type: str, key: str) -> bytes:
    """Return the whole stream without a key of the first token of an event."""
    return edited(event_type, lambda event: event["logprobs"][0].pop(key))


def noted(key: str) -> bytes:
    """Return the whole stream without a key of its annotation."""
    return edited(
        "response.output_text.annotation.added", lambda event: event["annotation"].pop(key)
    )


def used(key: str) -> bytes:
    """Return the whole stream without a key of its usage."""
    return edited("response.completed", lambda event: event["response"]["usage"].pop(key))


def without(event_type: str) -> bytes:
    """Return the whole stream without the first event of a type, numbered anew."""
    parts = WHOLE.split(b"\n\n")
    mark = f"event: {event_type}\n".encode()
    parts.pop(next(n for n, part in enumerate(parts) if part.startswith(mark)))
    numbered = []
    for number, part in enumerate(parts):
        head, data = part.split(b"data: ", 1) if b"event: " in part else (part, b"")
        if data:
            event = orjson.loads(data)
            event["sequence_number"] = number
            part = head + b"data: " + orjson.dumps(event)
        numbered.append(part)
    return b"\n\n".join(numbered)


@pytest.mark.parametrize(
    "event_type",
    [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.annotation.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.refusal.delta",
        "response.refusal.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_text.delta",
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
    ],
)
def test_no_event_may_be_missing(event_type: str) -> None:
    breach(without(event_type))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (WHOLE.replace(b"\n", b"\r\n", 1), "LF alone"),
        (WHOLE[:-1], "ends inside|cut"),
        (WHOLE.removesuffix(b"data: [DONE]\n\n"), r"without \[DONE\]"),
        (b"data: [DONE]\n\n", "before a terminal event"),
        (WHOLE + b": late\n\n", r"nothing may follow \[DONE\]"),
        (b"id: 1\n" + WHOLE, "no field 'id'"),
        (b"event: x\n\n", "no data"),
        (b"event: a\nevent: b\n", "two event lines"),
        (b"data: {}\ndata: {}\n", "two data lines"),
        (b"event: x\ndata: nope\n\n", "not JSON"),
        (b"event: x\ndata: []\n\n", "not a JSON object"),
        (b"", "without a terminal event"),
        (WHOLE.replace(b"event: response.created", b"event: response.queued"), "event line"),
        (edited("response.created", lambda e: e.update(sequence_number=1)), "expected 0"),
        (edited("response.created", lambda e: e.update(surprise=1)), "surprise"),
        (edited("response.output_text.delta", lambda e: e.pop("logprobs")), "logprobs"),
        (likely("response.output_text.delta", "bytes"), "bytes"),
        (likely("response.output_text.delta", "top_logprobs"), "top_logprobs"),
        (likely("response.output_text.done", "bytes"), "bytes"),
        (edited("response.output_text.delta", lambda e: e.update(logprobs=[])), "log probabil"),
        (noted("title"), "title"),
        (noted("end_index"), "end_index"),
        (used("input_tokens_details"), "input_tokens_details"),
        (used("total_tokens"), "total_tokens"),
        (edited("response.output_text.delta", lambda e: e.update(delta="x")), "spell"),
        (edited("response.output_item.added", lambda e: e.update(output_index=1)), "expected 0"),
        (edited("response.output_text.delta", lambda e: e.update(item_id="x")), "open item"),
    ],
)
def test_what_is_wrong_is_named(raw: bytes, says: str) -> None:
    with pytest.raises(StreamBreach, match=says):
        check_stream(lines(raw))


def test_a_breach_names_its_line() -> None:
    assert breach(b": hello\n\nevent: x\ndata: nope\n\n").line == 5
