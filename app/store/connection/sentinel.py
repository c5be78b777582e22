"""Connections to the server that the Sentinels name as master, and to no other.

A connection asks its server for its ROLE once, when it is opened. It is cut as soon as there may be
another master (sentinel_watch.py). A reply that arrives after that is ignored: the command is sent
again, to the new master. So every command that writes may be executed twice.
"""

from __future__ import annotations

import weakref
from contextlib import suppress
from socket import SHUT_RDWR
from typing import Any

from redis.connection import Connection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import ResponseError

from app.store.connection.breaker import has_moved_on
from app.store.connection.pool import RedisPool
from app.store.connection.sentinel_watch import MasterWatch
from app.store.connection.tls import TlsConnection


class MasterConnection(Connection):
    """A connection to the current master; redis-py's own reconnects to its last address."""

    _sock: Any  # redis-py's

    def __init__(self, *, watch: MasterWatch, **options: Any) -> None:
        self._watch = watch
        self._generation = -1
        self._opens = False
        super().__init__(**options)  # type: ignore[no-untyped-call]

    @property
    def _untyped(self) -> Any:
        """Itself: redis-py's own methods have no types."""
        return self

    @property
    def is_connected(self) -> bool:
        """Whether it is connected to the master that is currently known."""
        return self._sock is not None and self._generation == self._watch.generation

    def connect(self) -> None:
        """Connect to the master. Raises ConnectionLost or TimedOut."""
        self.retry.call_with_retry(self._to_master, lambda _error: self._untyped.disconnect())

    def _to_master(self) -> None:
        if self.is_connected:
            return
        self._untyped.disconnect()
        self._opens = True
        try:
            (self.host, self.port), self._generation = self._watch.master()
            self.connect_check_health(check_health=False, retry_socket_connect=False)
        finally:
            self._opens = False

    def on_connect_check_health(self, check_health: bool = True) -> None:
        """Do redis-py's handshake, and make the server confirm that it is a master.

        If the user may not call ROLE, the Sentinels are trusted.
        """
        super().on_connect_check_health(check_health)
        self._untyped.send_command("ROLE", check_health=False)
        try:
            role = self.read_response()
        except ResponseError:
            return
        if role[0] != b"master":
            raise ConnectionLost(f"the server at {self.host}:{self.port} is no master")

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        """Send a command to the current master."""
        if not self.is_connected:
            if self._opens:
                raise ConnectionLost("the master changed in the meantime")
            self._to_master()
        super().send_packed_command(command, check_health)  # type: ignore[no-untyped-call]

    def read_response(self, *args: Any, disconnect_on_error: bool = True, **options: Any) -> Any:
        """Read a reply. Raises ConnectionLost also if the server is no longer the master."""
        try:
            response = super().read_response(
                *args, disconnect_on_error=disconnect_on_error, **options
            )
        except ResponseError as refusal:
            if has_moved_on(refusal):
                self._untyped.disconnect()
                raise ConnectionLost("the server is master no more") from refusal
            raise
        if self._generation != self._watch.generation:
            self._untyped.disconnect()
            raise ConnectionLost("the master changed before the reply came")
        return response

    def cut(self) -> None:
        """Wake a thread that waits for a former master's reply; any thread may call this."""
        sock = self._sock
        if sock is not None and self._generation != self._watch.generation:
            with suppress(OSError):
                sock.shutdown(SHUT_RDWR)


class MasterTlsConnection(MasterConnection, TlsConnection):
    """The same over TLS."""


class SentinelPool(RedisPool):
    """Connections to the master that `watch` knows; a caller waits if the pool is empty."""

    def __init__(self, watch: MasterWatch, **options: Any) -> None:
        super().__init__(watch=watch, **options)
        pool = weakref.ref(self)
        watch.changed = lambda: _cut(pool())


def _cut(pool: Any) -> None:
    for connection in list(pool._connections) if pool is not None else ():
        connection.cut()
