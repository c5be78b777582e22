"""Connections that are handed out as they are: one that has died shows when it is used.

MEASURED: redis-py asks the kernel about each connection that it hands out, which under gevent
takes 25 µs of CPU, and its queue takes 14 calls. A connection that Redis closed while it was idle
fails at its first use, and redis-py's own retry opens it again.
"""

from __future__ import annotations

import threading
from collections import deque
from queue import Empty, Full
from time import monotonic
from typing import Any

from redis.connection import BlockingConnectionPool
from redis.exceptions import ConnectionError as ConnectionLost


class Stack:
    """What `queue.LifoQueue` is to a pool, without a lock while nobody has to wait.

    Adding to a deque and taking from it are one step each under the interpreter's own lock.
    """

    def __init__(self, maxsize: int) -> None:
        self.queue: deque[Any] = deque()
        self._maxsize = maxsize
        self._came = threading.Condition()
        self._waiting = 0

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for something to be put on it."""
        return self._waiting > 0

    def put_nowait(self, item: Any) -> None:
        """Put something on top. Raises Full."""
        if len(self.queue) >= self._maxsize:
            raise Full
        self.queue.append(item)
        if self._waiting:
            with self._came:
                self._came.notify()

    def get(self, timeout_s: float) -> Any:
        """Take what is on top, waiting for something at most so many seconds. Raises Empty."""
        try:
            return self.queue.pop()
        except IndexError:
            return self._awaited(monotonic() + timeout_s)

    def _awaited(self, until: float) -> Any:
        with self._came:
            self._waiting += 1
            try:
                while True:
                    try:
                        return self.queue.pop()
                    except IndexError:
                        if not self._came.wait(until - monotonic()):
                            raise Empty from None
            finally:
                self._waiting -= 1


class Pool(BlockingConnectionPool):
    """Who asks an empty pool waits for `timeout` seconds."""

    def __init__(self, **options: Any) -> None:
        make: Any = super().__init__  # redis-py gives it no types
        make(queue_class=Stack, **options)

    def get_connection(self, *_: Any, **__: Any) -> Any:
        """Return a connection, opened if it is new.

        Raises:
            ConnectionLost: none came free in time, or Redis cannot be reached.
        """
        held: Any = self
        held._checkpid()
        try:
            connection = held.pool.get(held.timeout)
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
