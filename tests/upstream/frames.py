"""Server-sent events as the formats write them."""

from __future__ import annotations

import json
from typing import Any

import orjson

DONE = b"data: [DONE]\n\n"


def dumps(value: Any) -> bytes:
    """Return JSON; in ASCII where a text holds half a surrogate pair, which has no UTF-8."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


def data(value: dict[str, Any]) -> bytes:
    """Return a frame that has data only, as Chat Completions writes them."""
    return b"data: %s\n\n" % dumps(value)


def event(value: dict[str, Any]) -> bytes:
    """Return a frame whose event is the value's type, as the other two formats write them."""
    return b"event: %s\ndata: %s\n\n" % (value["type"].encode(), dumps(value))
