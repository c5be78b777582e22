"""Whatever a server leaves out of its log probabilities, a response shows whole ones."""

from __future__ import annotations

import math
from typing import Any

import pytest

from app.domain.items import Message, OutputText
from app.domain.stream.accumulate import fold
from app.providers.reading.fields import OptionalFields
from app.providers.reading.logprobs import logprobs as read
from tests.contract.test_case_shapes import responses_streamed, responses_whole


def logprobs(shown: Any) -> tuple[dict[str, Any], ...]:
    return read({"content": shown}, "content", OptionalFields())


def test_what_a_server_leaves_out_is_filled_in() -> None:
    (token,) = logprobs([{"token": "né", "logprob": -0.5}])
    assert token == {"token": "né", "logprob": -0.5, "bytes": [110, 195, 169], "top_logprobs": []}


def test_other_tokens_are_filled_in_too() -> None:
    (token,) = logprobs(
        [{"token": "a", "logprob": 0, "top_logprobs": [{"token": "b", "logprob": -1}, {"t": 1}]}]
    )
    assert token["top_logprobs"] == [{"token": "b", "logprob": -1, "bytes": [98]}]


def test_the_bytes_that_a_server_gives_are_kept() -> None:
    (token,) = logprobs([{"token": "\ufffd", "logprob": -1.0, "bytes": [195]}])
    assert token["bytes"] == [195]


@pytest.mark.parametrize(
    "odd",
    [None, "x", 7, {}, [None], [{}], [{"token": 1, "logprob": 0}], [{"token": "a"}],
     [{"token": "a", "logprob": "0"}], [{"token": "a", "logprob": True}]],
    ids=repr,
)  # fmt: skip
def test_what_is_no_token_with_a_number_is_left_out(odd: Any) -> None:
    assert logprobs(odd) == ()


@pytest.mark.parametrize("number", [-math.inf, math.nan, math.inf])
def test_a_number_that_json_has_not_becomes_openais(number: float) -> None:
    (token,) = logprobs([{"token": "a", "logprob": number, "bytes": [1, 300]}])
    assert (token["logprob"], token["bytes"]) == (-9999.0, [97])


def test_none_are_read_where_they_are_not_included() -> None:
    noted: list[str] = []
    optional = OptionalFields(lambda kind, *_: noted.append(kind), shows_logprobs=False)
    assert read({"content": [{"token": "a", "logprob": 0}, 5]}, "content", optional) == ()
    assert noted == []


@pytest.mark.parametrize(
    "last", ["text.done", "content_part.done", "output_item.done", "completed"]
)
def test_those_that_come_only_with_a_whole_text_are_shown_once(last: str) -> None:
    tokens = [{"token": "Hel", "logprob": -1.0}, {"token": "lo", "logprob": -2.0}]
    bare = {"type": "output_text", "text": "Hello", "annotations": []}
    part = {**bare, "logprobs": tokens}
    item = {"type": "message", "id": "m1", "role": "assistant", "content": [part]}
    place = {"item_id": "m1", "output_index": 0, "content_index": 0}
    added = {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": item | {"content": []},
    }
    events: list[dict[str, Any]] = [
        added,
        {"type": "response.output_text.delta", "delta": "Hello", **place},
        {"type": "response.output_text.done", "text": "Hello", "logprobs": tokens, **place},
        {"type": "response.content_part.done", "part": part, **place},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
    ]
    kept = {"text.done": 2, "content_part.done": 3, "output_item.done": 4}.get(last, 9)
    del events[2:kept]
    streams = (responses_streamed(*events, output=[item]), responses_whole(item))
    for telling in streams:
        (message,) = fold(telling.events).output
        assert isinstance(message, Message)
        (text,) = message.content
        assert isinstance(text, OutputText)
        assert (text.text, [each["token"] for each in text.logprobs]) == ("Hello", ["Hel", "lo"])
