"""The programs that Redis runs on conversations: lua/*.lua, the keys in lua/conversation.lua."""

from __future__ import annotations

from app.store.connection.script import LuaFolder, Script

_lua = LuaFolder(__file__)

#: Functions that every program of one conversation begins with, and the one that stores a turn.
CONVERSATION, COMMIT_TURN = _lua("conversation"), _lua("commit_turn")
_EMPTY = _lua("empty")

COMMIT = Script(CONVERSATION, COMMIT_TURN, _lua("commit"))
CHAIN = Script(CONVERSATION, _lua("chain"))
CUTS = Script(CONVERSATION, _lua("cuts"))
HIDE = Script(CONVERSATION, _lua("hide"))
TOUCH = Script(_lua("touch"))
INDEX = Script(CONVERSATION, _lua("index"))
HIDDEN = Script(CONVERSATION, _lua("hidden"))
PURGE = Script(CONVERSATION, _EMPTY, _lua("purge"))
PURGE_CONVERSATION = Script(CONVERSATION, _EMPTY, _lua("purge_conversation"))
ERASE = Script(CONVERSATION, _lua("erase"))
ERASE_EMPTY = Script(CONVERSATION, _EMPTY, _lua("erase_empty"), _lua("erase"))
LEAVE_HOME = Script(_lua("leave_home"))
