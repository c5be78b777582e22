"""A WebSocket on a caller's connection: messages and their bounds, pings, ends."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator
from time import monotonic

import gevent
import pytest
from wsproto import ConnectionType
from wsproto.connection import Connection
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage

from app.api.turns.server import ClientMessage, Closure
from app.errors import InvalidRequest, Overloaded, RequestTooLarge
from app.serving import callers
from app.serving.callers import CallerSocket
from app.serving.websockets import socket as websocket
from app.serving.websockets.keeper import WebSocketKeeper
from app.serving.websockets.socket import CallerWebSocket
from app.serving.websockets.upgrade import Upgrade
from tests.processes import PATIENCE_S

NONCE = "dGhlIHNhbXBsZSBub25jZQ=="


class Peer:
    """A caller's side, and the WebSocket that the server has."""

    def __init__(self, came: bytes = b"") -> None:
        ours, self.theirs = socket.socketpair()
        self.caller = CallerSocket(fileno=ours.detach())
        self.protocol = Connection(ConnectionType.CLIENT)
        self.served = CallerWebSocket(self.caller, Connection(ConnectionType.SERVER), came)
        self.weighed: list[int] = []

    def say(self, *events: Event) -> None:
        """Send events."""
        for event in events:
            self.send(self.protocol.send(event))

    def send(self, data: bytes) -> None:
        """Send bytes, while others run."""
        self.theirs.setblocking(False)
        while data:
            with contextlib.suppress(BlockingIOError):
                data = data[self.theirs.send(data) :]
            gevent.sleep(0)

    def hear(self) -> list[Event]:
        """Return what has come, once something has."""
        self.theirs.setblocking(False)
        until = monotonic() + PATIENCE_S
        while monotonic() < until:
            gevent.sleep(0)
            with contextlib.suppress(BlockingIOError):
                self.protocol.receive_data(self.theirs.recv(1_000_000))
                if events := list(self.protocol.events()):
                    return events
        raise AssertionError("nothing has come")

    def received(self, *events: Event, raw: bytes = b"") -> ClientMessage | None:
        """Return the message that the server has of what is sent."""
        getting = gevent.spawn(self.served.receive, self.weighed.append)
        self.say(*events)
        self.send(raw)
        result: ClientMessage | None = getting.get(timeout=PATIENCE_S)
        return result

    def close(self) -> None:
        """Close both sides."""
        self.theirs.close()
        self.caller.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    with contextlib.closing(Peer()) as peer:
        yield peer


def frame(
    opcode: int, payload: bytes, *, fin: bool = True, mask: bool = True, rsv: int = 0
) -> bytes:
    """Return a caller's frame, as it should not be perhaps (RFC 6455, 5.2)."""
    first = opcode | (0x80 if fin else 0) | rsv
    length = len(payload)
    head = (
        struct.pack("!BB", first, length | (0x80 if mask else 0))
        if length < 126
        else struct.pack("!BBH", first, 126 | (0x80 if mask else 0), length)
    )
    return head + (b"\0\0\0\0" if mask else b"") + payload


def test_a_message_is_whole_whatever_its_fragments(peer: Peer) -> None:
    pieces = (
        TextMessage("Gr", message_finished=False),
        Ping(b"?"),
        TextMessage("üß", message_finished=False),
        TextMessage("e"),
    )
    assert peer.received(*pieces) == ClientMessage("Grüße".encode())
    assert [type(each) for each in peer.hear()] == [Pong]


def test_others_run_while_a_caller_sends_small_frames_without_a_break(peer: Peer) -> None:
    turns = 0

    def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0.001)

    others = gevent.spawn(count)
    peer.theirs.sendall(frame(10, b"") * 5000 + frame(1, b"end"))
    assert peer.served.receive(peer.weighed.append) == ClientMessage(b"end")
    others.kill()
    assert turns > 3


def test_a_caller_who_waits_for_each_answer_is_never_kept_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0
    naps: list[float] = []
    monkeypatch.setattr(callers, "monotonic", lambda: now)
    monkeypatch.setattr(callers, "sleep", naps.append)
    with contextlib.closing(Peer()) as peer:
        for _ in range(10):
            getting = gevent.spawn(peer.served.receive, peer.weighed.append)
            gevent.sleep(0)  # until it reads
            now += 0.0015  # the answer takes less than a turn, and so does the caller
            peer.send(frame(1, b"step"))
            assert getting.get(timeout=PATIENCE_S) == ClientMessage(b"step")
    assert naps == []


def test_messages_that_come_at_once_are_received_one_by_one(peer: Peer) -> None:
    first = peer.received(TextMessage("one"), TextMessage("two"))
    assert [first, peer.received()] == [ClientMessage(b"one"), ClientMessage(b"two")]


