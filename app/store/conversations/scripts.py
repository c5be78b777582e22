"""The programs that Redis runs on conversations with ids: lua/*.lua, each with its keys."""

from __future__ import annotations

from app.store.connection.script import LuaFolder, Script
from app.store.responses.scripts import CONVERSATION

_lua = LuaFolder(__file__)

CREATE = Script(CONVERSATION, _lua("create"))
GET = Script(CONVERSATION, _lua("get"))
UPDATE = Script(CONVERSATION, _lua("update"))
HIDE = Script(CONVERSATION, _lua("hide"))
APPEND = Script(CONVERSATION, _lua("append"))
REMOVE_ITEM = Script(CONVERSATION, _lua("remove_item"))
