"""The lanes of a WebSocket: each answers one request at a time; several lanes run concurrently.

The limits on lanes and responses are those of OpenAI's WebSocket mode.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from app.api.turns.turn import SocketTurn
from app.errors import InvalidRequest, RateLimited

MOST_NAMED, MOST_RUNNING = 32, 16
#: Maximum number of responses waiting for their lane, or for another response to end.
MOST_WAITING = 64


class Lanes:
    """Runs `answer` for each turn, in order within its lane.

    `spawn` runs work concurrently; `at_rest` is called once nothing runs or waits.
    """

    def __init__(
        self,
        answer: Callable[[SocketTurn], None],
        spawn: Callable[[Callable[[], None]], None],
        at_rest: Callable[[], None],
    ) -> None:
        self._answer, self._spawn, self._at_rest = answer, spawn, at_rest
        self._named: set[str] = set()
        self._queues: dict[str, deque[SocketTurn]] = {}
        self._running: dict[str, SocketTurn] = {}
        #: Lanes that have a turn to start, the longest waiting first.
        self._ready: deque[str] = deque()
        self.waiting = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs or waits."""
        return not self._running and not self.waiting

    def check(self, stream_id: str | None) -> None:
        """Check that a lane may take another response.

        Raises:
            InvalidRequest: the connection already has the maximum number of lanes.
            RateLimited: too many responses wait.
        """
        is_new = stream_id is not None and stream_id not in self._named
        if is_new and len(self._named) >= MOST_NAMED:
            raise InvalidRequest(
                f"This connection has had {MOST_NAMED} stream ids, the most there may be: use one "
                "of them again, or open another connection.",
                param="stream_id",
                code="websocket_stream_limit_reached",
            )
        if self.waiting >= MOST_WAITING:
            raise RateLimited(
                f"{MOST_WAITING} responses wait on this connection, the most that may: send the "
                "next once one has ended.",
                retry_after_s=1,
            )

    def put(self, turn: SocketTurn) -> None:
        """Queue a turn in its lane, and start it if it can run."""
        if turn.stream_id is not None:
            self._named.add(turn.stream_id)
        self._queues.setdefault(turn.lane, deque()).append(turn)
        self.waiting += 1
        self._mark(turn.lane)
        self._start()

    def running(self, lane: str) -> SocketTurn | None:
        """Return the turn that a lane is answering."""
        return self._running.get(lane)

    def all_running(self) -> list[SocketTurn]:
        """Return all turns that are being answered."""
        return list(self._running.values())

    def take_waiting(self) -> Iterator[SocketTurn]:
        """Remove and yield the turns that have not started."""
        queues, self._queues = self._queues, {}
        self.waiting = 0
        self._ready.clear()
        for queue in queues.values():
            yield from queue

    def _mark(self, lane: str) -> None:
        if lane not in self._running and lane not in self._ready and self._queues.get(lane):
            self._ready.append(lane)

    def _start(self) -> None:
        while self._ready and len(self._running) < MOST_RUNNING:
            turn = self._next(self._ready.popleft())
            self._spawn(lambda turn=turn: self._run(turn))  # type: ignore[misc] # bound here

    def _next(self, lane: str) -> SocketTurn:
        queue = self._queues[lane]
        turn = self._running[lane] = queue.popleft()
        self.waiting -= 1
        if not queue:
            del self._queues[lane]
        return turn

    def _run(self, turn: SocketTurn) -> None:
        try:
            self._answer(turn)
        finally:
            del self._running[turn.lane]
            self._mark(turn.lane)
            self._start()
            if self.is_idle:
                self._at_rest()
