"""Pools of idle upstream connections."""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from errno import ETIMEDOUT

from app.descriptors import register
from app.providers.wire.connect import is_lost

MAX_IDLE = 256
MAX_IDLE_S = 60.0
MAX_AGE_S = 900.0

_TIMEOUT = re.compile(r"timeout=(\d{1,6})", re.ASCII | re.IGNORECASE)


class UpstreamConnection:
    """A socket, with the state needed to decide whether it can be reused.

    It is `unproven` from when it leaves the pool until bytes arrive on it: the server may have
    closed it meanwhile. One that is older than MAX_AGE_S is not reused, so that DNS changes
    take effect.
    """

    __slots__ = ("_idle_limit_s", "_made_at", "_timeout_s", "idle_since", "sock", "unproven")

    def __init__(self, sock: socket.socket, now: float) -> None:
        self.sock = sock
        self.idle_since = now
        self.unproven = False
        self._made_at = now
        self._idle_limit_s = MAX_IDLE_S
        self._timeout_s: float | None = -1.0

    def wait_at_most(self, timeout_s: float) -> None:
        """Set the timeout of the socket's next operations; a no-op if it is unchanged."""
        if timeout_s != self._timeout_s:
            self.sock.settimeout(timeout_s)
            self._timeout_s = timeout_s

    def send(self, data: bytes, until: float) -> None:
        """Send everything, within the time of a socket's operation after another.

        Raises:
            TimeoutError: it has not been sent by `until`, a time.monotonic() value.
            ConnectionAbortedError: the connection is lost.
        """
        left: bytes | memoryview = data
        began = time.monotonic()
        while left:
            try:
                sent = self.sock.send(left)
            except TimeoutError as error:
                now = time.monotonic()
                if error.errno is not None or is_lost(self.sock, now - began):
                    raise ConnectionAbortedError(ETIMEDOUT, os.strerror(ETIMEDOUT)) from error
                if now >= until:
                    raise
            else:
                if sent == len(left):
                    return
                left = memoryview(left)[sent:]

    def read_each(self, size: int, take: Callable[[bytes], bool]) -> None:
        """Read at most `size` bytes at a time, as long as `take` returns true.

        At the end, `take` gets b"". Sockets of app.serving have a faster method for this, which
        calls `take` in a place where it must not block.
        """
        shorter = getattr(self.sock, "recv_each", None)
        if shorter is not None:
            shorter(size, take)
            return
        while take(self.sock.recv(size)):
            continue

    def apply_keep_alive(self, keep_alive: str) -> None:
        """Limit the idle time to what the server's Keep-Alive header allows, less 1 s."""
        stated = _TIMEOUT.search(keep_alive)
        if stated:
            self._idle_limit_s = min(MAX_IDLE_S, int(stated[1]) - 1.0)

    def is_fresh(self, now: float) -> bool:
        """Tell whether it can be reused: the server has not closed it and is not about to."""
        if now - self.idle_since > self._idle_limit_s or now - self._made_at > MAX_AGE_S:
            return False
        try:
            # An idle connection has nothing to read but its end. TLS may have records of its own
            # (session tickets); reading consumes them here and reports "would block".
            self._look()
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def _look(self) -> None:
        # gevent wraps a native socket, which never blocks. MEASURED: setting the timeout to 0 and
        # back adds eight calls to a small request.
        native = getattr(self.sock, "_sock", None)
        if native is not None and not isinstance(self.sock, ssl.SSLSocket):
            native.recv(1)
            return
        self.wait_at_most(0.0)
        self.sock.recv(1)

    def close(self) -> None:
        """Close the socket."""
        self.sock.close()


class UpstreamPool:
    """The idle connections to one server, most recently used first; thread-safe.

    After a fork the child starts with an empty pool: two processes must not write to one socket.
    A pool closes its connections when it is garbage-collected, and when file descriptors run
    short. With `keep` false, it keeps none.
    """

    def __init__(self, clock: Callable[[], float], *, keep: bool = True) -> None:
        self._keep = keep
        self._clock = clock
        self._idle: deque[UpstreamConnection] = deque()
        self._pid = os.getpid()
        weakref.finalize(self, _close_all, self._idle).atexit = False
        register(self)

    def __len__(self) -> int:
        return len(self._idle)

    def take(self) -> UpstreamConnection | None:
        """Return a reusable connection, or None if a new one must be made."""
        self._leave_to_parent()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_fresh(self._clock()):
                connection.unproven = True
                return connection
            connection.close()

    def give(self, connection: UpstreamConnection) -> None:
        """Keep a connection whose last response was read to its end."""
        if not self._keep:
            connection.close()
            return
        connection.idle_since = self._clock()
        self._idle.append(connection)
        try:
            oldest = self._idle[0]
            if len(self._idle) > MAX_IDLE or connection.idle_since - oldest.idle_since > MAX_IDLE_S:
                self._idle.popleft().close()
        except IndexError:  # another thread was faster
            pass

    def clear(self) -> None:
        """Close all idle connections."""
        _close_all(self._idle)

    def _leave_to_parent(self) -> None:
        # Checked in `take`, not in `give`: the first `take` after a fork drops what was inherited.
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self.clear()  # closes this process's descriptors only: nothing is sent


def _close_all(connections: deque[UpstreamConnection]) -> None:
    with suppress(IndexError):
        while True:
            connections.pop().close()
