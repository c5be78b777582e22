"""A conversation's index, read as a whole: which response is where, and what each log continues.

The fields are described, with an example, in lua/conversation.lua.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.ids import UNIQUE_LENGTH
from app.domain.turns.turn import Position

_NOWHERE = Position("0", -1)
#: The status of a conversation of which something is left beside its responses.
LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Record:
    """What the index says of a response, of items that came alone, or of the conversation.

    Times are in Unix seconds. What has expired was deleted then, and `is_expired` until a purge has
    come. `created_at` is None where the index does not say it: it is purged, or of an earlier
    release. `user_hash` is of its end user, "" where it has none. One that `is_encrypted` has a
    check value of its key beside it.
    """

    response_id: str
    status: str
    position: Position
    deleted_at: int | None
    is_expired: bool = False
    created_at: int | None = None
    user_hash: str = ""
    is_encrypted: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """`records` has what has ended, `waiting` what waits or runs, `alone` the items that came by
    themselves. `fork_points` has for each log the position that it continues, log 0 first.
    `conversation` is there where it has an id; `account` is "" where nothing is.
    """

    tag: str
    account: str
    records: Mapping[Position, Record]
    waiting: tuple[Record, ...]
    alone: tuple[Record, ...]
    conversation: Record | None
    fork_points: Mapping[str, Position]

    @property
    def all_records(self) -> tuple[Record, ...]:
        """All that has an id: its conversation comes last."""
        whole = () if self.conversation is None else (self.conversation,)
        return (*self.waiting, *self.records.values(), *self.alone, *whole)

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


def layout_of(tag: str, index: Sequence[bytes], expired: Sequence[bytes]) -> Layout:
    """Return what an index says: its fields and values, and what has expired, since when."""
    since = {place.decode(): int(float(at)) for place, at in _pairs(expired)}
    fields = {name.decode(): value for name, value in _pairs(index)}
    terms = {name[-UNIQUE_LENGTH:]: fields[name] for name in fields if name.startswith("terms:")}
    records, alone, conversation = [], [], None
    fork_points = {"0": _NOWHERE}
    for name, value in sorted(fields.items()):
        if name.startswith("resp_"):
            records.append(_record(name, value, terms, since, has_key=f"check:{name}" in fields))
        elif name.startswith("items_"):
            alone.append(_record(name, value, terms, since))
        elif name == "conversation":
            status = LISTED if "metadata" in fields else ""
            conversation = _conversation(value.decode(), status, since.get(name))
        elif name.startswith("fork:"):
            log, _, depth = value.decode().partition(":")
            fork_points[name.removeprefix("fork:")] = Position(log, int(depth))
    return Layout(
        tag,
        fields.get("account", b"").decode(),
        {record.position: record for record in records if record.position.depth >= 0},
        tuple(record for record in records if record.position.depth < 0),
        tuple(alone),
        conversation,
        fork_points,
    )


def _pairs(flat: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    return list(zip(flat[::2], flat[1::2], strict=True))


def _record(
    any_id: str,
    value: bytes,
    terms: Mapping[str, bytes],
    since: Mapping[str, int],
    *,
    has_key: bool = False,
) -> Record:
    status, log, depth, deleted = value.decode().split(":")
    expired_at = since.get(f"{log}:{depth}")
    created_at, _, user_hash = terms.get(any_id[-UNIQUE_LENGTH:], b"").decode().partition(":")
    return Record(
        any_id,
        status,
        Position(log, int(depth)),
        int(deleted) if deleted else expired_at,
        expired_at is not None,
        int(created_at) if created_at else None,
        user_hash,
        has_key,
    )


def _conversation(text: str, status: str, expired_at: int | None) -> Record:
    conversation_id, created_at, deleted = text.split(":")
    deleted_at = int(deleted) if deleted else expired_at
    is_expired = expired_at is not None
    return Record(conversation_id, status, _NOWHERE, deleted_at, is_expired, int(created_at))
