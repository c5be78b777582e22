"""Circuit breakers for Redis servers: after one time-out a stalled server is treated as down.

Each server has a breaker. While it is open, commands to that server fail at once, except for one a
second that is let through as a trial. Any reply closes it. So a request waits for a stalled Redis
no longer than one time-out, however many others wait with it.

The ASK redirect of a key that a Cluster is moving is not followed: until all keys of a command have
arrived it is retried (round_trip.bound_to_slot).
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

#: Time for which an open breaker refuses before it lets one caller try, in seconds.
REST_S = 1.0


#: Errors of a server that was master and is a replica now; UNBLOCKED ends a WAIT for replicas.
_MOVED_ON = ("READONLY", "MASTERDOWN", "UNBLOCKED")
#: Error of a master that has lost its replicas, for a while or to another master.
_LEFT_ALONE = "NOREPLICAS"


def has_moved_on(refusal: ResponseError) -> bool:
    """Tell whether an error reply means that the server is no longer the master.

    Redis 6 wraps the error of a command inside a Lua program in one of its own.
    """
    text = str(refusal)
    return isinstance(refusal, ReadOnlyError) or text.startswith(_MOVED_ON) or "-READONLY" in text


class ServerBreaker:
    """The breaker of one server. `now` returns seconds of a clock that never goes back.

    While it is closed, `refuses_until` is None, and there is nothing to check or to close.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.refuses_until: float | None = None
        self._trial: object = None

    def check(self, connection: object) -> None:
        """Check that a connection may be used.

        Raises:
            TimedOut: the server did not answer another connection a moment ago.
        """
        if self.refuses_until is None or self._trial is connection:
            return
        if self._now() < self.refuses_until:
            raise TimedOut("Redis did not answer a moment ago")
        self.open()
        self._trial = connection

    def open(self) -> None:
        """Record that the server did not answer in time."""
        self.refuses_until, self._trial = self._now() + REST_S, None

    def close(self) -> None:
        """Record that the server answered."""
        self.refuses_until = self._trial = None


class GuardedConnection:
    """Mixed into a connection class of redis-py: makes it obey its server's breaker."""

    breakers: ClassVar[dict[tuple[object, object], ServerBreaker]]
    client_name: str | None  # redis-py's
    is_connected: bool  # redis-py's
    mark_for_reconnect: Callable[[], None]  # redis-py's: the pool reconnects it
    _breaker: ServerBreaker | None = None  # of the server it was last connected to
    _span: Span | None = None  # of the last command, if it is traced

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
        # A Redis user without permission for CLIENT is connected all the same, without a name.
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
        # A server that refuses writes because of its disk (MISCONF) also refuses PING, but still
        # serves reads: an idle connection to it is as good as any.
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
        self._span = span  # only now: opening the connection sends its greeting by this method, too
        return result

    def read_response(self, *args: Any, **options: Any) -> Any:
        span = self._span
        if span is None:
            return self._read(*args, **options)
        try:
            response = self._read(*args, **options)
        except BaseException as error:
            if not isinstance(error, NoScriptError):  # the program is sent again, as text
                span.error = type(error).__name__
            raise
        finally:
            span.end_ns = time.time_ns()
        return response

    def _read(self, *args: Any, **options: Any) -> Any:
        try:
            response = super().read_response(*args, **options)  # type: ignore[misc]  # redis-py's
        except TimedOut:
            if "timeout" not in options:  # else a listener's wait: no command was sent
                (self._breaker or self._server_breaker()).open()
            raise
        except ResponseError as refusal:
            if has_moved_on(refusal) or str(refusal).startswith(_LEFT_ALONE):
                self.mark_for_reconnect()
            if type(refusal) is AskError:  # not MovedError, its subclass
                raise TryAgainError("TRYAGAIN the slot is being moved") from refusal
            raise
        breaker = self._breaker or self._server_breaker()
        if breaker.refuses_until is not None:
            breaker.close()
        return response


def guarded(connection: type) -> type:
    """Return a subclass of a connection class whose connections share a breaker for each server."""
    return type(f"Guarded{connection.__name__}", (GuardedConnection, connection), {"breakers": {}})
