"""What connections remember of responses that were not stored, for those that continue them.

A response with `store: false` can be continued on the connection that it was made on, and nowhere
else: it is in the memory of this process alone. Each lane of a connection has its last one. What
all of them take is bounded; past that what was used longest ago goes first, and who continues it is
told that it was not found.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.items import Item
from app.domain.response import Response, Status
from app.domain.tools import FunctionTool
from app.domain.turns.turn import Context, Thread

#: What one connection may remember, in bytes: as much as the longest request.
MOST_BYTES = 32 * 1024 * 1024
#: How a response may end and be continued.
_CONTINUABLE = frozenset({"completed", "incomplete", "cancelled"})


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a response leaves to the next, and about how many bytes that takes."""

    response_id: str
    context: Context
    size: int


class ContextMemory:
    """What the connections of this process remember, at most `max_bytes`."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        #: What was used last comes last.
        self._kept: OrderedDict[tuple[ConnectionMemory, str], _Kept] = OrderedDict()

    def connection(self) -> ConnectionMemory:
        """Return the memory of a new connection."""
        return ConnectionMemory(self)

    def put(self, connection: ConnectionMemory, lane: str, kept: _Kept) -> None:
        """Remember a lane's last response, and forget what there is no room for."""
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
        """Note that it is used."""
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
        """Return what the next response of a lane sees of it; its request is so long."""
        return TurnMemory(self, lane, request_bytes)

    def find(self, response_id: str) -> _Kept | None:
        """Return what a response leaves to the next, whichever lane it was made on."""
        for lane, kept in self.kept.items():
            if kept.response_id == response_id:
                self._memory.touch(self, lane)
                return kept
        return None

    def put(self, lane: str, kept: _Kept) -> None:
        """Remember a lane's last response."""
        self._memory.put(self, lane, kept)

    def forget(self, lane: str, response_id: str) -> None:
        """Forget a response that its own lane could not be continued from; others' stay."""
        kept = self.kept.get(lane)
        if kept is not None and kept.response_id == response_id:
            self._memory.drop(self, lane)

    def close(self) -> None:
        """Forget everything."""
        for lane in list(self.kept):
            self._memory.drop(self, lane)


class TurnMemory:
    """What one response sees of its connection's memory, and leaves in it."""

    __slots__ = ("_connection", "_lane", "_parent", "_size")

    def __init__(self, connection: ConnectionMemory, lane: str, request_bytes: int) -> None:
        self._connection, self._lane = connection, lane
        self._parent: Context | None = None
        self._size = request_bytes

    def parent(self, any_id: str) -> Context | None:
        """Return what the response is to continue, None where the connection has no such."""
        kept = self._connection.find(any_id)
        if kept is None:
            return None
        self._parent = kept.context
        self._size += kept.size
        return kept.context

    def note(self, found: Context | Status) -> Context | Status:
        """Note what the response continues that is stored; return it."""
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
            own = own[len(before) :]  # it stands for itself, and has all of it
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
    """Return about how many bytes items take."""
    return sum(len(repr(item)) for item in items)
