"""gevent's socket with less work for each wait; otherwise it behaves the same.

MEASURED: passing an event on with gevent's own socket takes 36 µs with 1000 streams, with this one
16. Left out are reads that are known to find nothing, a timer for each wait, and a query of the
kernel's buffer size for each send.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, ClassVar

import gevent.socket
from gevent import getcurrent
from gevent.exceptions import ConcurrentObjectUseError

#: Timeouts of SHORTEST_S or more share a timer of this interval: they fire that much late at most.
#: Shorter ones have their own timer, as with gevent.
TICK_S = 0.25
SHORTEST_S = 2 * TICK_S

_NON_BLOCKING = 0.0

# gevent's type stubs cover the standard library's part only.
_GeventSocket: Any = gevent.socket.socket


class TimeoutWheel:
    """All waits of one hub that have a timeout, on one timer.

    `until` maps each sleeper to when TimeoutError is thrown into it, by the loop's clock: a wait
    costs one dictionary entry. All are checked every TICK_S; while there is none, the timer is
    stopped.
    """

    _by_hub: ClassVar[dict[Any, TimeoutWheel]] = {}

    def __init__(self, loop: Any) -> None:
        self.until: dict[Any, float] = {}
        self.now = loop.now
        self._timer = loop.timer(TICK_S, TICK_S, ref=False)

    @classmethod
    def of(cls, hub: Any) -> TimeoutWheel:
        """Return the wheel of a hub."""
        found = cls._by_hub.get(hub)
        if found is None:
            found = cls._by_hub[hub] = cls(hub.loop)
        return found

    def start(self) -> None:
        """Start the timer, unless it runs."""
        if not self._timer.active:
            self._timer.start(self._tick)

    def _tick(self) -> None:
        if not self.until:
            self._timer.stop()
            return
        now = self.now()
        for sleeper in [each for each, until in self.until.items() if until <= now]:
            if sleeper in self.until:  # an earlier one may have ended it
                sleeper.throw(TimeoutError("timed out"))


class _Reads:
    """Reads in the event loop for a sleeping greenlet, as long as `take` wants more."""

    __slots__ = ("_awake", "_limit_s", "_size", "_sock", "_take", "_timeouts", "throw")

    def __init__(
        self, sock: LeanSocket, size: int, take: Callable[[bytes], bool], sleeper: Any
    ) -> None:
        self._sock = sock._sock
        self._limit_s: float | None = sock.timeout
        self._timeouts = sock._timeouts
        self._size = size
        self._take = take
        self._awake = sleeper.switch
        #: Wakes the greenlet with an error, as gevent does when its socket is closed.
        self.throw = sleeper.throw

    def ready(self) -> None:
        """Read once; called when the socket is readable."""
        try:
            goes_on = self._take(self._sock.recv(self._size))
        except BlockingIOError:
            return
        except BaseException as error:  # noqa: BLE001 - it is the sleeper's
            self.throw(error)
            return
        if not goes_on:
            self._awake()
        elif self._limit_s is not None:
            wheel = self._timeouts
            wheel.until[self] = wheel.now() + self._limit_s


class LeanSocket(_GeventSocket):  # type: ignore[misc] # see above
    """A cooperative socket: reads, writes and waits take fewer steps than its parent's."""

    __slots__ = ("_drained", "_timeouts")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whether the last read emptied the kernel's buffer: then the next read waits first.
        self._drained = False
        self._timeouts = TimeoutWheel.of(self.hub)

    @property
    def is_drained(self) -> bool:
        """Whether the last read took all that had come, so that the next one waits first."""
        return self._drained

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return at most `size` bytes, as socket.recv does."""
        while True:
            if flags or not self._drained or self.timeout == _NON_BLOCKING:
                try:
                    data: bytes = self._sock.recv(size, flags)
                except BlockingIOError:
                    if self.timeout == _NON_BLOCKING:
                        raise
                else:
                    self._drained = len(data) < size
                    return data
            self._wait(self._read_event)
            self._drained = False

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Read into `buffer` and return how much, as socket.recv_into does."""
        while True:
            if flags or not self._drained or self.timeout == _NON_BLOCKING:
                try:
                    count: int = self._sock.recv_into(buffer, size, flags)
                except BlockingIOError:
                    if self.timeout == _NON_BLOCKING:
                        raise
                else:
                    self._drained = count < (size or len(buffer))
                    return count
            self._wait(self._read_event)
            self._drained = False

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send everything, as socket.sendall does; nearly always the kernel takes it at once."""
        try:
            sent = self._sock.send(data, flags)
        except BlockingIOError:
            if self.timeout == _NON_BLOCKING:
                raise
            sent = 0
        if sent < len(data):
            super().sendall(memoryview(data)[sent:], flags)

    def recv_each(self, size: int, take: Callable[[bytes], bool]) -> None:
        """Read repeatedly for as long as `take` wants more; it gets b"" at end of file.

        MEASURED: waking a greenlet takes 10 µs of CPU or more if its stack has left the processor's
        cache. So `take` is called in the event loop, and must not block.
        """
        if self.timeout is not None and self.timeout < SHORTEST_S:
            while take(self.recv(size)):
                continue
            return
        reads = _Reads(self, size, take, getcurrent())
        self._sleep(self._read_event, reads.ready, reads)
        self._drained = False

    def _wait(self, watcher: Any, *_: Any) -> None:
        """Yield to other greenlets until the socket is ready."""
        if self.timeout is not None and self.timeout < SHORTEST_S:
            super()._wait(watcher)
        else:
            sleeper = getcurrent()
            self._sleep(watcher, sleeper.switch, sleeper)

    def _sleep(self, watcher: Any, ready: Callable[[], object], sleeper: Any) -> None:
        """Yield until `ready`, called each time the socket is ready, wakes this greenlet."""
        if watcher is None or watcher.callback is not None:
            raise ConcurrentObjectUseError("the socket is closed, or somebody waits for it already")
        self._wait_for(sleeper)
        watcher.start(ready)
        try:
            self.hub.switch()
        finally:
            watcher.stop()
            self._timeouts.until.pop(sleeper, None)

    def _wait_for(self, sleeper: Any) -> None:
        """Start the sleeper's timeout anew."""
        if self.timeout is not None:
            wheel = self._timeouts
            if not wheel.until:
                wheel.start()
            wheel.until[sleeper] = wheel.now() + self.timeout


def install() -> None:
    """Make every new socket a LeanSocket.

    Raises:
        RuntimeError: gevent has not patched sockets.
    """
    if socket.socket is not _GeventSocket:
        raise RuntimeError("gevent has to patch sockets first")
    socket.socket = LeanSocket  # type: ignore[misc] # as gevent itself does
