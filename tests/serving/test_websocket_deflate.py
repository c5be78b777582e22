"""Compressed messages of callers: agreed on, inflated piece by piece, bounded (RFC 7692)."""

from __future__ import annotations

import contextlib
import socket
import tracemalloc
import zlib
from collections.abc import Iterator

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import CloseConnection, Ping, TextMessage
from wsproto.extensions import PerMessageDeflate

from app.api.turns.server import ClientMessage
from app.errors import RequestTooLarge
from app.serving.websockets import socket as websocket
from app.serving.websockets.deflate import InboundDeflate
from app.serving.websockets.socket import CallerWebSocket
from tests.processes import PATIENCE_S
from tests.serving.test_websocket import Peer, Talker, frame, upgrade

RSV1 = 0x40
OFFER = "permessage-deflate"


class CompressingPeer(Peer):
    """A caller with whom compression is agreed on."""

    def __init__(self) -> None:
        super().__init__()
        theirs, ours = PerMessageDeflate(), InboundDeflate()
        theirs.finalize(f"{OFFER}; {ours.accept(OFFER)}")
        self.protocol = Connection(ConnectionType.CLIENT, [theirs])
        protocol = Connection(ConnectionType.SERVER, [ours])
        self.served = CallerWebSocket(self.caller, protocol, b"", inflates=True)


@pytest.fixture
def peer() -> Iterator[CompressingPeer]:
    with contextlib.closing(CompressingPeer()) as peer:
        yield peer


