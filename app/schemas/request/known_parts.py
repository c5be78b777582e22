"""A body's JSON without what needs no parsing: long texts, and items and tools that came before.

    {"model": "m", "input": [ITEM, ITEM, …, NEW], "tools": [TOOL, TOOL, …]}   135 kB
    {"model": "m", "input": ["5f0c…", NEW], "tools": "5f0c…"}                  the rest, parsed

Strings that nobody else can know stand in for the known parts while the rest is parsed; only where
they come out as the value of the body's own `tools`, as the first of its own `input`, are the parts
there and nowhere else. Whatever else the body is, all of it is parsed.
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
    """The JSON of a body, and what is left of it beside its known parts and long texts."""

    raw: bytes
    rest: bytes
    items: FoundItems | None = None
    tools: KnownToolsJson | None = None
    texts: LongTexts | None = None

    @property
    def memory(self) -> int:
        """How many bytes its values will take. Raises RequestTooLarge, see memory_of."""
        parts = self.items, self.tools, self.texts
        return memory_of(self.rest) + sum(part.memory for part in parts if part is not None)

    def parsed(self) -> Any:
        """Return its value; what came before is a KnownItemsJson, a KnownToolsJson in it.

        Raises:
            InvalidRequest: as `parse_json` does.
        """
        if self.rest is not self.raw and (body := self._put_together()) is not None:
            return body
        return parse_json(self.raw)

    def _put_together(self) -> Any:
        """Return the rest's value with what was taken out of it, None where it is not the body's.

        Then nothing of it stays: all of the body is to be read once more.
        """
        try:
            body = orjson.loads(self.rest)
        except orjson.JSONDecodeError:
            body = None  # the whole body says what is wrong
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
    """What accounts have sent lately of what bodies have in common. Safe for threads."""

    def __init__(self, items: ItemMemory, tools: ToolMemory) -> None:
        self.items = items
        self.tools = tools

    def split(self, account: str, raw: bytes, *, is_private: bool = False) -> SplitBody:
        """Return a body's JSON apart from its long texts, and from what came before.

        Of a body that `is_private` nothing is remembered.
        """
        texts = long_texts(raw) if len(raw) > LONG_TEXT else None
        rest = raw if texts is None else texts.rest
        # Stand-ins of long texts are not the items' bytes.
        items = self.items.find(account, raw) if texts is None and not is_private else None
        if items is not None:
            rest = b"".join((rest[: items.start], _ITEMS_JSON, rest[items.end :]))
        tools = None if is_private else self.tools.find(account, rest)
        if tools is not None:
            rest = b"".join((rest[: tools.start], _TOOLS_JSON, rest[tools.end :]))
        return SplitBody(raw, rest, items, None if tools is None else tools.tools, texts)

    def parse(self, account: str, raw: bytes) -> Any:
        """Return the value of a body's JSON. Raises InvalidRequest."""
        return self.split(account, raw).parsed()


def _put_items(body: Any, found: FoundItems) -> bool:
    """Have the known items in the rest's value; False where they are not the body's first."""
    given = body.get("input") if type(body) is dict else None
    if type(given) is not list or not given or given[0] != _ITEMS:
        return False
    if len(found.items) + len(given) - 1 > MOST_ITEMS:  # their field says so
        return False
    body["input"] = KnownItemsJson(found.items, given[1:])
    return True
