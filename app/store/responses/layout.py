"""A conversation's index, read as a whole: which response is where, and what each log continues.

The fields are described, with an example, in lua/conversation.lua.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.domain.turns.turn import Position

_NOWHERE = Position("0", -1)


@dataclass(frozen=True, slots=True)
class Record:
    """What the index says of a response; `deleted_at` is in Unix seconds."""

    response_id: str
    status: str
    position: Position
    deleted_at: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """`records` has what has ended, `waiting` what waits or runs. `fork_points` has for each log
    the position that it continues, log 0 first.
    """

    records: Mapping[Position, Record]
    waiting: tuple[Record, ...]
    fork_points: Mapping[str, Position]

    def find(self, response_id: str) -> Record | None:
        """Return what is said of a response, if anything is."""
        known = (*self.waiting, *self.records.values())
        return next((record for record in known if record.response_id == response_id), None)

    def parent(self, position: Position) -> Position | None:
        """Return the position that a turn at this one continues, None for the root."""
        fork_point = self.fork_points[position.log]
        before = Position(position.log, position.depth - 1)
        parent = before if before.depth > fork_point.depth else fork_point
        return parent if parent.depth >= 0 else None


def read(index: Mapping[bytes, bytes]) -> Layout:
    """Return what the fields of an index say."""
    records = []
    fork_points = {"0": _NOWHERE}
    for field, value in sorted(index.items()):
        name, text = field.decode(), value.decode()
        if name.startswith("resp_"):
            records.append(_record(name, text))
        elif name.startswith("fork:"):
            log, _, depth = text.partition(":")
            fork_points[name.removeprefix("fork:")] = Position(log, int(depth))
    ended = {record.position: record for record in records if record.position.depth >= 0}
    waiting = tuple(record for record in records if record.position.depth < 0)
    return Layout(ended, waiting, fork_points)


def _record(response_id: str, text: str) -> Record:
    status, log, depth, deleted = text.split(":")
    position = Position(log, int(depth))
    return Record(response_id, status, position, int(deleted) if deleted else None)
