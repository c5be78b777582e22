"""Read which item an event is about: its place in the output, and its id. Pure."""

from __future__ import annotations

from app.providers.reading.counts import whole_number
from app.providers.reading.events import Json

#: The index of an event without one.
NOWHERE = -1


def index_of(event: Json) -> int:
    """Return the index of an event's item."""
    index = event.get("output_index")
    # MEASURED: this is called for each delta, and nearly all indexes are integers.
    if type(index) is int:
        return index
    number = whole_number(index)
    return NOWHERE if number is None else number


def id_of(item_id: object) -> str:
    """Return an item's id, "" for anything but a string."""
    return item_id if isinstance(item_id, str) else ""
