"""A body's items where they stand in its bytes: the input's first, and plain ones in a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import orjson

from app.domain.items import InputItem
from app.schemas.request.fast_path import plain_item

#: How much is learned from one request: it takes as long as to read it does.
MOST_LEARNED, MOST_LEARNED_BYTES = 1000, 512 * 1024

#: What stands before the items, and how often it is looked for: it may be part of something else.
_NAME, _MOST_NAMES = b'"input"', 4
#: No indentation is longer: nobody waits for the end of a body of spaces.
_SPACE = rb"[ \n\r\t]{0,256}+"
_opening = re.compile(rb'"input"%b:%b\[%b(?=\{)' % ((_SPACE,) * 3)).match


def _nested(depth: int) -> bytes:
    """Return what matches an array or object that holds others in at most so many levels.

    What it matches in JSON is one of them: whether it is JSON, and brackets are in pairs, it does
    not say. It looks at no byte twice.
    """
    within = rb'[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    if depth:
        within += b"|" + _nested(depth - 1)
    return rb"[\[{](?:%b)*+[\]}]" % within


#: An item, and what parts it from the next one.
_item = re.compile(_nested(4), re.DOTALL).match
_comma = re.compile(rb"%b,%b" % (_SPACE, _SPACE)).match


def first_item(raw: bytes) -> int:
    """Return where the first of the items is that may be the input's, -1 where there are none."""
    at = -1
    for _ in range(_MOST_NAMES):
        at = raw.find(_NAME, at + 1)
        if at < 0:
            break
        if (opening := _opening(raw, at)) is not None:
            return opening.end()
    return -1


def behind_comma(raw: bytes, at: int) -> int:
    """Return what is behind the comma that stands there, -1 where none does."""
    comma = _comma(raw, at)
    return -1 if comma is None else comma.end()


def plain_items(raw: bytes, start: int) -> tuple[list[int], tuple[InputItem, ...]]:
    """Return the plain items that stand there in a row, and where each ends."""
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
        return []  # the whole body says what is wrong
    return raws
