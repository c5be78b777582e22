"""Everything that a Redis holds, for tests that look for what must not be there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from zstandard import ZstdError

from app.store.codec import Codec
from app.store.connection.checks import servers
from app.store.responses.packed.entry_parts import parts_of


def everything(client: Any) -> bytes:
    """Return all keys and values of all servers, packed ones unpacked as well."""
    found = []
    for _, node in servers(client):
        for key in node.scan_iter():
            found.append(key)
            for value in _values(node, key):
                found += _opened(value)
    return b"\0".join(found)


def _values(node: Any, key: bytes) -> list[bytes]:
    match node.type(key):
        case b"hash":
            return [part for field in node.hgetall(key).items() for part in field]
        case b"zset":
            return list(node.zrange(key, 0, -1))
        case b"set":
            return list(node.smembers(key))
        case b"string":
            return [node.get(key)]
        case b"stream":
            entries = [fields for _, fields in node.xrange(key)]
            return [part for fields in entries for field in fields.items() for part in field]
        case b"list":
            return list(node.lrange(key, 0, -1))
        case b"none":
            return []  # it ended since it was found: a lease that nobody holds any more
        case other:
            raise AssertionError(f"{key!r} is a {other!r}: tell this function how to read it")


def _opened(value: bytes) -> Iterator[bytes]:
    """Yield the value, and whatever it unpacks to: as it is, or as a turn."""
    yield value
    for packed in (value, *(parts_of(value) if len(value) > 4 else ())):
        with suppress(ValueError, ZstdError):
            yield Codec().unpack(packed)
