"""A turn as one entry of a conversation's log: its items, then what its response says beside them.

The two parts are packed apart, so that loading a context reads nothing but items.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import orjson

from app.domain.items import Item
from app.domain.response import Response
from app.schemas.items import item_from_json, item_json
from app.schemas.responses import response_from_json, response_json
from app.store.base import Place, Turn
from app.store.codec import Codec

#: What a purge leaves of an entry: its place in the log and nothing else.
PURGED = b""

_SIZE = struct.Struct(">I")
_TOLD_ELSEWHERE = ("id", "object", "output", "output_text")

Items = tuple[Item, ...]


class Entries:
    """Turns to bytes and back."""

    def __init__(self) -> None:
        self._codec = Codec()

    def dump(self, turn: Turn) -> bytes:
        """Return the entry of a turn."""
        items = [[item_json(item) for item in turn.input], _shown(turn.response.output)]
        beside: dict[str, Any] = response_json(replace(turn.response, output=()))
        for name in _TOLD_ELSEWHERE:
            del beside[name]
        packed = self._codec.pack(orjson.dumps(items))
        rest = self._codec.pack(orjson.dumps([sorted(turn.include), beside]))
        return b"".join((_SIZE.pack(len(packed)), packed, rest))

    def items(self, entry: bytes) -> tuple[Items, Items]:
        """Return the items of an entry: input and output, both empty once it is purged."""
        if entry == PURGED:
            return (), ()
        (size,) = _SIZE.unpack_from(entry)
        packed = entry[_SIZE.size : _SIZE.size + size]
        given, made = orjson.loads(self._codec.unpack(packed))
        return tuple(map(item_from_json, given)), tuple(map(item_from_json, made))

    def turn(self, entry: bytes, account: str, response_id: str, parent: Place | None) -> Turn:
        """Return the turn whose entry this is; a purged one has none."""
        given, made = self.items(entry)
        (size,) = _SIZE.unpack_from(entry)
        include, beside = orjson.loads(self._codec.unpack(entry[_SIZE.size + size :]))
        response: Response = response_from_json({"id": response_id, "output": [], **beside})
        return Turn(account, replace(response, output=made), given, frozenset(include), parent)


def _shown(items: Items) -> list[dict[str, Any]]:
    return [item_json(item) for item in items]
