"""One request on one connection, and its response, read as it arrives.

The steps, any of which may fail or be the last:

    an idle connection, or a new one -> request sent -> head -> pieces of the body -> end
           ^                                 |
           +--- closed before any byte came: sent again, once, on a new connection
"""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from errno import ETIMEDOUT

from app.domain.frozen import frozen_dataclass
from app.providers.wire.connect import is_lost
from app.providers.wire.dial import Dialer, Origin
from app.providers.wire.interrupt import Interrupt, shut_down
from app.providers.wire.pool import UpstreamConnection, UpstreamPool
from app.providers.wire.response import IncompleteResponse, UpstreamResponse

#: Bytes of one read. Those of streams are small, as each blocked read may hold its buffer.
READ_SIZE, STREAM_READ_SIZE = 64 * 1024, 16 * 1024
#: Seconds between two looks whether a connection is lost, where no caller is due a sign of life.
LOOK_S = 15.0
#: Bytes of a body up to which it is joined to the head, so that both leave in one packet.
JOINED_SIZE = 64 * 1024


#: Called with a piece of a body as soon as it arrives; true if it took the piece. Must not block.
Relay = Callable[[bytes], bool]


def ignore_piece(_piece: bytes) -> bool:
    """Return False: a Relay that takes no piece."""
    return False


class StaleConnection(ConnectionError):
    """The server closed a pooled connection before any byte of a response arrived."""


@frozen_dataclass(frozen=True, slots=True)
class Timeouts:
    """The timeouts of a request, in seconds; `deadline` is a time.monotonic() value.

    After `silence_s` without a byte, a read returns without data; None disables this.
    """

    connect_s: float
    read_s: float
    deadline: float
    silence_s: float | None = None


def _is_tick(error: OSError) -> bool:
    """Tell whether a socket's own time was over; the system gives up a connection with an errno."""
    return isinstance(error, TimeoutError) and error.errno is None


