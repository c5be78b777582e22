"""Everything that a Redis holds, for tests that look for what must not be there."""

from __future__ import annotations

from typing import Any

from app.store.checks import servers
from app.store.codec import Codec
from app.store.entries import PURGED, parts_of


def everything(client: Any) -> bytes:
    """Return all keys and values of all servers, packed ones unpacked as well."""
    found = []
    for _, node in servers(client):
        for key in node.scan_iter():
            found += [key, *_values(node, key)]
    return b"\0".join(found)


def _values(node: Any, key: bytes) -> list[bytes]:
    match node.type(key):
        case b"hash" if key.endswith(b":common"):
            fields = node.hgetall(key)
            return [
                part if name[:1] == b"#" else Codec().unpack(part) for name, part in fields.items()
            ]
        case b"hash":
            return [part for field in node.hgetall(key).items() for part in field]
        case b"zset":
            return list(node.zrange(key, 0, -1))
        case b"string":
            return [node.get(key)]
        case b"stream":
            entries = [fields for _, fields in node.xrange(key)]
            return [part for fields in entries for field in fields.items() for part in field]
        case b"list":
            return [part for entry in node.lrange(key, 0, -1) for part in _unpacked(entry)]
        case other:
            raise AssertionError(f"{key!r} is a {other!r}: tell this function how to read it")


def _unpacked(entry: bytes) -> list[bytes]:
    if entry == PURGED:
        return []
    codec = Codec()
    return [entry, *map(codec.unpack, parts_of(entry))]
