"""The body of a request, as the app reads it."""

from __future__ import annotations

import tracemalloc

import pytest
from gunicorn.http.errors import InvalidChunkSize, NoMoreData

from app.serving.http.request_body import LONG, RequestBody, is_discarded


class Pieces:
    """A connection on which these pieces come."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def recv(self, _size: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    def recv_into(self, buffer: memoryview, /) -> int:
        piece = self.recv(len(buffer))[: len(buffer)]
        buffer[: len(piece)] = piece
        return len(piece)


def test_a_body_that_came_with_its_head_is_read_without_the_connection() -> None:
    body = RequestBody(Pieces(b"never read"), 5, b"hello")
    assert body.read() == b"hello"
    assert body.read() == b""


def test_a_body_is_read_in_as_many_pieces_as_come() -> None:
    body = RequestBody(Pieces(b"lo ", b"wor", b"ld"), 11, b"hel")
    assert [body.read(4), body.read(4), body.read(-1)] == [b"hell", b"o wo", b"rld"]


def test_a_long_body_comes_whole_in_large_pieces_and_in_drops() -> None:
    pieces = [bytes([65 + number % 26]) * (5000 if number % 3 else 7) for number in range(60)]
    whole = b"".join(pieces)
    assert RequestBody(Pieces(*pieces), len(whole), b"").read() == whole


@pytest.mark.parametrize("sent", [2 * LONG, 2 * LONG - 1])
def test_a_very_long_body_comes_as_far_as_it_is_sent(sent: int) -> None:
    whole = bytes(range(256)) * (2 * LONG // 256)
    pieces = [whole[start : min(start + 70_000, sent)] for start in range(3, sent, 70_000)]
    body = RequestBody(Pieces(*pieces), len(whole), whole[:3])
    assert body.read() == whole[:sent]
    assert (body.left, body.spare) == (len(whole) - sent, b"")


def test_a_very_long_body_is_in_memory_once() -> None:
    piece = bytes(70_000)
    length = 100 * len(piece)
    body = RequestBody(Pieces(*[piece] * 100), length, b"")
    tracemalloc.start()
    try:
        whole = body.read()
        taken, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(whole) == length
    assert max(taken, most) < 1.1 * length


def test_what_lies_behind_a_body_is_the_next_requests() -> None:
    body = RequestBody(Pieces(b"loGET /"), 5, b"hel")
    assert body.read(None) == b"hello"
    assert body.spare == b"GET /"


def test_a_caller_that_hangs_up_has_sent_a_short_body() -> None:
    body = RequestBody(Pieces(b"lo"), 50, b"hel")
    assert body.read() == b"hello"
    assert body.left == 45


def test_lines_are_read_one_by_one() -> None:
    body = RequestBody(Pieces(b"one\ntwo\nthree", b"next"), 13, b"")
    assert body.readline() == b"one\n"
    assert body.readline(2) == b"tw"
    assert list(body) == [b"o\n", b"three"]
    assert body.spare == b""


@pytest.mark.parametrize(("most", "thrown"), [(10, True), (9, False)])
def test_a_body_that_nobody_wants_is_thrown_away_up_to_a_bound(most: int, thrown: bool) -> None:
    body = RequestBody(Pieces(b"45678", b"9"), 10, b"0123")
    assert body.discard(most) is thrown


def test_a_body_that_does_not_come_cannot_be_thrown_away() -> None:
    assert not RequestBody(Pieces(b"45"), 10, b"0123").discard(100)


class GunicornBody:
    """A body that gunicorn reads: so many bytes, then its end or what is wrong with it."""

    def __init__(self, length: int, fault: Exception | None = None) -> None:
        self.left = length
        self._fault = fault

    def read(self, size: int) -> bytes:
        if not self.left and self._fault is not None:
            raise self._fault
        count = min(size, self.left)
        self.left -= count
        return bytes(count)


@pytest.mark.parametrize(
    ("body", "is_all"),
    [
        (GunicornBody(0), True),
        (GunicornBody(300_000), True),
        (GunicornBody(300_001), False),
        (GunicornBody(10, InvalidChunkSize("")), False),
        (GunicornBody(10, NoMoreData()), False),
    ],
    ids=["read", "in bounds", "too long", "malformed", "cut short"],
)
def test_what_gunicorn_reads_is_discarded_within_bounds(body: GunicornBody, is_all: bool) -> None:
    assert is_discarded(body, 300_000) is is_all


def test_no_more_is_discarded_than_may_be() -> None:
    endless = GunicornBody(10**9)
    assert not is_discarded(endless, 300_000)
    assert 10**9 - endless.left < 400_000
