"""Connections that are handed out as they are: one that has died shows when it is used.

MEASURED: redis-py asks the kernel about each connection that it hands out, which under gevent
takes 25 µs of CPU. A connection that Redis closed while it was idle fails at its first use, and
redis-py's own retry opens it again.
"""

from __future__ import annotations

from queue import Empty
from typing import Any

from redis.connection import BlockingConnectionPool
from redis.exceptions import ConnectionError as ConnectionLost


class Pool(BlockingConnectionPool):
    """Who asks an empty pool waits for `timeout` seconds."""

    def get_connection(self, *_: Any, **__: Any) -> Any:
        """Return a connection, opened if it is new.

        Raises:
            ConnectionLost: none came free in time, or Redis cannot be reached.
        """
        held: Any = self
        held._checkpid()
        try:
            connection = held.pool.get(timeout=held.timeout)
        except Empty:
            raise ConnectionLost("no connection came free in time") from None
        if connection is None:
            connection = held.make_connection()
        try:
            if not connection.is_connected:
                connection.connect()
        except BaseException:
            held.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        """Take a connection back."""
        held: Any = self
        held._checkpid()
        if not held.owns_connection(connection):
            connection.disconnect()
            held.pool.put_nowait(None)  # room for another
            return
        if connection.should_reconnect():
            connection.disconnect()
        held.pool.put_nowait(connection)
