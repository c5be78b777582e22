"""Parses a whole conversation index: where each response is, and which turn each log continues.

The fields are described, with an example, in lua/conversation.lua.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.ids import UNIQUE_LENGTH
from app.domain.turns.turn import Position

_NOWHERE = Position("0", -1)
#: Status of a conversation that still has content of its own, beside its responses.
LISTED = "listed"


@dataclass(frozen=True, slots=True)
class Record:
    """The index's record of a response, of items without one, or of the conversation.

    Times are in Unix seconds. What has expired counts as deleted at that time, and `is_expired`
    until it is purged. `created_at` is None if the index lacks it: it is purged, or of an earlier
    release. `user_hash` is of the end user, "" without one. If it `is_encrypted`, the index has a
    check value of its key.
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
    """A parsed index.

    `records` has ended responses, `waiting` those that wait or run, `alone` the entries of items
    without a response. `fork_points` has the position that each log continues, log 0 first.
    `conversation` is set if it has an id; `account` is "" if the index is empty.
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
        """All records; the conversation's own comes last."""
        whole = () if self.conversation is None else (self.conversation,)
        return (*self.waiting, *self.records.values(), *self.alone, *whole)

    def find(self, response_id: str) -> Record | None:
        """Return the record of a response, or None."""
        known = (*self.waiting, *self.records.values())
        return next((record for record in known if record.response_id == response_id), None)

    def parent(self, position: Position) -> Position | None:
        """Return the position of the turn before this one, None for the root."""
        fork_point = self.fork_points[position.log]
        before = Position(position.log, position.depth - 1)
        parent = before if before.depth > fork_point.depth else fork_point
        return parent if parent.depth >= 0 else None


def layout_of(tag: str, index: Sequence[bytes], expired: Sequence[bytes]) -> Layout:
    """Parse an index: its fields and values, and the expired places with their times."""
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
