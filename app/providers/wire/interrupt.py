"""Waking whoever waits for an upstream, from any thread."""

from __future__ import annotations

import _socket
import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Interrupt:
    """Calls one waker at a time, when fired; a waker that comes later is called at once.

    Firing twice is harmless, and after `forget` it touches nothing: a socket that went back to
    the pool belongs to somebody else.
    """

    __slots__ = ("_lock", "_wake", "fired")

    def __init__(self) -> None:
        self.fired = False
        self._wake: Callable[[], None] | None = None
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Fire."""
        with self._lock:
            self.fired = True
            if self._wake is not None:
                self._wake()

    def watch(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when fired, in place of the waker before it."""
        with self._lock:
            self._wake = wake
            if self.fired:
                wake()

    def forget(self) -> None:
        """Nobody waits any more."""
        with self._lock:
            self._wake = None


def shut_down(sock: socket.socket) -> None:
    """End both directions of a socket that another thread may be waiting on.

    A second object is used for it, because shutting an SSL socket down through its own would have
    the reader go on in plain text, and because an event loop's socket object may only be touched by
    the loop's own thread. It has the same descriptor, since there may be none left for another.
    The kernel wakes the reader.
    """
    with suppress(OSError, ValueError):  # the latter where it was closed already
        twin = _socket.socket(fileno=sock.fileno())
        try:
            twin.shutdown(socket.SHUT_RDWR)
        finally:
            twin.detach()
