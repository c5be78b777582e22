"""Where the parts of an entry are (responses/entries.py): nothing is unpacked here."""

from __future__ import annotations

import struct

from app.store.encryption import SEALED
from app.store.responses.packed.common_fields import DIGEST_BYTES

#: What a purge leaves of an entry: its position in the log and nothing else.
PURGED = b""
#: From here on items are removed; which ones the conversation says.
MARK = b"\0"

SIZE = struct.Struct(">I")
#: Set in the size of an entry's items where a digest follows; and in the first byte of that.
NAMES_COMMON, _NAMED = 0x8000_0000, 0x80


def digest_of(entry: bytes) -> bytes:
    """Return the digest that an entry has, empty where it names nothing."""
    if entry in (PURGED, MARK) or not SIZE.unpack_from(entry)[0] & NAMES_COMMON:
        return b""
    return entry[SIZE.size : SIZE.size + DIGEST_BYTES]


def items_at(entry: bytes) -> int:
    """Return where the packed items of an entry begin, which may be its end."""
    if entry in (PURGED, MARK):
        return len(entry)
    return SIZE.size + (DIGEST_BYTES if entry[0] & _NAMED else 0)


def parts_of(entry: bytes) -> tuple[bytes, bytes]:
    """Return the packed items and the packed rest."""
    (size,) = SIZE.unpack_from(entry)
    start = SIZE.size + (DIGEST_BYTES if size & NAMES_COMMON else 0)
    end = start + (size & ~NAMES_COMMON)
    return entry[start:end], entry[end:]


def without_items(entry: bytes) -> bytes:
    """Return an entry of which the items are left out, as lists read it."""
    _, rest = parts_of(entry)
    digest = digest_of(entry)
    return SIZE.pack(NAMES_COMMON if digest else 0) + digest + rest


def is_sealed(entry: bytes) -> bool:
    """Tell whether an entry is of a response, or of items, that were encrypted."""
    return entry not in (PURGED, MARK) and any(part[:1] == SEALED for part in parts_of(entry))


def has_items(entry: bytes) -> bool:
    """Tell whether the items of an entry are there."""
    return bool(parts_of(entry)[0])
