"""A conversation's index, read as a whole: which response is where, and what each log continues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.store.responses.base import Place

_NOWHERE = Place("0", -1)


@dataclass(frozen=True, slots=True)
class Record:
    """What the index says of a response; `deleted_at` is in Unix seconds."""

    response_id: str
    status: str
    place: Place
    deleted_at: int | None


@dataclass(frozen=True, slots=True)
class Layout:
    """`records` has what has ended, `waiting` what waits or runs. `bases` tells for each log the
    place that it continues, log 0 first.
    """

    records: Mapping[Place, Record]
    waiting: tuple[Record, ...]
    bases: Mapping[str, Place]

    def find(self, response_id: str) -> Record | None:
        """Return what is said of a response, if anything is."""
        told = (*self.waiting, *self.records.values())
        return next((record for record in told if record.response_id == response_id), None)

    def parent(self, place: Place) -> Place | None:
        """Return the place that a place continues, None for the root."""
        base = self.bases[place.log]
        parent = Place(place.log, place.depth - 1) if place.depth - 1 > base.depth else base
        return parent if parent.depth >= 0 else None


def read(index: Mapping[bytes, bytes]) -> Layout:
    """Return what the fields of an index say (lua/conversation.lua)."""
    told = []
    bases = {"0": _NOWHERE}
    for field, value in sorted(index.items()):
        name, text = field.decode(), value.decode()
        if name.startswith("resp_"):
            told.append(_record(name, text))
        elif name.startswith("fork:"):
            log, _, depth = text.partition(":")
            bases[name.removeprefix("fork:")] = Place(log, int(depth))
    ended = {record.place: record for record in told if record.place.depth >= 0}
    return Layout(ended, tuple(record for record in told if record.place.depth < 0), bases)


def _record(response_id: str, text: str) -> Record:
    status, log, depth, deleted = text.split(":")
    return Record(response_id, status, Place(log, int(depth)), int(deleted) if deleted else None)
