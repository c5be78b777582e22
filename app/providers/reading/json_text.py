"""JSON as servers write it: read fast where it is JSON, and leniently where it is nearly. Pure.

Nearly is: NaN and the infinities, numbers that no double holds, half a surrogate pair, bytes that
are no UTF-8, a byte order mark, raw control characters in texts. None costs an answer (U20).
"""

from __future__ import annotations

import json
import math
from typing import Any

import orjson

from app.errors import AnswerTooLong
from app.schemas.request.json_body.memory import memory_of_values

#: What the values of one text may take in memory, and from what size in bytes on that is looked at.
#: MEASURED: 93,000 tool calls are as much, and reading them takes 190 MB in all for a moment; 7,500
#: tokens with the log probabilities of 20 alternatives each are, too.
MOST_IN_VALUES, WEIGHED_FROM = 128 * 1024 * 1024, 1024 * 1024
#: Up to what size in bytes, and how many values, a text is read the slow way: that takes up to a
#: quarter of a second, in which nobody else has a turn.
MOST_LENIENT, MOST_LENIENT_VALUES = 4 * 1024 * 1024, 200_000

#: The log probability that OpenAI itself gives where it has none to tell.
IMPOSSIBLE = -9999.0
#: What stands for half a character.
_REPLACEMENT = "\ufffd"

_CONSTANTS = {"-Infinity": IMPOSSIBLE}

Json = dict[str, Any]
#: What separates the names in a path, and a name from the indexes and ids of its object.
_SPLIT, _AT = "\x00", "\x01"
_PLACES = ("type", "index", "output_index", "content_index", "summary_index", "item_id")


class Misread(ValueError):
    """What a server sent is no JSON, or no answer in its format: no other error is its fault."""


def loads(data: bytes | str) -> Any:
    """Return the value that `data` is; half a surrogate pair in it becomes U+FFFD.

    Raises:
        Misread: it is no JSON, nor nearly, or is nested beyond all use.
        AnswerTooLong: there are too many values in it.
    """
    if len(data) <= WEIGHED_FROM:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass  # it may be nearly JSON
    joiner = SurrogateJoiner()
    value = joiner.loads(data)
    return joiner.finished(value) if joiner.is_waiting else value


