"""A conversation's index, read as a whole: which response is where, and what each log continues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.store.base import Place

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
    """`records` has what has ended. `bases` tells for each log the place that it continues, log 0
    first.
    """

    records: Mapping[Place, Record]
    bases: Mapping[str, Place]

    def parent(self, place: Place) -> Place | None:
        """Return the place that a place continues, None for the root."""
        base = self.bases[place.log]
        parent = Place(place.log, place.depth - 1) if place.depth - 1 > base.depth else base
        return parent if parent.depth >= 0 else None


def read(index: Mapping[bytes, bytes]) -> Layout:
    """Return what the fields of an index say (lua.py)."""
    records = {}
    bases = {"0": _NOWHERE}
    for field, value in sorted(index.items()):
        name, text = field.decode(), value.decode()
        if name.startswith("resp_"):
            record = _record(name, text)
            if record.place.depth >= 0:
                records[record.place] = record
        elif name.startswith("fork:"):
            log, _, depth = text.partition(":")
            bases[name.removeprefix("fork:")] = Place(log, int(depth))
    return Layout(records, bases)


def _record(response_id: str, text: str) -> Record:
    status, log, depth, deleted = text.split(":")
    return Record(response_id, status, Place(log, int(depth)), int(deleted) if deleted else None)
