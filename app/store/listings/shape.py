"""The shape of a conversation's tree, from its index: who continues whom, who may be seen."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.turns.turn import Position
from app.store.responses.layout import Layout, Record

_REFERENCE = re.compile(r"(\d+)=(\d+)")
#: Sorts after the depth of any turn.
_PENDING_DEPTH = 1 << 31


class TreeShape:
    """A tree's shape. `layout` was parsed from the fields in `index`; `key` is the caller's."""

    def __init__(self, layout: Layout, index: Sequence[bytes], key: ContentKey | None) -> None:
        self._layout = layout
        fields = dict(zip(index[::2], index[1::2], strict=True))
        self._checks = {
            name.decode().removeprefix("check:"): value.decode()
            for name, value in fields.items()
            if name.startswith(b"check:")
        }
        self._key = key
        whole = layout.conversation
        is_there = whole is not None and whole.deleted_at is None
        self.conversation_id = (
            whole.response_id if whole and is_there and self._opens(whole.response_id) else None
        )
        self._at = {**layout.records, **{each.position: each for each in layout.alone}}
        text = fields.get(b"references", b"").decode()
        for depth, log in _REFERENCE.findall(text):
            first = Position(log, layout.fork_points[log].depth + 1)
            if first in self._at:
                self._at[Position("0", int(depth))] = self._at[first]
        self._parents: dict[Position, Record | None] = {}

    def newest(self, most: int, any_id: str) -> tuple[list[Record], bool]:
        """Return visible records, newest first, `any_id` among them; and whether there are more."""
        layout = self._layout
        every = (*layout.waiting, *layout.records.values(), *layout.alone)
        seen = sorted(filter(self._is_seen, every), key=age, reverse=True)
        chosen = seen[:most]
        for each in seen[most:]:
            if each.response_id == any_id:
                chosen[-1] = each
        return chosen, len(seen) > most

    def gone_behind(self, chosen: Sequence[Record], most: int) -> tuple[list[Record], bool]:
        """Return the deleted records that `chosen` continue; and whether there are more."""
        found: dict[str, Record] = {}
        for record in chosen:
            parent = self._parent(record.position) if record.position.depth >= 0 else None
            while parent and parent.response_id not in found and self._is_gone(parent):
                if len(found) == most:
                    return list(found.values()), True
                found[parent.response_id] = parent
                parent = self._parent(parent.position)
        return list(found.values()), False

    def place(self, record: Record) -> tuple[str, str | int]:
        """Return a record's place (lua/entries.lua): a log and an index in it, or "" and its id."""
        position = record.position
        if position.depth < 0:
            return "", record.response_id
        return position.log, position.depth - self._layout.fork_points[position.log].depth - 1

    def parent_id(self, record: Record) -> str | None:
        """Return the id of what a turn, or an entry of items alone, continues."""
        return _id_of(self._parent(record.position))

    def id_at(self, position: Position) -> str | None:
        """Return the id of the record at a position, or else of the last one before it."""
        return _id_of(self._at.get(position) or self._parent(position))

    def _parent(self, position: Position) -> Record | None:
        """Return the record before a position, skipping places whose content is purged."""
        passed, at = [position], self._layout.parent(position)
        while at is not None and at not in self._at and at not in self._parents:
            passed.append(at)
            at = self._layout.parent(at)
        found = None
        if at is not None:
            found = self._at.get(at) or self._parents.get(at)
        self._parents.update(dict.fromkeys(passed, found))
        return found

    def _is_seen(self, record: Record) -> bool:
        return not self._is_gone(record) and self._opens(record.response_id)

    def _is_gone(self, record: Record) -> bool:
        """Tell whether a record is deleted; items alone are if their conversation is."""
        if record.status == "items" and self.conversation_id is None:
            return True
        return record.deleted_at is not None

    def _opens(self, any_id: str) -> bool:
        known = self._checks.get(any_id)
        return known is None or known == check_value(self._key, any_id)


def _id_of(record: Record | None) -> str | None:
    return None if record is None else record.response_id


def age(record: Record) -> tuple[int, int]:
    """Return a key that sorts records by age; waiting ones come after ended ones."""
    depth = record.position.depth
    return record.created_at or 0, depth if depth >= 0 else _PENDING_DEPTH
