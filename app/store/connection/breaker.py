"""A Redis that stalls is like one that is dead: after one time-out the next callers do not wait.

While the fuse of a server is blown its commands fail at once, but for one a second that tries
again. Any answer mends it. So a request waits for a stalled Redis no longer than one time-out,
however many wait with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from redis.exceptions import ReadOnlyError, ResponseError
from redis.exceptions import TimeoutError as TimedOut

#: How long, in seconds, a blown fuse refuses before it lets one caller try.
REST_S = 1.0


#: How a server refuses that was master and is a replica now; it drops who waits for replicas.
_MOVED_ON = ("READONLY", "MASTERDOWN", "UNBLOCKED")
#: How one refuses that has lost its replicas, for a while or to another master.
_LEFT_ALONE = "NOREPLICAS"


def has_moved_on(refusal: ResponseError) -> bool:
    """Tell whether a refusal means that the server is master no more.

    Redis 6 wraps what a program's command was refused with.
    """
    text = str(refusal)
    return isinstance(refusal, ReadOnlyError) or text.startswith(_MOVED_ON) or "-READONLY" in text


class Fuse:
    """The fuse of one server. `now` returns seconds of a clock that never goes back.

    While it is whole, `refuses_until` is None and there is nothing to check or to mend.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.refuses_until: float | None = None
        self._tries: object = None

    def check(self, who: object) -> None:
        """Return when `who`, a connection, may go on.

        Raises:
            TimedOut: the server has not answered others a moment ago.
        """
        if self.refuses_until is None or self._tries is who:
            return
        if self._now() < self.refuses_until:
            raise TimedOut("Redis did not answer a moment ago")
        self.blow()
        self._tries = who

    def blow(self) -> None:
        """Take note that the server did not answer in time."""
        self.refuses_until, self._tries = self._now() + REST_S, None

    def mend(self) -> None:
        """Take note that the server answered."""
        self.refuses_until = self._tries = None


class Fused:
    """What a connection of redis-py becomes when it is given a fuse for each server."""

    fuses: ClassVar[dict[tuple[object, object], Fuse]]
    is_connected: bool  # redis-py's
    mark_for_reconnect: Callable[[], None]  # redis-py's: the pool opens it anew
    _fuse: Fuse | None = None  # of the server that it was connected to last

    def _fuse_of_server(self) -> Fuse:
        server = (getattr(self, "host", None), getattr(self, "port", None))
        return self.fuses.get(server) or self.fuses.setdefault(server, Fuse())

    def connect_check_health(self, *args: Any, **options: Any) -> Any:
        if self.is_connected:
            return None
        fuse = self._fuse_of_server()
        fuse.check(self)
        self._fuse = None
        try:
            told = super().connect_check_health(*args, **options)  # type: ignore[misc]  # redis-py's
        except TimedOut:
            fuse.blow()
            raise
        self._fuse = self._fuse_of_server()
        return told

    def _send_ping(self) -> None:
        # One that refuses writes for its disk's sake (MISCONF) refuses a PING as well, and reads
        # on: an idle connection to it is as good as any.
        with suppress(ResponseError):
            super()._send_ping()  # type: ignore[misc]  # redis-py's

    def send_packed_command(self, *args: Any, **options: Any) -> Any:
        fuse = self._fuse or self._fuse_of_server()
        if fuse.refuses_until is not None and self.is_connected:  # else it is checked by connecting
            fuse.check(self)
        return super().send_packed_command(*args, **options)  # type: ignore[misc]  # redis-py's

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            response = super().read_response(*args, **options)  # type: ignore[misc]  # redis-py's
        except TimedOut:
            (self._fuse or self._fuse_of_server()).blow()
            raise
        except ResponseError as refusal:
            if has_moved_on(refusal) or str(refusal).startswith(_LEFT_ALONE):
                self.mark_for_reconnect()
            raise
        fuse = self._fuse or self._fuse_of_server()
        if fuse.refuses_until is not None:
            fuse.mend()
        return response


def fused(connection: type) -> type:
    """Return the class of connections with fuses that its connections share."""
    return type(f"Fused{connection.__name__}", (Fused, connection), {"fuses": {}})
