"""What a JSON body becomes in memory, estimated from its bytes before it is parsed.

MEASURED (CPython 3.12, orjson; twenty shapes, what the parser takes for itself included): an empty
object takes 90 bytes with its place in an array, one with a key 260, with a key that is its own
320; an empty array 90, a short string 95, a number 60. The estimate is never less than nine tenths
of what any of these shapes takes, and mostly up to half more. It takes 10 ms for 20 MB of text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from app.errors import RequestTooLarge

_MEBIBYTE = 1024 * 1024
#: About what is made for each of these bytes where they are structure, not text.
_WEIGHTS = {b"{": 200, b"[": 88, b'"': 29, b",": 56, b":": 40}
#: How much is looked at before the next of them is looked for, and how far.
_STRIDE, _WINDOW = 64 * 1024, 1024 * 1024
_OTHERS = bytes(set(range(256)) - set(b"".join(_WEIGHTS)))
#: What a body's values may take at most, their text not counted: no request needs so many.
_MOST_IN_VALUES = 256 * _MEBIBYTE
#: From here on it is worth separating structure from text. MEASURED: that takes as long as all else
#: that is done with a body of 900 items, which may well be said to take more than it does ...
_LOOK_CLOSER_FROM = 4 * _MEBIBYTE
#: ... unless there are so many strings that they are heavy by themselves.
_MOST_QUOTES = 400_000
#: Text is there once as it came or is sent on, and once as a string: CPython takes one byte for
#: each of its characters, or two or four, as the widest of them needs.
_PLAIN = 2
_MORE_FOR_TWO, _MORE_FOR_FOUR = 1, 3
#: In a body that is shorter, what a backslash may escape is not looked for but reckoned with.
_SHORT = 512 * 1024
#: Finds a character that is escaped by its number. MEASURED: it takes a third of `in`, which looks
#: for two bytes at once; to look for backslashes first takes a fifth of that where there are none.
_escape = re.compile(rb"\\u").search
#: In UTF-8 and in escapes, what begins a character that needs four.
_WIDEST = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4", b"\\ud", b"\\uD")


class _Parts(NamedTuple):
    """A body's bytes outside of strings, and its strings."""

    structure: bytes
    texts: list[bytes]


def memory_of(raw: bytes) -> int:
    """Return how many bytes a JSON body's values will take, and its text with them.

    Raises:
        RequestTooLarge: it holds so many values that no request needs them.
    """
    values = _values(raw)
    # MEASURED: to look for what a backslash escapes takes a third of all this, and 2 % of a request
    # of 300 items, of which the estimate says half as much again without.
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
    """Return what a text's values take, and its width, of which a first look has found much."""
    if (parts := _parts(raw)) is not None:
        return _values_of(parts), sum(_more_for_width(text) for text in parts.texts)
    return values, wide


def memory_beside_text(raw: bytes) -> int:
    """Return how many bytes a long JSON text's values take beyond one for each of its bytes."""
    values, wide = _values(raw), _more_for_width(raw)
    if max(values, wide) > _LOOK_CLOSER_FROM:
        values, wide = _closer(raw, values, wide)
    return values + wide


def memory_of_values(raw: bytes, most: int) -> int:
    """Return how many bytes the values of a JSON text take, the content of its strings not counted.

    Below `most` that is a rough figure, with what looks like structure in texts among it.
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
    """Return the bytes of `raw` that have a weight, and none of the others.

    MEASURED: to look where the next of them is takes a tenth of taking out all others, where there
    is none for long: the base64 of a picture has none.
    """
    if len(raw) <= _STRIDE:
        return raw.translate(None, _OTHERS)
    pieces, at = [], 0
    while at < len(raw):
        pieces.append(raw[at : at + _STRIDE].translate(None, _OTHERS))
        at = _next_weight(raw, at + _STRIDE)
    return b"".join(pieces)


def _next_weight(raw: bytes, start: int) -> int:
    """Return where the next byte is that has a weight, or where to look on."""
    end = min(start + _WINDOW, len(raw))
    for byte in _WEIGHTS:
        found = raw.find(byte, start, end)
        end = end if found < 0 else found
    return end


def _more_for_width(text: bytes) -> int:
    """Return how many bytes a text takes at most beyond one for each of its bytes."""
    if text.isascii() and (b"\\" not in text or not _escape(text)):
        return 0
    widest = any(each in text for each in _WIDEST)
    return len(text) * (_MORE_FOR_FOUR if widest else _MORE_FOR_TWO)


def _parts(raw: bytes) -> _Parts | None:
    """Separate structure from text; None where there are too many strings for that."""
    if b"\\" in raw:  # what is escaped ends no string
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    if raw.count(b'"') > _MOST_QUOTES:
        return None
    parts = raw.split(b'"')
    return _Parts(b"".join(parts[::2]), parts[1::2])
