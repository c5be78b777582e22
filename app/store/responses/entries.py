"""A turn as one entry of a conversation's log: its items, then the rest of its response.

The two are packed apart, so that loading a context unpacks nothing but items. A turn's tools and
instructions are as a rule those of the turn before: from the second turn of a conversation on they
are stored once, beside the log, and the entry names them by a digest of 12 bytes. An entry is

    size of the items, 4 bytes    | digest | items (store/codec.py) | rest (store/codec.py)
    highest bit: a digest follows |        |                        |

Unpacked, the items are the input's and the output's, and the rest is `include` and the fields of
the response; `instructions`, `text` and `tools` are null in it where the digest names them. An
entry without a rest has items alone, which came to a conversation by themselves; MARK says that
some were removed; and one whose size is 0 refers to the log whose number follows
(lua/conversation.lua).


    [[{"type": "message", "role": "user", …}], [{"type": "message", "role": "assistant", …}]]
    [["reasoning.encrypted_content"], {"status": "completed", "model": "m", "tools": null, …}]
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from app.domain.items import Item
from app.domain.turns.turn import Position, Turn
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE
from app.store.codec import Codec

#: What a purge leaves of an entry: its position in the log and nothing else.
PURGED = b""
#: From here on items are removed; which ones the conversation says.
MARK = b"\0"

#: The fields that are stored once, where they are at least so many bytes.
COMMON = ("instructions", "text", "tools")
COMMON_FROM_BYTES = 300

DIGEST_BYTES = 12

_SIZE = struct.Struct(">I")
_NAMES_COMMON = 0x8000_0000
_NOT_IN_REST = ("id", "object", "output", "output_text")

Items = tuple[Item, ...]


class Entries:
    """Turns to bytes and back."""

    def __init__(self) -> None:
        self._codec = Codec()

    def dump(self, turn: Turn) -> bytes:
        """Return a turn's entry; behind it, if it has a digest, the common fields and their size.

        lua/commit_turn.lua takes them apart.
        """
        if turn.parent is None:
            return self.alone(turn)
        fields = RESPONSE.dump(turn.response)
        common = orjson.dumps({name: fields[name] for name in COMMON})
        if len(common) < COMMON_FROM_BYTES:
            return self._joined(turn, fields)
        digest = hashlib.blake2b(common, digest_size=DIGEST_BYTES).digest()
        entry = self._joined(turn, fields | dict.fromkeys(COMMON), digest)
        packed = self._codec.pack(common)
        return entry + packed + _SIZE.pack(len(packed))

    def alone(self, turn: Turn) -> bytes:
        """Return a turn as one entry that has all of it."""
        return self._joined(turn, RESPONSE.dump(turn.response))

    def items_alone(self, items: Items) -> bytes:
        """Return the entry of items that came by themselves."""
        packed = self._codec.pack(orjson.dumps([ITEM.dump_all(items), []]))
        return _SIZE.pack(len(packed)) + packed

    def _joined(self, turn: Turn, fields: dict[str, Any], digest: bytes = b"") -> bytes:
        items = [ITEM.dump_all(turn.input), fields["output"]]
        for name in _NOT_IN_REST:
            del fields[name]
        packed = self._codec.pack(orjson.dumps(items))
        rest = self._codec.pack(orjson.dumps([sorted(turn.include), fields]))
        size = len(packed) | (_NAMES_COMMON if digest else 0)
        return b"".join((_SIZE.pack(size), digest, packed, rest))

    def items(self, entry: bytes) -> tuple[Items, Items]:
        """Return the items of an entry: input and output, both empty once it is purged."""
        if entry in (PURGED, MARK):
            return (), ()
        packed, _ = parts_of(entry)
        given, made = orjson.loads(self._codec.unpack(packed))
        return tuple(ITEM.load_all(given)), tuple(ITEM.load_all(made))

    def all_items(
        self, entries: Iterable[bytes], gone: frozenset[str] = frozenset()
    ) -> tuple[list[Item], list[range]]:
        """Return the items of entries, in their order, and which of them each turn's input is.

        Without those that are gone. Items that came by themselves belong to the turn before them,
        as if that had answered them.

        MEASURED: made all together, the items of 100 turns take a sixth less than turn by turn.
        """
        unpack, shown, inputs = self._codec.unpack, list[dict[str, Any]](), list[range]()
        for entry in entries:
            start = len(shown)
            if entry == PURGED:
                inputs.append(range(start, start))
                continue
            if entry == MARK:
                continue
            packed, rest = parts_of(entry)
            given, made = orjson.loads(unpack(packed))
            if gone:
                given = [item for item in given if item["id"] not in gone]
                made = [item for item in made if item["id"] not in gone]
            shown += given
            if rest:
                inputs.append(range(start, len(shown)))
            shown += made
        return ITEM.load_all(shown), inputs

    def purged(self, entries: Sequence[bytes]) -> frozenset[int]:
        """Return the numbers of those turns among the entries of which a purge left nothing."""
        if PURGED not in entries:
            return frozenset()
        turns = [each for each in entries if each == PURGED or (each != MARK and parts_of(each)[1])]
        return frozenset(number for number, each in enumerate(turns) if each == PURGED)

    def turn(
        self,
        entry: bytes,
        account: str,
        response_id: str,
        parent: Position | None,
        common: bytes | None = None,
    ) -> Turn:
        """Return the turn of an entry; `common` are the fields that its digest names.

        A purged entry has none.
        """
        packed, rest = parts_of(entry)
        given, made = orjson.loads(self._codec.unpack(packed))
        include, rest_fields = orjson.loads(self._codec.unpack(rest))
        if common:
            rest_fields.update(orjson.loads(self._codec.unpack(common)))
        response = RESPONSE.load({"id": response_id, "output": made, **rest_fields})
        items = tuple(ITEM.load_all(given))
        return Turn(account, response, items, frozenset(include), parent)


def digest_of(entry: bytes) -> bytes:
    """Return the digest that an entry has, empty where it names nothing."""
    if entry in (PURGED, MARK) or not _SIZE.unpack_from(entry)[0] & _NAMES_COMMON:
        return b""
    return entry[_SIZE.size : _SIZE.size + DIGEST_BYTES]


def parts_of(entry: bytes) -> tuple[bytes, bytes]:
    """Return the packed items and the packed rest."""
    (size,) = _SIZE.unpack_from(entry)
    start = _SIZE.size + (DIGEST_BYTES if size & _NAMES_COMMON else 0)
    end = start + (size & ~_NAMES_COMMON)
    return entry[start:end], entry[end:]
