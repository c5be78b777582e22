"""Streams of stored responses, sent again (C7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from json import loads
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask
from werkzeug.test import create_environ

from app.errors import StorageRefused
from app.services.responses.replays import StreamReplays
from tests.api.conftest import Asker


def streamed(caller: Asker, **body: object) -> tuple[str, bytes]:
    """Return the id of a streamed response, and its stream."""
    asked = {"model": "local/echo", "input": "one two three", "stream": True, **body}
    data = caller.ask("POST", "/v1/responses", asked).get_data()
    response_id = data.split(b'"id":"', 1)[1].split(b'"', 1)[0].decode()
    return response_id, data


def replayed(caller: Asker, response_id: str, more: str = "") -> Any:
    return caller.ask("GET", f"/v1/responses/{response_id}?stream=true{more}")


def test_a_stream_is_sent_again_byte_for_byte(owner: Asker) -> None:
    response_id, first = streamed(owner)
    again = replayed(owner, response_id)
    assert again.status_code == 200
    assert again.content_type.startswith("text/event-stream")
    assert again.get_data() == first


def test_the_long_events_at_its_end_are_sent_one_by_one(app: Flask, owner: Asker) -> None:
    # Of few words, as each of them is an event.
    response_id, first = streamed(owner, input=("one_two_" * 1_000 + " ") * 40)
    environ = create_environ(f"/v1/responses/{response_id}", query_string="stream=true")
    environ["HTTP_AUTHORIZATION"] = f"Bearer {owner.secret}"
    pieces: Any = app.wsgi_app(environ, Mock())
    sent = list(pieces)
    pieces.close()
    assert b"".join(sent) == first
    longest = max(map(len, first.split(b"\n\n")))
    assert max(map(len, sent)) < longest + 300 * 1024 < 3 * longest


def test_a_replay_begins_behind_the_number_that_is_named(owner: Asker) -> None:
    response_id, first = streamed(owner)
    frames = first.split(b"\n\n")
    assert replayed(owner, response_id, "&starting_after=3").get_data() == b"\n\n".join(frames[4:])
    for number in (1000, 10**9, 2**64, 10**3000):
        behind = replayed(owner, response_id, f"&starting_after={number}").get_data()
        assert behind == b"data: [DONE]\n\n"


def test_a_response_that_was_made_whole_has_no_stream(owner: Asker) -> None:
    refused = replayed(owner, owner.create())
    assert refused.status_code == 400
    assert refused.get_json()["error"]["param"] == "stream"


def test_a_stream_is_unknown_where_its_response_is(owner: Asker, stranger: Asker) -> None:
    response_id, _ = streamed(owner)
    unkept, _ = streamed(owner, store=False)
    assert replayed(stranger, response_id).status_code == 404
    assert replayed(owner, unkept).status_code == 404
    owner.ask("DELETE", f"/v1/responses/{response_id}")
    assert replayed(owner, response_id).status_code == 404


@pytest.mark.parametrize(
    "failure", [StorageRefused("Redis refused the command."), ValueError("a bug")]
)
@pytest.mark.parametrize("lines", [0, 2])
def test_a_failure_while_it_is_read_ends_it_with_an_error_event(
    owner: Asker, monkeypatch: pytest.MonkeyPatch, failure: Exception, lines: int
) -> None:
    response_id, first = streamed(owner)
    read = StreamReplays.lines

    def failing(*asked: Any) -> Iterator[Sequence[bytes]]:
        for pieces in read(*asked):
            if lines:
                yield pieces[:lines]
            raise failure

    monkeypatch.setattr(StreamReplays, "lines", failing)
    answer = replayed(owner, response_id)
    *frames, error, done, _ = answer.get_data().split(b"\n\n")
    assert (answer.status_code, done) == (200, b"data: [DONE]")
    assert frames == first.split(b"\n\n")[:lines]
    event = loads(error.partition(b"data: ")[2])
    assert (event["type"], event["sequence_number"]) == ("error", max(0, lines - 1))
    assert event["error"]["type"] == "api_error"
