"""Client connections: time limits for reading, and sending without waiting."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, ClassVar, TypeVar

from gevent import Greenlet, sleep, spawn, spawn_later
from gevent.server import StreamServer

from app.descriptors import SHORTAGE, has_unread, threshold
from app.domain.slices import MOMENT_S
from app.serving.http import heads
from app.serving.http.request_body import READ_SIZE
from app.serving.sockets import LeanSocket

#: Timeout for a request head, from its first byte to its end, in seconds: against slow senders.
HEAD_S = 15.0
#: Pause in accepting connections after file descriptors ran out, in seconds.
PAUSE_S = 0.1
#: Timeout for the next bytes of a body, in seconds.
BODY_SILENCE_S = 30.0
#: Seconds for which a process may be busy with what one caller sends without a break.
TURN_S = 0.002

Read = TypeVar("Read", bytes, int)


class CallerSocket(LeanSocket):
    """A client connection with time limits for reads; data that was read can be put back.

    A head has `head_s` from its first byte to its end; a body may be silent for `body_silence_s`.
    `is_clear` means that nothing waits to be sent, `is_spent` that no request can follow the one
    being read.
    """

    __slots__ = (
        *("_back", "_first_byte_s", "_head_until", "_in_head", "_is_refused", "_sending"),
        *("_turn_began", "is_clear", "is_spent"),
    )

    head_s: ClassVar[float] = HEAD_S
    body_silence_s: ClassVar[float] = BODY_SILENCE_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._back = b""
        self._turn_began = monotonic()
        self._sending: Greenlet[..., OSError | None] | None = None
        self.is_clear = True
        self.is_spent = self._is_refused = False
        self.await_head(self.head_s)

    def await_head(self, first_byte_s: float | None) -> None:
        """Expect a head, whose first byte may take `first_byte_s` (None: no limit)."""
        self._in_head = True
        self._first_byte_s = first_byte_s
        self._head_until: float | None = None

    def begin_head(self) -> None:
        """Start the head's time limit, since its first byte has arrived."""
        if self._in_head and self._head_until is None:
            self._head_until = monotonic() + self.head_s

    def await_body(self) -> None:
        """Expect the body."""
        self._in_head = False

    def put_back(self, data: bytes) -> None:
        """Make the next reads return `data` again."""
        self._back = data
        self.begin_head()

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return data put back, then new data; b"" if a head does not arrive in time.

        Raises:
            TimeoutError: the body has been silent for too long.
        """
        if flags:
            return super().recv(size, flags)
        if self._back:
            data, self._back = self._back[:size], self._back[size:]
            return data
        if self._in_head:
            return self.by_turns(self._recv_head, size)
        came: bytes = self.by_turns(self._read_body, super().recv, size)
        return came

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Read more of a body into `buffer`. Raises as `recv` does."""
        count: int = self.by_turns(self._read_body, super().recv_into, buffer, size, flags)
        return count

    def by_turns(self, read: Callable[..., Read], *args: Any) -> Read:
        """Return what `read` does of this socket, once the caller's turn has come."""
        waits = self.is_drained
        if not waits:
            self.end_long_turn()
        came = read(*args)
        if waits:  # others have run meanwhile
            self._turn_began = monotonic()
        return came

    def end_long_turn(self) -> None:
        """Yield if it is time: reading never waits for a caller who sends without a break.

        MEASURED: 64 KiB of a WebSocket's pings take 0.3 s; a client that sent nothing but small
        messages kept all others of the process waiting for more than 20 s.
        """
        if monotonic() - self._turn_began > TURN_S:
            self._yield()

    def hang_up(self) -> None:
        """Shut the connection down; its reader sees end of file."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def let_others_run(self, unread: int) -> None:
        """Yield if the next request has come already; `unread` bytes of it were read.

        MEASURED: eight callers who sent nothing but cheap requests, without a key, kept all others
        of the process waiting for 9 s.
        """
        if unread or self._back or not self.is_drained:
            self._yield()

    def rest_of_head(self, had: bytes) -> bytes:
        """Return `had` with the rest of its head, which a network may deliver in several pieces."""
        while heads.is_begun(had):
            self.begin_head()
            piece = self.recv(READ_SIZE)
            if not piece:
                break
            had += piece
        return had

    def turn_away(self, refusal: bytes, stays_s: float) -> None:
        """Send `refusal`, discard what still arrives, and shut down after `stays_s` seconds.

        If it were closed at once, a request already on its way would get a reset and no reason.
        """
        self._is_refused = True
        self._head_until = monotonic() + stays_s
        with suppress(OSError):
            self._sock.send(refusal)
            self._sock.shutdown(socket.SHUT_WR)
        spawn_later(stays_s, self.hang_up)

    def has_sent(self) -> bool:
        """Tell whether there are unread bytes."""
        return has_unread(self.fileno())

    def _recv_head(self, size: int) -> bytes:
        while data := self._recv_in_time(size):
            if not self._is_refused:
                self.begin_head()
                return data
        return b""

    def _recv_in_time(self, size: int) -> bytes:
        wait_s, until = self._first_byte_s, self._head_until
        if until is not None:
            wait_s = until - monotonic()
            if wait_s <= 0:  # also if data never stops arriving
                return b""
        self.timeout = wait_s
        try:
            return super().recv(size)
        except TimeoutError:
            return b""
        finally:
            self.timeout = None

    def _read_body(self, read: Callable[..., Read], *args: Any) -> Read:
        self.timeout = self.body_silence_s
        try:
            came = read(*args)
        except OSError:
            self.is_spent = True
            raise
        finally:
            self.timeout = None
        if not came:
            self.is_spent = True
        return came

    def _yield(self) -> None:
        sleep(MOMENT_S)
        self._turn_began = monotonic()

    def send_soon(self, data: bytes) -> None:
        """Send without waiting; a greenlet sends what the kernel does not take at once."""
        try:
            sent = self._sock.send(data)
        except OSError:  # also if the caller has gone: the next send reports it
            sent = 0
        if sent < len(data):
            self.is_clear = False
            self._sending = spawn(self._fault_in_sending, data[sent:])

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send everything, after what `send_soon` has left."""
        sending, self._sending = self._sending, None
        if sending is not None:
            if (fault := sending.get()) is not None:
                raise fault
            self.is_clear = True
        super().sendall(data, flags)

    def _fault_in_sending(self, data: bytes) -> OSError | None:
        # Returned, so that the next send raises it: gevent would print it to stderr.
        try:
            super().sendall(data)
        except OSError as fault:
            return fault
        return None


class CallerServer(StreamServer):
    """Accepts client connections.

    `scarce` is called when few file descriptors are left, with whether there are none; it may free
    some. If there are none, accepting pauses for a moment.
    """

    def __init__(self, listener: Any, scarce: Callable[[bool], None], **options: Any) -> None:
        super().__init__(listener, **options)
        self._scarce = scarce
        self._threshold = threshold()

    def do_read(self) -> Any:
        """Return the next connection and its address, if there is one."""
        listener: Any = self.socket
        try:
            fd, address = listener._accept()
        except BlockingIOError:
            return None
        except OSError as error:
            if error.errno not in SHORTAGE:
                raise
            self._pause()
            return None
        if fd >= self._threshold:
            self._scarce(False)
        return CallerSocket(listener.family, listener.type, listener.proto, fileno=fd), address

    def take_rest(self) -> None:
        """Accept the connections already established: closing the listener would reset them."""
        server: Any = self
        server.stop_accepting()
        while not server.full() and (came := self.do_read()) is not None:
            server.do_handle(*came)

    def _pause(self) -> None:
        self._scarce(True)
        server: Any = self
        server.stop_accepting()
        server._timer = server.loop.timer(PAUSE_S)
        server._timer.start(server._start_accepting_if_started)
