"""Mark the prefixes of a prompt for the server's cache (U23). Pure.

A mark ends a prefix, which is tools, then system, then messages:

    {"type": "text", "text": "…", "cache_control": {"type": "ephemeral", "ttl": "1h"}}

The next turn of a conversation, and every fork of it, sends the same prefix again and reads it from
the cache. So a mark must depend only on the content before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from app.domain.answer_options import CacheOptions
from app.domain.estimates import FILE_TOKENS, IMAGE_TOKENS
from app.domain.items import CacheBreakpoint
from app.domain.request import ModelRequest
from app.providers.profiles import Profile, least_cached_tokens
from app.providers.writing.placeholders import GO_ON

Block = dict[str, Any]

#: platform.claude.com, "Prompt caching": more are a 400.
MOST_MARKS = 4
MARK = "cache_control"

_AUTOMATIC = CacheOptions()
_SHORT: Block = {"type": "ephemeral"}
_LONG: Block = {"type": "ephemeral", "ttl": "1h"}
#: Deliberately low for English: a mark on a prefix that is too short costs nothing, a missing one
#: costs the whole prefix at each turn.
_BYTES_PER_TOKEN = 3
_MADE_UP = [{"type": "text", "text": GO_ON}]


def settle(body: dict[str, Any], request: ModelRequest, profile: Profile) -> None:
    """Mark the prompt of a body, in place.

    `system` is given as blocks, and becomes one string if none of them is marked. The block of a
    part with a breakpoint is given with that as its mark: only the latest ones stay, and none if
    the server's cache is not used.
    """
    system, turns = body.get("system", []), body["messages"]
    breakpoints = [block for block in system if MARK in block]
    breakpoints += [block for turn in turns for block in turn["content"] if MARK in block]
    options = request.parameters.prompt_cache_options or _AUTOMATIC
    marked: list[Block] = []
    if profile.cache_control:
        ends = list(_useful_ends(body, request.model)) if options.mode == "implicit" else []
        if breakpoints:  # they replace all automatic marks but the last
            ends = [end for end in ends[-1:] if end is not breakpoints[-1]]
        marked = [*breakpoints[-(MOST_MARKS - len(ends)) :], *ends] if breakpoints else ends
    lifetimes = [_lifetime(block.get(MARK), options) for block in marked]
    for block in breakpoints:
        del block[MARK]
    _write(marked, lifetimes)
    if system and not any(MARK in block for block in system):
        body["system"] = "".join(block["text"] for block in system)


def _write(marked: list[Block], lifetimes: list[str | None]) -> None:
    """Write the marks: those with a longer lifetime have to come first, else it is a 400."""
    mark = _SHORT
    for block, ttl in zip(reversed(marked), reversed(lifetimes), strict=True):
        mark = _SHORT if mark is _SHORT and ttl in (None, "5m") else _LONG
        block[MARK] = mark


def _lifetime(given: CacheBreakpoint | None, options: CacheOptions) -> str | None:
    return (given.ttl if given else None) or options.ttl


def _useful_ends(body: dict[str, Any], model: str) -> Iterator[Block]:
    """Yield the last blocks of prefixes that will recur and are long enough, in order."""
    least = least_cached_tokens(model) * _BYTES_PER_TOKEN
    size = 0
    if tools := body.get("tools"):
        size = len(orjson.dumps(tools))
        if size >= least:
            yield tools[-1]
    if system := body.get("system"):
        size += sum(_length(block["text"]) for block in system)
        if size >= least:
            yield system[-1]
    turns = body["messages"]
    first = _first_long_enough(turns, least - size)
    for index in _last_of_the_user(turns):
        if index >= first and (end := _end(turns[index]["content"])) is not None:
            yield end


def _last_of_the_user(turns: list[dict[str, Any]]) -> list[int]:
    """Return the indexes of the user's last two turns, except a placeholder turn."""
    places: list[int] = []
    for index in reversed(range(len(turns))):
        turn = turns[index]
        if turn["role"] == "user" and turn["content"] != _MADE_UP:
            places.append(index)
            if len(places) == 2:
                break
    return places[::-1]


def _first_long_enough(turns: list[dict[str, Any]], missing: int) -> int:
    """Return the index of the first turn at whose end `missing` bytes have been reached."""
    for index, turn in enumerate(turns):
        missing -= sum(map(_size, turn["content"]))
        if missing <= 0:
            return index
    return len(turns)


def _end(content: list[Block]) -> Block | None:
    """Return the last block that may be marked: marking an empty one, or a thought, is a 400."""
    for block in reversed(content):
        match block["type"]:
            case "text":
                if block["text"].strip():
                    return block
            case "tool_result":
                if block["content"]:
                    return block
            case "image" | "document":
                return block
            case _:
                pass
    return None


def _size(block: Block) -> int:
    match block["type"]:
        case "text":
            return _length(block["text"])
        case "tool_result":
            content = block["content"]
            return _length(content) if isinstance(content, str) else sum(map(_size, content))
        case "tool_use":
            return len(orjson.dumps(block["input"]))
        case "image":
            return IMAGE_TOKENS * _BYTES_PER_TOKEN
        case "document":
            return FILE_TOKENS * _BYTES_PER_TOKEN
        case _:
            return 0  # thoughts: the server may remove those of past turns


def _length(text: str) -> int:
    """Return a text's size in bytes: in non-Latin scripts a character is a token or more."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
