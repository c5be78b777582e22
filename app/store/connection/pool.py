"""Connection pools that do not check connections before use: a dead one fails at its first command.

MEASURED: redis-py polls each connection's socket before handing it out, which under gevent takes 25
µs of CPU, and its queue takes 14 calls. A connection that Redis closed while it was idle fails at
its first use, and redis-py's own retry reopens it.

If no file descriptor is left for another connection, callers share those that are open.
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
    """A replacement for `queue.LifoQueue` that takes no lock while nobody has to wait.

    Adding to a deque and taking from it are atomic under the interpreter's lock. `waiting` is the
    number of threads that wait for an item.
    """

    def __init__(self, maxsize: int) -> None:
        self._items: deque[Any] = deque()
        self.waiting = 0
        self._wait_for_open = 0  # how many of them want an open connection
        self._maxsize = maxsize
        self._item_added = threading.Condition()

    @property
    def queue(self) -> tuple[Any, ...]:
        """The current items, for redis-py to inspect: others may add and take meanwhile."""
        return tuple(self._items)

    def put_nowait(self, item: Any) -> None:
        """Push an item. Raises Full."""
        if len(self._items) >= self._maxsize:
            raise Full
        self._items.append(item)
        if self.waiting:
            # A thread that wants an open connection leaves unopened ones to the others.
            is_for_all = self._wait_for_open and not _is_open(item)
            self._wake(self.waiting if is_for_all else 1)

    def _wake(self, count: int) -> None:
        with self._item_added:
            self._item_added.notify(count)

    def get(self, timeout_s: float) -> Any:
        """Pop an item, waiting at most `timeout_s` seconds for one. Raises Empty."""
        try:
            return self._items.pop()
        except IndexError:
            return self._wait(self._items.pop, monotonic() + timeout_s)

    def exchange(self, unopened: Any, timeout_s: float) -> Any:
        """Give back a connection that cannot be opened, and take an open one instead.

        Raises:
            Empty: none was returned in time, or none can be, since no connection is in use.
        """
        self._items.appendleft(unopened)  # at the bottom: others take it last
        if self.waiting > self._wait_for_open:  # a descriptor may be free by now
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
    """redis-py's pool on a PoolQueue: a caller waits up to `timeout` seconds if it is empty."""

    def __init__(self, **options: Any) -> None:
        make: Any = super().__init__  # redis-py gives it no types
        make(queue_class=PoolQueue, **options)

    def share(self) -> float:
        """Return connections in use plus callers waiting, as a share of the maximum."""
        pool: Any = self  # redis-py's methods have no types
        most: int = pool.max_connections
        idle: int = len(pool.pool.queue)
        waiting: int = pool.pool.waiting
        return (most - idle + waiting) / most

    def get_connection(self, *_: Any, **__: Any) -> Any:
        """Return a connection, opened if it is new.

        Raises:
            ConnectionLost: none became free in time, or Redis cannot be reached.
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
        """Take a connection back; one that belongs to another process (a fork) is not reused."""
        pool: Any = self  # redis-py's methods have no types
        if not pool.owns_connection(connection):
            connection.disconnect()
            pool.pool.put_nowait(None)  # a slot for a new one
            return
        if connection.should_reconnect():
            connection.disconnect()
        pool.pool.put_nowait(connection)


class NodePool(RedisPool):
    """The connections to one node of a Cluster.

    A connection that its node closed while idle is reopened before use: redis-py's Cluster client
    would take its failure for the node's and rediscover all nodes.
    """

    def disconnect_free_connections(self, *_: Any, **__: Any) -> None:
        """Have idle connections reopened before use.

        redis-py calls this when it has rediscovered the nodes. It would close them at once, also
        one that another thread has just taken.
        """
        pool: Any = self  # redis-py's methods have no types
        for connection in pool._get_free_connections():
            connection.mark_for_reconnect()

    def _open(self, connection: Any) -> None:
        if connection.should_reconnect():
            connection.disconnect()
        connection.connect()
        try:
            is_clean = not connection.can_read()
        except (ConnectionLost, TimedOut, OSError):
            is_clean = False
        if not is_clean:
            connection.disconnect()
            connection.connect()