def test_what_came_with_the_handshake_is_received() -> None:
    with contextlib.closing(Peer(came=frame(1, b"early"))) as peer:
        assert peer.received() == ClientMessage(b"early")


def test_of_bytes_nothing_is_kept(peer: Peer) -> None:
    assert peer.received(BytesMessage(b"\xff" * 1000)) == ClientMessage(b"", is_text=False)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (frame(1, b"\xff\xfe"), 1007),
        (frame(1, b"\xc3", fin=False) + frame(0, b"x"), 1007),
        (frame(1, b"x", mask=False), 1002),
        (frame(1, b"x", rsv=0x40), 1002),
        (frame(3, b"x"), 1002),
        (frame(0, b"x"), 1002),
        (frame(1, b"x", fin=False) + frame(1, b"y"), 1002),
        (frame(9, b"x" * 126), 1002),
        (frame(9, b"x", fin=False), 1002),
        (frame(8, b"\x03"), 1002),
        (frame(8, struct.pack("!H", 1005)), 1002),
        (frame(8, struct.pack("!H", 1000) + b"\xff"), 1007),
    ],
)
def test_what_is_no_websocket_is_closed_with_its_code(peer: Peer, raw: bytes, code: int) -> None:
    receiving = gevent.spawn(peer.served.receive, peer.weighed.append)
    peer.send(raw)
    (closed,) = peer.hear()
    assert isinstance(closed, CloseConnection)
    assert closed.code == code
    peer.theirs.close()  # until then what more comes is thrown away
    assert receiving.get(timeout=PATIENCE_S) is None


def test_a_message_has_an_end(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MAX_BODY_BYTES", 200_000)
    with pytest.raises(RequestTooLarge):
        peer.received(TextMessage("x" * 200_001))


def test_a_message_has_so_many_fragments(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "MOST_FRAGMENTS", 3)
    with pytest.raises(RequestTooLarge):
        peer.received(*[TextMessage("", message_finished=False)] * 4)


def test_room_is_taken_for_a_long_message_as_it_grows(peer: Peer) -> None:
    peer.received(TextMessage("x" * 60_000))
    assert peer.weighed == []
    peer.received(TextMessage("x" * 3_000_000))
    assert len(peer.weighed) == 3
    assert peer.weighed == sorted(peer.weighed)


def test_where_there_is_no_room_that_is_said(peer: Peer) -> None:
    def refuse(_: int) -> None:
        raise Overloaded

    receiving = gevent.spawn(peer.served.receive, refuse)
    peer.say(TextMessage("x" * 100_000))
    with pytest.raises(Overloaded):
        receiving.get(timeout=PATIENCE_S)


def test_lines_are_messages(peer: Peer) -> None:
    peer.served.send([b'{"a":1}', '{"b":"ü"}'.encode()])
    assert peer.hear() == [TextMessage('{"a":1}'), TextMessage('{"b":"ü"}')]


@pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65535, 65536, 70000])
def test_a_line_is_the_frame_that_wsproto_would_make(length: int) -> None:
    line = b"x" * length
    frame = Connection(ConnectionType.SERVER).send(TextMessage(line.decode()))
    assert websocket.text_head(length) + line == frame


def test_a_slow_reader_holds_back_who_sends(peer: Peer) -> None:
    sending = gevent.spawn(peer.served.send, [b"x" * 5_000_000])
    gevent.sleep(0)
    assert not sending.ready()
    assert not peer.served.is_clear
    while not sending.ready():
        peer.hear()
    assert peer.served.is_clear


def test_a_caller_who_closes_is_answered_in_kind(peer: Peer) -> None:
    assert peer.received(CloseConnection(1000, "bye")) is None
    (closed,) = peer.hear()
    assert isinstance(closed, CloseConnection)
    assert closed.code == 1000
    assert peer.served.closure is None
    with pytest.raises(ConnectionResetError):
        peer.served.send([b"late"])


def test_an_end_of_ours_waits_for_the_callers_word(peer: Peer) -> None:
    receiving = gevent.spawn(peer.served.receive, peer.weighed.append)
    peer.say(TextMessage("first"))
    assert receiving.get(timeout=PATIENCE_S) == ClientMessage(b"first")
    peer.served.close(1012, "restart " + "x" * 200)
    peer.served.close(1000, "only the first counts")
    (closed,) = peer.hear()
    assert isinstance(closed, CloseConnection)
    assert (closed.code, (closed.reason or "")[:7]) == (1012, "restart")
    assert peer.served.closure == Closure(1012, closed.reason or "")
    assert peer.received(closed.response()) is None


def look_later(peer: Peer, seconds: float) -> None:
    """Have the WebSocket looked at, so much later."""
    peer.served.look(monotonic() + seconds)
    gevent.sleep(0)


