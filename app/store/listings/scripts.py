"""The programs that look into conversations for lists: lua/*.lua."""

from __future__ import annotations

from app.store.connection.script import LuaFolder, Script
from app.store.responses.scripts import CONVERSATION

_lua = LuaFolder(__file__)
_SHORTENED = _lua("shortened")

PEEK = Script(CONVERSATION, _SHORTENED, _lua("peek"))
TREE = Script(CONVERSATION, _lua("tree"))
ENTRIES = Script(CONVERSATION, _SHORTENED, _lua("entries"))
