"""Connections that are handed out as they are: one that has died shows when it is used.

MEASURED: redis-py asks the kernel about each connection that it hands out, which under gevent
takes 25 µs of CPU, and its queue takes 14 calls. A connection that Redis closed while it was idle
fails at its first use, and redis-py's own retry opens it again.

Where there is no file descriptor for another connection, callers share those that are open.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full
from time import monotonic
from typing import Any

from redis.connection import BlockingConnectionPool
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as TimedOut

from app.descriptors import is_shortage


class PoolQueue:
    """What `queue.LifoQueue` is to a pool, without a lock while nobody has to wait.

    Adding to a deque and taking from it are one step each under the interpreter's own lock.
    `waiting` is how many threads wait for an item.
    """

    def __init__(self, maxsize: int) -> None:
        self._items: deque[Any] = deque()
        self.waiting = 0
        self._wait_for_open = 0  # so many of them
        self._maxsize = maxsize
        self._item_added = threading.Condition()

    @property
    def queue(self) -> tuple[Any, ...]:
        """What is in it now, for redis-py to look at: others may add and take meanwhile."""
        return tuple(self._items)

    def put_nowait(self, item: Any) -> None:
        """Put something on top. Raises Full."""
        if len(self._items) >= self._maxsize:
            raise Full
        self._items.append(item)
        if self.waiting:
            # Who waits for one that is open leaves any other to the rest.
            is_for_all = self._wait_for_open and not _is_open(item)
            self._wake(self.waiting if is_for_all else 1)

    def _wake(self, count: int) -> None:
        with self._item_added:
            self._item_added.notify(count)

    def get(self, timeout_s: float) -> Any:
        """Take what is on top, waiting for something at most so many seconds. Raises Empty."""
        try:
            return self._items.pop()
        except IndexError:
            return self._wait(self._items.pop, monotonic() + timeout_s)

    def exchange(self, unopened: Any, timeout_s: float) -> Any:
        """Give back a connection that cannot be opened, and take one that is open for it.

        Raises:
            Empty: none came in so many seconds, or none can come, since nobody uses any.
        """
        self._items.appendleft(unopened)  # it is the last that others take
        if self.waiting > self._wait_for_open:  # there may be a descriptor for it by now
            self._wake(self.waiting)
        try:
            return self._take_open()
        except IndexError:
            if len(self._items) >= self._maxsize:
                raise Empty from None
        self._wait_for_open += 1
        try:
            return self._wait(self._take_open, monotonic() + timeout_s)
        finally:
            self._wait_for_open -= 1

    def _take_open(self) -> Any:
        for connection in reversed(self.queue):
            if _is_open(connection):
                with suppress(ValueError):  # another has taken it meanwhile
                    self._items.remove(connection)
                    return connection
        raise IndexError

    def _wait(self, take: Callable[[], Any], until: float) -> Any:
        with self._item_added:
            self.waiting += 1
            try:
                while True:
                    try:
                        return take()
                    except IndexError:
                        if not self._item_added.wait(until - monotonic()):
                            raise Empty from None
            finally:
                self.waiting -= 1


def _is_open(connection: Any) -> bool:
    return connection is not None and connection.is_connected


class RedisPool(BlockingConnectionPool):
    """Redis-py's pool on a PoolQueue: a caller who finds it empty waits for `timeout` seconds."""

    def __init__(self, **options: Any) -> None:
        make: Any = super().__init__  # redis-py gives it no types
        make(queue_class=PoolQueue, **options)

    def share(self) -> float:
        """Return how many connections are in use or waited for, of the most there may be."""
        pool: Any = self  # redis-py's methods have no types
        most: int = pool.max_connections
        idle: int = len(pool.pool.queue)
        waiting: int = pool.pool.waiting
        return (most - idle + waiting) / most

    def get_connection(self, *_: Any, **__: Any) -> Any:
        """Return a connection, opened if it is new.

        Raises:
            ConnectionLost: none came free in time, or Redis cannot be reached.
        """
        pool: Any = self  # redis-py's methods have no types
        pool._checkpid()
        try:
            connection = pool.pool.get(pool.timeout)
        except Empty:
            raise ConnectionLost("no connection came free in time") from None
        if connection is None:
            connection = pool.make_connection()
        try:
            self._open(connection)
        except BaseException as error:
            if is_shortage(error):
                with suppress(Empty):
                    return pool.pool.exchange(connection, pool.timeout)
            else:
                pool.release(connection)
            raise
        return connection

    def _open(self, connection: Any) -> None:
        if not connection.is_connected:
            connection.connect()

    def release(self, connection: Any) -> None:
        """Take a connection back; of what a fork gives back, `get_connection` returns none."""
        pool: Any = self  # redis-py's methods have no types
        if not pool.owns_connection(connection):
            connection.disconnect()
            pool.pool.put_nowait(None)  # room for another
            return
        if connection.should_reconnect():
            connection.disconnect()
        pool.pool.put_nowait(connection)


class NodePool(RedisPool):
    """The connections to a node of a Cluster.

    One that its node closed while it was idle is opened anew before it is used: to redis-py's
    client of a Cluster its failure would be the node's, at which it looks for all nodes again.
    """

    def _open(self, connection: Any) -> None:
        connection.connect()
        try:
            is_clean = not connection.can_read()
        except (ConnectionLost, TimedOut, OSError):
            is_clean = False
        if not is_clean:
            connection.disconnect()
            connection.connect()
