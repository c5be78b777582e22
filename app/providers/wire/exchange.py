"""One request on one connection, and the answer to it as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from app.providers.wire.answer import Answer, CutAnswer
from app.providers.wire.dial import Dialer, Origin
from app.providers.wire.interrupt import Interrupt, shut_down
from app.providers.wire.pool import Connection, Pool

#: A stream's reads are small, and each waiting one may hold its buffer.
READ_SIZE, STREAM_READ_SIZE = 64 * 1024, 16 * 1024
#: Up to here head and body are joined, so that they leave in one packet.
JOINED_SIZE = 64 * 1024


#: Is offered a piece of a body as soon as it came, and tells whether it took it. It must not wait.
Relay = Callable[[bytes], bool]


def leave(_piece: bytes) -> bool:
    """Take nothing."""
    return False


class StaleConnection(ConnectionError):
    """A connection from the pool was closed by the server before it answered anything."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds; `deadline` is a time.monotonic() value.

    `silence_s` is after how much quiet a reader wants to be told that nothing came; None is never.
    """

    connect_s: float
    read_s: float
    deadline: float
    silence_s: float | None = None


class Exchange:
    """Sends a request, then reads its answer: `wait_for_head`, then `read` until it returns None.

    A quiet server does no harm: after `silence_s` the call returns, and calling again goes on
    waiting. The connection returns to the pool once the whole answer was read; `close` before
    that closes it.

    A connection that was idle may have been closed by the server just as the request was sent.
    When not one byte of an answer came on it, the request is sent again, once, on a new one.

    Every method raises TimeoutError, OSError (ssl.SSLError among them) and BadAnswer; OSError of
    some kind also when the interrupt has fired.
    """

    def __init__(
        self,
        dialer: Dialer,
        pool: Pool,
        origin: Origin,
        request: tuple[bytes, bytes],
        patience: Patience,
        interrupt: Interrupt,
    ) -> None:
        self.answer = Answer()
        self._interrupt = interrupt
        self._dialer = dialer
        self._pool = pool
        self._origin = origin
        self._request = request
        self._patience = patience
        self._read_size = READ_SIZE if patience.silence_s is None else STREAM_READ_SIZE
        self._tick_s = min(patience.silence_s or patience.read_s, patience.read_s)
        self._started = False
        self._heard = False
        self._quiet_since = patience.deadline  # before the request is sent, nobody is quiet
        self._relay: Relay = leave
        self._left = b""
        self._came_early = False
        self._connection: Connection | None = None
        #: Is called when the request is sent again.
        self.sent_again: Callable[[], None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether it has a connection."""
        return self._connection is not None

    def wait_for_head(self) -> bool:
        """Send the request, the first time, and wait for the answer's status and headers.

        False says that the server is quiet: call again to go on waiting.
        """
        if not self._started:
            self._started = True
            self._start()
        while not self.answer.head_done:
            try:
                if not self._receive(leave):
                    return False
            except StaleConnection:
                self._start_again()
            self._came_early = bool(self._left)
        return True

    def read(self, relay: Relay = leave) -> bytes | None:
        """Return a piece of the body, b"" when the server is quiet, None at the end.

        Each piece is offered to `relay` first: what that takes is not returned.
        """
        answer = self.answer
        if self._came_early:
            self._came_early = False
            self._left = b"" if relay(self._left) else self._left
        while True:
            piece, self._left = self._left, b""
            if answer.whole:
                self._release()
            if piece:
                return piece
            if answer.whole:
                return None
            if not self._receive(relay):
                return b""

    def hurry(self, seconds: float) -> None:
        """Bring the deadline forward to `seconds` from now."""
        soon = time.monotonic() + seconds
        self._patience = replace(self._patience, deadline=min(soon, self._patience.deadline))

    def close(self) -> None:
        """Close the connection, unless the answer was read to its end."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._interrupt.forget()
            self.answer.let_go()
            connection.close()

    def _start(self) -> None:
        idle = self._pool.take()
        if idle is None:
            self._send_on_new()
            return
        self._use(idle)
        try:
            self._send(idle)
        except TimeoutError:
            raise
        except OSError:
            self._start_again()

    def _start_again(self) -> None:
        stale, self._connection = self._connection, None
        if stale is not None:
            stale.close()
        if self._interrupt.fired:
            raise ConnectionAbortedError("interrupted")
        if self.sent_again is not None:
            self.sent_again()
        self._send_on_new()

    def _send_on_new(self) -> None:
        patience = self._patience
        now = time.monotonic()
        timeout_s = min(patience.connect_s, patience.deadline - now)
        if timeout_s <= 0:
            raise TimeoutError("the deadline has passed")
        sock = self._dialer.dial(self._origin, timeout_s, self._interrupt)
        connection = Connection(sock, now)
        self._use(connection)
        self._send(connection)

    def _use(self, connection: Connection) -> None:
        self._connection = connection
        self._interrupt.watch(lambda: shut_down(connection.sock))

    def _send(self, connection: Connection) -> None:
        head, body = self._request
        connection.wait_at_most(self._wait_s(time.monotonic(), self._patience.read_s))
        try:
            if len(body) <= JOINED_SIZE:
                connection.sock.sendall(head + body)
            else:
                connection.sock.sendall(head)
                connection.sock.sendall(body)
        except (BrokenPipeError, ConnectionResetError):
            # A server that refuses a long body answers early and closes: its answer is read.
            if connection.unproven:
                raise
        self._quiet_since = time.monotonic()

    def _receive(self, relay: Relay) -> bool:
        """Wait until something came that `relay` did not take; False when the server is quiet."""
        connection = self._connection
        if connection is None:
            raise CutAnswer("the connection is closed")
        now = time.monotonic()
        if self._heard:
            # Only now: for as long as a reader was busy with what came, the server was not quiet.
            self._heard, self._quiet_since = False, now
        connection.wait_at_most(self._wait_s(now, self._tick_s))
        self._relay = relay
        try:
            connection.read_each(self._read_size, self._take)
        except TimeoutError:
            self._wait_s(time.monotonic(), self._tick_s)
            return False
        except OSError as error:
            if self._is_stale(connection):
                raise StaleConnection from error
            raise
        return True

    def _take(self, data: bytes) -> bool:
        """Feed the answer with one read; tell whether more is to be read at once."""
        connection, relay = self._connection, self._relay
        if connection is None or not data:
            self._ended(connection)
            return False
        connection.unproven = False
        self._heard = True
        self._left = piece = self.answer.feed(data)
        if relay is leave or not (piece and relay(piece)):
            return False
        self._left = b""
        self._quiet_since = now = time.monotonic()
        return now < self._patience.deadline and not self.answer.whole

    def _ended(self, connection: Connection | None) -> None:
        if connection is None or self._interrupt.fired:
            raise ConnectionAbortedError("interrupted")
        if self._is_stale(connection):
            raise StaleConnection
        self.answer.end()

    def _is_stale(self, connection: Connection) -> bool:
        return connection.unproven and not self._interrupt.fired

    def _wait_s(self, now: float, tick_s: float) -> float:
        """Return how long to wait next; it is the same each time until a limit is near."""
        patience = self._patience
        left_s = min(self._quiet_since + patience.read_s, patience.deadline) - now
        if left_s <= 0:
            raise TimeoutError("the server took too long")
        return min(tick_s, left_s)

    def _release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._interrupt.forget()
        answer = self.answer
        answer.let_go()
        if not answer.keep_alive or self._interrupt.fired:
            connection.close()
            return
        if "keep-alive" in answer.headers:
            connection.heed(answer.headers["keep-alive"])
        self._pool.give(connection)
