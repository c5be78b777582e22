"""Pieces of a stream that are taken where they are read, and those that are left to the reader."""

from __future__ import annotations

from contextlib import suppress

import pytest

from app.errors import UpstreamMisbehaved, UpstreamTimeout
from tests.providers.calling import a_call, endpoint, stream
from tests.providers.raw_server import OK, RawServer, Wire

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
WORDS = (b"one", b"two", b"three", b"four")


class Taker:
    """Takes the pieces that it was told to, and knows what it was shown."""

    def __init__(self, *wanted: bytes) -> None:
        self.wanted = wanted
        self.shown: list[bytes] = []

    def __call__(self, piece: bytes) -> bool:
        self.shown.append(piece)
        return piece in self.wanted


def words(wire: Wire) -> None:
    """Say the first with the head, the others one by one, the last with the end."""
    wire.hear()
    wire.say(CHUNKED + b"3\r\none\r\n")
    for word in WORDS[1:-1]:
        wire.say(b"%x\r\n%b\r\n" % (len(word), word))
    wire.say(b"4\r\nfour\r\n0\r\n\r\n")


@pytest.mark.parametrize("wanted", [(), WORDS[:1], WORDS[1:3], WORDS[-1:], WORDS])
def test_what_is_taken_is_left_out_and_everything_is_shown_once(wanted: tuple[bytes, ...]) -> None:
    taker = Taker(*wanted)
    with RawServer(words) as server:
        left = b"".join(stream(endpoint(server.url)).pieces(taker))
    assert b"".join(taker.shown) == b"onetwothreefour"
    # Reads may join pieces that the server sent one by one.
    assert b"".join(piece for piece in taker.shown if piece not in wanted) == left


def test_what_the_taker_objects_to_ends_the_stream() -> None:
    def objects(_piece: bytes) -> bool:
        raise UpstreamMisbehaved("nonsense")

    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(CHUNKED + b"3\r\none\r\n")
        wire.wait_for_hang_up()

    with RawServer(script) as server, pytest.raises(UpstreamMisbehaved, match="nonsense"):
        list(stream(endpoint(server.url)).pieces(objects))


def test_a_stream_that_is_all_taken_has_its_deadline_too() -> None:
    def script(wire: Wire) -> None:
        wire.hear()
        wire.say(CHUNKED)
        with suppress(OSError):  # the caller has hung up
            while True:
                wire.say(b"3\r\none\r\n")

    with RawServer(script) as server:
        reply = stream(endpoint(server.url), a_call(within_s=0.2))
        with pytest.raises(UpstreamTimeout):
            list(reply.pieces(lambda _piece: True))
