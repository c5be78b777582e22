"""JSON as servers write it: read fast where it is JSON, and leniently where it is nearly. Pure.

Nearly is: NaN and the infinities, numbers that no double holds, half a surrogate pair, bytes that
are no UTF-8, raw control characters in texts. None of them costs an answer (U20).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import orjson

from app.errors import AnswerTooLong

#: The most values that are read from one text, and from what size in bytes on they are counted:
#: 2,000,000 take up to 130 MB.
MOST_VALUES, COUNTED_FROM = 2_000_000, 1024 * 1024
#: Up to what size in bytes a text is read the slow way, which takes a tenth of a second or more.
MOST_LENIENT = 4 * 1024 * 1024

#: The log probability that OpenAI itself gives where it has none to tell.
IMPOSSIBLE = -9999.0

_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_CONSTANTS = {"-Infinity": IMPOSSIBLE}


def loads(data: bytes | str) -> Any:
    """Return the value that `data` is.

    Raises:
        ValueError: it is no JSON, nor nearly, or is nested beyond all use.
        AnswerTooLong: there are too many values in it.
    """
    if len(data) > COUNTED_FROM and isinstance(data, bytes):
        _refuse_many(data)
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        if len(data) > MOST_LENIENT:
            raise
        return _leniently(data)


def _refuse_many(data: bytes) -> None:
    if _values(data) > MOST_VALUES and _values(_STRINGS.sub(b"", data)) > MOST_VALUES:
        raise AnswerTooLong(f"more than {MOST_VALUES} values of JSON at once")


def _values(data: bytes) -> int:
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def dumps(value: Any) -> str:
    """Return a value that `loads` returned as text.

    Raises:
        ValueError: it is nested beyond all use.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # deeper than orjson writes, and not than it reads
        pass
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _leniently(data: bytes | str) -> Any:
    text = data if isinstance(data, str) else _decoded(data)
    try:
        value = _DECODER.decode(text)
        # Halves that stand beside each other are joined, others become U+FFFD.
        return _whole(value) if "\\u" in text or not _is_encodable(text) else value
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(each) for each in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(each) for name, each in value.items()}
    return value


def _number(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _integer(text: str) -> float | int | None:
    return int(text) if len(text) < len(str(2**63)) else _number(text)


_DECODER = json.JSONDecoder(
    parse_constant=_CONSTANTS.get, parse_float=_number, parse_int=_integer, strict=False
)
