"""The programs that Redis runs on webhooks: lua/*.lua, the keys in lua/webhooks.lua."""

from __future__ import annotations

from app.store.connection.script import LuaFolder, Script

_lua = LuaFolder(__file__)

#: What every program of webhooks has in front, and so has the end of a job.
WEBHOOKS = _lua("webhooks")
_CLOCK = _lua("clock")

PUT = Script(_CLOCK, WEBHOOKS, _lua("put"))
REMOVE = Script(_CLOCK, WEBHOOKS, _lua("remove"))
ERASE = Script(_CLOCK, WEBHOOKS, _lua("erase"))
TAKE = Script(_CLOCK, WEBHOOKS, _lua("take"))
SETTLE = Script(_CLOCK, WEBHOOKS, _lua("settle"))
LOG = Script(_CLOCK, WEBHOOKS, _lua("log"))
WAITING = Script(_CLOCK, WEBHOOKS, _lua("waiting"))
