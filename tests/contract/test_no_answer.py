"""What holds no answer is one failure, wanted whole or as a stream, in all formats (U2, A9)."""

from __future__ import annotations

import pytest

from app.domain.stream.accumulate import fold
from app.errors import UpstreamMisbehaved, UpstreamUnavailable
from app.settings import Api
from tests.contract.recordings import play
from tests.contract.test_case_siblings import APIS, frames

DONE = b"data: [DONE]\n\n"
#: Neither a stream nor an answer, or a stream that says that it has ended and was none.
NOTHING = {
    "empty": b"",
    "blanks": b" \n\n \r\n",
    "text": b"upstream is away\n\n",
    "null": b"null",
    "string": b'"x"',
    "object": b"{}",
    "list": b"[]",
    "done": DONE,
    "done-twice": DONE + DONE,
    "done-after-a-comment": b": hi\n\n" + DONE,
    "done-after-null": b"data: null\n\n" + DONE,
    "done-after-an-object": b"data: {}\n\n" + DONE,
}
#: A stream that just ends, without an answer.
CUT = {
    "comments": b": a\n\n: b\n\n",
    "ping": b"event: ping\ndata: {}\n\n",
    "null": b"data: null\n\n",
    "no-data": b"data:\n\n",
    "object": b"data: {}\n\n",
}
#: What a stream of each format ends with that never began.
ENDS: list[tuple[Api, bytes]] = [
    ("chat_completions", frames({"choices": []}, done=True)),
    ("chat_completions", frames({"choices": [], "usage": {"prompt_tokens": 9}}, done=True)),
    ("anthropic_messages", frames({"type": "message_stop"})),
    (
        "anthropic_messages",
        frames({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 1}}, done=True),
    ),
    ("responses", frames({"type": "keepalive"}, done=True)),
]
#: Answers that have begun, and end with [DONE] before they have said anything.
BEGUN: list[tuple[Api, bytes]] = [
    ("chat_completions", frames({"choices": [{"delta": {"role": "assistant"}}]}, done=True)),
    ("anthropic_messages", frames({"type": "message_start", "message": {}}, done=True)),
    (
        "anthropic_messages",
        frames({"type": "message_start", "message": {}}, {"type": "message_stop"}),
    ),
    ("responses", frames({"type": "response.created", "response": {"output": []}}, done=True)),
]


def failures(api: Api, body: bytes) -> list[tuple[object, ...]]:
    """Return what comes of a body that is wanted whole, as a stream, and joined from one."""
    forms = [(False, True), (True, True), (False, False)]
    found = [play(api, [body], stream=stream, whole=whole).failure for stream, whole in forms]
    return [(type(each), str(each), getattr(each, "work_done", None)) for each in found]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", NOTHING)
def test_a_body_without_an_answer_is_nonsense(api: Api, name: str) -> None:
    first, *others = failures(api, NOTHING[name])
    assert first[0] is UpstreamMisbehaved
    assert first[2] is True  # it is not for a client to try that again by itself
    assert others == [first, first]


@pytest.mark.parametrize(("api", "body"), ENDS)
def test_an_end_without_an_answer_is_nonsense(api: Api, body: bytes) -> None:
    first, *others = failures(api, body)
    assert first[0] is UpstreamMisbehaved
    assert others == [first, first]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("name", CUT)
def test_a_stream_that_just_ends_has_broken_off(api: Api, name: str) -> None:
    first, *others = failures(api, CUT[name])
    assert first[0] is UpstreamUnavailable
    assert others == [first, first]


@pytest.mark.parametrize(("api", "body"), BEGUN)
def test_an_answer_that_has_begun_and_ends_is_an_empty_one(api: Api, body: bytes) -> None:
    for stream in (True, False):
        response = fold(play(api, [body], stream=stream).events)
        assert (response.status, response.output) == ("completed", ())
