"""Encodes a turn as one entry of a conversation's log: its items, then the rest of its response.

The two are packed separately, so that loading a context unpacks only items. A turn's tools and
instructions are usually those of the turn before: from the second turn of a conversation on they
are stored once, beside the log, and the entry refers to them by a digest of 12 bytes. An entry is

    size of the items, 4 bytes    | digest | items (store/codec.py) | rest (store/codec.py)
    highest bit: a digest follows |        |                        |

If the response is encrypted with its caller's key, both parts are sealed (store/encryption.py), and
so are the common fields; their digest is made with the key, so that nobody can guess them.

Unpacked, the items are the input's and the output's, and the rest is `include` and the fields of
the response; in it `instructions`, `text` and `tools` are null if the digest refers to them.
Special entries: one without a rest has only items, which were added to the conversation directly;
MARK says that items were removed; and one whose size is 0 refers to the log whose number follows
(lua/conversation.lua).

    [[{"type": "message", "role": "user", …}], [{"type": "message", "role": "assistant", …}]]
    [["reasoning.encrypted_content"], {"status": "completed", "model": "m", "tools": null, …}]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress, repeat
from operator import attrgetter, is_
from typing import Any

import orjson

from app.domain.accounts.content_key import ContentKey, check_value
from app.domain.ids import TAG_LENGTH, stem_of
from app.domain.items import Item
from app.domain.tools import FunctionTool, functions_of
from app.domain.tools.lazy import LazyTools
from app.domain.turns.turn import Position, Turn
from app.schemas.request.json_body.memory import memory_beside_text
from app.schemas.wire.items import ITEM
from app.schemas.wire.responses import RESPONSE
from app.schemas.wire.tools import TOOL
from app.store.codec import LONG_BYTES, VERSIONS, Codec, room_for
from app.store.encryption import SEALED, Seal, seal_of, seal_within
from app.store.responses.packed.common_fields import PART, CommonFields
from app.store.responses.packed.entry_parts import (
    MARK,
    NAMES_COMMON,
    PURGED,
    SIZE,
    digest_of,
    is_sealed,
    items_at,
    parts_of,
)
from app.store.responses.packed.homes import homes_of, is_among
from app.store.responses.packed.known_items import EntryItems, KnownItems, built, entry_items
from app.store.responses.packed.packed_turn import PackedTurn
from app.store.room import LIGHT_BYTES, Room, unbounded

#: The fields that are stored once, and the bytes of JSON from which on they are.
COMMON = ("instructions", "text", "tools")
COMMON_FROM_BYTES = 300

#: Bytes from which on cuts are packed. Cuts themselves never begin with a byte of VERSIONS.
PACKED_FROM_BYTES = 512

#: Names of the parts that are sealed separately, like PART.
_ITEMS, _REST, _CUTS = b"items", b"rest", b"cuts"
_NOT_IN_REST = ("id", "object", "output", "output_text")

Items = tuple[Item, ...]

_JSON_BYTES = attrgetter("json_bytes")

#: Entries without items: a purged turn, of which only the place is left, and a mark.
_EMPTY = {PURGED: EntryItems((), (), True, 0), MARK: EntryItems((), (), False, 0)}


class Entries:
    """Encodes and decodes turns. It reserves `room` before it reads long entries, as Room does."""

    def __init__(self, room: Room = unbounded) -> None:
        self._room = room
        self._codec = Codec()
        self._known = KnownItems()
        self._common = CommonFields(self._codec)

    def dump(self, turn: Turn) -> bytes:
        """Return a turn's entry, followed, if it has a digest, by the common fields and their size.

        lua/commit_turn.lua separates them.
        """
        if turn.parent is None:
            return self.alone(turn)
        fields = RESPONSE.dump(turn.response).copy()
        common = orjson.dumps({name: fields[name] for name in COMMON})
        if len(common) < COMMON_FROM_BYTES:
            return self._joined(turn, fields)
        digest, packed = self._common.stored(common, turn)
        entry = self._joined(turn, fields | dict.fromkeys(COMMON), digest)
        return entry + packed + SIZE.pack(len(packed))

    def packed(self, turn: Turn, entry: bytes | None = None) -> PackedTurn:
        """Return a turn as stores take it; `entry` defaults to `dump`'s."""
        response, key = turn.response, turn.key
        return PackedTurn(
            turn.account,
            response.id,
            response.status,
            response.created_at,
            self.dump(turn) if entry is None else entry,
            turn.parent,
            turn.conversation,
            self.cuts(turn),
            check_value(key, response.id),
            homes_of(response.id, turn.input + response.output, key),
            turn.expires_at,
            turn.user_hash,
        )

    def opened(self, packed: PackedTurn, key: ContentKey) -> Turn:
        """Return a turn from its packed form, sealed with this key. Raises SealedRecord."""
        entry, own_id = packed.entry, packed.response_id
        turn = self.turn(entry, packed.account, own_id, packed.parent, key=key)
        cuts = self.opened_cuts(packed.cuts, own_id, key)
        conversation, user_hash = packed.conversation, packed.user_hash
        return replace(turn, conversation=conversation, cuts=cuts, user_hash=user_hash)

    def alone(self, turn: Turn) -> bytes:
        """Return a turn as one self-contained entry."""
        return self._joined(turn, RESPONSE.dump(turn.response).copy())

    def items_alone(self, items: Items, entry_id: str = "", key: ContentKey | None = None) -> bytes:
        """Return the entry of items without a response; `entry_id` is the entry's id."""
        data = orjson.dumps([ITEM.dump_all(items), []])
        packed = self._codec.pack(data, seal_of(key, entry_id, _ITEMS))
        return SIZE.pack(len(packed)) + packed

    def _joined(self, turn: Turn, fields: dict[str, Any], digest: bytes = b"") -> bytes:
        items = [ITEM.dump_all(turn.input), fields["output"]]
        for name in _NOT_IN_REST:
            del fields[name]
        key, own_id = turn.key, turn.response.id
        packed = self._codec.pieces(orjson.dumps(items), seal_of(key, own_id, _ITEMS))
        rest = orjson.dumps([sorted(turn.include), fields])
        rest = self._codec.pack(rest, seal_of(key, own_id, _REST))
        size = sum(map(len, packed)) | (NAMES_COMMON if digest else 0)
        return b"".join((SIZE.pack(size), digest, *packed, rest))

    def cuts(self, turn: Turn) -> bytes:
        """Return a turn's cuts as they are stored; b"" if it has none.

        Long cuts are packed: they are repetitive.
        """
        cuts, seal = turn.cuts, seal_of(turn.key, turn.response.id, _CUTS)
        if not cuts or (seal is None and len(cuts) < PACKED_FROM_BYTES):
            return cuts
        return self._codec.pack(cuts, seal)

    def opened_cuts(self, stored: bytes, response_id: str, key: ContentKey | None) -> bytes:
        """Return what `cuts` was given; `key` is the response's, if it is encrypted."""
        if not stored or (key is None and stored[:1] not in VERSIONS):
            return stored
        return self._codec.unpack(stored, seal_of(key, response_id, _CUTS), self._room)

    def items(
        self, entry: bytes, key: ContentKey | None = None, tag: str = "", room: Room | None = None
    ) -> EntryItems:
        """Return the items of an entry; none if it is purged.

        A sealed entry is opened with `key`, in the conversation of this tag. Long entries are read
        once there is `room`, by default the instance's own.
        """
        if entry in _EMPTY:
            return _EMPTY[entry]
        packed, rest = parts_of(entry)
        data = self._codec.unpack(packed, seal_within(key, tag, _ITEMS), room or self._room)
        return entry_items(data, rest)

    def all_items(
        self,
        entries: Sequence[bytes],
        gone: frozenset[str] = frozenset(),
        key: ContentKey | None = None,
        tag: str = "",
    ) -> tuple[list[Item], list[range]]:
        """Return the items of entries, in order, and the range of each turn's input among them.

        Items in `gone` are left out; `key` and `tag` as for `items`. Items without a response
        belong to the turn before them, as if they were its output.
        """
        items, inputs = list[Item](), list[range]()
        found: list[Any] = self._known.find_all(entries)
        json_bytes = sum(map(_JSON_BYTES, filter(None, found)))
        if json_bytes > LIGHT_BYTES:  # it is encoded again, for the upstream
            self._room(json_bytes)
        if None in found:
            self._read(entries, found, seal_within(key, tag, _ITEMS))
        for given, made, is_turn, _ in found:
            if gone:
                given, made = _without(gone, given, key), _without(gone, made, key)
            start = len(items)
            items += given
            if is_turn:
                inputs.append(range(start, len(items)))
            items += made
        return items, inputs

    def _read(self, entries: Sequence[bytes], found: list[Any], seal: Seal | None) -> None:
        """Replace each None in `found` by its entry's items, once there is room for all of them.

        Reserving it for all at once refuses a request that could never have enough.
        """
        # MEASURED: a loop over a hundred entries, one of them missing, is 2 % of their request.
        missing = [*compress(range(len(found)), map(is_, found, repeat(None)))]
        size = sum(room_for(entry, items_at(entry)) for entry in map(entries.__getitem__, missing))
        if size > LIGHT_BYTES:
            self._room(size)
        for each in missing:
            found[each] = self._kept_items(entries[each], seal)

    def _kept_items(self, entry: bytes, seal: Seal | None) -> EntryItems:
        """Return an entry's items; they are cached unless it is sealed."""
        if entry in _EMPTY:
            return _EMPTY[entry]
        packed, rest = parts_of(entry)
        sealed = packed[:1] == SEALED  # otherwise its room is reserved already
        data = self._codec.unpack(packed, seal, self._room if sealed else unbounded)
        if len(data) >= LONG_BYTES:
            self._room(len(data) if sealed else memory_beside_text(data))
        items = entry_items(data, rest)
        if not sealed:
            self._known.keep(entry, items)
        return items

    def purged(self, entries: Sequence[bytes]) -> frozenset[int]:
        """Return the indexes of purged turns, counting only the entries that are turns."""
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
        key: ContentKey | None = None,
        tag: str = "",
    ) -> Turn:
        """Return the turn of an entry; `common` are the common fields that its digest refers to.

        A sealed entry is opened with `key`; `tag` is the conversation's, for when the response's id
        is not known. A purged entry has no turn.
        """
        packed, rest = parts_of(entry)
        key = key if is_sealed(entry) else None
        scope = stem_of(response_id) or tag
        given, made = (), ()
        if packed:  # lists read entries without their items (listings/lua/shortened.lua)
            data = self._codec.unpack(packed, seal_within(key, scope, _ITEMS), self._room)
            given, made = orjson.loads(data)
        include, rest_fields = self._rest(rest, digest_of(entry), common, key, scope)
        response = RESPONSE.load({"id": response_id, "output": made, **rest_fields})
        return Turn(account, response, built(given), frozenset(include), parent, key=key)

    def tools(
        self, entry: bytes, common: bytes | None, key: ContentKey | None, tag: str
    ) -> LazyTools:
        """Return the functions in an entry's turn's request (S6); arguments as for `turn`.

        Until they are read the packed rest stays in memory; tools may be as long as a picture.
        """
        (_, rest), digest = parts_of(entry), digest_of(entry)

        def read() -> tuple[FunctionTool, ...]:
            _, fields = self._rest(rest, digest, common, key, tag)
            return functions_of(map(TOOL.load, fields["tools"]))

        return LazyTools(read)

    def _rest(
        self, rest: bytes, digest: bytes, common: bytes | None, key: ContentKey | None, scope: str
    ) -> tuple[list[str], dict[str, Any]]:
        """Return `include` and the fields of a turn's response, the common ones included."""
        unpack, room = self._codec.unpack, self._room
        include, fields = orjson.loads(unpack(rest, seal_within(key, scope, _REST), room))
        if common:  # may have been stored by another turn
            seal = seal_within(key, scope[:TAG_LENGTH], PART + digest)
            fields.update(orjson.loads(unpack(common, seal, room)))
        return include, fields


def _without(gone: frozenset[str], items: Items, key: ContentKey | None) -> Items:
    return tuple(item for item in items if not is_among(gone, item.id, key))
