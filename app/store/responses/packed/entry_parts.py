"""Finds the parts of an entry (responses/entries.py) without unpacking them."""

from __future__ import annotations

import struct

from app.store.encryption import SEALED
from app.store.responses.packed.common_fields import DIGEST_BYTES

#: The entry that a purge leaves: it keeps its place in the log and has no content.
PURGED = b""
#: Entry that marks a removal of items; the conversation says which ones.
MARK = b"\0"

SIZE = struct.Struct(">I")
#: Bit in the size of an entry's items if a digest follows; and the same bit in the first byte.
NAMES_COMMON, _NAMED = 0x8000_0000, 0x80


def digest_of(entry: bytes) -> bytes:
    """Return an entry's digest, b"" if it has no common fields."""
    if entry in (PURGED, MARK) or not SIZE.unpack_from(entry)[0] & NAMES_COMMON:
        return b""
    return entry[SIZE.size : SIZE.size + DIGEST_BYTES]


def items_at(entry: bytes) -> int:
    """Return the offset of an entry's packed items, which may be its end."""
    if entry in (PURGED, MARK):
        return len(entry)
    return SIZE.size + (DIGEST_BYTES if entry[0] & _NAMED else 0)


def parts_of(entry: bytes) -> tuple[bytes, bytes]:
    """Return the packed items and the packed rest of an entry."""
    (size,) = SIZE.unpack_from(entry)
    start = SIZE.size + (DIGEST_BYTES if size & NAMES_COMMON else 0)
    end = start + (size & ~NAMES_COMMON)
    return entry[start:end], entry[end:]


def without_items(entry: bytes) -> bytes:
    """Return an entry without its items, as lists read it."""
    _, rest = parts_of(entry)
    digest = digest_of(entry)
    return SIZE.pack(NAMES_COMMON if digest else 0) + digest + rest


def is_sealed(entry: bytes) -> bool:
    """Tell whether an entry belongs to an encrypted response, or to encrypted items."""
    return entry not in (PURGED, MARK) and any(part[:1] == SEALED for part in parts_of(entry))


def has_items(entry: bytes) -> bool:
    """Tell whether an entry has items, or was returned without them."""
    return bool(parts_of(entry)[0])