def test_who_is_silent_is_pinged_once(peer: Peer) -> None:
    look_later(peer, websocket.PING_S + 1)
    look_later(peer, websocket.PING_S + 2)
    assert [type(each) for each in peer.hear()] == [Ping]


@pytest.mark.parametrize(
    ("begin", "closure"),
    [
        (lambda peer: None, Closure(None, "no sign of life for 120 s")),
        (lambda peer: peer.served.close(1001, "idle"), Closure(1001, "idle")),
    ],
)
def test_who_gives_no_sign_is_hung_up_on(
    peer: Peer, begin: Callable[[Peer], None], closure: Closure
) -> None:
    receiving = gevent.spawn(peer.served.receive, peer.weighed.append)
    gevent.sleep(0)
    begin(peer)
    look_later(peer, websocket.GONE_S + 1)
    assert receiving.get(timeout=PATIENCE_S) is None
    assert peer.served.closure == closure


def begin_message(peer: Peer) -> gevent.Greenlet[..., ClientMessage | None]:
    """Send the first piece of a message, and return who receives it, once that has taken it."""
    receiving = gevent.spawn(peer.served.receive, peer.weighed.append)
    peer.say(TextMessage("begun", message_finished=False))
    until = monotonic() + PATIENCE_S
    while peer.served._piece_at is None and monotonic() < until:
        gevent.sleep(0)  # on a busy machine the reader lets others run first
    return receiving


def test_a_message_that_does_not_come_to_its_end_is_not_waited_for(peer: Peer) -> None:
    receiving = begin_message(peer)
    look_later(peer, websocket.MESSAGE_SILENCE_S + 1)
    (closed,) = peer.hear()
    assert isinstance(closed, CloseConnection)
    assert closed.code == 1008
    peer.theirs.close()
    receiving.get(timeout=PATIENCE_S)


def test_a_caller_who_answers_pings_does_not_bring_a_message_to_its_end(peer: Peer) -> None:
    receiving = begin_message(peer)
    peer.served._piece_at = monotonic() - websocket.MESSAGE_SILENCE_S  # so long ago
    peer.say(Pong(b""))
    gevent.sleep(0)
    look_later(peer, 1)
    (closed,) = peer.hear()
    assert isinstance(closed, CloseConnection)
    assert closed.code == 1008
    peer.theirs.close()
    receiving.get(timeout=PATIENCE_S)


# the handshake


class Talker:
    """Implements app.api.turns.server.WebSocketHandler."""

    is_abandoned = False

    def run(self, socket: object) -> None: ...
    def abandon(self) -> None:
        self.is_abandoned = True

    def look(self, now: float) -> None: ...
    def retire(self) -> None: ...


def upgrade(**more: str) -> Upgrade:
    """Return the upgrade of a handshake."""
    environ = {
        "HTTP_HOST": "gateway",
        "HTTP_UPGRADE": "websocket",
        "HTTP_CONNECTION": "keep-alive, Upgrade",
        "HTTP_SEC_WEBSOCKET_KEY": NONCE,
        "HTTP_SEC_WEBSOCKET_VERSION": "13",
    }
    return Upgrade(environ | more, lambda *_: None)


def test_a_handshake_is_answered_with_its_token_and_the_apps_headers() -> None:
    one = upgrade(HTTP_SEC_WEBSOCKET_PROTOCOL="responses, x")
    one.accept(Talker(), "responses")
    headers = [("X-Request-ID", "r"), ("Content-Length", "0"), ("Content-Type", "")]
    one.start("101 SWITCHING PROTOCOLS", headers)
    assert one.handler() is not None
    head, _, inflates = one.switched()
    lines = head.decode().split("\r\n")
    assert lines[0].startswith("HTTP/1.1 101 ")
    assert not inflates
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in lines
    assert "Sec-WebSocket-Protocol: responses" in lines
    assert "X-Request-ID: r" in lines
    assert not any(line.startswith("Content-") for line in lines)


def test_what_the_app_has_refused_is_taken_over_by_nobody() -> None:
    one = upgrade()
    one.accept(Talker(), None)
    one.start("503 SERVICE UNAVAILABLE", [])
    assert one.handler() is None


def test_a_caller_who_leaves_during_the_handshake_is_given_up(peer: Peer) -> None:
    one, talker = upgrade(), Talker()
    one.accept(talker, None)
    one.start("101 SWITCHING PROTOCOLS", [])
    peer.theirs.close()
    with pytest.raises(OSError, match="pipe"):
        WebSocketKeeper(lambda: None).serve(one, peer.caller, b"")
    assert talker.is_abandoned


@pytest.mark.parametrize("wrong", [{"HTTP_CONNECTION": "x"}, {"HTTP_UPGRADE": "h2c"}])
def test_what_is_no_handshake_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        upgrade(**wrong).accept(Talker(), None)
