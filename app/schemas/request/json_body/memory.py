"""Estimates the memory of a parsed JSON body from its bytes, before it is parsed.

MEASURED (CPython 3.12, orjson; twenty shapes, the parser's own memory included): an empty object
takes 90 bytes with its place in an array, one with a key 260, with a unique key 320; an empty
array 90, a short string 95, a number 60. The estimate is never less than nine tenths of what any of
these shapes takes, and mostly up to half more. It takes 10 ms for 20 MB of text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from app.errors import RequestTooLarge

_MEBIBYTE = 1024 * 1024
#: Approximate memory for each of these bytes that is structure, not text.
_WEIGHTS = {b"{": 200, b"[": 88, b'"': 29, b",": 56, b":": 40}
#: Bytes translated at once, and how far the next of those bytes is then searched.
_STRIDE, _WINDOW = 64 * 1024, 1024 * 1024
_OTHERS = bytes(set(range(256)) - set(b"".join(_WEIGHTS)))
#: Maximum memory of a body's values in bytes, text not counted: no request needs that many values.
_MOST_IN_VALUES = 256 * _MEBIBYTE
#: Estimate above which structure is separated from text. MEASURED: that takes as long as everything
#: else done with a body of 900 items, whose memory may well be overestimated ...
_LOOK_CLOSER_FROM = 4 * _MEBIBYTE
#: ... unless there are so many strings that these alone take much memory.
_MOST_QUOTES = 400_000
#: Text exists as received or sent on, and as a string: CPython takes one byte for each character,
#: or two or four, depending on the widest of them.
_PLAIN = 2
_MORE_FOR_TWO, _MORE_FOR_FOUR = 1, 3
#: Bytes up to which any backslash counts as the escape of a wide character.
_SHORT = 512 * 1024
#: Finds a character escaped by its number. MEASURED: it takes a third of `in`, which searches for
#: two bytes at once; searching for backslashes first takes a fifth of that if there are none.
_escape = re.compile(rb"\\u").search
#: The beginnings, in UTF-8 and in escapes, of characters that need four bytes.
_WIDEST = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4", b"\\ud", b"\\uD")


class _Parts(NamedTuple):
    """A body's bytes outside of strings, and its strings."""

    structure: bytes
    texts: list[bytes]


def memory_of(raw: bytes) -> int:
    """Return the estimated memory of a JSON body's values and text, in bytes.

    Raises:
        RequestTooLarge: it contains more values than any request needs.
    """
    values = _values(raw)
    # MEASURED: searching for what a backslash escapes takes a third of all this, and 2 % of a
    # request of 300 items, whose estimate is half as much again without it.
    if len(raw) <= _SHORT and b"\\" in raw and raw.isascii():
        wide = _MORE_FOR_FOUR * len(raw)
    else:
        wide = _more_for_width(raw)
    if max(values, wide) > _LOOK_CLOSER_FROM:
        values, wide = _closer(raw, values, wide)
    if values > _MOST_IN_VALUES:
        raise RequestTooLarge("The body holds too many values: send fewer.")
    return values + _PLAIN * len(raw) + wide


def _closer(raw: bytes, values: int, wide: int) -> tuple[int, int]:
    """Return more exact estimates for values and wide characters, after high first ones."""
    if (parts := _parts(raw)) is not None:
        return _values_of(parts), sum(_more_for_width(text) for text in parts.texts)
    return values, wide


def memory_beside_text(raw: bytes) -> int:
    """Return the memory of a long JSON text's values beyond one byte for each of its bytes."""
    values, wide = _values(raw), _more_for_width(raw)
    if max(values, wide) > _LOOK_CLOSER_FROM:
        values, wide = _closer(raw, values, wide)
    return values + wide


def memory_of_values(raw: bytes, most: int) -> int:
    """Return the memory of a JSON text's values in bytes, the content of strings not counted.

    Up to `most` it is a rough figure, which counts brackets and commas in texts as well.
    """
    values = _values(raw)
    if values > most and (parts := _parts(raw)) is not None:
        values = _values_of(parts)
    return values


def _values_of(parts: _Parts) -> int:
    return _values(parts.structure) + 2 * _WEIGHTS[b'"'] * len(parts.texts)


def _values(raw: bytes) -> int:
    structure = _structure(raw)
    return sum(structure.count(byte) * weight for byte, weight in _WEIGHTS.items())


def _structure(raw: bytes) -> bytes:
    """Return the bytes of `raw` that have a weight, without all others.

    MEASURED: if there is none for long, searching for the next one takes a tenth of removing all
    others: the base64 of a picture contains none.
    """
    if len(raw) <= _STRIDE:
        return raw.translate(None, _OTHERS)
    pieces, at = [], 0
    while at < len(raw):
        pieces.append(raw[at : at + _STRIDE].translate(None, _OTHERS))
        at = _next_weight(raw, at + _STRIDE)
    return b"".join(pieces)


def _next_weight(raw: bytes, start: int) -> int:
    """Return the position of the next byte with a weight, or where to continue searching."""
    end = min(start + _WINDOW, len(raw))
    for byte in _WEIGHTS:
        found = raw.find(byte, start, end)
        end = end if found < 0 else found
    return end


def _more_for_width(text: bytes) -> int:
    """Return the maximum memory of a text beyond one byte for each of its bytes."""
    if text.isascii() and (b"\\" not in text or not _escape(text)):
        return 0
    widest = any(each in text for each in _WIDEST)
    return len(text) * (_MORE_FOR_FOUR if widest else _MORE_FOR_TWO)


def _parts(raw: bytes) -> _Parts | None:
    """Separate structure from text; None if there are too many strings for that."""
    if b"\\" in raw:  # escaped quotes end no string
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    if raw.count(b'"') > _MOST_QUOTES:
        return None
    parts = raw.split(b'"')
    return _Parts(b"".join(parts[::2]), parts[1::2])
