"""What one server of one format was seen to do, done by all three formats, whole and streamed."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from app.domain.response import Response
from app.domain.stream.accumulate import fold
from app.errors import UpstreamRateLimited
from app.settings import Api
from tests.contract.recordings import Recording, play, recordings

Json = dict[str, Any]

APIS: tuple[Api, ...] = ("chat_completions", "anthropic_messages", "responses")
BOTH = [each for each in recordings() if each.sse and each.body and "error" not in each.expected]


def frames(*events: Json, done: bool = False) -> bytes:
    said = [b"event: %b\n" % e["type"].encode() if "type" in e else b"" for e in events]
    lines = [head + b"data: " + _escaped(e) for head, e in zip(said, events, strict=True)]
    return b"\n\n".join([*lines, b"data: [DONE]"] if done else lines) + b"\n\n"


def _escaped(event: Json) -> bytes:
    """Write JSON with a half of a surrogate pair where `HIGH` and `LOW` stand."""
    text = orjson.dumps(event)
    return text.replace(b"HIGH", b"\\ud83d").replace(b"LOW", b"\\ude00")


def streamed(api: Api, *pieces: str) -> bytes:
    """Return a stream that says pieces of a text."""
    match api:
        case "chat_completions":
            chunks = [{"choices": [{"index": 0, "delta": {"content": p}}]} for p in pieces]
            stop = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
            return frames(*chunks, stop, done=True)
        case "anthropic_messages":
            delta = "content_block_delta"
            return frames(
                {"type": "message_start", "message": {"usage": {"input_tokens": 1}}},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
                *[{"type": delta, "index": 0, "delta": {"type": "text_delta", "text": p}}
                  for p in pieces],
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
                {"type": "message_stop"},
            )  # fmt: skip
        case _:
            kind = "response.output_text.delta"
            return frames(
                *[{"type": kind, "output_index": 0, "delta": p} for p in pieces],
                {"type": "response.completed", "response": {"status": "completed"}},
            )


def text_of(response: Response) -> str:
    return "".join(part.text for item in response.output for part in item.content)  # type: ignore[union-attr]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("A", "HIGH", "LOW", "B"), "A\U0001f600B"),
        (("AHIGH", "LOWB"), "A\U0001f600B"),
        (("HIGH", "LOWHIGH", "LOW"), "\U0001f600\U0001f600"),
        (("HIGHLOW",), "\U0001f600"),
        (("A", "HIGH", "B"), "A\ufffdB"),
        (("A", "LOW", "B"), "A\ufffdB"),
        (("A", "HIGH"), "A\ufffd"),
        (("AHIGH",), "A\ufffd"),
        (("A", "LOW"), "A\ufffd"),
    ],
    ids=["alone", "beside", "twice", "whole", "no-low", "no-high", "last", "only", "last-low"],
)
def test_a_pair_that_is_cut_between_two_events_is_joined(
    api: Api, pieces: tuple[str, ...], text: str
) -> None:
    telling = play(api, [streamed(api, *pieces)], stream=True)
    assert (telling.failure, text_of(fold(telling.events))) == (None, text)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "odd",
    [b"data:\n\n", b"data: \n\n", b"data: null\n\n", b"event: keepalive\ndata: \n\n",
     b'event: ping\ndata: {"type": "ping"}\n\n', b": comment\n\n", b"id: 7\n\n"],
    ids=["empty", "blank", "null", "keepalive", "ping", "comment", "id"],
)  # fmt: skip
def test_a_frame_that_says_nothing_costs_nothing_wherever_it_stands(api: Api, odd: bytes) -> None:
    usual = streamed(api, "A", "B").removesuffix(b"\n\n").split(b"\n\n")
    for at in range(len(usual) + 1):
        stream = b"\n\n".join([*usual[:at], odd.removesuffix(b"\n\n"), *usual[at:]]) + b"\n\n"
        telling = play(api, [stream], stream=True)
        assert (telling.failure, text_of(fold(telling.events))) == (None, "AB"), at


@pytest.mark.parametrize("recording", BOTH, ids=lambda each: each.name)
def test_a_whole_answer_where_a_stream_was_wanted_is_read(recording: Recording) -> None:
    usual = play(recording.api, [recording.body or b""], stream=False, **recording.request)
    for pieces in ([recording.body or b""], [b"\r\n " + (recording.body or b"")]):
        telling = play(recording.api, pieces, stream=True, **recording.request)
        assert fold(telling.events) == fold(usual.events)


@pytest.mark.parametrize("recording", BOTH, ids=lambda each: each.name)
def test_a_stream_where_a_whole_answer_was_wanted_is_read(recording: Recording) -> None:
    usual = play(recording.api, [recording.sse or b""], stream=True, **recording.request)
    telling = play(recording.api, [recording.sse or b""], stream=False, **recording.request)
    assert fold(telling.events).output == fold(usual.events).output


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_breaks_off_is_no_whole_answer(api: Api) -> None:
    first, second, *_ = streamed(api, "A", "B").split(b"\n\n")
    telling = play(api, [first + b"\n\n" + second + b"\n\n"], stream=False)
    assert telling.failure is not None
    assert fold(telling.events).output == ()


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("stream", [True, False])
def test_an_error_in_the_place_of_either_form_is_that_error(api: Api, stream: bool) -> None:
    error = {"error": {"type": "rate_limit_error", "message": "slow down"}}
    for body in (orjson.dumps(error), frames({"type": "error", **error})):
        telling = play(api, [body], stream=stream)
        assert type(telling.failure) is UpstreamRateLimited


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("body", [b'{"choices": [', b"[]", b"{}", b"7"])
def test_what_is_neither_form_is_nonsense(api: Api, body: bytes) -> None:
    for stream in (True, False):
        assert play(api, [body], stream=stream).failure is not None
