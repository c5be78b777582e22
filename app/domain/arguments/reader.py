"""Reads JSON that comes in fragments, sometimes cut off or broken, as far as it can be read.

{"commands": ["ls", "pw    reads as    {"commands": ["ls", "pw"]}
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal

from app.domain.arguments.strings import StringDecoder

Path = tuple[str | int, ...]
#: Depth beyond which strings are read but not reported.
_DEEPEST = 3
#: Number of characters that are read at once. The rest after each token is copied: for a long text
#: in one piece that would take quadratic time.
_AT_ONCE = 4096
_is_space = re.compile(r"[ \t\r\n]*+").match
_scalar = re.compile(r'[^ \t\r\n,:"{}\[\]]*+').match


@dataclass(frozen=True, slots=True)
class Piece:
    """A step of a string value: it begins, goes on with `text`, or ends."""

    path: Path
    step: Literal["begins", "goes_on", "ends"]
    text: str = ""


@dataclass(slots=True)
class _Open:
    """An open object or array; `key` is that of the object's next value.

    `is_repeated` says that its key already had a value, which is the one that counts.
    """

    value: dict[str, Any] | list[Any]
    key: str | None = None
    is_repeated: bool = False


@dataclass(slots=True)
class _OpenString:
    path: Path | None
    is_key: bool
    decoder: StringDecoder = field(default_factory=StringDecoder)
    pieces: list[str] = field(default_factory=list)


class JsonReader:
    """Reads JSON as far as possible. Of two values under one key the first counts.

    Commas and colons may be missing, keys may lack quotes, and what is open at the end is closed.
    The first object or array counts, even with other text around it.
    """

    def __init__(self) -> None:
        self._root: Any = None
        self._has_root = False
        self._open: list[_Open] = []
        self._kinds: Counter[type] = Counter()  # counts of open containers
        self._string: _OpenString | None = None
        self._scalar = ""

    def read(self, fragment: str) -> list[Piece]:
        """Read the next fragment; return the new pieces of string values."""
        found: list[Piece] = []
        for start in range(0, len(fragment), _AT_ONCE):
            rest = fragment[start : start + _AT_ONCE]
            while rest:
                if self._string is not None:
                    rest = self._read_string(self._string, rest, found)
                else:
                    rest = self._read_token(rest, found)
        return found if len(fragment) <= _AT_ONCE else list(_joined(found))

    def value(self) -> Any:
        """Return everything read so far, or None; nothing may be read after that."""
        string = self._string
        if string is not None and not string.is_key:
            self._put("".join(string.pieces))
        self._string = None
        return self._root

    def _read_string(self, string: _OpenString, text: str, found: list[Piece]) -> str:
        characters, rest = string.decoder.read(text)
        if rest and rest[0] == "\\":  # it escapes nothing: a literal backslash
            characters, rest = characters + "\\", rest[1:]
            is_ended = False
        else:
            is_ended, rest = bool(rest), rest[1:]
        if characters:
            string.pieces.append(characters)
        if characters and string.path is not None:
            found.append(Piece(string.path, "goes_on", characters))
        if is_ended:
            self._end_string(string, found)
        return rest

    def _end_string(self, string: _OpenString, found: list[Piece]) -> None:
        self._string = None
        text = "".join(string.pieces)
        if string.is_key:
            self._open[-1].key = text
            return
        if string.path is not None:
            found.append(Piece(string.path, "ends"))
        self._put(text)

    def _read_token(self, text: str, found: list[Piece]) -> str:
        end = _scalar(text).end()  # type: ignore[union-attr] # it matches nothing as well
        self._scalar += text[:end]
        text = text[end:]
        if not text:
            return ""
        if self._scalar:
            self._end_scalar()
        sign, text = text[0], text[1:]
        match sign:
            case '"':
                self._begin_string(found)
                return text
            case "{" | "[":
                self._begin_container({} if sign == "{" else [])
            case "}" | "]":
                self._end_container(dict if sign == "}" else list)
            case _:
                pass  # a comma or a colon: keys and values are recognised without them
        return text[_is_space(text).end() :]  # type: ignore[union-attr]

    def _end_scalar(self) -> None:
        scalar, self._scalar = self._scalar, ""
        if self._awaits_key():
            self._open[-1].key = scalar
            return
        try:
            self._put(json.loads(scalar))
        except ValueError:
            self._put(None)

    def _begin_string(self, found: list[Piece]) -> None:
        is_key = self._awaits_key()
        path = None if is_key or self._is_ignored() else self._path()
        self._string = _OpenString(path, is_key)
        if path is not None:
            found.append(Piece(path, "begins"))

    def _begin_container(self, value: dict[str, Any] | list[Any]) -> None:
        is_ignored = self._is_ignored()
        if not is_ignored:
            self._put(value, is_open=True)
        self._open.append(_Open(value, is_repeated=is_ignored))
        self._kinds[type(value)] += 1

    def _end_container(self, kind: type) -> None:
        """Close the innermost container of this kind, and all that are open inside it."""
        if not self._kinds[kind]:
            return
        closed: type | None = None
        while closed is not kind:
            closed = type(self._open.pop().value)
            self._kinds[closed] -= 1
        if self._open:
            self._open[-1].key = None

    def _awaits_key(self) -> bool:
        return (
            bool(self._open)
            and isinstance(self._open[-1].value, dict)
            and (self._open[-1].key is None)
        )

    def _is_ignored(self) -> bool:
        """Tell whether the next value is ignored."""
        if not self._open:
            return self._has_root
        last = self._open[-1]
        return last.is_repeated or (isinstance(last.value, dict) and last.key in last.value)

    def _path(self) -> Path | None:
        """Return the path of the next value."""
        if not 0 < len(self._open) <= _DEEPEST:
            return None
        outer = (
            each.key or "" if isinstance(each.value, dict) else len(each.value) - 1
            for each in self._open[:-1]
        )
        innermost = (
            each.key or "" if isinstance(each.value, dict) else len(each.value)
            for each in self._open[-1:]
        )
        return (*outer, *innermost)

    def _put(self, value: Any, *, is_open: bool = False) -> None:
        """Store a value in its place; the key of an open one is kept until it is closed."""
        is_ignored = self._is_ignored()
        if not self._open:
            if is_open and not is_ignored:
                self._root, self._has_root = value, True
            return
        last = self._open[-1]
        if isinstance(last.value, list):
            last.value.append(value)
            return
        if not is_ignored and last.key is not None:
            last.value[last.key] = value
        if not is_open:
            last.key = None


def _joined(pieces: list[Piece]) -> Iterator[Piece]:
    """Yield pieces, joining consecutive ones of one string."""
    for (path, step), same in groupby(pieces, lambda each: (each.path, each.step)):
        yield Piece(path, step, "".join(each.text for each in same))
