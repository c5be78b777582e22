"""Read JSON as servers write it: fast if it is valid, leniently if it almost is. Pure.

Accepted besides valid JSON: NaN and infinities, numbers beyond a double, half a surrogate pair,
bytes that are not UTF-8, a byte order mark, raw control characters in strings (U20).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

import orjson

from app.errors import AnswerTooLong
from app.schemas.request.json_body.memory import memory_of_values

#: Maximum memory of one text's values, in bytes, and the text's size above which it is estimated.
#: MEASURED: 93,000 tool calls reach it, and reading them takes 190 MB in all for a moment; so do
#: 7,500 tokens with the log probabilities of 20 alternatives each.
MOST_IN_VALUES, WEIGHED_FROM = 128 * 1024 * 1024, 1024 * 1024
#: Maximum size in bytes, and number of values, of a text read leniently: it takes up to a quarter
#: of a second, during which no other request makes progress.
MOST_LENIENT, MOST_LENIENT_VALUES = 4 * 1024 * 1024, 200_000
#: Maximum number of halves that wait beyond the next event: each takes part of a microsecond of
#: every event.
MOST_WAITING = 64

#: The log probability that OpenAI itself gives for a token that is practically impossible.
IMPOSSIBLE = -9999.0
#: Stands for an unpaired surrogate.
_REPLACEMENT = "\ufffd"

_CONSTANTS = {"-Infinity": IMPOSSIBLE}

Json = dict[str, Any]
#: In a path: the separator of names, and the one before the indexes and ids of an object.
_SPLIT, _AT = "\x00", "\x01"
_PLACES = ("type", "index", "output_index", "content_index", "summary_index", "item_id")


class Misread(ValueError):
    """The server sent invalid JSON or a malformed answer; other exceptions are bugs of ours."""


def loads(data: bytes | str) -> Any:
    """Return the value of a JSON text; half a surrogate pair in it becomes U+FFFD.

    Raises:
        Misread: it is not JSON, even leniently read, or is nested too deeply.
        AnswerTooLong: there are too many values in it.
    """
    if len(data) <= WEIGHED_FROM:
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass  # it may be readable leniently
    joiner = SurrogateJoiner()
    value = joiner.loads(data)
    return joiner.finished(value) if joiner.is_waiting else value


class SurrogateJoiner:
    """Reads the events of one stream, joining surrogate pairs that are cut between two events.

    A server that escapes UTF-16 unit by unit may send "\\ud83d" in one event and "\\ude00" in the
    next. The first half is kept, by the path of its text in the event, until a text at that path
    begins with the second; a half without a second becomes U+FFFD. A path includes the indexes and
    ids in the event, so that interleaved pieces of blocks or calls are not mixed up.
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
        """Return the value of an event's JSON. Raises as `loads` does."""
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
        """Return a value that was read, with U+FFFD for each half that a text in it ended with."""
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

    def left(self, but: Iterable[str] = ()) -> list[Json]:
        """Return events with U+FFFD as the text for halves that stay unpaired, and forget these.

        They are those that were waiting before the latest event and were not completed by it. One
        that the latest event brought may still be completed by the next, as may those within
        fields named in `but`, in whose place other texts may come meanwhile, unless many wait.
        """
        within = [_SPLIT + name for name in but] if len(self._before) <= MOST_WAITING else []
        paths = [
            path
            for path in self._before
            if path in self._halves and not any(name in path for name in within)
        ]
        for path in paths:
            del self._halves[path]
        return [_event_at(path) for path in paths]

    def all_left(self) -> list[Json]:
        """Return events with U+FFFD for all waiting halves: no event follows."""
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
    """Return an event with U+FFFD as the text at this path, and the path's indexes and ids."""
    value: Any = _REPLACEMENT
    before, *names = path.split(_SPLIT)
    places = [before, *names]
    for at in range(len(names) - 1, -1, -1):
        name, _, _ = names[at].partition(_AT)
        _, _, place = places[at].partition(_AT)
        if name.isdigit() and not place:
            value = [value]  # the other elements are not needed
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
    """Return the JSON text of a value that `loads` returned.

    Raises:
        Misread: it is nested too deeply.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # orjson reads deeper nesting than it writes
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
    """Return a text with adjacent surrogate halves joined, and the others replaced by U+FFFD."""
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
