"""The tools of a stored turn, which are read once somebody asks for them."""

from __future__ import annotations

import struct
import sys
from dataclasses import replace

import pytest

from app.domain.accounts.content_key import ContentKey
from app.domain.ids import tag_of
from app.domain.request import CreateRequest, Parameters
from app.domain.tools import FunctionTool
from app.domain.turns.turn import Position
from app.schemas.wire.echo import echo
from app.store.responses.entries import Entries
from tests.store.turns import ACCOUNT, turn

TOOLS = tuple(FunctionTool(f"look_up_{number}") for number in range(20))
ECHO = echo(CreateRequest(model="m", input=(), parameters=Parameters(tools=TOOLS)))
KEY = ContentKey(ACCOUNT, bytes(32))


@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize("parent", [None, Position("0", 3)])
def test_they_are_read_without_the_items(key: ContentKey | None, parent: Position | None) -> None:
    entries = Entries()
    stored = replace(turn("picture" * 1000, echo=ECHO, parent=parent), key=key)
    entry, common = entries.dump(stored), None
    if parent is not None:  # they are behind it, and what their size is
        (size,) = struct.unpack(">I", entry[-4:])
        entry, common = entry[: -4 - size], entry[-4 - size : -4]
    references = sys.getrefcount(entry)
    tools = entries.tools(entry, common, key, tag_of(stored.response.id) or "")
    assert sys.getrefcount(entry) == references
    assert tools == TOOLS
