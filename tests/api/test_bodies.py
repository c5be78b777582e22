"""Reading a body: as far as it goes, however it comes, and no further than it may."""

from __future__ import annotations

import io
import json
import time

import pytest
from flask import Flask
from gunicorn.http.errors import (
    ChunkMissingTerminator,
    InvalidChunkExtension,
    InvalidChunkSize,
    InvalidHeader,
    LimitRequestHeaders,
    NoMoreData,
)
from werkzeug.test import TestResponse

from app.api import context
from app.api.http.bodies import pacing
from app.schemas.request.body import MAX_BODY_BYTES, parse_json
from app.schemas.request.known_parts import SplitBody
from tests.api.conftest import Asker

ASKED = json.dumps({"model": "local/echo", "input": "Hi"}).encode()


class Coming:
    """A body that comes in pieces; an exception among them is raised."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = iter(pieces)

    def read(self, size: int) -> bytes:
        """Return the next piece."""
        piece = next(self._pieces, b"")
        if isinstance(piece, Exception):
            raise piece
        assert len(piece) <= size
        return piece


class Endless:
    """A body that never ends."""

    def read(self, size: int) -> bytes:
        """Return so much of it."""
        return b" " * size


def post(owner: Asker, body: object, length: int | None, kind: str) -> TestResponse:
    """Return the answer to a body that says to be so long; None says that it comes in chunks."""
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked"}
    said = chunked if length is None else {"CONTENT_LENGTH": str(length)}
    return owner.client.post(
        "/v1/responses",
        headers={"Authorization": f"Bearer {owner.secret}", "Content-Type": kind},
        environ_overrides={"wsgi.input": body, "wsgi.input_terminated": True, **said},
    )


@pytest.fixture(params=["length", "chunks"])
def length(request: pytest.FixtureRequest) -> int | None:
    return len(ASKED) if request.param == "length" else None


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON ;x=y",
        "application/problem+json",
    ],
)
def test_a_body_is_json_by_its_own_word(owner: Asker, kind: str, length: int | None) -> None:
    assert post(owner, Coming(ASKED), length, kind).status_code == 200


@pytest.mark.parametrize("kind", ["", "text/json", "text/plain", "+json", "application/jsonp"])
def test_a_body_that_is_something_else_is_not_read(owner: Asker, kind: str) -> None:
    assert post(owner, Coming(AssertionError()), len(ASKED), kind).status_code == 415


@pytest.mark.parametrize(
    ("coding", "status"),
    [("Chunked", 200), (" chunked ", 200), ("gzip, chunked", 415), ("identity,chunked", 415)],
)
def test_chunks_hold_a_body_and_no_other_coding(owner: Asker, coding: str, status: int) -> None:
    response = owner.client.post(
        "/v1/responses",
        headers={"Authorization": f"Bearer {owner.secret}", "Content-Type": "application/json"},
        environ_overrides={
            "wsgi.input": Coming(ASKED),
            "wsgi.input_terminated": True,
            "HTTP_TRANSFER_ENCODING": coding,
        },
    )
    assert response.status_code == status


def test_a_body_may_come_in_pieces(owner: Asker, length: int | None) -> None:
    body = Coming(ASKED[:5], ASKED[5:])
    assert post(owner, body, length, "application/json").status_code == 200


def test_nothing_is_read_beyond_the_length(owner: Asker) -> None:
    body = io.BytesIO(ASKED + b"GET / HTTP/1.1")
    assert post(owner, body, len(ASKED), "application/json").status_code == 200
    assert body.read() == b"GET / HTTP/1.1"


@pytest.mark.parametrize("said", ["", "-1", "+5", "1_0", "x", "\u0665"])
def test_a_length_that_is_no_number_is_none(owner: Asker, said: str) -> None:
    response = owner.client.post(
        "/v1/responses",
        headers={"Authorization": f"Bearer {owner.secret}", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input": Coming(ASKED), "CONTENT_LENGTH": said},
    )
    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("digits", [9, 16, 19, 5000])
def test_a_length_of_any_size_is_too_large_and_nothing_else(owner: Asker, digits: int) -> None:
    response = owner.client.post(
        "/v1/responses",
        headers={"Authorization": "Bearer nobody's", "Content-Type": "application/json"},
        environ_overrides={"wsgi.input": Coming(AssertionError()), "CONTENT_LENGTH": "9" * digits},
    )
    assert (response.status_code, response.get_json()["error"]["code"]) == (
        413,
        "request_too_large",
    )


def test_a_body_shorter_than_its_length_is_a_caller_that_has_gone(owner: Asker) -> None:
    response = post(owner, Coming(ASKED[:-1]), len(ASKED), "application/json")
    assert response.status_code == 499


def test_a_body_in_chunks_is_what_came_of_it(owner: Asker) -> None:
    response = post(owner, Coming(ASKED[:-1]), None, "application/json")
    assert (response.status_code, response.get_json()["error"]["code"]) == (400, "invalid_json")


@pytest.mark.parametrize("fault", [OSError(), ConnectionResetError(), NoMoreData(), ValueError()])
def test_a_body_that_breaks_off_is_a_caller_that_has_gone(
    owner: Asker, length: int | None, fault: Exception
) -> None:
    assert post(owner, Coming(ASKED[:5], fault), length, "application/json").status_code == 499


@pytest.mark.parametrize(
    "fault",
    [
        InvalidChunkSize(b"sk-secret"),
        ChunkMissingTerminator(b"sk-secret"),
        InvalidChunkExtension("sk-secret"),
        InvalidHeader("sk-secret"),
        LimitRequestHeaders("sk-secret"),
    ],
)
def test_broken_chunks_are_the_callers_mistake(owner: Asker, fault: Exception) -> None:
    response = post(owner, Coming(ASKED[:5], fault), None, "application/json")
    assert (response.status_code, response.get_json()["error"]["type"]) == (
        400,
        "invalid_request_error",
    )
    assert "sk-secret" not in response.get_data(as_text=True)


def test_a_lack_of_memory_is_no_mistake_of_the_callers(owner: Asker, length: int | None) -> None:
    answer = post(owner, Coming(b"{", MemoryError()), length, "application/json")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "overloaded")


def test_a_body_that_is_silent_for_too_long_is_a_time_out(owner: Asker, length: int | None) -> None:
    response = post(owner, Coming(ASKED[:5], TimeoutError()), length, "application/json")
    error = response.get_json()["error"]
    assert (response.status_code, error["type"]) == (408, "invalid_request_error")
    assert error["code"] == "request_timeout"


def test_a_body_that_says_to_be_too_long_is_not_read(owner: Asker) -> None:
    response = post(owner, Coming(AssertionError()), MAX_BODY_BYTES + 1, "application/json")
    assert (response.status_code, response.get_json()["error"]["code"]) == (
        413,
        "request_too_large",
    )


def test_a_body_in_chunks_that_turns_out_too_long_is_refused(owner: Asker) -> None:
    response = post(owner, Endless(), None, "application/json")
    assert (response.status_code, response.get_json()["error"]["code"]) == (
        413,
        "request_too_large",
    )


@pytest.mark.parametrize(
    ("text", "alone"),
    [("a" * 1000, False), ("\n" * 600_000, True), ("a" * 600_000, True)],
    ids=["small", "large", "one long text"],
)
def test_large_bodies_are_parsed_one_at_a_time(
    app: Flask, owner: Asker, monkeypatch: pytest.MonkeyPatch, text: str, alone: bool
) -> None:
    with app.app_context():
        parsing = context.services().in_flight.parsing
    locked, assembled = [], SplitBody._put_together

    def parse(raw: bytes) -> object:
        locked.append(parsing.locked())
        return parse_json(raw)

    def put_together(body: SplitBody) -> object:
        locked.append(parsing.locked())
        return assembled(body)

    for module in ("api.http.bodies", "schemas.request.known_parts"):
        monkeypatch.setattr(f"app.{module}.parse_json", parse)
    monkeypatch.setattr(SplitBody, "_put_together", put_together)
    response = owner.ask("POST", "/v1/responses", {"model": "local/echo", "input": text})
    assert (response.status_code, locked, parsing.locked()) == (200, [alone], False)


def test_others_run_where_a_body_is_read_for_two_milliseconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    slices = iter([0.0, 0.0015, 0.0025, 0.003, 0.0045, 0.0055, 0.0055])
    pause = pacing(lambda: next(slices))
    counts = []
    for _ in range(4):
        pause()
        counts.append(len(slept))
    assert counts == [0, 1, 1, 2]
