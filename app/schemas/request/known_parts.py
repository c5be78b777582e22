"""Splits a body's JSON into what needs parsing, and long texts, known items and known tools.

    {"model": "m", "input": [ITEM, ITEM, …, NEW], "tools": [TOOL, TOOL, …]}   135 kB
    {"model": "m", "input": ["5f0c…", NEW], "tools": "5f0c…"}                  the rest, parsed

Random, secret placeholders replace the known parts while the rest is parsed. The parts are used if
these turn up as the value of the body's own `tools`, and as the first element of its own `input`.
Otherwise the whole body is parsed.
"""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple

import orjson

from app.schemas.request.body import parse_json
from app.schemas.request.bounds import MOST_ITEMS
from app.schemas.request.items.known import FoundItems, ItemMemory, KnownItemsJson
from app.schemas.request.json_body.long_texts import LONG_TEXT, LongTexts, long_texts
from app.schemas.request.json_body.memory import memory_of
from app.schemas.request.tools.known import KnownToolsJson, ToolMemory

_TOOLS, _ITEMS = secrets.token_hex(16), secrets.token_hex(16)
_TOOLS_JSON, _ITEMS_JSON = orjson.dumps(_TOOLS), orjson.dumps(_ITEMS)


class SplitBody(NamedTuple):
    """A body's JSON, and the rest of it without its known parts and long texts."""

    raw: bytes
    rest: bytes
    items: FoundItems | None = None
    tools: KnownToolsJson | None = None
    texts: LongTexts | None = None

    @property
    def memory(self) -> int:
        """The estimated memory of its values in bytes. Raises RequestTooLarge, see memory_of."""
        parts = self.items, self.tools, self.texts
        return memory_of(self.rest) + sum(part.memory for part in parts if part is not None)

    def parsed(self) -> Any:
        """Return its value, which contains known parts as a KnownItemsJson or KnownToolsJson.

        Raises:
            InvalidRequest: as `parse_json` does.
        """
        if self.rest is not self.raw and (body := self._put_together()) is not None:
            return body
        return parse_json(self.raw)

    def _put_together(self) -> Any:
        """Return the parsed rest with its parts put back, None if the parts were not the body's.

        In that case nothing of it is kept, and the whole body must be parsed.
        """
        try:
            body = orjson.loads(self.rest)
        except orjson.JSONDecodeError:
            body = None  # parsing the whole body reports the fault
        if self.texts is not None and not self.texts.put_back(body):
            return None
        if self.items is not None and not _put_items(body, self.items):
            return None
        if self.tools is not None:
            if type(body) is not dict or body.get("tools") != _TOOLS:
                return None
            body["tools"] = self.tools
        return body


class BodyMemory:
    """The caches of items and tools that accounts sent recently. Thread-safe."""

    def __init__(self, items: ItemMemory, tools: ToolMemory) -> None:
        self.items = items
        self.tools = tools

    def split(self, account: str, raw: bytes, *, is_private: bool = False) -> SplitBody:
        """Split a body's JSON into its long texts, its known parts, and the rest.

        Nothing is looked up or stored for a body that `is_private`.
        """
        texts = long_texts(raw) if len(raw) > LONG_TEXT else None
        rest = raw if texts is None else texts.rest
        # With placeholders for long texts, the items' bytes differ.
        items = self.items.find(account, raw) if texts is None and not is_private else None
        if items is not None:
            rest = b"".join((rest[: items.start], _ITEMS_JSON, rest[items.end :]))
        tools = None if is_private else self.tools.find(account, rest)
        if tools is not None:
            rest = b"".join((rest[: tools.start], _TOOLS_JSON, rest[tools.end :]))
        return SplitBody(raw, rest, items, None if tools is None else tools.tools, texts)

    def parse(self, account: str, raw: bytes) -> Any:
        """Return the parsed value of a body's JSON. Raises InvalidRequest."""
        return self.split(account, raw).parsed()


def _put_items(body: Any, found: FoundItems) -> bool:
    """Put the known items into the parsed rest; False if they are not its input's first ones."""
    given = body.get("input") if type(body) is dict else None
    if type(given) is not list or not given or given[0] != _ITEMS:
        return False
    if len(found.items) + len(given) - 1 > MOST_ITEMS:  # their field reports that
        return False
    body["input"] = KnownItemsJson(found.items, given[1:])
    return True
