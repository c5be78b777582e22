"""Finds a body's items in its bytes: where the input's first one starts, and runs of plain ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

from app.domain.items import InputItem
from app.schemas.request.fast_path import plain_item

#: Maximum items and bytes learned from one request: learning takes as long as reading.
MOST_LEARNED, MOST_LEARNED_BYTES = 1000, 512 * 1024

#: The key before the items, and how many of its occurrences are tried: some are in other values.
_NAME, _MOST_NAMES = b'"input"', 4
#: Longer whitespace is not indentation: a body of spaces must not cost time.
_SPACE = rb"[ \n\r\t]{0,256}+"
_opening = re.compile(rb'"input"%b:%b\[%b(?=\{)' % ((_SPACE,) * 3)).match


def _nested(depth: int) -> bytes:
    """Return a pattern for an array or object with at most `depth` levels inside it.

    In JSON its matches are such values; it does not check that the text is JSON, or that its
    brackets pair up. It reads each byte once.
    """
    within = rb'[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    if depth:
        within += b"|" + _nested(depth - 1)
    return rb"[\[{](?:%b)*+[\]}]" % within


#: Match an item, and the comma after it.
_item = re.compile(_nested(4), re.DOTALL).match
_comma = re.compile(rb"%b,%b" % (_SPACE, _SPACE)).match


def first_item(raw: bytes) -> int:
    """Return where the input's first item may start, -1 if there is none."""
    at = -1
    for _ in range(_MOST_NAMES):
        at = raw.find(_NAME, at + 1)
        if at < 0:
            break
        if (opening := _opening(raw, at)) is not None:
            return opening.end()
    return -1


def behind_comma(raw: bytes, at: int) -> int:
    """Return the position after the comma at `at`, -1 if there is no comma."""
    comma = _comma(raw, at)
    return -1 if comma is None else comma.end()


def plain_items(raw: bytes, start: int) -> tuple[list[int], tuple[InputItem, ...]]:
    """Return the run of plain items that starts there, and where each ends."""
    ends: list[int] = []
    at, most = start, start + MOST_LEARNED_BYTES
    while len(ends) < MOST_LEARNED and (item := _item(raw, at, most)) is not None:
        ends.append(item.end())
        at = behind_comma(raw, item.end())
        if at < 0:
            break
    raws = _parsed(raw[start : ends[-1]]) if ends else []
    if len(raws) != len(ends):
        return [], ()
    items = list(map(plain_item, raws))
    count = items.index(None) if None in items else len(items)
    return ends[:count], tuple(filter(None, items[:count]))


def _parsed(items: bytes) -> Sequence[Any]:
    try:
        raws: list[Any] = orjson.loads(b"[" + items + b"]")
    except orjson.JSONDecodeError:
        return []  # parsing the whole body reports the fault
    return raws
