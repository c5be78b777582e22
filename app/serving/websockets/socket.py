"""An open WebSocket on a client connection: receives whole messages and sends lines, bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import Struct
from time import monotonic
from typing import Any

from gevent import spawn
from gevent.lock import Semaphore
from wsproto.connection import Connection, ConnectionState
from wsproto.events import (
    CloseConnection,
    Event,
    Message,
    Ping,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason

from app.api.turns.server import POLICY, ClientMessage, Closure
from app.errors import RequestTooLarge
from app.schemas.request.body import MAX_BODY_BYTES
from app.serving.callers import CallerSocket
from app.serving.sockets import LeanSocket
from app.serving.websockets.deflate import MOST_INFLATED_AT_ONCE

_READ_SIZE = _SENT_AT_ONCE = 64 * 1024
#: Bytes from which an incoming message is accounted for, and after how many more again.
_HEAVY, _STEP = 64 * 1024, 1024 * 1024
#: Maximum number of fragments of a message.
MOST_FRAGMENTS = 4096
#: Seconds of silence after which a client is pinged, and after which it counts as gone.
PING_S, GONE_S = 20.0, 120.0
#: Timeouts for the next piece of a message, and for a client's close frame, in seconds.
MESSAGE_SILENCE_S, CLOSE_S = 30.0, 2.0
#: First byte of an unfragmented text message, and the lengths from which more bytes encode it.
_TEXT, _SHORT, _LONG = 0x81, 126, 65536
_TEXT_16, _TEXT_64 = Struct("!BBH"), Struct("!BBQ")
#: Maximum bytes of a close frame's reason: 125 with its code.
_LONGEST_REASON = 123
#: Reasons for which wsproto would send the text of Python's exception.
_REASONS: Mapping[int, str] = {
    CloseReason.INVALID_FRAME_PAYLOAD_DATA: "text that is not UTF-8, or cannot be inflated"
}


def text_head(length: int) -> bytes:
    """Return the frame head of an unfragmented text message of `length` bytes (RFC 6455, 5.2).

    wsproto makes the same. MEASURED: 15 µs a frame, more than everything else done for one.
    """
    if length < _SHORT:
        return bytes((_TEXT, length))
    if length < _LONG:
        return _TEXT_16.pack(_TEXT, _SHORT, length)
    return _TEXT_64.pack(_TEXT, _SHORT + 1, length)


class CallerWebSocket:
    """Implements app.api.turns.server.WebSocket.

    `protocol` is wsproto's parser, which may inflate; `came` is what arrived with the handshake.

    Senders wait for one another, so that no more is produced than a slow reader takes.
    """

    def __init__(
        self,
        caller: CallerSocket,
        protocol: Connection,
        came: bytes,
        *,
        inflates: bool = False,
        count_request: Callable[[], None] = lambda: None,
    ) -> None:
        self.count_request = count_request
        self.closure: Closure | None = None
        self._caller, self._protocol, self._came = caller, protocol, came
        self._at_once = MOST_INFLATED_AT_ONCE if inflates else _READ_SIZE
        self._unread = memoryview(b"")
        self._sending = Semaphore(1)
        self._message = bytearray()  # small pieces kept one by one would take more
        #: When the last piece of the current message arrived; None between messages.
        self._piece_at: float | None = None
        self._size = self._fragments = 0
        self._weigh_from = _HEAVY
        self._received_at = self._alive_at = monotonic()
        self._pinged = False
        self._closing_at: float | None = None

    @property
    def is_clear(self) -> bool:
        """Whether a line can be sent without waiting."""
        return self._is_open() and self._caller.is_clear and not self._sending.locked()

    def receive(self, weigh: Callable[[int], None]) -> ClientMessage | None:
        """Return the next message, or None when the connection has ended.

        Raises:
            RequestTooLarge: it is longer than a body may be.
        """
        while True:
            for event in self._protocol.events():
                self._caller.end_long_turn()
                if isinstance(event, CloseConnection):
                    self._agree(event)
                    return None
                message = self._take(event, weigh)
                if message is not None:
                    return message
            if not self._unread:
                self._unread = memoryview(self._read())
            if not self._unread or self._protocol.state is ConnectionState.CLOSED:
                return None
            self._protocol.receive_data(bytes(self._unread[: self._at_once]))
            self._unread = self._unread[self._at_once :]

    def send(self, lines: Sequence[bytes]) -> None:
        """Send each line as a text message.

        Raises:
            OSError: it is closed, or the client has gone.
        """
        with self._sending:
            data: bytes | memoryview = self._framed(lines)
            if len(data) > _SENT_AT_ONCE:
                data = memoryview(data)
            for at in range(0, len(data), _SENT_AT_ONCE):
                self._caller.sendall(data[at : at + _SENT_AT_ONCE])
                self._alive_at = monotonic()

    def send_soon(self, lines: Sequence[bytes]) -> None:
        """Send without waiting; call it only if `is_clear`."""
        self._caller.send_soon(self._framed(lines))

    def close(self, code: int, reason: str) -> None:
        """Send a close frame; further calls do nothing."""
        with self._sending:
            if self._is_open():
                self._closing_at = monotonic()
                short = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
                self.closure = Closure(code, short)
                self._caller.sendall(self._protocol.send(CloseConnection(code, short)))

    def hang_up(self) -> None:
        """Shut the connection down, after what has been sent."""
        self._caller.hang_up()

    def spawn(self, work: Callable[[], None]) -> None:
        """Run `work` in a greenlet of its own."""
        spawn(work)

    def look(self, now: float) -> None:
        """Ping a silent client; cut off one that has gone or sends no close frame. Never blocks."""
        closing, piece_at, silent_s = self._closing_at, self._piece_at, now - self._received_at
        if closing is not None and now - closing > CLOSE_S:
            self.hang_up()
        elif now - self._alive_at > GONE_S:
            self.closure = self.closure or Closure(None, f"no sign of life for {GONE_S:g} s")
            self.hang_up()
        elif piece_at is not None and now - piece_at > MESSAGE_SILENCE_S:  # pongs do not count
            self.spawn(lambda: self.close(POLICY, "a message did not come to its end in time"))
        elif silent_s > PING_S and not self._pinged and self.is_clear:
            self._pinged = True
            self._caller.send_soon(self._protocol.send(Ping()))

    def _read(self) -> bytes:
        data, self._came = self._came, b""
        if not data:
            # Without the time limits of HTTP requests.
            data = self._caller.by_turns(LeanSocket.recv, self._caller, _READ_SIZE)
        if data:
            self._received_at = self._alive_at = monotonic()
            self._pinged = False
        return data

    def _drain(self) -> None:
        """Read until the client closes: unread bytes would reset the connection, losing output."""
        while LeanSocket.recv(self._caller, _READ_SIZE):
            continue

    def _take(self, event: Event, weigh: Callable[[int], None]) -> ClientMessage | None:
        """Handle an event; return the message that it completes, if any."""
        if isinstance(event, Ping):
            with self._sending:
                if self._is_open():
                    self._caller.sendall(self._protocol.send(event.response()))
            return None
        if not isinstance(event, Message) or self._closing_at is not None:
            return None
        is_text = isinstance(event, TextMessage)
        self._add(event, weigh, is_text=is_text)
        if not event.message_finished:
            return None
        data = bytes(self._message)
        self._message = bytearray()
        self._piece_at = None
        self._size = self._fragments = 0
        self._weigh_from = _HEAVY
        return ClientMessage(data, is_text)

    def _add(self, event: Message[Any], weigh: Callable[[int], None], *, is_text: bool) -> None:
        """Add a piece to the current message; of a binary one, only count its bytes."""
        piece = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
        self._size += len(piece)
        self._piece_at = monotonic()
        if is_text:
            self._message += piece
        if event.frame_finished and not event.message_finished:
            self._fragments += 1
        if self._size > MAX_BODY_BYTES or self._fragments > MOST_FRAGMENTS:
            mebibytes = MAX_BODY_BYTES // 1024**2
            raise RequestTooLarge(
                f"A message may have {mebibytes} MiB in {MOST_FRAGMENTS} fragments: send less."
            )
        if self._size > self._weigh_from:
            self._weigh_from = self._size + _STEP
            weigh(self._size)

    def _agree(self, event: CloseConnection) -> None:
        """Answer the client's close frame; or close, after a protocol error."""
        if self._is_open():
            self.close(int(event.code), _REASONS.get(event.code) or event.reason or "")
            self._drain()
        elif self._protocol.state is ConnectionState.REMOTE_CLOSING:
            with self._sending:
                self._caller.sendall(self._protocol.send(event.response()))

    def _framed(self, lines: Iterable[bytes]) -> bytes:
        """Return the lines as frames.

        Raises:
            ConnectionResetError: the WebSocket is closed.
        """
        if not self._is_open():
            raise ConnectionResetError("the WebSocket is closed")
        return b"".join([piece for line in lines for piece in (text_head(len(line)), line)])

    def _is_open(self) -> bool:
        return self._protocol.state is ConnectionState.OPEN
