"""Anthropic's cache of prompts: what is in it, what a request reads and writes, what is refused.

A prompt is tools, then system, then messages, as one row of blocks. A prefix that ends with a mark
is looked for at the mark and up to 19 blocks before it, the last mark first, and is written where
it is long enough; a token is four bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import orjson

Json = dict[str, Any]

MOST_MARKS = 4
_LOOKBACK = 20
_BYTES_PER_TOKEN = 4
#: Parts of names -> the fewest tokens of a prefix that is kept.
_LEAST = {"haiku-4-5": 4096, "opus-4-5": 4096, "opus-4-7": 2048, "opus-5": 512}
_LEAST_OF_OTHERS = 1024


@dataclass(frozen=True, slots=True)
class CacheUse:
    """The tokens of a prompt: read from the cache, written into it, and the rest."""

    read: int
    written: int
    rest: int


class PromptCache:
    """The prefixes that were sent so far."""

    def __init__(self) -> None:
        self._kept: set[bytes] = set()

    def reset(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def use(self, body: Json) -> CacheUse | None:
        """Return what a request reads and writes, and keep that; None where nothing is marked."""
        least = next((n for part, n in _LEAST.items() if part in body["model"]), _LEAST_OF_OTHERS)
        prefixes = list(_prefixes(body))
        marks = [index for index, prefix in enumerate(prefixes) if prefix.is_marked]
        if not marks:
            return None
        long_enough = [index for index in marks if prefixes[index].tokens >= least]
        read = self._read(prefixes, long_enough)
        kept = prefixes[long_enough[-1]].tokens if long_enough else 0
        self._kept |= {prefixes[index].key for index in long_enough}
        return CacheUse(read, max(0, kept - read), prefixes[-1].tokens - max(kept, read))

    def _read(self, prefixes: list[_Prefix], marks: list[int]) -> int:
        for mark in reversed(marks):
            for index in range(mark, max(-1, mark - _LOOKBACK), -1):
                if prefixes[index].key in self._kept:
                    return prefixes[index].tokens
        return 0


@dataclass(frozen=True, slots=True)
class _Prefix:
    """Everything up to a block."""

    key: bytes
    tokens: int
    is_marked: bool


def _prefixes(body: Json) -> Iterator[_Prefix]:
    key, size = body["model"].encode(), 0
    for place, block in _blocks(body):
        shown = orjson.dumps({name: block[name] for name in block if name != "cache_control"})
        key = hashlib.sha256(key + place.encode() + shown).digest()
        size += len(shown)
        yield _Prefix(key, size // _BYTES_PER_TOKEN, "cache_control" in block)


def _blocks(body: Json) -> Iterator[tuple[str, Json]]:
    for tool in body.get("tools") or ():
        yield "tool", tool
    for block in _content(body.get("system") or []):
        yield "system", block
    for turn in body["messages"]:
        for block in _content(turn["content"]):
            yield turn["role"], block


def _content(given: str | list[Json]) -> list[Json]:
    return [{"type": "text", "text": given}] if isinstance(given, str) else given


def refused_marks(body: Json) -> Iterator[str]:
    """Yield why the marks of a request are refused."""
    marked = [block for _, block in _blocks(body) if "cache_control" in block]
    if len(marked) > MOST_MARKS:
        yield (
            f"A maximum of {MOST_MARKS} blocks with cache_control may be provided. "
            f"Found {len(marked)}."
        )
    for block in marked:
        kind, mark = block.get("type"), block["cache_control"]
        if kind in ("thinking", "redacted_thinking"):
            yield f"messages: {kind}.cache_control: Extra inputs are not permitted"
        if kind == "text" and not block["text"]:
            yield "messages: text: cache_control cannot be set for empty text blocks"
        if mark.get("type") != "ephemeral" or mark.get("ttl", "5m") not in ("5m", "1h"):
            yield "cache_control: Input should be 'ephemeral', ttl '5m' or '1h'"
    for first, then in pairwise(block["cache_control"].get("ttl", "5m") for block in marked):
        if (first, then) == ("5m", "1h"):
            yield (
                "a ttl='1h' cache_control block must not come after a ttl='5m' cache_control "
                "block. Note that blocks are processed in the following order: `tools`, `system`, "
                "`messages`."
            )
