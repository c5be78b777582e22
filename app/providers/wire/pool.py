"""Connections that wait to be used again."""

from __future__ import annotations

import os
import re
import socket
import ssl
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from app.descriptors import register

MAX_IDLE = 256
MAX_IDLE_S = 60.0
MAX_AGE_S = 900.0

_TIMEOUT = re.compile(r"timeout=(\d{1,6})", re.ASCII | re.IGNORECASE)


class UpstreamConnection:
    """A socket, and what must be known to use it once more.

    It is `unproven` while nothing has come on it since it left the pool: the server may have
    closed it meanwhile. One that is older than MAX_AGE_S is not used again, so that changes in
    the name service are noticed.
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
        """Bound the socket's next operation; costs nothing when the bound is the same."""
        if timeout_s != self._timeout_s:
            self.sock.settimeout(timeout_s)
            self._timeout_s = timeout_s

    def read_each(self, size: int, take: Callable[[bytes], bool]) -> None:
        """Read at most `size` bytes again and again, for as long as `take` wants more of them.

        The end is b"". A socket may have a shorter way for that, as those of app.serving have,
        and call `take` where nobody may wait.
        """
        shorter = getattr(self.sock, "recv_each", None)
        if shorter is not None:
            shorter(size, take)
            return
        while take(self.sock.recv(size)):
            continue

    def apply_keep_alive(self, keep_alive: str) -> None:
        """Let it idle no longer than the server's Keep-Alive header says."""
        stated = _TIMEOUT.search(keep_alive)
        if stated:
            self._idle_limit_s = min(MAX_IDLE_S, int(stated[1]) - 1.0)

    def is_fresh(self, now: float) -> bool:
        """Tell whether the server has neither closed it nor is about to."""
        if now - self.idle_since > self._idle_limit_s or now - self._made_at > MAX_AGE_S:
            return False
        try:
            # Nothing can be due on an idle connection but its end. TLS may have records of its
            # own to read (session tickets); they are taken in here and show as "would block".
            self._look()
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def _look(self) -> None:
        # gevent wraps the native socket, which never waits. MEASURED: with the time-out changed
        # there and back a small request takes eight calls more.
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
    """The idle connections to one server, the latest used first; safe to share between threads.

    After a fork the child starts with an empty pool: two processes must not write to one socket.
    A pool that nobody holds closes what it has, as does any where descriptors are scarce. With
    `keep` false, it keeps none.
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
        """Return a connection that is still good, or None where a new one must be made."""
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
        """Close them all."""
        _close_all(self._idle)

    def _leave_to_parent(self) -> None:
        # Asked when one is taken, not when it is given: a fork's first call finds what both left.
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self.clear()  # this process's handles only: nothing is sent


def _close_all(connections: deque[UpstreamConnection]) -> None:
    with suppress(IndexError):
        while True:
            connections.pop().close()
