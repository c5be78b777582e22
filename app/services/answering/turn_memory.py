"""Remembers responses that were not stored, for requests of the same connection to continue.

A response with `store: false` can be continued only on the connection that it was made on, since it
exists in the memory of this process alone. Each lane of a connection keeps its last response. The
total size is bounded; beyond that the least recently used goes first, and a request that continues
it gets a "not found" error.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.items import Item
from app.domain.response import Response, Status
from app.domain.tools import FunctionTool
from app.domain.turns.turn import Context, Thread

#: Maximum number of bytes that one connection may remember: the size of the longest request.
MOST_BYTES = 32 * 1024 * 1024
#: Statuses of responses that can be continued.
_CONTINUABLE = frozenset({"completed", "incomplete", "cancelled"})


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a response leaves to the next one, and its approximate size in bytes."""

    response_id: str
    context: Context
    size: int


class ContextMemory:
    """The memories of all connections of this process, at most `max_bytes` together."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        #: Least recently used first.
        self._kept: OrderedDict[tuple[ConnectionMemory, str], _Kept] = OrderedDict()

    def connection(self) -> ConnectionMemory:
        """Return the memory of a new connection."""
        return ConnectionMemory(self)

    def put(self, connection: ConnectionMemory, lane: str, kept: _Kept) -> None:
        """Remember a lane's last response, and drop the oldest entries beyond the bounds."""
        self.drop(connection, lane)
        self._kept[connection, lane] = kept
        connection.kept[lane] = kept
        connection.size += kept.size
        self._size += kept.size
        while connection.size > MOST_BYTES:
            self.drop(connection, next(iter(connection.kept)))
        while self._size > self._max_bytes:
            self.drop(*next(iter(self._kept)))

    def touch(self, connection: ConnectionMemory, lane: str) -> None:
        """Mark a lane's response as the most recently used."""
        self._kept.move_to_end((connection, lane))

    def drop(self, connection: ConnectionMemory, lane: str) -> None:
        """Forget a lane's last response."""
        kept = connection.kept.pop(lane, None)
        if kept is not None:
            del self._kept[connection, lane]
            connection.size -= kept.size
            self._size -= kept.size


class ConnectionMemory:
    """What one connection remembers, lane by lane."""

    __slots__ = ("_memory", "kept", "size")

    def __init__(self, memory: ContextMemory) -> None:
        self._memory = memory
        self.kept: dict[str, _Kept] = {}
        self.size = 0

    def turn(self, lane: str, request_bytes: int) -> TurnMemory:
        """Return the view for the next response of a lane, given its request's size."""
        return TurnMemory(self, lane, request_bytes)

    def find(self, response_id: str) -> _Kept | None:
        """Return the entry of a response, whichever lane it was made on."""
        for lane, kept in self.kept.items():
            if kept.response_id == response_id:
                self._memory.touch(self, lane)
                return kept
        return None

    def put(self, lane: str, kept: _Kept) -> None:
        """Remember a lane's last response."""
        self._memory.put(self, lane, kept)

    def forget(self, lane: str, response_id: str) -> None:
        """Forget a response that a request in its own lane failed to continue; others stay."""
        kept = self.kept.get(lane)
        if kept is not None and kept.response_id == response_id:
            self._memory.drop(self, lane)

    def close(self) -> None:
        """Forget everything."""
        for lane in list(self.kept):
            self._memory.drop(self, lane)


class TurnMemory:
    """The view that one response has of its connection's memory, and writes back to."""

    __slots__ = ("_connection", "_lane", "_parent", "_size")

    def __init__(self, connection: ConnectionMemory, lane: str, request_bytes: int) -> None:
        self._connection, self._lane = connection, lane
        self._parent: Context | None = None
        self._size = request_bytes

    def parent(self, any_id: str) -> Context | None:
        """Return the context of the response to continue; None if it is not remembered."""
        kept = self._connection.find(any_id)
        if kept is None:
            return None
        self._parent = kept.context
        self._size += kept.size
        return kept.context

    def note(self, found: Context | Status) -> Context | Status:
        """Record the stored context that the response continues, and return it."""
        if isinstance(found, Context):
            self._parent = found
        return found

    def keep(self, thread: Thread, tools: tuple[FunctionTool, ...], response: Response) -> None:
        """Remember a response that has ended, and is not stored."""
        if response.status not in _CONTINUABLE:
            return
        parent = self._parent
        own, before = thread.own, parent.items if parent is not None else ()
        if parent is not None and parent.position is None:
            own = own[len(before) :]  # an unstored parent's items are part of `own`
        elif parent is not None:
            self._size += _size(before)
        inputs = () if parent is None else parent.inputs
        context = Context(
            items=(*before, *own, *response.output),
            tools=tools,
            position=None,
            inputs=(*inputs, range(len(before), len(before) + len(own))),
            purged=frozenset() if parent is None else parent.purged,
        )
        kept = _Kept(response.id, context, self._size + _size(response.output))
        self._connection.put(self._lane, kept)


def _size(items: Iterable[Item]) -> int:
    """Return the approximate size of items in bytes."""
    return sum(len(repr(item)) for item in items)
