"""Waking whoever waits for an upstream, from any thread."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

#: Held while a waker is called, which does not wait for anything: one for all is enough. The
#: garbage collector may end another call meanwhile, in the thread that holds it.
_WAKING = threading.RLock()


class Interrupt:
    """Calls one waker at a time, when fired; a waker that comes later is called at once.

    Firing twice is harmless, and after `forget` it touches nothing: a socket that went back to
    the pool belongs to somebody else.

    MEASURED: locks are gevent's where it serves, and one for each interrupt took 10 µs of each
    request. So a waker is taken out of a list to be called, or to be forgotten: one step under the
    interpreter's own lock, which only one side can win.
    """

    __slots__ = ("_wakers", "fired")

    def __init__(self) -> None:
        self.fired = False
        self._wakers: list[Callable[[], None]] = []  # the one that waits, if it was not taken

    def __call__(self) -> None:
        """Fire."""
        self.fired = True
        self._wake()

    def watch(self, wake: Callable[[], None]) -> None:
        """Have `wake` called when fired, in place of the waker before it."""
        self._wakers = [wake]
        if self.fired:  # perhaps before there was this one
            self._wake()

    def forget(self) -> None:
        """Nobody waits any more."""
        try:
            self._wakers.pop()
        except IndexError:
            if self.fired:
                with _WAKING:  # whoever took it is done with it then
                    pass

    def _wake(self) -> None:
        with _WAKING:
            try:
                wake = self._wakers.pop()
            except IndexError:
                return
            wake()


def shut_down(sock: socket.socket) -> None:
    """End both directions of a socket that another thread may be waiting on.

    A second handle on the same socket is used, because shutting an SSL socket down through its
    own object would have the reader go on in plain text, and because an event loop's socket
    object may only be touched by the loop's own thread. The kernel wakes the reader.
    """
    with suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as twin:
        twin.shutdown(socket.SHUT_RDWR)