class Exchange:
    """Sends a request, then reads the response: `wait_for_head`, then `read` until it returns None.

    While the server is silent, calls return every `silence_s`; calling again continues the wait.
    The connection returns to the pool once the whole response has been read; `close` before that
    closes it.

    The server may have closed an idle connection just as the request was sent. If not one byte of
    a response arrived on it, the request is sent again, once, on a new connection.

    Every method raises TimeoutError, OSError (including ssl.SSLError) and MalformedResponse;
    after the interrupt has fired, some OSError.
    """

    _started = False
    _has_read = False  # bytes have been read since _silent_since
    _piece = b""  # body bytes that were read and not yet returned
    _came_with_head = False  # whether _piece arrived with the head, not yet offered to a relay
    _connection: UpstreamConnection | None = None
    #: Called when the request is sent again.
    on_resend: Callable[[], None] | None = None

    def __init__(
        self,
        dialer: Dialer,
        pool: UpstreamPool,
        origin: Origin,
        request: tuple[bytes, bytes],
        timeouts: Timeouts,
        interrupt: Interrupt,
    ) -> None:
        self.response = UpstreamResponse()
        self._interrupt = interrupt
        self._dialer = dialer
        self._pool = pool
        self._origin = origin
        self._request = request
        self._timeouts = timeouts
        self._read_size = READ_SIZE if timeouts.silence_s is None else STREAM_READ_SIZE
        self._tick_s = min(timeouts.silence_s or LOOK_S, timeouts.read_s)
        self._silent_since = timeouts.deadline  # silence does not count before the request is sent
        self._relay: Relay = ignore_piece

    @property
    def is_read(self) -> bool:
        """Whether the whole response has been returned."""
        return self.response.whole and not self._piece

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection."""
        return self._connection is not None

    def wait_for_head(self) -> bool:
        """Send the request, on the first call, and wait for the response's status and headers.

        Return False if the server is silent: call again to keep waiting.
        """
        if not self._started:
            self._started = True
            self._start()
        while not self.response.head_done:
            try:
                if not self._receive(ignore_piece):
                    return False
            except StaleConnection:
                self._start_again()
            self._came_with_head = bool(self._piece)
        self._request = (b"", b"")  # it is never sent again: free its memory
        return True

    def read(self, relay: Relay = ignore_piece) -> bytes | None:
        """Return a piece of the body, b"" when the server is silent, None at the end.

        Each piece is offered to `relay` first; pieces that it takes are not returned.
        """
        response = self.response
        if self._came_with_head:
            self._came_with_head = False
            self._piece = b"" if relay(self._piece) else self._piece
        while True:
            piece, self._piece = self._piece, b""
            # Release the connection before returning the last piece: the reader may never call
            # again to see the end.
            if response.whole:
                self._release()
            if piece:
                return piece
            if response.whole:
                return None
            if not self._receive(relay):
                return b""

    def shorten_deadline(self, seconds: float) -> None:
        """Bring the deadline forward to `seconds` from now."""
        soon = time.monotonic() + seconds
        self._timeouts = replace(self._timeouts, deadline=min(soon, self._timeouts.deadline))

    def close(self) -> None:
        """Close the connection, unless the response was read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._interrupt.forget()
            self.response.release_parser()
            connection.close()

    def _start(self) -> None:
        idle = self._pool.take()
        if idle is None:
            self._send_on_new()
            return
        self._use(idle)
        try:
            self._send(idle)
        except OSError as error:
            if _is_tick(error):
                raise
            self._start_again()

    def _start_again(self) -> None:
        stale, self._connection = self._connection, None
        if stale is not None:
            stale.close()
        if self._interrupt.fired:
            raise ConnectionAbortedError("interrupted")
        if self.on_resend is not None:
            self.on_resend()
        self._send_on_new()

    def _send_on_new(self) -> None:
        timeouts = self._timeouts
        now = time.monotonic()
        timeout_s = min(timeouts.connect_s, timeouts.deadline - now)
        if timeout_s <= 0:
            raise TimeoutError("the deadline has passed")
        sock = self._dialer.dial(self._origin, timeout_s, self._interrupt)
        connection = UpstreamConnection(sock, now)
        self._use(connection)
        self._send(connection)

    def _use(self, connection: UpstreamConnection) -> None:
        self._connection = connection
        self._interrupt.watch(lambda: shut_down(connection.sock))

    def _send(self, connection: UpstreamConnection) -> None:
        head, body = self._request
        now = time.monotonic()
        wait_s = self._wait_s(now, self._timeouts.read_s)
        until = now + wait_s
        connection.wait_at_most(min(LOOK_S, wait_s))
        try:
            if len(body) <= JOINED_SIZE:
                connection.send(head + body, until)
            else:
                connection.send(head, until)
                connection.send(body, until)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            # A server that refuses a long body responds early and closes: read that response. Where
            # there is none, as on a stale connection, the read fails at once.
            if self._interrupt.fired:
                raise
        self._silent_since = time.monotonic()

    def _receive(self, relay: Relay) -> bool:
        """Wait for bytes that `relay` does not take; return False when the server is silent."""
        connection = self._connection
        if connection is None:
            raise IncompleteResponse("the connection is closed")
        now = time.monotonic()
        if self._has_read:
            # Reset only now: the time that the reader spent on those bytes was not silence.
            self._has_read, self._silent_since = False, now
        # A read ends with bytes, the end, the next tick (silence) or a timeout (an error).
        connection.wait_at_most(self._wait_s(now, self._tick_s))
        self._relay = relay
        try:
            connection.read_each(self._read_size, self._take)
        except OSError as error:
            now = time.monotonic()
            if _is_tick(error) and not is_lost(connection.sock, now - self._silent_since):
                self._wait_s(now, self._tick_s)  # raises TimeoutError at a limit
                return False
            if self._is_stale(connection):
                raise StaleConnection from error
            if isinstance(error, TimeoutError):
                raise ConnectionResetError(ETIMEDOUT, os.strerror(ETIMEDOUT)) from error
            raise
        return True

    def _take(self, data: bytes) -> bool:
        """Feed the bytes of one read to the response; return whether to read again at once."""
        connection, relay = self._connection, self._relay
        if connection is None or not data:
            self._ended(connection)
            return False
        connection.unproven = False
        self._has_read = True
        self._piece = piece = self.response.feed(data)
        if relay is ignore_piece or not (piece and relay(piece)):
            return False
        self._piece = b""
        self._silent_since = now = time.monotonic()
        return now < self._timeouts.deadline and not self.response.whole

    def _ended(self, connection: UpstreamConnection | None) -> None:
        if connection is None or self._interrupt.fired:
            raise ConnectionAbortedError("interrupted")
        if self._is_stale(connection):
            raise StaleConnection
        self.response.end()

    def _is_stale(self, connection: UpstreamConnection) -> bool:
        return connection.unproven and not self._interrupt.fired

    def _wait_s(self, now: float, tick_s: float) -> float:
        """Return the next socket timeout, in seconds; it is constant until a limit is near."""
        timeouts = self._timeouts
        left_s = min(self._silent_since + timeouts.read_s, timeouts.deadline) - now
        if left_s <= 0:
            raise TimeoutError("the server took too long")
        return min(tick_s, left_s)

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._interrupt.forget()
        response = self.response
        response.release_parser()
        if not response.keep_alive or self._interrupt.fired:
            connection.close()
            return
        if "keep-alive" in response.headers:
            connection.apply_keep_alive(response.headers["keep-alive"])
        self._pool.give(connection)
