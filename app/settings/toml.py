"""Parses TOML, and finds the line of a key in it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from typing import Any

_LINE = re.compile(r" ?\(at line (\d+), column \d+\)$")
_END = re.compile(r" ?\(at end of document\)$")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class TomlError(Exception):
    """The text is not TOML; `line` counts from 1."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def parse(text: str) -> dict[str, Any]:
    """Parse a document.

    Raises:
        TomlError: it is not TOML, or defines something twice.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _located(str(error), text) from None


def _located(reason: str, text: str) -> TomlError:
    """Extract the line from tomllib's message, the only place where Python 3.11 has it."""
    if found := _LINE.search(reason):
        return TomlError(reason[: found.start()], int(found[1]))
    return TomlError(_END.sub("", reason) + " at the end of the file", text.count("\n") + 1)


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """Return the line (from 1) where the key or table at `path` begins; None if there is none.

    A number in the path is an index in a list, from 0.

    tomllib keeps no line numbers, but they can be found: a key begins on the line after the longest
    beginning of the file that is a valid document without the key.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    complete = 0
    for end in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue  # the line ends inside a value
        if _holds(document, path):
            return complete + 1
        complete = end
    return None


def _holds(document: object, path: Sequence[str | int]) -> bool:
    for key in path:
        try:
            document = document[key]  # type: ignore[index] # what has no such key raises
        except (TypeError, LookupError):
            return False
    return True


def header(path: Sequence[str | int]) -> str:
    """Return the path as the header of a table: `[models."gpt-4.1"]`, `[[auth.jwt]] (number 2)`."""
    *names, last = path
    if isinstance(last, int):
        return f"[{header(names)}] (number {last + 1})"
    words = map(str, path)
    return "[" + ".".join(key if _BARE.fullmatch(key) else f'"{key}"' for key in words) + "]"
