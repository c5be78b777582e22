"""Wake a thread or greenlet that waits for an upstream, from any other thread."""

from __future__ import annotations

import _socket
import socket
import threading
from collections.abc import Callable
from contextlib import suppress


class Interrupt:
    """Calls the current `wake` callback when fired; a later `watch` then calls its own at once.

    Firing twice is harmless. After `forget` it calls nothing: a socket that was returned to the
    pool may be in use by another request.
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
        """Set `wake` as the callback, in place of the previous one."""
        with self._lock:
            self._wake = wake
            if self.fired:
                wake()

    def forget(self) -> None:
        """Remove the callback: nobody waits any more."""
        with self._lock:
            self._wake = None


def shut_down(sock: socket.socket) -> None:
    """Shut down a socket that another thread may be reading, which makes the kernel wake it.

    This uses a second socket object: shutting down an SSL socket through its own object would make
    its reader continue in plain text, and an event loop's socket object may only be touched by the
    loop's own thread. It shares the descriptor, as there may be none left for a duplicate.
    """
    with suppress(OSError, ValueError):  # ValueError: it is already closed
        twin = _socket.socket(fileno=sock.fileno())
        try:
            twin.shutdown(socket.SHUT_RDWR)
        finally:
            twin.detach()
