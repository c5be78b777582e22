"""What goes over the wire of an answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Self

import pytest

from app.serving.http.response_writer import Error, ResponseWriter


class Piece(bytes):
    """Counts those that are there."""

    alive = 0

    def __new__(cls, data: bytes) -> Self:
        cls.alive += 1
        return super().__new__(cls, data)

    def __del__(self) -> None:
        type(self).alive -= 1


class Wire:
    """Keeps what is sent, one entry a write."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_clear = True
        self.is_spent = False

    def sendall(self, data: bytes, /) -> None:
        self.sent.append(data)

    def send_soon(self, data: bytes, /) -> None:
        self.sent.append(data)

    @property
    def body(self) -> bytes:
        return b"".join(self.sent).partition(b"\r\n\r\n")[2]


def answered(
    *pieces: bytes, status: str = "200 OK", headers: list[tuple[str, str]] | None = None
) -> tuple[ResponseWriter, Wire]:
    wire = Wire()
    answer = ResponseWriter(wire, closes=False)
    answer.start(status, headers or [])
    for piece in pieces:
        answer.write(piece)
    answer.end()
    return answer, wire


def test_head_and_body_of_a_whole_answer_leave_together() -> None:
    answer, wire = answered(b"hello", headers=[("Content-Length", "5"), ("X-A", "b")])
    (sent,) = wire.sent
    head, _, body = sent.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 200 OK"
    assert {b"X-A: b", b"Content-Length: 5", b"Connection: keep-alive"} <= set(lines)
    assert [line for line in lines if line.startswith(b"Server")] == [b"Server: responses-gateway"]
    assert any(line.startswith(b"Date: ") and line.endswith(b" GMT") for line in lines)
    assert body == b"hello"
    assert not answer.closes


def test_an_answer_of_no_stated_length_is_sent_in_chunks_one_a_piece() -> None:
    _, wire = answered(b"hello", b"", b"x" * 26)
    assert b"\r\nTransfer-Encoding: chunked\r\n" in wire.sent[0]
    assert wire.body == b"5\r\nhello\r\n1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n"
    assert len(wire.sent) == 3


def test_an_answer_without_a_body_is_sent_all_the_same() -> None:
    _, wire = answered(headers=[("Content-Length", "0")])
    assert wire.sent[0].endswith(b"\r\n\r\n")


def test_no_body_follows_a_204() -> None:
    _, wire = answered(b"hello", status="204 No Content")
    assert wire.body == b""
    assert b"Transfer-Encoding" not in wire.sent[0]


def test_a_body_shorter_than_stated_ends_the_connection() -> None:
    answer, _ = answered(b"hel", headers=[("Content-Length", "5")])
    assert answer.closes


def test_a_body_longer_than_stated_is_cut() -> None:
    answer, wire = answered(b"hello", b"world", headers=[("Content-Length", "7")])
    assert wire.body == b"hellowo"
    assert not answer.closes


def test_a_connection_that_is_to_end_is_said_to() -> None:
    wire = Wire()
    answer = ResponseWriter(wire, closes=True)
    answer.start("200 OK", [])
    answer.end()
    assert b"\r\nConnection: close\r\n" in wire.sent[0]


@pytest.mark.parametrize(
    ("status", "name", "value"),
    [
        ("200 OK", "X-A", "b\r\nX-Evil: 1"),
        ("200 OK", "X-A", "b\nX-Evil: 1"),
        ("200 OK", "X-A", "b\x00"),
        ("200 OK", "X-A: b\r\nX-Evil", "1"),
        ("200 OK", "X A", "b"),
        ("200 OK\r\nX-Evil: 1", "X-A", "b"),
        ("OK", "X-A", "b"),
    ],
)
def test_nothing_is_smuggled_into_a_head(status: str, name: str, value: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        ResponseWriter(Wire(), closes=False).start(status, [(name, value)])


def test_an_answer_begins_once() -> None:
    answer = ResponseWriter(Wire(), closes=False)
    answer.start("200 OK", [])
    with pytest.raises(AssertionError):
        answer.start("200 OK", [])


def fault() -> Error:
    bug = KeyError("a bug")
    return KeyError, bug, None  # type: ignore[return-value] # where it happened does not matter


def test_a_fault_replaces_an_answer_that_was_not_sent_yet() -> None:
    wire = Wire()
    answer = ResponseWriter(wire, closes=False)
    answer.start("200 OK", [])
    answer.start("500 Internal Server Error", [], fault())
    answer.end()
    assert wire.sent[0].startswith(b"HTTP/1.1 500 ")


def test_a_fault_after_the_head_is_raised() -> None:
    answer, _ = answered(b"hello")
    with pytest.raises(KeyError, match="a bug"):
        answer.start("500 Internal Server Error", [], fault())


def test_a_body_needs_a_status_before_it() -> None:
    with pytest.raises(AssertionError):
        ResponseWriter(Wire(), closes=False).write(b"hello")


def test_a_piece_can_be_pushed_between_two_others() -> None:
    wire = Wire()
    answer = ResponseWriter(wire, closes=False)
    answer.start("200 OK", [])
    answer.write(b"one")
    assert answer.is_clear
    answer.push(b"two")
    answer.write(b"three")
    assert wire.body == b"3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n"


def test_nothing_is_pushed_before_the_head_nor_while_something_waits_nor_without_chunks() -> None:
    wire = Wire()
    answer = ResponseWriter(wire, closes=False)
    answer.start("200 OK", [])
    assert not answer.is_clear
    answer.write(b"one")
    wire.is_clear = False
    assert not answer.is_clear
    whole, _ = answered(b"hello", headers=[("Content-Length", "5")])
    assert not whole.is_clear


def test_an_answer_to_what_cannot_be_read_to_its_end_closes_its_connection() -> None:
    wire = Wire()
    wire.is_spent = True
    answer = ResponseWriter(wire, closes=False)
    answer.start("408 REQUEST TIMEOUT", [("Content-Length", "0")])
    answer.end()
    assert answer.closes
    assert b"\r\nConnection: close\r\n" in wire.sent[0]


def test_no_piece_is_kept_while_the_next_is_waited_for() -> None:
    writer, alive = ResponseWriter(Wire(), closes=False), list[int]()

    def pieces() -> Iterator[bytes]:
        for _ in range(3):
            yield Piece(b"word ")
            alive.append(Piece.alive)

    writer.start("200 OK", [])
    writer.write_all(pieces())
    assert alive == [0, 0, 0]


def test_a_head_that_was_sent_is_not_kept() -> None:
    def size_of(*values: str) -> int:
        writer = ResponseWriter(Wire(), closes=False)
        writer.start("200 OK", [("X-A", value) for value in values])
        writer.write(b"word ")
        return sum(map(sys.getsizeof, vars(writer).values()))

    assert size_of("a" * 10_000) == size_of()