def deflated(data: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
    """Return a message's payload."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    done = compressor.compress(data) + compressor.flush(flush)
    return done.removesuffix(b"\x00\x00\xff\xff") if flush == zlib.Z_SYNC_FLUSH else done


def closed(peer: Peer, raw: bytes) -> int:
    """Return the code with which these bytes end the connection."""
    receiving = gevent.spawn(peer.served.receive, peer.weighed.append)
    peer.send(raw)
    (close,) = peer.hear()
    assert isinstance(close, CloseConnection)
    peer.theirs.close()
    receiving.get(timeout=PATIENCE_S)
    return int(close.code)


def test_what_is_compressed_is_inflated_and_what_is_not_is_taken_as_it_is(
    peer: CompressingPeer,
) -> None:
    for text in ("short", "Grüße " * 20_000, ""):
        assert peer.received(TextMessage(text)) == ClientMessage(text.encode())
    assert peer.received(raw=frame(1, b"plain")) == ClientMessage(b"plain")


def test_a_ping_may_stand_between_the_fragments_of_one(peer: CompressingPeer) -> None:
    pieces = (
        TextMessage("Gr", message_finished=False),
        Ping(b"?"),
        TextMessage("üße", message_finished=True),
    )
    assert peer.received(*pieces) == ClientMessage("Grüße".encode())


def test_what_is_sent_is_not_compressed(peer: CompressingPeer) -> None:
    peer.served.send([b"x" * 100])
    assert peer.theirs.recv(1000) == b"\x81\x64" + b"x" * 100


@given(st.binary(max_size=3000), st.integers(1, 50))
def test_whatever_the_pieces_it_is_the_same(data: bytes, size: int) -> None:
    """One byte of a frame's head, too."""
    text = data.hex()
    with contextlib.closing(CompressingPeer()) as peer:
        raw = frame(1, deflated(text.encode()), rsv=RSV1)
        getting = gevent.spawn(peer.served.receive, peer.weighed.append)
        for at in range(0, len(raw), size):
            peer.send(raw[at : at + size])
        assert getting.get(timeout=PATIENCE_S) == ClientMessage(text.encode())


FRAMES = st.lists(
    st.builds(
        frame,
        st.sampled_from([0, 1, 1, 2, 8, 9, 10, 3, 15]),
        st.one_of(
            st.binary(max_size=60),
            st.text(max_size=40).map(str.encode),
            st.text(max_size=40).map(lambda text: deflated(text.encode())),
        ),
        fin=st.booleans(),
        mask=st.sampled_from([True, True, True, False]),
        rsv=st.sampled_from([0, 0, RSV1, RSV1, 0x20]),
    ),
    max_size=6,
)


@given(st.one_of(FRAMES.map(b"".join), st.binary(max_size=200)))
def test_whatever_comes_is_messages_or_an_end(raw: bytes) -> None:
    """And never a bug."""
    with contextlib.closing(CompressingPeer()) as peer:

        def receive_all() -> int:
            return sum(1 for _ in iter(lambda: peer.served.receive(peer.weighed.append), None))

        receiving = gevent.spawn(receive_all)
        with contextlib.suppress(OSError):
            peer.send(raw)
        peer.theirs.shutdown(socket.SHUT_WR)
        assert receiving.get(timeout=PATIENCE_S) <= 6


def test_a_small_frame_that_inflates_without_end_is_refused_and_not_inflated(
    peer: CompressingPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 100 MB no more than the bound is made, and that in pieces, for each of which there must
    be room.
    """
    monkeypatch.setattr(websocket, "MAX_BODY_BYTES", 4_000_000)
    bomb = deflated(b"x" * 100_000_000)
    assert len(bomb) < 100_000
    raw = bytes([0x81 | RSV1, 0xFF]) + len(bomb).to_bytes(8) + b"\0\0\0\0" + bomb
    tracemalloc.start()
    with pytest.raises(RequestTooLarge):
        peer.received(raw=raw)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 16_000_000
    assert len(peer.weighed) >= 2


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (frame(1, b"\xff\xff\xff\xff", rsv=RSV1), 1007),  # no block
        (frame(1, deflated(b"\xff\xfe"), rsv=RSV1), 1007),  # no UTF-8
        (frame(1, deflated(b"x", zlib.Z_FINISH) + b"more", rsv=RSV1), 1007),
        (frame(1, deflated(b"x"), fin=False, rsv=RSV1) + frame(0, b"", rsv=RSV1), 1002),
        (frame(9, b"x", rsv=RSV1), 1002),
        (frame(1, b"x", rsv=0x20), 1002),
    ],
)
def test_what_cannot_be_inflated_ends_it(peer: CompressingPeer, raw: bytes, code: int) -> None:
    assert closed(peer, raw) == code


def test_a_message_may_end_with_a_final_block(peer: CompressingPeer) -> None:
    payload = deflated(b"Hello", zlib.Z_FINISH) + b"\x00"  # section 7.2.3.4
    assert peer.received(raw=frame(1, payload, rsv=RSV1)) == ClientMessage(b"Hello")
    assert peer.received(TextMessage("next")) == ClientMessage(b"next")


NONE_KEPT = "server_no_context_takeover; client_no_context_takeover"


@pytest.mark.parametrize(
    ("offer", "agreed"),
    [
        (OFFER, NONE_KEPT),
        (f"{OFFER}; client_max_window_bits", NONE_KEPT),
        (f'{OFFER}; client_max_window_bits="10"; server_no_context_takeover', NONE_KEPT),
        (f"{OFFER}; server_max_window_bits=9", f"{NONE_KEPT}; server_max_window_bits=9"),
        (f"{OFFER}; server_max_window_bits", None),
        (f"{OFFER}; server_max_window_bits=16", None),
        (f"{OFFER}; client_max_window_bits=7", None),
        (f"{OFFER}; client_no_context_takeover=1", None),
        (f"{OFFER}; what=is", None),
        (f"{OFFER}; client_max_window_bits; client_max_window_bits", None),
    ],
)
def test_an_offer_is_taken_where_it_can_be_kept(offer: str, agreed: str | None) -> None:
    deflate = InboundDeflate()
    assert deflate.accept(offer) == agreed
    assert deflate.enabled() == (agreed is not None)


def test_the_handshake_says_what_is_agreed_on() -> None:
    offers = f"x-other, {OFFER}; what=is, {OFFER}; client_max_window_bits, {OFFER}"
    one = upgrade(HTTP_SEC_WEBSOCKET_EXTENSIONS=offers)
    one.accept(Talker(), None)
    one.start("101 SWITCHING PROTOCOLS", [])
    head, _, inflates = one.switched()
    assert inflates
    assert f"Sec-WebSocket-Extensions: {OFFER}; {NONE_KEPT}\r\n".encode() in head