class SurrogateJoiner:
    """Reads the events of one stream, some of which cut a surrogate pair between two of them.

    A server that escapes UTF-16 unit by unit may send "\\ud83d" in one event and "\\ude00" in the
    next. The first half is kept, by the path of its text in the event, until a text at that path
    begins with the second; a half that gets none becomes U+FFFD. A path has the indexes and ids
    that the event names, so that blocks or calls whose pieces alternate are not mixed.
    """

    __slots__ = ("_before", "_halves")

    def __init__(self) -> None:
        self._halves: dict[str, str] = {}  # by the path of the text
        self._before: list[str] = []  # the paths that waited before the latest event

    @property
    def is_waiting(self) -> bool:
        """Whether a text ended with the first half of a pair."""
        return bool(self._halves)

    def loads(self, data: bytes | str) -> Any:
        """Return the value that an event is. Raises as `loads` does."""
        if self._halves or self._before:
            self._before = list(self._halves)
        if len(data) > WEIGHED_FROM and isinstance(data, bytes):
            _refuse_heavy(data)
        if not self._halves:
            try:
                return orjson.loads(data)
            except orjson.JSONDecodeError as error:
                if _is_long(data):
                    raise Misread("no JSON") from error
        elif _is_long(data):
            return _strictly(data)
        return self._leniently(data)

    def finished(self, value: Any, path: str = "") -> Any:
        """Return a value that was read, with U+FFFD for each half that its texts ended with."""
        if isinstance(value, str):
            return value + _REPLACEMENT if self._halves.pop(path, "") else value
        if isinstance(value, list):
            return [self.finished(each, f"{path}{_SPLIT}{at}") for at, each in enumerate(value)]
        if isinstance(value, dict):
            place = _place(value)
            return {
                name: self.finished(each, f"{path}{place}{_SPLIT}{name}")
                for name, each in value.items()
            }
        return value

    def left(self) -> list[Json]:
        """Return events that say U+FFFD for halves that nothing will complete, and forget these.

        They are those that waited before the latest event and got nothing from it. One that the
        latest event brought may be completed by the next.
        """
        paths = [path for path in self._before if path in self._halves]
        for path in paths:
            del self._halves[path]
        return [_event_at(path) for path in paths]

    def all_left(self) -> list[Json]:
        """Return events that say U+FFFD for all halves: no event follows."""
        self._before = list(self._halves)
        return self.left()

    def _leniently(self, data: bytes | str) -> Any:
        text = data if isinstance(data, str) else _decoded(data)
        try:
            return self._joined(_DECODER.decode(text), "")
        except json.JSONDecodeError as error:
            raise Misread("no JSON") from error
        except RecursionError:
            raise Misread("nested too deeply") from None

    def _joined(self, value: Any, path: str) -> Any:
        if isinstance(value, str):
            return self._joined_text(value, path) if value else value
        if isinstance(value, list):
            return [self._joined(each, f"{path}{_SPLIT}{at}") for at, each in enumerate(value)]
        if isinstance(value, dict):
            place = _place(value)
            return {
                _whole(name): self._joined(each, f"{path}{place}{_SPLIT}{name}")
                for name, each in value.items()
            }
        return value

    def _joined_text(self, text: str, path: str) -> str:
        if path in self._halves:
            text = self._halves.pop(path) + text
            self._before.remove(path)
        if "\ud800" <= text[-1] <= "\udbff":
            self._halves[path], text = text[-1], text[:-1]
        return _whole(text)


def _place(value: dict[str, Any]) -> str:
    """Return the indexes and ids of an object, as a part of a path."""
    given = {name: value[name] for name in _PLACES if isinstance(value.get(name), (int, str))}
    return _AT + json.dumps(given) if given else ""


def _event_at(path: str) -> Json:
    """Return an event that says U+FFFD at this path, with the indexes and ids in it."""
    value: Any = _REPLACEMENT
    before, *names = path.split(_SPLIT)
    places = [before, *names]
    for at in range(len(names) - 1, -1, -1):
        name, _, _ = names[at].partition(_AT)
        _, _, place = places[at].partition(_AT)
        if name.isdigit() and not place:
            value = [value]  # the other elements said nothing that is left
        else:
            value = (json.loads(place) if place else {}) | {name: value}
    return value if isinstance(value, dict) else {}


def _refuse_heavy(data: bytes) -> None:
    if memory_of_values(data, MOST_IN_VALUES) > MOST_IN_VALUES:
        raise AnswerTooLong("too many values of JSON at once")


def _is_long(data: bytes | str) -> bool:
    if len(data) > MOST_LENIENT:
        return True
    text = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    return _values(text) > MOST_LENIENT_VALUES


def _values(data: bytes) -> int:
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def dumps(value: Any) -> str:
    """Return a value that `loads` returned as text.

    Raises:
        Misread: it is nested beyond all use.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # deeper than orjson writes, and not than it reads
        pass
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise Misread("nested too deeply") from None


def _strictly(data: bytes | str) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Misread("no JSON") from error


def _decoded(data: bytes) -> str:
    data = data.removeprefix(b"\xef\xbb\xbf")  # a byte order mark
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def _whole(text: str) -> str:
    """Return a text whose halves that stand beside each other are joined; others are U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _integer(text: str) -> float | int | None:
    return int(text) if len(text) < len(str(2**63)) else _number(text)


_DECODER = json.JSONDecoder(
    parse_constant=_CONSTANTS.get, parse_float=_number, parse_int=_integer, strict=False
)
