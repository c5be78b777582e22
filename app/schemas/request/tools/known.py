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
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

import orjson

from app.domain.tools import Tool
from app.domain.tools.known import KnownTools, made_once
from app.schemas.request.bounds import MOST_TOOLS
from app.schemas.request.json_body.memory import memory_of
from app.schemas.request.tools.functions import plain_tool

#: How long an array of tools is that is worth remembering, in bytes.
SHORTEST, _LONGEST = 1024, 256 * 1024
#: In a body that is longer, to look for them takes longer than to read them.
_LONGEST_BODY = 1024 * 1024
#: What all that is remembered takes at most, and of how many arrays of one account. What becomes of
#: an array takes a dozen times its bytes.
MOST_BYTES, MOST_OF_ACCOUNT = 32 * 1024 * 1024, 16
_GROWTH = 12
#: By how many of its first bytes an array is looked for.
_BEGINNING = 256
#: An account, and the hash of such a beginning: tools that are not remembered may have a secret in
#: theirs. Whole arrays are compared, so that it does no harm where two have one hash.
_Beginning = tuple[str, int]
#: How many arrays with one beginning are remembered, and how many beginnings that came once.
_MOST_ALIKE, _MOST_SEEN = 4, 1024

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


class ToolMemory:
    """What accounts have sent lately, in at most so many bytes. Safe for threads.

    An array that is shorter than `shortest` is not worth it.
    """

    def __init__(self, most_bytes: int = MOST_BYTES, shortest: int = SHORTEST) -> None:
        self._most_bytes = most_bytes
        self._shortest = shortest
        #: About how many bytes all of it takes.
        self.size = 0
        #: By account and beginning: the whole arrays that were seen with it, the latest first.
        self._known: OrderedDict[_Beginning, list[tuple[bytes, KnownToolsJson]]] = OrderedDict()
        self._seen: OrderedDict[_Beginning, int] = OrderedDict()
        self._learning = threading.Lock()

    def find(self, account: str, raw: bytes) -> FoundTools | None:
        """Return a body's tools if they came before.

        They are the body's only where its value has them there: the caller finds out.
        """
        for start in _starts(raw) if len(raw) <= _LONGEST_BODY else ():
            known = self._find(account, raw, start)
            if known is not None:
                array, tools = known
                return FoundTools(start, start + len(array), tools)
        return None

    def _find(self, account: str, raw: bytes, start: int) -> tuple[bytes, KnownToolsJson] | None:
        """Return the array that begins there, where it came before: it is learned then."""
        key = account, hash(raw[start : start + _BEGINNING])
        for array, known_json in self._known.get(key, ()):
            if raw.startswith(array, start):
                self._touch(key)
                return array, known_json
        seen = self._seen[key] = self._seen.pop(key, 0) + 1
        while len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        # Once is no reason to expect it again; and what differs each time is looked at ever less.
        if seen == 1 or (seen > 2 * _MOST_ALIKE and seen & (seen - 1)):
            return None
        return self._learned(key, raw, start)

    def _touch(self, key: _Beginning) -> None:
        try:
            self._known.move_to_end(key)
            self._seen[key] = 1
        except KeyError:
            pass  # forgotten meanwhile

    def _learned(
        self, key: _Beginning, raw: bytes, start: int
    ) -> tuple[bytes, KnownToolsJson] | None:
        array = _array_at(raw, start)
        known_json = None if len(array) < self._shortest else _plain_tools(array)
        if known_json is None:
            return None
        with self._learning:
            self._remember(key, array, known_json)
        return array, known_json

    def _remember(self, key: _Beginning, array: bytes, known_json: KnownToolsJson) -> None:
        """Remember an array, and forget what there is no room for; by one thread at a time."""
        kept = [(array, known_json), *self._known.pop(key, ())]
        self._known[key] = kept[:_MOST_ALIKE]
        self.size += _GROWTH * len(array)
        self._forget(kept[_MOST_ALIKE:])
        own = [each for each in list(self._known) if each[0] == key[0]]
        for each in own[: max(0, len(own) - MOST_OF_ACCOUNT)]:
            self._forget(self._known.pop(each, []))
        while self.size > self._most_bytes and self._known:
            self._forget(self._known.popitem(last=False)[1])

    def _forget(self, arrays: list[tuple[bytes, KnownToolsJson]]) -> None:
        self.size -= sum(_GROWTH * len(array) for array, _ in arrays)


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
