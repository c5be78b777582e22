"""A Redis that stalls is treated like one that is down: after one time-out nobody waits for it.

Each server has a breaker. While it is open, commands to that server fail at once, but for one a
second that is let through to try. Any reply closes it. So a request waits for a stalled Redis no
longer than one time-out, however many wait with it.

A key that a Cluster moves just now is not asked for where it goes: what has not all arrived is to
be tried again (round_trip.bound_to_slot).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

from redis.exceptions import (
    AskError,
    NoScriptError,
    ReadOnlyError,
    ResponseError,
    TryAgainError,
)
from redis.exceptions import TimeoutError as TimedOut

from app.telemetry.tracing import Span, begin_round_trip, current, tracer

#: How long, in seconds, an open breaker refuses before it lets one caller try.
REST_S = 1.0


#: How a server refuses that was master and is a replica now; UNBLOCKED ends a WAIT for replicas.
_MOVED_ON = ("READONLY", "MASTERDOWN", "UNBLOCKED")
#: How one refuses that has lost its replicas, for a while or to another master.
_LEFT_ALONE = "NOREPLICAS"


def has_moved_on(refusal: ResponseError) -> bool:
    """Tell whether a refusal means that the server is master no more.

    Redis 6 wraps what a program's command was refused with.
    """
    text = str(refusal)
    return isinstance(refusal, ReadOnlyError) or text.startswith(_MOVED_ON) or "-READONLY" in text


class ServerBreaker:
    """The breaker of one server. `now` returns seconds of a clock that never goes back.

    While it is closed, `refuses_until` is None, and nothing needs to be checked or closed.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.refuses_until: float | None = None
        self._trial: object = None

    def check(self, connection: object) -> None:
        """Return if a connection may go on.

        Raises:
            TimedOut: the server has not answered others a moment ago.
        """
        if self.refuses_until is None or self._trial is connection:
            return
        if self._now() < self.refuses_until:
            raise TimedOut("Redis did not answer a moment ago")
        self.open()
        self._trial = connection

    def open(self) -> None:
        """Take note that the server did not answer in time."""
        self.refuses_until, self._trial = self._now() + REST_S, None

    def close(self) -> None:
        """Take note that the server answered."""
        self.refuses_until = self._trial = None


class GuardedConnection:
    """What is mixed into a connection class of redis-py so that it minds its server's breaker."""

    breakers: ClassVar[dict[tuple[object, object], ServerBreaker]]
    client_name: str | None  # redis-py's
    is_connected: bool  # redis-py's
    mark_for_reconnect: Callable[[], None]  # redis-py's: the pool opens it anew
    _breaker: ServerBreaker | None = None  # of the server that it was connected to last
    _span: Span | None = None  # of what was sent last, where that is recorded

    def _server_breaker(self) -> ServerBreaker:
        server = (getattr(self, "host", None), getattr(self, "port", None))
        return self.breakers.get(server) or self.breakers.setdefault(server, ServerBreaker())

    def connect_check_health(self, *args: Any, **options: Any) -> Any:
        if self.is_connected:
            return None
        breaker = self._server_breaker()
        breaker.check(self)
        self._breaker = None
        try:
            result = super().connect_check_health(*args, **options)  # type: ignore[misc]  # redis-py's
        except TimedOut:
            breaker.open()
            raise
        self._breaker = self._server_breaker()
        return result

    def on_connect_check_health(self, *args: Any, **options: Any) -> Any:
        # A user who may not call CLIENT is connected all the same, without a name.
        name, self.client_name = self.client_name, None
        try:
            result = super().on_connect_check_health(*args, **options)  # type: ignore[misc]  # redis-py's
        finally:
            self.client_name = name
        if name:
            connection: Any = self
            connection.send_command("CLIENT", "SETNAME", name, check_health=False)
            with suppress(ResponseError):
                connection.read_response()
        return result

    def _send_ping(self) -> None:
        # One that refuses writes for its disk's sake (MISCONF) refuses a PING as well, and reads
        # on: an idle connection to it is as good as any.
        with suppress(ResponseError):
            super()._send_ping()  # type: ignore[misc]  # redis-py's

    def send_packed_command(self, *args: Any, **options: Any) -> Any:
        breaker = self._breaker or self._server_breaker()
        if (
            breaker.refuses_until is not None and self.is_connected
        ):  # else it is checked by connecting
            breaker.check(self)
        if tracer.sampler is None:
            return super().send_packed_command(*args, **options)  # type: ignore[misc]  # redis-py's
        recording = current()
        span = None if recording is None else begin_round_trip(recording, self, args[0])
        result = super().send_packed_command(*args, **options)  # type: ignore[misc]  # redis-py's
        self._span = span  # not before: a connection that is opened for it says hello by this way
        return result

    def read_response(self, *args: Any, **options: Any) -> Any:
        span = self._span
        if span is None:
            return self._read(*args, **options)
        try:
            response = self._read(*args, **options)
        except BaseException as error:
            if not isinstance(error, NoScriptError):  # it is sent once more, with its text
                span.error = type(error).__name__
            raise
        finally:
            span.end_ns = time.time_ns()
        return response

    def _read(self, *args: Any, **options: Any) -> Any:
        try:
            response = super().read_response(*args, **options)  # type: ignore[misc]  # redis-py's
        except TimedOut:
            if "timeout" not in options:  # else it is a listener's patience, who asked for nothing
                (self._breaker or self._server_breaker()).open()
            raise
        except ResponseError as refusal:
            if has_moved_on(refusal) or str(refusal).startswith(_LEFT_ALONE):
                self.mark_for_reconnect()
            if type(refusal) is AskError:  # not MovedError, which is one
                raise TryAgainError("TRYAGAIN the slot is being moved") from refusal
            raise
        breaker = self._breaker or self._server_breaker()
        if breaker.refuses_until is not None:
            breaker.close()
        return response


def guarded(connection: type) -> type:
    """Return a subclass of a connection class whose connections share a breaker for each server."""
    return type(f"Guarded{connection.__name__}", (GuardedConnection, connection), {"breakers": {}})
