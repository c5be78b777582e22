"""What a Redis holds, all of it, unpacked as far as whoever has no key could: to look for words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from redis import Redis

from app.store.codec import Codec
from app.store.encryption import SEALED
from app.store.responses.packed.entry_parts import MARK, PURGED, parts_of

_codec = Codec()
_BULK = re.compile(rb"\$(\d+)\r\n")


def everything(redis: Redis) -> Iterator[tuple[bytes, bytes]]:
    """Yield each key, and each piece of its value, as it is and unpacked."""
    for key in redis.scan_iter(count=1000):
        yield key, key
        for piece in _pieces(redis, key):
            yield from readable(key, piece)


def appended(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each argument of each command of an append-only file, as it is and unpacked."""
    yield b"the file", data
    at = 0
    while (head := _BULK.search(data, at)) is not None:
        end = head.end() + int(head[1])
        yield from readable(b"the file at %d" % head.start(), data[head.end() : end])
        at = end


def found_in(redis: Redis, words: Iterable[bytes]) -> dict[str, list[str]]:
    """Return the keys that hold one of the words in clear, by word."""
    return found_among(everything(redis), words)


def found_among(
    pieces: Iterable[tuple[bytes, bytes]], words: Iterable[bytes]
) -> dict[str, list[str]]:
    """Return the names of pieces that hold one of the words in clear, by word."""
    wanted = {each.lower() for each in words}
    found: dict[str, list[str]] = {}
    for name, data in pieces:
        lower = data.lower()
        for word in wanted:
            if word in lower:
                found.setdefault(repr(word), []).append(name.decode(errors="replace"))
    return found


def _pieces(redis: Any, key: bytes) -> Iterator[bytes]:
    match redis.type(key):
        case b"string":
            yield redis.get(key)
        case b"hash":
            for name, value in redis.hgetall(key).items():
                yield name
                yield value
        case b"list":
            yield from redis.lrange(key, 0, -1)
        case b"set":
            yield from redis.smembers(key)
        case b"zset":
            yield from redis.zrange(key, 0, -1)
        case b"stream":
            for _, fields in redis.xrange(key):
                yield from fields.keys()
                yield from fields.values()
        case b"none":
            pass  # it ended since it was found: a lease that nobody holds any more
        case kind:
            raise AssertionError(f"a key of a type that nobody looks into: {kind!r}")


def readable(name: bytes, piece: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield a piece as it is, and what its parts are packed from, under this name."""
    yield name, piece
    candidates = [piece]
    if len(piece) > 4 and piece not in (PURGED, MARK):
        candidates += parts_of(piece)
    for each in candidates:
        if each[:1] == SEALED:
            continue
        try:
            yield name, _codec.unpack(each)
        except Exception:  # noqa: BLE001, S112 - it is packed in no way that anybody could read
            continue
