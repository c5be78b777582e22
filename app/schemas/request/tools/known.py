"""Tools that came before in the very same bytes: agents send the same forty at every step.

    {"model": "m", "input": …, "tools": [{"type": "function", "name": "look_up", …}, …]}
                                        `------------ seen before, byte for byte ----'

MEASURED: a request of three items and forty tools of 44 kB takes a third less CPU where they are
known, one of 300 items an eighth less: they are parsed, checked, shown and written once.

What is remembered is one account's alone, and only functions that `plain_tool` takes: what it makes
of them depends on nothing but their bytes. All others, hosted tools with their secrets and
permissions among them, are read anew each time. tests/fuzz/test_known_tools.py holds requests with
known tools to what they would be without.
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

#: How long an array of tools is that is worth remembering, in bytes.
SHORTEST, _LONGEST = 1024, 256 * 1024
#: In a body that is longer, to look for them takes longer than to read them.
_LONGEST_BODY = 1024 * 1024
#: What all that is remembered takes at most; one account's is at most half of it. What becomes of
#: an array takes a dozen times its bytes.
MOST_BYTES, _GROWTH = 32 * 1024 * 1024, 12
#: What nobody has sent for so long is forgotten, in seconds.
SPAN_S = 300.0
#: By how many of its first bytes an array is looked for.
_BEGINNING = 256
#: An account, and the hash of such a beginning: tools that are not remembered may have a secret in
#: theirs. Whole arrays are compared, so that it does no harm where two have one hash.
_Beginning = tuple[str, int]
#: How many arrays with one beginning are remembered.
_MOST_ALIKE = 4

#: What stands before them, and how often it is looked for: it may be part of something else.
_OPENING, _MOST_OPENINGS = b'"tools":', 4
#: A text that has no end is a token as well, and nothing is looked at twice: else each quote that
#: is escaped in it would be taken for the beginning of another, and read to the end.
_token = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]').finditer
_STEPS = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


class KnownToolsJson(list[Any]):
    """The JSON of known tools as the body has it; `tools` is what its field makes of it.

    `memory` is how many bytes its values take.
    """

    tools: KnownTools
    memory: int


def written_once(
    tools: tuple[Tool, ...], key: Hashable, owner: object, make: Callable[[], list[Any]]
) -> Any:
    """Return the JSON that `make` makes of tools; of known ones the bytes that it once became.

    They are an orjson.Fragment, which is written as it is, in a hundredth of the time. See
    `made_once`.
    """
    if type(tools) is not KnownTools:
        return make()
    return made_once(tools, key, owner, lambda: orjson.Fragment(orjson.dumps(make())))


class FoundTools(NamedTuple):
    """The known tools of a body, and where they stand in it."""

    start: int
    end: int
    tools: KnownToolsJson


@dataclass(eq=False, slots=True)
class _Array:
    """An array of tools: its bytes, and what they were read as."""

    key: _Beginning
    text: bytes
    tools: KnownToolsJson
    used_at: float = 0.0

    @property
    def owner(self) -> str:
        """The account that has sent it."""
        return self.key[0]

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return _GROWTH * len(self.text)


class ToolMemory:
    """What accounts have sent lately, in at most so many bytes. Safe for threads.

    An array that is shorter than `shortest` is not worth it. `clock` is like time.monotonic.
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
        """Return a body's tools if they came before.

        They are the body's only where its value has them there: the caller finds out.
        """
        for start in _starts(raw) if len(raw) <= _LONGEST_BODY else ():
            found = self._find(account, raw, start)
            if found is not None:
                return FoundTools(start, start + len(found.text), found.tools)
        return None

    def _find(self, account: str, raw: bytes, start: int) -> _Array | None:
        """Return the array that begins there, where it came before: it is learned then."""
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
    """Yield where arrays begin that may be the tools, the last one first.

    MEASURED: from the end a search takes a third as long as from the beginning.
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
        return None  # the whole body says what is wrong


def _array_at(raw: bytes, start: int) -> bytes:
    """Return the bytes of the array that begins there, none where it is too long or has no end."""
    depth = 0
    for token in _token(raw, start, start + _LONGEST):
        depth += _STEPS.get(token[0], 0)
        if depth == 0:
            return raw[start : token.end()]
    return b""


def _plain_tools(array: bytes) -> KnownToolsJson | None:
    """Return what an array of tools holds where all of them are plain, each name once."""
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
