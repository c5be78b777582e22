"""A cache of tools by their bytes: agents send the same forty at every step.

    {"model": "m", "input": …, "tools": [{"type": "function", "name": "look_up", …}, …]}
                                        `------------ seen before, byte for byte ----'

MEASURED: a request of three items and forty tools of 44 kB takes a third less CPU if they are
known, one of 300 items an eighth less: they are parsed, checked, shown and written once.

Entries are separate for each account, and contain only functions that `plain_tool` reads: its
result depends on nothing but their bytes. All others, such as hosted tools with their secrets and
permissions, are read each time. tests/fuzz/test_known_tools.py checks that requests with known
tools give the same result as without the cache.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from app.domain.tools import Tool
from app.domain.tools.known import KnownTools, made_once
from app.schemas.request.bounds import MOST_TOOLS
from app.schemas.request.json_body.memory import memory_of
from app.schemas.request.tools.functions import plain_tool
from app.sized_cache import Expectation, SizedCache

#: Minimum and maximum size of a cached array of tools, in bytes.
SHORTEST, _LONGEST = 1024, 256 * 1024
#: In a longer body, finding them takes longer than reading them.
_LONGEST_BODY = 1024 * 1024
#: Maximum size of the cache in bytes, of which one account may use half, and the memory of an array
#: as a multiple of its bytes.
MOST_BYTES, _GROWTH = 32 * 1024 * 1024, 12
#: Seconds after which an unused entry is dropped.
SPAN_S = 300.0
#: Number of leading bytes by which an array is looked up.
_BEGINNING = 256
#: An account, and the hash of those bytes, since tools that are not cached may have a secret in
#: them. Whole arrays are compared, so that equal hashes do no harm.
_Beginning = tuple[str, int]
#: Maximum number of cached arrays with the same beginning.
_MOST_ALIKE = 4

#: The key before the tools, and how many occurrences are tried: some are in other values.
_OPENING, _MOST_OPENINGS = b'"tools":', 4
#: An unterminated text is a token as well, and no byte is read twice: else each escaped quote in it
#: would be taken for the beginning of another text, and read to the end.
_token = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]').finditer
_STEPS = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


class KnownToolsJson(list[Any]):
    """The JSON of known tools as in the body; `tools` is the value that its field reads.

    `memory` is how many bytes its values take.
    """

    tools: KnownTools
    memory: int


def written_once(
    tools: tuple[Tool, ...], key: Hashable, owner: object, make: Callable[[], list[Any]]
) -> Any:
    """Return the JSON that `make` makes of tools; for known ones, cached bytes.

    These are an orjson.Fragment, which is written unchanged, in a hundredth of the time. See
    `made_once`.
    """
    if type(tools) is not KnownTools:
        return make()
    return made_once(tools, key, owner, lambda: orjson.Fragment(orjson.dumps(make())))


class FoundTools(NamedTuple):
    """The known tools of a body, and their position in it."""

    start: int
    end: int
    tools: KnownToolsJson


@dataclass(eq=False, slots=True)
class _Array:
    """An array of tools: its bytes, and the tools read from it."""

    key: _Beginning
    text: bytes
    tools: KnownToolsJson
    used_at: float = 0.0

    @property
    def owner(self) -> str:
        """The account that sent it."""
        return self.key[0]

    @property
    def size(self) -> int:
        """Its approximate memory in bytes."""
        return _GROWTH * len(self.text)


class ToolMemory:
    """A cache of recently sent tools, of at most `most_bytes`. Thread-safe.

    Arrays shorter than `shortest` are not kept. `clock` is like time.monotonic.
    """

    def __init__(
        self,
        most_bytes: int = MOST_BYTES,
        shortest: int = SHORTEST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shortest = shortest
        self.cache = SizedCache[_Array](most_bytes, most_bytes // 2, _MOST_ALIKE, SPAN_S, clock)
        self.expected = Expectation()

    def find(self, account: str, raw: bytes) -> FoundTools | None:
        """Return a body's tools if they are known.

        The match is by bytes: the caller must check that this place is the body's own `tools`.
        """
        for start in _starts(raw) if len(raw) <= _LONGEST_BODY else ():
            found = self._find(account, raw, start)
            if found is not None:
                return FoundTools(start, start + len(found.text), found.tools)
        return None

    def _find(self, account: str, raw: bytes, start: int) -> _Array | None:
        """Return the array that starts there if it was sent before; the second time, cache it."""
        key = account, hash(raw[start : start + _BEGINNING])
        for known in self.cache.alike(key):
            if raw.startswith(known.text, start):
                self.cache.touch(known)
                self.expected.confirm(key)
                return known
        return self._learned(key, raw, start) if self.expected.count(key) else None

    def _learned(self, key: _Beginning, raw: bytes, start: int) -> _Array | None:
        text = _array_at(raw, start)
        tools = None if len(text) < self._shortest else _plain_tools(text)
        if tools is None:
            return None
        learned = _Array(key, text, tools)
        self.cache.add(learned)
        return learned


def _starts(raw: bytes) -> Iterator[int]:
    """Yield where arrays start that may be the tools, the last one first.

    MEASURED: searching from the end takes a third of searching from the beginning.
    """
    at = len(raw)
    for _ in range(_MOST_OPENINGS):
        at = raw.rfind(_OPENING, 0, at)
        if at < 0:
            return
        start = at + len(_OPENING)
        if raw.startswith((b"[", b" ["), start):
            yield raw.index(b"[", start)


def _parsed(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None  # parsing the whole body reports the fault


def _array_at(raw: bytes, start: int) -> bytes:
    """Return the bytes of the array that starts there, b"" if it is too long or unterminated."""
    depth = 0
    for token in _token(raw, start, start + _LONGEST):
        depth += _STEPS.get(token[0], 0)
        if depth == 0:
            return raw[start : token.end()]
    return b""


def _plain_tools(array: bytes) -> KnownToolsJson | None:
    """Return the tools of an array if all are plain and no name occurs twice."""
    raws = _parsed(array)
    if type(raws) is not list or not 0 < len(raws) <= MOST_TOOLS:
        return None
    tools = [plain_tool(raw) for raw in raws]
    plain = tuple(tool for tool in tools if tool is not None)
    if len(plain) < len(raws) or len({tool.name for tool in plain}) < len(raws):
        return None
    known_json = KnownToolsJson(raws)
    known_json.tools, known_json.memory = KnownTools(plain), memory_of(array)
    return known_json
